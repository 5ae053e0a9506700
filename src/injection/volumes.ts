import { hash, randomInt } from 'node:crypto';
import { mountKey } from '../api/inject-spec.ts';
import type { FileMount, Injection, Resolved } from '../api/injection.ts';
import type { AccessMode, KubeObject, Volume, VolumeMount } from '../api/kubernetes.ts';
import { compareText } from '../api/plain-text.ts';
import { type Edit, editOf, entriesWith, valuesAt } from './edit.ts';
import { isAsGiven } from './fields/filled-in.ts';
import { type Incremental, memoize, memoizePassing } from './memo.ts';
import { isRecord, listAt, type Path, textAt } from './path.ts';

export const POD_VOLUMES: Path = ['spec', 'volumes'];
/** A DNS label: what a volume may be called. */
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** What a kind of pod makes of its volumes and mounts. */
export interface VolumeLayout {
  /** Another place for a mount; undefined to leave it out. `file`: it mounts a ConfigMap. */
  readonly placeMount: (mount: VolumeMount, isConfigMap: boolean) => VolumeMount | undefined;
  /** Another name for a volume. */
  readonly nameVolume: (volume: Volume) => string;
}

const unchangedLayout: VolumeLayout = { placeMount: (mount) => mount, nameVolume: ({ name }) => name };

/** What of an injection is mounted. */
export type MountedInjection = Pick<Injection, 'volumes' | 'volumeMounts' | 'configMaps' | 'secrets' | 'matched'>;

interface MountedVolume {
  readonly volume: Resolved<Volume>;
  readonly mounts: readonly Resolved<VolumeMount>[];
  readonly isConfigMap: boolean;
}

/**
 * Mounts into one container of a pod, and then the volumes they need: volumes as they are given, ConfigMaps and Secrets
 * as read-only volumes of our own naming. A claim that the pod has a volume of already is mounted from that volume.
 */
export const volumeEdits = (
  pod: KubeObject,
  container: Path,
  injection: MountedInjection,
  layout: VolumeLayout = unchangedLayout,
): readonly Edit[] => {
  const volumeNames = volumeNamesByClaim(pod, injection, layout);
  const mounts = [...container, 'volumeMounts'];
  const placed = mountedVolumesOf(injection).map((mounted) => layOut(mounts, mounted, layout, volumeNames));
  const mountEdits = placed.flatMap((one) => one.mounts);
  return [...bestFirst(mountEdits, injection.matched), ...placed.flatMap((one) => one.volumes)];
};

/** Of two mounts of which one would lie in the other the first to be settled stands. */
const bestFirst = (mounts: readonly Edit[], matched: Injection['matched']): readonly Edit[] => {
  if (mounts.every(({ by }) => by === mounts[0]?.by)) return mounts;
  const ranks = memoize(matched, bestFirst, '', () => new Map(matched.map(({ by }, rank) => [by, rank])));
  const rankOf = ({ by }: Edit): number => ranks.get(by) ?? matched.length;
  return mounts.toSorted((one, other) => rankOf(one) - rankOf(other));
};

/** True where the edits depend on what the pod has: it may hold a claim of theirs already. */
export const hasClaims = ({ volumes }: Injection): boolean => {
  for (const { value } of volumes.values()) if (claimOf(value) !== undefined) return true;
  return false;
};

/** True for a claim that pods on different nodes can attach at a time. */
export const canManyAttach = (modes: readonly AccessMode[]): boolean =>
  modes.includes('ReadWriteMany') || modes.includes('ReadOnlyMany');

/** The claim a volume is made from; undefined for other volumes. */
export const claimOf = (volume: unknown): string | undefined => textAt(volume, ['persistentVolumeClaim', 'claimName']);

const mountedVolumesOf = ({
  volumes,
  volumeMounts,
  configMaps,
  secrets,
}: MountedInjection): readonly MountedVolume[] => {
  const mounts = Map.groupBy(volumeMounts.values(), ({ value }) => value.name);
  return [
    ...[...volumes.values()].map((volume) => ({
      volume,
      mounts: mounts.get(volume.value.name) ?? [],
      isConfigMap: false,
    })),
    ...[...configMaps.values()].map((file) => fileVolume(file, 'configmap')),
    ...[...secrets.values()].map((file) => fileVolume(file, 'secret')),
  ];
};

/** A ConfigMap or Secret as a volume and its mount. */
export const fileVolume = (
  { value, mode, source }: Resolved<FileMount>,
  kind: 'configmap' | 'secret',
): MountedVolume => {
  const name = fileVolumeName(kind, value.name);
  const content = kind === 'configmap' ? { configMap: { name: value.name } } : { secret: { secretName: value.name } };
  return {
    volume: { value: { name, ...(value.isAwaited ? awaited(content) : content) }, mode, source },
    mounts: [{ value: { name, mountPath: value.mountPath, readOnly: true }, mode, source }],
    isConfigMap: kind === 'configmap',
  };
};

const awaited = (content: Readonly<Record<string, object>>): Readonly<Record<string, object>> =>
  Object.fromEntries(Object.entries(content).map(([kind, fields]) => [kind, { ...fields, optional: false }]));

/** The volume of a ConfigMap or Secret: says what is in it where the name allows that, and is the same in any case, and no other's. */
export const fileVolumeName = (kind: 'configmap' | 'secret', name: string): string => {
  const plain = `${kind}-${name}`;
  return DNS_LABEL.test(plain) && !HASH.test(name) ? plain : `${kind}-${hash('sha256', name).slice(0, 20)}`;
};

const HASH = /^[0-9a-f]{20}$/;

/** The volume that each claim is mounted from, by claim: the pod's own unless that is replaced, else the first given. */
const volumeNamesByClaim = (
  pod: KubeObject,
  { volumes }: MountedInjection,
  { nameVolume }: VolumeLayout,
): ReadonlyMap<string, string> => {
  const given = [...volumes.values()];
  const replaced = new Map(
    given.filter(({ mode }) => mode === 'Enforce').map(({ value }) => [nameVolume(value), value]),
  );
  const present = listAt(pod, POD_VOLUMES).flatMap((volume) => {
    const name = textAt(volume, ['name']) ?? '';
    const other = replaced.get(name);
    return other === undefined || claimOf(other) === claimOf(volume) ? [{ claim: claimOf(volume), name }] : [];
  });
  const ours = given.map(({ value }) => ({ claim: claimOf(value), name: nameVolume(value) }));
  const pairs = [...present, ...ours].flatMap(({ claim, name }) =>
    claim === undefined ? [] : [[claim, name] as const],
  );
  // Of two entries with one key a Map keeps the last.
  return new Map(pairs.reverse());
};

const layOut = (
  at: Path,
  { volume, mounts, isConfigMap }: MountedVolume,
  { placeMount, nameVolume }: VolumeLayout,
  volumeNames: ReadonlyMap<string, string>,
): { readonly mounts: readonly Edit[]; readonly volumes: readonly Edit[] } => {
  const ownName = nameVolume(volume.value);
  const name = volumeNames.get(claimOf(volume.value) ?? '') ?? ownName;
  const placed = mounts.flatMap((mount) => {
    const value = placeMount({ ...mount.value, name }, isConfigMap);
    return value === undefined ? [] : [editOf(at, mountKey(value.mountPath), mount, value)];
  });
  // Of a file that is not there the kubelet makes a directory: such a pod had better wait.
  const isAwaited = placed.some(({ value }) => textAt(value, ['subPath']) !== undefined);
  const given = isAwaited ? volume.value : optional(volume.value);
  return { mounts: placed, volumes: name === ownName ? [editOf(POD_VOLUMES, name, volume, { ...given, name })] : [] };
};

/** A pod never starts while a ConfigMap or Secret is missing that it mounts: it may be, unless the platform says otherwise. */
export const optional = (volume: Volume): Volume => {
  const sources = OPTIONAL_SOURCES.flatMap((field) => {
    const source = volume[field];
    return isRecord(source) ? [[field, { optional: true, ...source }] as const] : [];
  });
  return sources.length === 0 ? volume : { ...volume, ...Object.fromEntries(sources) };
};

const OPTIONAL_SOURCES = ['configMap', 'secret'];

/** The volumes that are to be injected, by name. Mounts are settled before them. */
export type DesiredVolumes = ReadonlyMap<string, Edit>;

export const desiredVolumes = (edits: readonly Edit[]): DesiredVolumes =>
  memoize(
    edits,
    desiredVolumes,
    '',
    () => new Map(edits.filter(({ at }) => at.at(-1) === 'volumes').map((edit) => [edit.key, edit])),
  );

/**
 * Why a mount must not be injected: it would mount another volume than it was meant for, or none. `volumeRefusalOf` says why
 * its volume could not be injected.
 */
export const mountedVolumeRefusal = (
  object: KubeObject,
  mount: Edit,
  at: Path,
  desired: DesiredVolumes,
  volumeRefusalOf: (volume: Edit) => string | undefined,
): string | undefined => {
  const name = textAt(mount.value, ['name']) ?? '';
  const [present] = valuesAt(object, { at, key: name });
  const volume = desired.get(name);
  if (volume === undefined) return present === undefined ? `there is no volume ${name}` : undefined;
  if (present !== undefined && isAsGiven(present, volume.value)) return undefined;
  if (present !== undefined && volume.mode === 'Default') return `there is another volume named ${name}`;
  return volumeRefusalOf(volume);
};

/** True for the directory itself too. */
export const isBelow = (path: string, directory: string): boolean => {
  const [below, above] = [mountKey(path), mountKey(directory)];
  if (above === '/') return below === '' || below.startsWith('/');
  return below.startsWith(above) && (below.length === above.length || below[above.length] === '/');
};

/** True where a mount at `path` would hide one of these, which begin as they are given (`/var/data/spark-`). */
export const hidesAny = (path: string, paths: readonly string[]): boolean =>
  paths.some((hidden) => isBelow(hidden, path));

/**
 * The mounts of one list, by how their paths begin and by their volumes. There can be tens of thousands, and a thousand to
 * be held against them. What was taken out of the list since stays: whoever follows a path looks what is there.
 */
export interface MountIndex {
  /** Paths that begin as this one does whole, itself included. */
  readonly prefixesOf: (path: string) => readonly string[];
  /** The first path, in their order, that begins with a text. */
  readonly beginningWith: (text: string) => string | undefined;
  /** True where one of these mounts a volume of that name. */
  readonly mounts: (volume: string) => boolean;
}

export const mountIndex = (list: readonly unknown[]): MountIndex =>
  list.length <= SHORT_LIST ? scanned(list) : memoizePassing(list, mountIndex, () => createIndex(list));

/** Reading so few takes less than indexing them. */
const SHORT_LIST = 32;

const scanned = (list: readonly unknown[]): MountIndex => {
  const paths: string[] = [];
  for (const mount of list) {
    paths.push(...pathOf(mount));
  }
  return {
    prefixesOf: (path) =>
      paths
        .filter((candidate, at) => path.startsWith(candidate) && paths.indexOf(candidate) === at)
        .sort((a, b) => a.length - b.length),
    beginningWith: (text) => {
      let first: string | undefined;
      for (const path of paths)
        if (path.startsWith(text) && (first === undefined || compareText(path, first) < 0)) first = path;
      return first;
    },
    mounts: (volume) => list.some((mount) => textAt(mount, VOLUME_NAME) === volume),
  };
};

const MOUNTS: Path = ['volumeMounts'];
/** Whoever chooses paths must not be able to choose such as have one hash. */
const SEED = randomInt(2 ** 31);

const createIndex = (list: readonly unknown[]): MountIndex & Incremental => {
  const sorted = [...new Set(list.flatMap(pathOf))].sort(compareText);
  const volumes = new Set(list.flatMap(volumeOf));
  const byHash = new Map<number, readonly string[]>();
  const addHash = (path: string): void => {
    let hash = SEED;
    for (let at = 0; at < path.length; at += 1) hash = hashOn(hash, path, at);
    byHash.set(hash, [...(byHash.get(hash) ?? []), path]);
  };
  for (const path of sorted) addHash(path);
  return {
    prefixesOf: (path) => {
      const found: string[] = [];
      let hash = SEED;
      for (let at = 0; at < path.length; at += 1) {
        hash = hashOn(hash, path, at);
        for (const candidate of byHash.get(hash) ?? [])
          if (candidate.length === at + 1 && path.startsWith(candidate)) found.push(candidate);
      }
      return found;
    },
    beginningWith: (text) => {
      const path = sorted[lowerBound(sorted, text)];
      return path?.startsWith(text) ? path : undefined;
    },
    mounts: (volume) => volumes.has(volume),
    onChange: (path) => {
      for (const mount of entriesWith(list, MOUNTS, path)) for (const volume of volumeOf(mount)) volumes.add(volume);
      const at = lowerBound(sorted, path);
      if (sorted[at] === path) return;
      sorted.splice(at, 0, path);
      addHash(path);
    },
  };
};

/** The second is that of spark-operator's ConfigMaps and Secrets. */
const MOUNT_PATHS: readonly Path[] = [['mountPath'], ['path']];
const VOLUME_NAME = ['name'];

const pathOf = (mount: unknown): readonly string[] => {
  for (const field of MOUNT_PATHS) {
    const path = textAt(mount, field);
    if (path !== undefined) return [mountKey(path)];
  }
  return [];
};

const volumeOf = (mount: unknown): readonly string[] => {
  const name = textAt(mount, VOLUME_NAME);
  return name === undefined ? [] : [name];
};

/** FNV-1a, a character at a time. */
const hashOn = (hash: number, text: string, at: number): number => Math.imul(hash ^ text.charCodeAt(at), 0x01_00_01_93);

/** Where a text is in a sorted list, or would be. */
const lowerBound = (sorted: readonly string[], text: string): number => {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] ?? '') < text) from = middle + 1;
    else to = middle;
  }
  return from;
};

/** A path as a directory, so that what begins with it is in it. */
const directory = (path: string): string => (path === '/' ? path : `${path}/`);

/** The mounts that one at `path` would lie in, or in whose place. */
export const mountsAbove = (index: MountIndex, path: string): readonly string[] =>
  index.prefixesOf(path).filter((above) => above === path || path.startsWith(directory(above)));

/** A mount that would lie in one at `path`. */
export const mountBelow = (index: MountIndex, path: string): string | undefined => {
  const below = index.beginningWith(directory(path));
  return below === path ? undefined : below;
};

const CONTAINERS = [
  ['spec', 'containers'],
  ['spec', 'initContainers'],
];

/** True where any container mounts a volume of that name. To be asked once all mounts are settled. */
export const isMountedInPod = (pod: KubeObject, volume: string): boolean =>
  memoizePassing(pod, isMountedInPod, () => mountedVolumes(pod)).has(volume);

const mountedVolumes = (pod: KubeObject): ReadonlySet<string> => {
  const names = new Set<string>();
  for (const list of CONTAINERS) {
    for (const container of listAt(pod, list)) {
      for (const mount of listAt(container, MOUNTS)) {
        const name = textAt(mount, VOLUME_NAME);
        if (name !== undefined) names.add(name);
      }
    }
  }
  return names;
};
