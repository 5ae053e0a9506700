import type { AdmissionRequest } from '../../api/admission.ts';
import type { Facts } from '../../api/facts.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { CALRISSIAN_ENABLED, CALRISSIAN_LABEL } from '../../api/names.ts';
import { listAt, type Path, readAt, textAt } from '../path.ts';
import { isSparkOperatorPod } from '../pods.ts';
import { namedIn, readInjected } from '../snapshot.ts';
import { namespaceOf } from '../target.ts';

/** What a pod is to Calrissian, and which of its containers counts. */
export interface CalrissianPod {
  readonly role: 'runner' | 'step';
  readonly container: Path;
  readonly namespace: string;
}

/** Recognises a runner or a step pod in a namespace that asks for it; undefined for any other pod. */
export const calrissianPodOf = (
  pod: KubeObject,
  request: AdmissionRequest,
  facts: Facts,
): CalrissianPod | undefined => {
  const namespace = namespaceOf(pod, request);
  if (facts.namespaceLabels(namespace)?.[CALRISSIAN_LABEL] !== CALRISSIAN_ENABLED || isSparkOperatorPod(pod))
    return undefined;
  const runner = runnerContainer(pod);
  if (runner !== undefined) return { role: 'runner', container: runner, namespace };
  return isStep(pod, namespace, request)
    ? { role: 'step', container: ['spec', 'containers', '0'], namespace }
    : undefined;
};

/** Where calrissian reads the name of its own pod from: without it there are no steps. */
export const POD_NAME_VARIABLE = 'CALRISSIAN_POD_NAME';
export const POD_NAME_SOURCE = { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } };

const runnerContainer = (pod: KubeObject): Path | undefined => {
  const containers = listAt(pod, ['spec', 'containers']);
  const selfNamed = containers.findIndex(namesItself);
  const index = selfNamed >= 0 ? selfNamed : containers.findIndex(runsCalrissian);
  return index < 0 ? undefined : ['spec', 'containers', String(index)];
};

const namesItself = (container: unknown): boolean =>
  listAt(container, ['env']).some(
    (item) =>
      textAt(item, ['name']) === POD_NAME_VARIABLE &&
      textAt(item, ['valueFrom', 'fieldRef', 'fieldPath']) === 'metadata.name',
  );

const RUNNER_OPTION = /^--(max-ram|max-cores|tmp-outdir-prefix|outdir)(=|$)/;

/** Weaker marks: the command; or its image, without a command of its own (staging pods run `sh` in it), and its options. */
const runsCalrissian = (container: unknown): boolean => {
  const command = listAt(container, ['command']);
  if (command.length > 0) return command.length === 1 && command[0] === 'calrissian';
  const args = listAt(container, ['args']);
  return (
    /calrissian(:|@|$)/.test(textAt(container, ['image']) ?? '') &&
    args.some((arg) => typeof arg === 'string' && RUNNER_OPTION.test(arg))
  );
};

/** All marks of what KubernetesPodBuilder makes, none of which is enough alone: step pods have no label and no owner. */
const isStep = (pod: KubeObject, namespace: string, { username }: AdmissionRequest): boolean => {
  const [container, ...others] = listAt(pod, ['spec', 'containers']);
  return (
    /-pod-[a-z]{8}$/.test(textAt(pod, ['metadata', 'name']) ?? '') &&
    others.length === 0 &&
    listAt(pod, ['metadata', 'ownerReferences']).length === 0 &&
    textAt(pod, ['spec', 'restartPolicy']) === 'Never' &&
    isStepContainer(container) &&
    listAt(pod, INIT_CONTAINERS).every((container) => isStepInit(container) || isAdded(pod, container)) &&
    areStepVolumes(listAt(pod, ['spec', 'volumes'])) &&
    isRunnersAccount(username, namespace)
  );
};

/** A sidecar that a service mesh added as an init container says nothing against it. */
const isStepInit = (container: unknown): boolean =>
  textAt(container, ['name'])?.endsWith('-init') === true || textAt(container, ['restartPolicy']) === 'Always';

/** By us, at an earlier admission of the same pod. */
const isAdded = (pod: KubeObject, container: unknown): boolean =>
  namedIn(readInjected(pod), pod)({ at: INIT_CONTAINERS, key: textAt(container, ['name']) ?? '' });

const INIT_CONTAINERS: Path = ['spec', 'initContainers'];

const isStepContainer = (container: unknown): boolean => {
  const [shell, option, ...more] = listAt(container, ['command']);
  const variable = (name: string): string | undefined =>
    textAt(
      listAt(container, ['env']).find((item) => textAt(item, ['name']) === name),
      ['value'],
    );
  return (
    textAt(container, ['name'])?.endsWith('-container') === true &&
    shell === '/bin/sh' &&
    option === '-c' &&
    more.length === 0 &&
    listAt(container, ['args']).length === 1 &&
    variable('HOME') !== undefined &&
    variable('HOME') === textAt(container, ['workingDir']) &&
    variable('TMPDIR') === '/tmp' &&
    listAt(container, ['volumeMounts']).some(
      (mount) => textAt(mount, ['name']) === 'tmpdir' && textAt(mount, ['mountPath']) === '/tmp',
    )
  );
};

const areStepVolumes = (volumes: readonly unknown[]): boolean => {
  const claims = volumes.filter((volume) => readAt(volume, ['persistentVolumeClaim']) !== undefined);
  return (
    volumes.some((volume) => textAt(volume, ['name']) === 'tmpdir' && readAt(volume, ['emptyDir']) !== undefined) &&
    claims.length > 0 &&
    claims.every((volume) => textAt(volume, ['persistentVolumeClaim', 'claimName']) === textAt(volume, ['name']))
  );
};

/** The runner makes its step pods itself, as the service account it runs under; a controller never does. People may, to try. */
const isRunnersAccount = (username: string, namespace: string): boolean =>
  !username.startsWith('system:') || username.startsWith(`system:serviceaccount:${namespace}:`);
