import { type AdmissionRequest, type Mutation, untouched } from '../api/admission.ts';
import type { Facts } from '../api/facts.ts';
import type { ContainerInjection, DefaultsTarget, Injection, TargetKind } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { missingClaimWarnings, refusingMissingClaims } from './claims.ts';
import { type Edit, editsOf, envFromEdits } from './edit.ts';
import { denialFor } from './enforcement.ts';
import { apart, bundleEdits, otherMounts, unmountedRefusal } from './fields/bundle.ts';
import { type HostPlaces, hostConflicts } from './fields/hosts.ts';
import { imageEdits } from './fields/images.ts';
import { otherSpelling } from './fields/spelling.ts';
import { applicationOf, type InjectionPlan, inject, refusalTexts } from './injector.ts';
import { memoize } from './memo.ts';
import { outcomeOfRefusal } from './outcomes.ts';
import { listAt, type Path, readAt, textAt } from './path.ts';
import {
  containerFieldEdits,
  fieldRefusalOf,
  isApiDefault,
  isOfWindows,
  podFieldEdits,
  supersededBy,
} from './pod-fields.ts';
import {
  addedContainerEdits,
  addedContainerRefusal,
  completedContainer,
  type Refusals,
  withAddedContainers,
  withRefusals,
} from './profiles/added-containers.ts';
import { crowdIn, metered } from './profiles/bounds.ts';
import { type InjectionFor, type PlacedContainer, unscoped } from './profiles/containers.ts';
import { unplacedIn } from './profiles/unplaced.ts';
import { isReservedEnv, isReservedLabel, isReservedPath, isReservedVolume } from './reserved.ts';
import type { Refusal, Rules } from './settlement.ts';
import { readInjected } from './snapshot.ts';
import { namespaceOf, targetOf } from './target.ts';
import {
  type DesiredVolumes,
  desiredVolumes,
  isMountedInPod,
  type MountedInjection,
  mountedVolumeRefusal,
  POD_VOLUMES,
  volumeEdits,
} from './volumes.ts';

/** What is injected into one kind of pod. */
export interface PodProfile extends PodRefusals {
  /** `injectionFor`: what each container is given of the injection. */
  readonly editsFor: (pod: KubeObject, injection: Injection, injectionFor: InjectionFor) => readonly Edit[];
  /** The part of an injection whose containers are added to the pod; all of it where nothing is said. */
  readonly addedOf?: (pod: KubeObject, injection: Injection) => Injection;
  /** What the pod needs whatever the defaults are. */
  readonly ownEdits: (pod: KubeObject) => readonly Edit[];
  readonly warningsFor: (pod: KubeObject, injection: Injection) => readonly string[];
  /** True for what the kind puts in another place, or into other pods. */
  readonly isElsewhere?: (edit: Edit) => boolean;
}

/** What of a pod is for others to give: all that is not enforced for the whole cluster, or volumes, mounts and containers as well. */
type LeftToOthers = 'defaults' | 'defaults and mounts';

interface PodMutationOptions {
  readonly rulesFor?: InjectionPlan['rulesFor'];
  readonly leftToOthers?: LeftToOthers | undefined;
}

/** Injects into a pod what each of its profiles has for it, in one go: its annotation tells all of it. */
export const mutatePod = (
  pod: KubeObject,
  request: AdmissionRequest,
  facts: Facts,
  profiles: readonly PodProfile[],
  { rulesFor = podRules(profiles), leftToOthers }: PodMutationOptions = {},
): Mutation => {
  const namespace = namespaceOf(pod, request);
  const rulesOfEdits = refusingMissingClaims(rulesFor, namespace, facts);
  const results = profiles.map((profile) =>
    resultOf(pod, request, facts, { profile, rulesFor: rulesOfEdits, leftToOthers }),
  );
  const denied = results.find((result) => result.denied !== undefined)?.denied;
  if (denied !== undefined) return { ...untouched(pod), denied };
  const edits = concatenated(results.map((result) => result.edits));
  const refusals = new Map(results.flatMap((result) => [...(result.refusals ?? [])]));
  const injections = results.flatMap(({ injection }) => injection ?? []);
  const denial = denialFor(injections, request, facts);
  const refused = results.flatMap(({ unplaced }) => unplaced?.(edits) ?? []);
  const unplacedWarnings = refusalTexts(refused.filter(({ isOutdone }) => !isOutdone));
  if (edits.length === 0 && readInjected(pod) === undefined) {
    const warnings = [...results.flatMap((result) => result.warnings), ...unplacedWarnings];
    const unenforced = denial(refused);
    const mutation = {
      ...untouched(pod, warnings),
      ...(refused.length > 0 && { outcomes: () => refused.map(outcomeOfRefusal) }),
      application: () => applicationOf(injections, { owned: [], refused }),
    };
    return unenforced === undefined ? mutation : { ...mutation, denied: unenforced };
  }
  return inject(pod, {
    edits,
    rulesFor: refusals.size === 0 ? rulesOfEdits : withRefusals(rulesOfEdits, refusals),
    form: 'names',
    warnings: [
      ...results.flatMap(({ warnings }) => warnings),
      ...unplacedWarnings,
      ...missingClaimWarnings(edits, namespace, facts),
    ],
    refused,
    isDisabled: results.some(({ isDisabled }) => isDisabled),
    injections,
    denial,
  });
};

/** All in one list: the very list where the others are empty, so that what is memoized of it stays in use. */
const concatenated = (lists: readonly (readonly Edit[])[]): readonly Edit[] => {
  const [first = [], ...others] = lists.filter((list) => list.length > 0);
  return others.length === 0 ? first : [first, ...others].flat();
};

interface ProfileResult {
  readonly edits: readonly Edit[];
  readonly warnings: readonly string[];
  readonly isDisabled: boolean;
  readonly injection: Injection | undefined;
  readonly refusals?: Refusals;
  /** What is enforced and not among the edits of the pod. */
  readonly unplaced?: (edits: readonly Edit[]) => readonly Refusal[];
  readonly denied?: string;
}

interface ProfileQuery {
  readonly profile: PodProfile;
  readonly rulesFor: InjectionPlan['rulesFor'];
  readonly leftToOthers: LeftToOthers | undefined;
}

const resultOf = (
  pod: KubeObject,
  request: AdmissionRequest,
  facts: Facts,
  { profile, rulesFor, leftToOthers }: ProfileQuery,
): ProfileResult => {
  const asked = { ...targetOf(profile.kind, pod, request, facts), pod: { owners: ownersOf(pod) } };
  const target = leftToOthers ? { ...asked, isDisabled: true } : asked;
  const { defaults } = facts;
  const resolved = defaults.resolve(target);
  const isUnmounted = leftToOthers === 'defaults and mounts';
  const injection = isUnmounted && resolved ? unmounted(resolved) : resolved;
  const own = target.isDisabled ? [] : profile.ownEdits(pod);
  if (injection === undefined) return { edits: own, warnings: [], injection, isDisabled: asked.isDisabled };
  const crowd = crowdIn(pod, injection.addedContainers.size);
  if (crowd !== undefined) return tooMuch(crowd, injection, { edits: own, isDisabled: asked.isDisabled });
  const scoped = injection.isScoped ? defaults.resolveContainers(target) : unscoped(injection);
  const injectionFor: InjectionFor = isUnmounted ? (container) => withoutMounts(scoped(container)) : scoped;
  const { addedOf = all } = profile;
  const added = isSparkOperatorPod(pod) ? [] : addedContainerEdits(addedOf(pod, injection));
  let excess: string | undefined;
  const { edits, refusals } = withAddedContainers(pod, added, rulesFor, (whole) => {
    const meter = metered(whole, injection, injectionFor);
    const given = profile.editsFor(whole, meter.injection, meter.injectionFor);
    excess ??= meter.excess();
    return concatenated([own, added, given, imageEdits(whole, injection)]);
  });
  if (excess !== undefined) return tooMuch(excess, injection, { edits: own, isDisabled: asked.isDisabled });
  return {
    edits,
    refusals,
    unplaced: (placed) => {
      const refused = unplacedIn(resolved ?? injection, scoped, placed).filter(
        ({ edit }) => !profile.isElsewhere?.(edit),
      );
      return isSparkOperatorPod(pod) ? refused.map(leftToSparkOperator(asked, facts)) : refused;
    },
    warnings: [...injection.warnings, ...profile.warningsFor(pod, injection)],
    injection,
    isDisabled: asked.isDisabled,
  };
};

/**
 * To a pod of spark-operator its webhook adds what the application says, after us: two mounts at a path, or containers of a name, make the
 * pod invalid. Nobody who makes such a pod can change that; of what the application is given itself nothing is missing.
 */
const leftToSparkOperator = (asked: DefaultsTarget, { defaults }: Facts): ((refusal: Refusal) => Refusal) => {
  const { pod: _, ...target } = asked;
  const ofApplication = defaults.resolve({ ...target, kind: 'SparkApplication' })?.matched ?? [];
  const named = new Set(ofApplication.map(({ by }) => by));
  return ({ edit }) =>
    named.has(edit.by)
      ? { edit, why: 'spark-operator gives it to the pod, as its SparkApplication says', isOutdone: true }
      : {
          edit,
          why: 'spark-operator gives such a pod its mounts and containers: name SparkApplication too',
          isGeneral: true,
        };
};

const all = (_: KubeObject, injection: Injection): Injection => injection;

/** Whoever else gives the pod volumes and mounts may give it the same ones, and one twice makes it invalid. */
const unmounted = (injection: Injection): Injection =>
  memoize(injection, unmounted, '', () => ({
    ...injection,
    ...NO_MOUNTS,
    env: apart(injection.env).alone,
    helperEnv: apart(injection.helperEnv).alone,
    helperConfigMaps: new Map(),
    addedContainers: new Map(
      [...injection.addedContainers].filter(([, { value }]) => (value.volumeMounts ?? []).length === 0),
    ),
  }));

const withoutMounts = ({ full, sources }: ContainerInjection): ContainerInjection => ({
  full: full && unmounted(full),
  sources: sources && unmounted(sources),
});

/** Kinds of a pod's owners, each with its group and without. */
export const ownersOf = (pod: KubeObject): ReadonlySet<string> =>
  new Set(
    listAt(pod, ['metadata', 'ownerReferences']).flatMap((owner) => {
      const [kind, version = ''] = [textAt(owner, ['kind']), textAt(owner, ['apiVersion'])];
      if (kind === undefined) return [];
      return [kind, `${version.includes('/') ? version.slice(0, version.indexOf('/')) : ''}/${kind}`];
    }),
  );

/** Pods of more containers are seldom alike: their edits are not worth keeping. */
export const FEW_CONTAINERS = 8;

/** Defaults give way. What is enforced does not: the pod is refused, as the API server would refuse it with all of it. */
const tooMuch = (
  why: string,
  { matched }: Injection,
  given: Pick<ProfileResult, 'edits' | 'isDisabled'>,
): ProfileResult =>
  matched.some(({ mode }) => mode === 'Enforce')
    ? {
        ...given,
        injection: undefined,
        warnings: [],
        denied: `spec.containers: ${why}, and PlatformDefaults enforce something; use fewer containers.`,
      }
    : { ...given, injection: undefined, warnings: [`Nothing of PlatformDefaults is injected: ${why}.`] };

/** What must not be injected into one kind of pod, beyond its reserved names. */
interface PodRefusals {
  readonly kind: TargetKind;
  readonly ofMount: (pod: KubeObject, mount: Edit, desired: DesiredVolumes) => string | undefined;
  readonly ofEnv: (pod: KubeObject, edit: Edit) => string | undefined;
  /** True for names of volumes that are kept beyond those of the kind. */
  readonly ofVolume?: (name: string) => boolean;
  readonly ofAnnotation?: (key: string) => string | undefined;
  /** Left out where labels may be changed like anything else. */
  readonly ofLabel?: (pod: KubeObject, edit: Edit) => string | undefined;
}

/** Rules of a pod that is of one or more kinds: what one of them refuses is refused. */
export const podRules =
  (kinds: readonly PodRefusals[]) =>
  (edits: readonly Edit[]): Rules => {
    const desired = desiredVolumes(edits);
    const ofHosts = hostConflicts(edits, PODS_HOSTS);
    const ofVolume = ({ key }: Edit): string | undefined =>
      kinds.some(({ kind, ofVolume: ofOwn }) => isReservedVolume(kind, key) || ofOwn?.(key) === true)
        ? 'the volume name is kept for the engine'
        : undefined;
    const ofMount = (pod: KubeObject, mount: Edit): string | undefined =>
      firstOf(kinds, (kind) => mountRefusal(pod, mount, kind, desired)) ??
      mountedVolumeRefusal(pod, mount, POD_VOLUMES, desired, ofVolume);
    return {
      conflictsOf: (pod, edit) => {
        if (edit.needs) return otherMounts(pod, edit, desired);
        return edit.at.at(-1) === 'env' ? otherSpelling(pod, edit) : ofHosts(pod, edit);
      },
      supersededBy,
      isBlank: isApiDefault,
      completedBy: completedContainer,
      isUnused: (pod, edit) => edit.at.at(-1) === 'volumes' && !isMountedInPod(pod, edit.key),
      refusalOf: (pod, edit) => {
        switch (edit.at.at(-1) ?? '') {
          case 'volumes':
            return ofVolume(edit);
          case 'volumeMounts':
            return ofMount(pod, edit);
          case 'initContainers':
            return addedContainerRefusal(pod, edit, desired, ofVolume);
          default:
            return firstOf(kinds, (kind) => fieldRefusal(pod, edit, kind)) ?? unmountedRefusal(pod, edit, desired);
        }
      },
    };
  };

const PODS_HOSTS: HostPlaces = {
  podOf: () => '',
  aliasLists: (at) => [at],
  mountsAt: (pod, _, path) =>
    CONTAINER_LISTS.flatMap((list) =>
      listAt(pod, list).map((_container, index) => ({ at: [...list, String(index), 'volumeMounts'], key: path })),
    ),
};

const mountRefusal = (
  pod: KubeObject,
  mount: Edit,
  { kind, ofMount }: PodRefusals,
  desired: DesiredVolumes,
): string | undefined => {
  if (isOfWindows(pod)) return 'it is a pod of Windows, which has no such path';
  return isReservedPath(kind, mount.key) ? 'the path is kept for the engine' : ofMount(pod, mount, desired);
};

const KEPT = 'the key is kept for the engine or Quartermaster';

const fieldRefusal = (
  pod: KubeObject,
  edit: Edit,
  { kind, ofEnv, ofLabel, ofAnnotation }: PodRefusals,
): string | undefined => {
  const { key } = edit;
  switch (edit.at.at(-1) ?? '') {
    case 'labels':
      return isReservedLabel(kind, key) ? KEPT : ofLabel?.(pod, edit);
    case 'annotations':
      return isReservedLabel(kind, key) ? KEPT : ofAnnotation?.(key);
    case 'env':
      return isReservedEnv(kind, key) ? 'the variable is kept for the engine' : ofEnv(pod, edit);
    default:
      return fieldRefusalOf(pod, edit);
  }
};

const firstOf = (
  kinds: readonly PodRefusals[],
  find: (kind: PodRefusals) => string | undefined,
): string | undefined => {
  for (const kind of kinds) {
    const found = find(kind);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** What an injection has for a pod as a whole. Volumes come with their mounts: `volumeEdits`. */
export const podEdits = (injection: Injection): readonly Edit[] => [
  ...editsOf(['metadata', 'labels'], injection.labels),
  ...editsOf(['metadata', 'annotations'], injection.annotations),
  ...editsOf(['spec', 'nodeSelector'], injection.nodeSelector),
  ...editsOf(['spec', 'tolerations'], injection.tolerations),
  ...editsOf(['spec', 'imagePullSecrets'], injection.imagePullSecrets, asReference),
  ...editsOf(['spec', 'hostAliases'], injection.hostAliases),
  ...editsOf(['spec', 'topologySpreadConstraints'], injection.topologySpreadConstraints),
  ...podFieldEdits(injection),
];

const asReference = (name: string) => ({ name });

/** What an injection has for the environment of one container, but for what is of no use without a mount: `bundleEdits`. */
export const environmentEdits = (container: Path, injection: Pick<Injection, 'env' | 'envFrom'>): readonly Edit[] => [
  ...editsOf([...container, 'env'], apart(injection.env).alone),
  ...sourceEdits(container, injection),
];

/** The sources of variables alone. */
const sourceEdits = (container: Path, injection: Pick<Injection, 'envFrom'>): readonly Edit[] =>
  envFromEdits([...container, 'envFrom'], injection.envFrom);

/** What each of these containers is given: variables, mounts and then the volumes they need, once; for some, sources alone. */
export const containerEdits = (
  pod: KubeObject,
  containers: readonly PlacedContainer[],
  injection: Injection,
  injectionFor: InjectionFor,
): readonly Edit[] => {
  const given = containers.map((container) => ({ at: container.at, ...injectionFor(container) }));
  const mounted = given.flatMap(({ at, full, sources }) => {
    if (full !== undefined)
      return [volumeEdits(pod, at, full === injection ? full : { ...full, volumes: injection.volumes })];
    return sources === undefined || sources.helperConfigMaps.size === 0
      ? []
      : [volumeEdits(pod, at, { ...sources, ...NO_MOUNTS, configMaps: sources.helperConfigMaps })];
  });
  return [
    ...given.flatMap(({ at, full, sources }) =>
      full === undefined ? [] : environmentEdits(at, { env: full.env, envFrom: (sources ?? full).envFrom }),
    ),
    ...given.flatMap(({ at, full }) => (full === undefined ? [] : containerFieldEdits(at, full))),
    ...mounted.flatMap((edits) => edits.filter((edit) => !isVolume(edit))),
    ...given.flatMap(({ at, full, sources }) => bundleEdits(at, full?.env ?? sources?.helperEnv ?? NO_VARIABLES)),
    ...oneOfEachKey(mounted.flatMap((edits) => edits.filter(isVolume))),
    ...given.flatMap(({ at, full, sources }) =>
      full === undefined && sources ? environmentEdits(at, { env: sources.helperEnv, envFrom: sources.envFrom }) : [],
    ),
  ];
};

/** Of that only what is enforced. */
export const enforcedContainerEdits = (...args: Parameters<typeof containerEdits>): readonly Edit[] =>
  args[1].length === 0 ? [] : containerEdits(...args).filter(isEnforced);

export const isEnforced = ({ mode }: Pick<Edit, 'mode'>): boolean => mode === 'Enforce';

const NO_VARIABLES: Injection['env'] = new Map();

const NO_MOUNTS: Omit<MountedInjection, 'matched'> = {
  volumes: new Map(),
  volumeMounts: new Map(),
  configMaps: new Map(),
  secrets: new Map(),
};

const isVolume = ({ at }: Edit): boolean => at === POD_VOLUMES;

/** Volumes of one name are the same, but that one may be enforced, and one waited for. */
const oneOfEachKey = (volumes: readonly Edit[]): readonly Edit[] => {
  const byKey = new Map<string, Edit>();
  for (const volume of volumes) {
    const first = byKey.get(volume.key);
    byKey.set(volume.key, first === undefined ? volume : joinedVolume(first, volume));
  }
  return byKey.size === volumes.length ? volumes : [...byKey.values()];
};

const joinedVolume = (one: Edit, other: Edit): Edit => {
  const best = one.mode === 'Default' && other.mode === 'Enforce' ? other : one;
  return isAwaited(other.value) && best !== other ? { ...best, value: other.value } : best;
};

const isAwaited = (volume: unknown): boolean => readAt(volume, ['configMap', 'optional']) === false;

/**
 * Where the containers of a pod are of which something holds, init containers included. Of more than the API server will
 * take by one name it is the first.
 */
export const containersWhere = (
  pod: KubeObject,
  holds: (name: string, container: unknown, list: string) => boolean,
): readonly Path[] => {
  const found: Path[] = [];
  for (const at of CONTAINER_LISTS) {
    const [, list] = at;
    const names = new Set<string>();
    for (const [index, container] of listAt(pod, at).entries()) {
      const name = textAt(container, NAME) ?? '';
      const isFirst = !names.has(name);
      names.add(name);
      if (isFirst && holds(name, container, list)) found.push([...at, String(index)]);
    }
  }
  return found;
};

const CONTAINER_LISTS = [
  ['spec', 'containers'],
  ['spec', 'initContainers'],
] as const;
const NAME = ['name'];

const LAUNCHED_BY_SPARK_OPERATOR = 'sparkoperator.k8s.io/launched-by-spark-operator';
const OF_SPARK_CONNECT = 'sparkoperator.k8s.io/connect-name';
const OF_SPARK_APPLICATION = 'sparkoperator.k8s.io/app-name';

/**
 * True for the pods that spark-operator makes and patches itself: two webhooks that both append make a pod invalid. Those of a
 * SparkConnect its webhook passes over, since they name no SparkApplication (sparkpod_defaulter.go).
 */
export const isSparkOperatorPod = ({ metadata: { labels } }: KubeObject): boolean =>
  textAt(labels, [LAUNCHED_BY_SPARK_OPERATOR]) === 'true' &&
  (textAt(labels, [OF_SPARK_CONNECT]) === undefined || textAt(labels, [OF_SPARK_APPLICATION]) !== undefined);
