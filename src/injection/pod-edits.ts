import type { Injection } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { type Edit, editsOf, envFromEdits } from './edit.ts';
import { listAt, type Path, textAt } from './path.ts';

/** What an injection has for a pod as a whole. Volumes come with their mounts: `volumeEdits`. */
export const podEdits = (injection: Injection): readonly Edit[] => [
  ...editsOf(['metadata', 'labels'], injection.labels),
  ...editsOf(['metadata', 'annotations'], injection.annotations),
  ...editsOf(['spec', 'nodeSelector'], injection.nodeSelector),
  ...editsOf(['spec', 'tolerations'], injection.tolerations),
  ...editsOf(['spec', 'imagePullSecrets'], injection.imagePullSecrets, asReference),
];

const asReference = (name: string) => ({ name });

/** What an injection has for the environment of one container. */
export const environmentEdits = (container: Path, injection: Injection): readonly Edit[] => [
  ...editsOf([...container, 'env'], injection.env),
  ...sourceEdits(container, injection),
];

/** The sources of variables alone. */
export const sourceEdits = (container: Path, injection: Injection): readonly Edit[] =>
  envFromEdits([...container, 'envFrom'], injection.envFrom);

/**
 * Where the containers of a pod are that have one of these names, init containers included. Of more than the API server will
 * take by that name it is the first.
 */
export const containersNamed = (pod: KubeObject, names: readonly string[]): readonly Path[] =>
  ['containers', 'initContainers'].flatMap((list) => {
    const found = listAt(pod, ['spec', list]).map((container) => textAt(container, ['name']) ?? '');
    return found.flatMap((name, index) =>
      names.includes(name) && found.indexOf(name) === index ? [['spec', list, String(index)]] : [],
    );
  });

/** Label of the pods that spark-operator makes and patches itself: two webhooks that both append make a pod invalid. */
const LAUNCHED_BY_SPARK_OPERATOR = 'sparkoperator.k8s.io/launched-by-spark-operator';

export const isSparkOperatorPod = (pod: KubeObject): boolean =>
  textAt(pod, ['metadata', 'labels', LAUNCHED_BY_SPARK_OPERATOR]) === 'true';
