import { type Mutator, untouched } from '../../api/admission.ts';
import type { Facts } from '../../api/facts.ts';
import { mountKey } from '../../api/inject-spec.ts';
import type { KubeObject, VolumeMount } from '../../api/kubernetes.ts';
import { CALRISSIAN_ENABLED, CALRISSIAN_LABEL } from '../../api/names.ts';
import { type Edit, OURSELVES, valuesAt } from '../../injection/edit.ts';
import { CREATED_INJECTED_OR_ANOTHER_IMAGE } from '../../injection/enforcement.ts';
import { bundleEdits } from '../../injection/fields/bundle.ts';
import { readOnlyOverlap } from '../../injection/fields/read-only.ts';
import { memoize, memoizePassing } from '../../injection/memo.ts';
import { listAt, type Path, textAt } from '../../injection/path.ts';
import { containerFieldEdits } from '../../injection/pod-fields.ts';
import {
  enforcedContainerEdits,
  environmentEdits,
  mutatePod,
  type PodProfile,
  podEdits,
} from '../../injection/pods.ts';
import { enforcingContainers, isWorkflowPod, workflowProfile } from '../../injection/profiles/argo.ts';
import {
  type CalrissianPod,
  calrissianPodOf,
  POD_NAME_SOURCE,
  POD_NAME_VARIABLE,
} from '../../injection/profiles/calrissian.ts';
import { ANY_POD, containersOf, type PlacedContainer } from '../../injection/profiles/containers.ts';
import {
  canManyAttach,
  claimOf,
  type DesiredVolumes,
  hidesAny,
  type MountIndex,
  mountBelow,
  mountIndex,
  mountsAbove,
  POD_VOLUMES,
  type VolumeLayout,
  volumeEdits,
} from '../../injection/volumes.ts';

/**
 * Pods of Calrissian, in namespaces that ask for it: its step pods carry no label to select them by. One that Argo
 * started is a workflow pod too and gets the edits of both profiles, where it names itself in its environment: Argo puts
 * its own command before calrissian's. (Calrissian itself takes container 0 for its own, which is Argo's `wait`.)
 */
export const calrissianPodMutator: Mutator = {
  rules: [
    {
      name: 'calrissian-pod',
      kind: 'CalrissianPod',
      group: '',
      versions: ['v1'],
      resource: 'pods',
      operations: ['CREATE', 'UPDATE'],
      // A CWL run fails for good when a pod of it is refused: better a step without its defaults.
      failurePolicy: 'Ignore',
      matchConditions: [CREATED_INJECTED_OR_ANOTHER_IMAGE],
      namespaceSelector: { matchLabels: { [CALRISSIAN_LABEL]: CALRISSIAN_ENABLED } },
    },
  ],
  mutate: (pod, request, facts) => {
    const recognised = request.operation === 'CREATE' ? calrissianPodOf(pod, request, facts) : undefined;
    if (recognised === undefined) return untouched(pod);
    const profiles = [calrissianProfile(recognised, pod, facts), ...(isWorkflowPod(pod) ? [workflowProfile] : [])];
    return mutatePod(pod, request, facts, profiles);
  },
};

/** Of these an identity is made: half of one from the job and half from the platform is none. */
const AWS_IDENTITY = /^AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|PROFILE|ROLE_ARN|WEB_IDENTITY_TOKEN_FILE)$/;

/**
 * A runner or step of Calrissian. All is appended, into the container that calrissian or the step runs in; containers,
 * commands, working directories and what a step pod needs to be found stay as they are.
 */
const calrissianProfile = (recognised: CalrissianPod, pod: KubeObject, facts: Facts): PodProfile => {
  const { container, namespace } = recognised;
  const names = new Set(listAt(pod, [...container, 'env']).map((item) => textAt(item, ['name']) ?? ''));
  const hasIdentity = [...names].some((name) => AWS_IDENTITY.test(name));
  return {
    kind: 'CalrissianPod',
    ownEdits: () => (recognised.role === 'runner' ? [podNameEdit(recognised)] : []),
    // It copies no mounts of theirs, and anybody's pod can name itself.
    addedOf: (_, injection) => enforcingContainers(injection),
    editsFor: (whole, injection, injectionFor) => {
      const others = otherContainers(whole, container);
      const name = textAt(pod, [...container, 'name']) ?? '';
      const { full, sources } = injectionFor({ name, role: 'main', isDefault: true });
      return [
        ...podEdits(injection),
        ...(full && sources ? environmentEdits(container, { env: full.env, envFrom: sources.envFrom }) : []),
        ...(full ? containerFieldEdits(container, full) : []),
        ...(full ? volumeEdits(pod, container, full, layoutFor(recognised, pod)) : []),
        ...(full ? bundleEdits(container, full.env) : []),
        ...enforcedContainerEdits(pod, others, injection, injectionFor),
      ];
    },
    ofMount: (current, mount, desired) =>
      isIn(mount, container)
        ? calrissianMountRefusal(current, mount, recognised, desired, facts)
        : readOnlyOverlap(current, mount, desired),
    isElsewhere: ({ at, key }) => at.at(-1) === 'volumeMounts' && isForDefaults({ mountPath: key }),
    ofEnv: (_current, { key }) => {
      if (names.has(key) && (key.startsWith('AWS_') || key === POD_NAME_VARIABLE)) return 'the job brings its own';
      return hasIdentity && AWS_IDENTITY.test(key) ? 'the job brings an AWS identity of its own' : undefined;
    },
    warningsFor: (_, { volumes }) =>
      unknownClaims(
        [...volumes.values()].map(({ value }) => value),
        namespace,
        facts,
      ).map(
        (claim) => `Claim ${claim} must be ReadWriteMany or ReadOnlyMany: Calrissian attaches it to every step pod.`,
      ),
  };
};

const isIn = ({ at }: Edit, container: Path): boolean => at.slice(0, -1).join() === container.join();

/** What else a pod runs that looks like a runner, and is nobody's proxy. Of Argo's the profile of its pods knows more. */
const otherContainers = (pod: KubeObject, container: Path): readonly PlacedContainer[] =>
  isWorkflowPod(pod)
    ? []
    : containersOf(pod, ANY_POD).filter(({ at, role }) => at.join() !== container.join() && role !== 'other');

const podNameEdit = ({ container }: CalrissianPod): Edit => ({
  at: [...container, 'env'],
  key: POD_NAME_VARIABLE,
  value: { name: POD_NAME_VARIABLE, valueFrom: POD_NAME_SOURCE },
  mode: 'Default',
  by: OURSELVES,
  why: 'calrissian looks itself up by this name',
});

const layoutFor = ({ role, container }: CalrissianPod, pod: KubeObject): VolumeLayout => ({
  placeMount: (mount: VolumeMount, isConfigMap) => {
    if (!isConfigMap || !isForDefaults(mount)) return mount;
    return role === 'runner' ? placeDefaults(pod, container, mount) : undefined;
  },
  // Step pods are recognised by this, and calrissian names the volumes of its claims so.
  nameVolume: (volume) => (role === 'step' ? (claimOf(volume) ?? volume.name) : volume.name),
});

/** A step pod names the volume of each claim after the claim. */
const VOLUME_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * Why a mount would break a CWL run. Calrissian copies every claim that its own container mounts into every step pod, and
 * finds the claim of a file by comparing how paths begin, in the order of the mounts.
 */
const calrissianMountRefusal = (
  pod: KubeObject,
  mount: Edit,
  { role, container, namespace }: CalrissianPod,
  desired: DesiredVolumes,
  facts: Facts,
): string | undefined => {
  const index = mountIndex(listAt(pod, [...container, 'volumeMounts']));
  const over = mountsAbove(index, mount.key)[0] ?? mountBelow(index, mount.key);
  if (over !== undefined) return `it would lie over or under the mount at ${over}`;
  if (hidesAny(mount.key, ['/tmp'])) return 'it would hide /tmp';
  const claim = claimMountedBy(pod, mount.value, desired);
  if (claim === undefined) return undefined;
  const like = index.prefixesOf(mount.key)[0] ?? index.beginningWith(mount.key);
  if (like !== undefined)
    return `its path begins like the mount at ${like}, and Calrissian would take one claim for the other`;
  const refusal = claimRefusal(claim, namespace, facts);
  if (refusal !== undefined || role !== 'runner') return refusal;
  return isClaimMounted(pod, claim, { index, desired }) ? `claim ${claim} is mounted already` : undefined;
};

interface Mounted {
  readonly index: MountIndex;
  readonly desired: DesiredVolumes;
}

/** By any volume that is made from it. */
const isClaimMounted = (pod: KubeObject, claim: string, { index, desired }: Mounted): boolean => {
  const names = [...volumesByClaim(listAt(pod, POD_VOLUMES), claim), ...desiredByClaim(desired, claim)];
  return names.some((name) => index.mounts(name) && claimOf(volumeNamed(pod, name, desired)) === claim);
};

const volumesByClaim = (volumes: readonly unknown[], claim: string): readonly string[] =>
  memoizePassing(volumes, volumesByClaim, () => namesByClaim(volumes)).get(claim) ?? [];

const desiredByClaim = (desired: DesiredVolumes, claim: string): readonly string[] =>
  memoize(desired, desiredByClaim, '', () => namesByClaim([...desired.values()].map(({ value }) => value))).get(
    claim,
  ) ?? [];

const namesByClaim = (volumes: readonly unknown[]): ReadonlyMap<string, readonly string[]> => {
  const claimed = volumes.flatMap((volume) => {
    const [claim, name] = [claimOf(volume), textAt(volume, ['name'])];
    return claim === undefined || name === undefined ? [] : [{ claim, name }];
  });
  const byClaim = Map.groupBy(claimed, ({ claim }) => claim);
  return new Map([...byClaim].map(([claim, list]) => [claim, list.map(({ name }) => name)]));
};

const claimRefusal = (claim: string, namespace: string, facts: Facts): string | undefined => {
  if (!VOLUME_NAME.test(claim)) return `claim ${claim} needs a name that can be the name of a volume: a DNS label`;
  const modes = facts.claimModes(namespace, claim);
  return modes === undefined || canManyAttach(modes)
    ? undefined
    : `claim ${claim} is ${modes.join(', ')}: every step pod attaches it, so it must be ReadWriteMany or ReadOnlyMany`;
};

/** The claims that are to be mounted and of which the access mode is not known. */
const unknownClaims = (desired: readonly unknown[], namespace: string, facts: Facts): readonly string[] =>
  desired
    .flatMap((volume) => claimOf(volume) ?? [])
    .filter((claim) => facts.claimModes(namespace, claim) === undefined && !facts.isClaimMissing(namespace, claim));

const claimMountedBy = (pod: KubeObject, mount: unknown, desired: DesiredVolumes): string | undefined =>
  claimOf(volumeNamed(pod, textAt(mount, ['name']) ?? '', desired));

/** The volume of that name as it will be. */
const volumeNamed = (pod: KubeObject, name: string, desired: DesiredVolumes): unknown => {
  const given = desired.get(name);
  const present = given?.mode === 'Enforce' ? undefined : valuesAt(pod, { at: POD_VOLUMES, key: name })[0];
  return present ?? given?.value;
};

/** Where HOME is in Calrissian's images. */
const HOME = '/home/calrissian';
const DEFAULTS = '/.calrissian/default.json';

/** A ConfigMap for Calrissian's defaults is mounted as that one file, in the home directory that the container has. */
const placeDefaults = (pod: KubeObject, container: Path, mount: VolumeMount): VolumeMount => {
  const variable = listAt(pod, [...container, 'env']).find((item) => textAt(item, ['name']) === 'HOME');
  const home = variable === undefined ? HOME : textAt(variable, ['value']);
  return {
    ...mount,
    mountPath: home === undefined ? mount.mountPath : `${mountKey(home)}${DEFAULTS}`,
    subPath: 'default.json',
  };
};

const isForDefaults = ({ mountPath }: Pick<VolumeMount, 'mountPath'>): boolean => mountPath.endsWith(DEFAULTS);
