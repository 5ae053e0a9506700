import { mountKey } from '../../api/inject-spec.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import type { Edit } from '../../injection/edit.ts';
import { readOnlyOverlap } from '../../injection/fields/read-only.ts';
import { memoize } from '../../injection/memo.ts';
import {
  containerEdits,
  enforcedContainerEdits,
  FEW_CONTAINERS,
  type PodProfile,
  podEdits,
  podRules,
} from '../../injection/pods.ts';
import { containersOf, containersOfLastResort } from '../../injection/profiles/containers.ts';
import type { FrameworkProfile } from '../../injection/profiles/framework.ts';
import { FRAMEWORKS } from '../../injection/profiles/frameworks/index.ts';
import { type PlatformProfile, rulesOf } from '../../injection/profiles/of-platform.ts';
import { frameworkOf } from '../../injection/profiles/recognition.ts';
import { labelsOf } from '../../injection/target.ts';
import { hasClaims } from '../../injection/volumes.ts';

/** One kind of pod, with rules that are the same for all pods which are given the same. */
export interface PodInjector {
  readonly profiles: readonly PodProfile[];
  readonly rulesFor: ReturnType<typeof podRules>;
}

const injectorOf = (framework: FrameworkProfile | undefined, platform?: PlatformProfile): PodInjector => {
  const profile = podProfile(framework, platform);
  const makeRules = podRules([profile]);
  return { profiles: [profile], rulesFor: (edits) => memoize(edits, makeRules, '', () => makeRules(edits)) };
};

/**
 * What a pod of a framework is given, or of none: its containers as the framework's profile tells them apart. Labels are added
 * and never changed: controllers find their pods by them.
 */
const podProfile = (framework: FrameworkProfile | undefined, platform: PlatformProfile | undefined): PodProfile => {
  const rules = rulesOf(framework, platform);
  const kept = platform?.reserved;
  const profile: PodProfile = {
    kind: framework?.kind ?? 'Pod',
    ownEdits: () => [],
    editsFor: (pod, injection, injectionFor) => {
      const containers = containersOf(pod, rules);
      const others = containersOfLastResort(pod, containers);
      const make = (): readonly Edit[] => [
        ...podEdits(injection),
        ...containerEdits(pod, containers, injection, injectionFor),
        ...enforcedContainerEdits(pod, others, injection, injectionFor),
      ];
      const count = containers.length + others.length;
      if (hasClaims(injection) || injection.isScoped || count > FEW_CONTAINERS) return make();
      return memoize(
        injection,
        profile,
        `${containers.map(({ at, role, isDefault }) => [...at, role, isDefault].join()).join(' ')} ${others.length}`,
        make,
      );
    },
    ofMount: (pod, mount, desired) =>
      isKept(kept?.paths, mountKey(mount.key)) ? KEPT : readOnlyOverlap(pod, mount, desired),
    ofEnv: (_pod, { key }) => (isKept(kept?.env, key) ? KEPT : undefined),
    ofVolume: (name) => isKept(kept?.volumes, name),
    ofAnnotation: (key) => (isKept(kept?.labels, key) ? KEPT : undefined),
    ofLabel: (pod, { key, value }) => {
      if (isKept(kept?.labels, key)) return KEPT;
      if (Object.hasOwn(labelsOf(pod), key)) return LABEL_KEPT;
      return RECOGNISED.has(key) && frameworkOf(labelled(pod, key, String(value))) !== framework
        ? LABEL_MISLEADS
        : undefined;
    },
    warningsFor: () => [],
  };
  return profile;
};

const isKept = (patterns: readonly RegExp[] = [], name: string): boolean =>
  patterns.some((pattern) => pattern.test(name));

const KEPT = 'the platform’s profile of such pods keeps it';
const LABEL_KEPT = 'the pod has that label, and controllers find their pods by labels: they are added, never changed';
const LABEL_MISLEADS = 'the pod would be taken for one of another framework';
/** Labels that some framework's pods are known by. */
const RECOGNISED = new Set(FRAMEWORKS.flatMap(({ knownBy }) => Object.keys(knownBy.labels ?? {})));
/** As it would be known with one more of these labels. Of its others, which can be tens of thousands, none is copied. */
const labelled = (pod: KubeObject, key: string, value: string): KubeObject => {
  const present = labelsOf(pod);
  const labels: Record<string, string> = { [key]: value };
  for (const known of RECOGNISED) {
    const own = Object.hasOwn(present, known) ? present[known] : undefined;
    if (own !== undefined) labels[known] = own;
  }
  return { ...pod, metadata: { ...pod.metadata, labels } };
};

const anyPod = injectorOf(undefined);
const byFramework = new Map(FRAMEWORKS.map((framework) => [framework, injectorOf(framework)]));

/** The one for pods of this framework, or of none, and of this profile of the platform. */
export const injectorFor = (
  framework: FrameworkProfile | undefined,
  platform: PlatformProfile | undefined,
): PodInjector =>
  platform === undefined
    ? ((framework && byFramework.get(framework)) ?? anyPod)
    : memoize(platform, framework ?? anyPod, '', () => injectorOf(framework, platform));
