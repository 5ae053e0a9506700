import type { ContainerRole, Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import type { Edit } from '../edit.ts';
import { readOnlyOverlap } from '../fields/read-only.ts';
import { memoize } from '../memo.ts';
import { listAt, type Path, textAt } from '../path.ts';
import {
  containerEdits,
  containersWhere,
  enforcedContainerEdits,
  FEW_CONTAINERS,
  isEnforced,
  isSparkOperatorPod,
  type PodProfile,
  podEdits,
} from '../pods.ts';
import { labelsOf } from '../target.ts';
import { hasClaims, hidesAny } from '../volumes.ts';
import { containersOfLastResort, type PlacedContainer } from './containers.ts';
import { isInjectedByOthers } from './framework.ts';

/** On every pod of an Argo workflow. */
export const WORKFLOW_LABEL = 'workflows.argoproj.io/workflow';
/** On pods that run no step. */
const COMPONENT_LABEL = 'workflows.argoproj.io/component';
/** The agent makes the calls of http templates, the artifact garbage collector those to the artifact store. */
const COMPONENTS = ['agent', 'artifact-gc'];
const EXECUTORS = ['init', 'wait', 'supervisor'];
/** Argo 4 puts the driver plugins of artifacts into containers of these names. */
const ARTIFACT_PLUGIN = /^(init-artifact|artifact-plugin)-/;
const EXECUTOR_PATHS = ['/var/run/argo', '/argo', '/argo-bin', '/mainctrfs'];

export const isWorkflowPod = (pod: KubeObject): boolean =>
  Object.hasOwn(labelsOf(pod), WORKFLOW_LABEL) &&
  (componentOf(pod) === undefined || isComponent(pod)) &&
  !isSparkOperatorPod(pod);

const componentOf = (pod: KubeObject): string | undefined => labelsOf(pod)[COMPONENT_LABEL];
const isComponent = (pod: KubeObject): boolean => COMPONENTS.includes(componentOf(pod) ?? '');

/**
 * A step of an Argo workflow: each container of the user's (`main`, those of a container set, sidecars, init containers)
 * gets variables and mounts; the executor's own only sources of variables, which they may need to reach the artifact
 * store, and so do the pods that Argo makes for itself. Containers and commands stay as they are.
 */
export const workflowProfile: PodProfile = {
  kind: 'WorkflowPod',
  ownEdits: () => [],
  editsFor: (pod, injection, injectionFor) => {
    const [users, executors] = [usersContainers(pod).map(asUsers(pod)), executorContainers(pod)];
    const unmarked = isComponent(pod)
      ? containersWhere(pod, () => true).map(asComponents(pod))
      : unmarkedContainers(pod).map(asUnmarked(pod));
    const others = [...unmarked, ...containersOfLastResort(pod, [...users, ...unmarked])];
    const make = (): readonly Edit[] => [
      ...(isComponent(pod) ? podEdits(injection).filter(isEnforced) : podEdits(injection)),
      ...containerEdits(pod, [...users, ...executors.map(asHelper(pod))], injection, injectionFor),
      ...enforcedContainerEdits(pod, others, injection, injectionFor),
    ];
    const count = users.length + executors.length + others.length;
    return hasClaims(injection) || injection.isScoped || count > FEW_CONTAINERS
      ? make()
      : memoize(
          injection,
          workflowProfile,
          `${isComponent(pod)} ${executors.join()} ${[users, others].map((placed) => placed.map(placeOf).join(' ')).join(' ; ')}`,
          make,
        );
  },
  // A sidecar of jobs has nothing to do where none runs.
  addedOf: (pod, injection) => (isComponent(pod) ? enforcingContainers(injection) : injection),
  ofMount: (pod, mount, desired) =>
    hidesAny(mount.key, EXECUTOR_PATHS)
      ? 'it would hide what the executor mounts'
      : readOnlyOverlap(pod, mount, desired),
  ofEnv: (_, { key }) => (key.startsWith('ARGO_') ? 'the variable is kept for the executor' : undefined),
  warningsFor: (pod, injection) => (needsNoProxy(pod, injection) ? [NO_PROXY_MISSING] : []),
};

export const enforcingContainers = (injection: Injection): Injection =>
  memoize(injection, enforcingContainers, '', () => ({
    ...injection,
    addedContainers: new Map([...injection.addedContainers].filter(([, { mode }]) => mode === 'Enforce')),
  }));

const placeOf = ({ at, role, isDefault }: PlacedContainer): string => [...at, role, isDefault].join();

const isExecutor = (name: string): boolean => EXECUTORS.includes(name) || ARTIFACT_PLUGIN.test(name);

const executorContainers = (pod: KubeObject): readonly Path[] =>
  isComponent(pod) ? containersWhere(pod, isOfComponent) : containersWhere(pod, isExecutor);

/** Plugins of the agent are called as their makers like; each has its own directory of what the agent mounts. */
const isOfComponent = (name: string, container: unknown): boolean =>
  name === 'main' ||
  name === 'init' ||
  listAt(container, ['volumeMounts']).some((mount) => textAt(mount, ['mountPath']) === '/var/run/argo');

/** Argo marks every container that it puts into a pod; what another webhook adds (a service mesh) has no such mark. */
const usersContainers = (pod: KubeObject): readonly Path[] => (isComponent(pod) ? [] : containersWhere(pod, isUsers));

const isUsers = (name: string, container: unknown, list: string): boolean =>
  !isExecutor(name) && ((name === 'main' && list === 'containers') || isMarkedByArgo(container));

/** Who puts the label of a workflow on a pod of his own has no such mark either: what is enforced is given all the same. */
const unmarkedContainers = (pod: KubeObject): readonly Path[] =>
  isComponent(pod)
    ? []
    : containersWhere(
        pod,
        (name, container, list) => !isExecutor(name) && !isUsers(name, container, list) && !isInjectedByOthers(name),
      );

const isMarkedByArgo = (container: unknown): boolean => {
  const [program, command] = listAt(container, ['command']);
  return (
    (program === '/var/run/argo/argoexec' && command === 'emissary') ||
    listAt(container, ['env']).some((item) => textAt(item, ['name']) === 'ARGO_CONTAINER_NAME')
  );
};

/** Where no container is `main`, each is a step of a container set. */
const asUsers = (pod: KubeObject): ((at: Path) => PlacedContainer) => {
  const hasMain = listAt(pod, ['spec', 'containers']).some((container) => textAt(container, ['name']) === 'main');
  const roleOf = (at: Path, name: string): ContainerRole => {
    if (at[1] === 'initContainers') return textAt(pod, [...at, 'restartPolicy']) === 'Always' ? 'sidecar' : 'init';
    return name === 'main' || !hasMain ? 'main' : 'sidecar';
  };
  return (at) => {
    const name = textAt(pod, [...at, 'name']) ?? '';
    return { at, name, role: roleOf(at, name), isDefault: true };
  };
};

/** Its init containers are given what those of any pod are. */
const asUnmarked = (pod: KubeObject): ((at: Path) => PlacedContainer) => {
  const place = asUsers(pod);
  return (at) => ({ ...place(at), isDefault: at[1] === 'containers' });
};

/** The label by which a component is known can be anybody's: what is enforced is given all the same. */
const asComponents = (pod: KubeObject): ((at: Path) => PlacedContainer) => {
  const place = asUsers(pod);
  return (at) => {
    const placed = place(at);
    return isInjectedByOthers(placed.name) ? { ...placed, role: 'other', isDefault: false } : placed;
  };
};

const asHelper =
  (pod: KubeObject) =>
  (at: Path): PlacedContainer => ({ at, name: textAt(pod, [...at, 'name']) ?? '', role: 'helper', isDefault: false });

const NO_PROXY_MISSING =
  'HTTP_PROXY is injected without NO_PROXY: what the step says to the API server and to services of the cluster will go through the proxy.';

/** Sources of variables may hold NO_PROXY; what is in them is not known here. */
const needsNoProxy = (pod: KubeObject, { env, envFrom }: Injection): boolean => {
  const injected = [...env.keys()];
  const proxies = [...env].filter(([name]) => /^https?_proxy$/i.test(name));
  if (envFrom.size > 0 || proxies.length === 0 || injected.some(isNoProxy)) return false;
  return usersContainers(pod).some((container) => {
    const own = new Set(namesIn(pod, container).map((name) => name.toLowerCase()));
    return (
      !own.has('no_proxy') && proxies.some(([name, { mode }]) => mode === 'Enforce' || !own.has(name.toLowerCase()))
    );
  });
};

const isNoProxy = (name: string): boolean => /^no_proxy$/i.test(name);

const namesIn = (pod: KubeObject, container: Path): readonly string[] =>
  listAt(pod, [...container, 'env']).map((item) => textAt(item, ['name']) ?? '');
