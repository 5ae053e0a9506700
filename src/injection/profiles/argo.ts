import type { Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import type { Edit } from '../edit.ts';
import { memoize } from '../memo.ts';
import { listAt, type Path, textAt } from '../path.ts';
import {
  containersNamed,
  environmentEdits,
  isSparkOperatorPod,
  type PodProfile,
  podEdits,
  sourceEdits,
} from '../pods.ts';
import { labelsOf } from '../target.ts';
import { hasClaims, hidesAny, volumeEdits } from '../volumes.ts';

/** On every pod of an Argo workflow. */
export const WORKFLOW_LABEL = 'workflows.argoproj.io/workflow';
/** On pods that run no step: the agent, the artifact garbage collector. */
const COMPONENT_LABEL = 'workflows.argoproj.io/component';
const EXECUTORS = ['init', 'wait', 'supervisor'];
const EXECUTOR_PATHS = ['/var/run/argo', '/argo', '/argo-bin', '/mainctrfs'];

export const isWorkflowPod = (pod: KubeObject): boolean => {
  const labels = labelsOf(pod);
  return Object.hasOwn(labels, WORKFLOW_LABEL) && !Object.hasOwn(labels, COMPONENT_LABEL) && !isSparkOperatorPod(pod);
};

/**
 * A step of an Argo workflow: `main` gets variables, volumes and mounts; the executor's own containers only sources of
 * variables, which they may need to reach the artifact store. Containers and commands stay as they are.
 */
export const workflowProfile: PodProfile = {
  kind: 'WorkflowPod',
  ownEdits: () => [],
  editsFor: (pod, injection) => {
    const [mains, executors] = [mainOf(pod), containersNamed(pod, EXECUTORS)];
    const make = (): readonly Edit[] => [
      ...podEdits(injection),
      ...mains.flatMap((main) => [...environmentEdits(main, injection), ...volumeEdits(pod, main, injection)]),
      ...executors.flatMap((executor) => sourceEdits(executor, injection)),
    ];
    return hasClaims(injection)
      ? make()
      : memoize(injection, workflowProfile, `${mains.join()} ${executors.join()}`, make);
  },
  ofMount: (_, { key }) => (hidesAny(key, EXECUTOR_PATHS) ? 'it would hide what the executor mounts' : undefined),
  ofEnv: (_, { key }) => (key.startsWith('ARGO_') ? 'the variable is kept for the executor' : undefined),
  warningsFor: (pod, injection) => (needsNoProxy(pod, injection) ? [NO_PROXY_MISSING] : []),
};

const mainOf = (pod: KubeObject): readonly Path[] =>
  containersNamed(pod, ['main']).filter(([, list]) => list === 'containers');

const NO_PROXY_MISSING =
  'HTTP_PROXY is injected without NO_PROXY: what the step says to the API server and to services of the cluster will go through the proxy.';

/** Sources of variables may hold NO_PROXY; what is in them is not known here. */
const needsNoProxy = (pod: KubeObject, { env, envFrom }: Injection): boolean => {
  const injected = [...env.keys()];
  if (envFrom.size > 0 || !injected.some((name) => /^https?_proxy$/i.test(name))) return false;
  const present = mainOf(pod).flatMap((main) =>
    listAt(pod, [...main, 'env']).map((item) => textAt(item, ['name']) ?? ''),
  );
  return ![...injected, ...present].some((name) => /^no_proxy$/i.test(name));
};
