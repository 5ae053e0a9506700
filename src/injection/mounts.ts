import { randomInt } from 'node:crypto';
import { mountKey } from '../api/inject-spec.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { entriesWith } from './edit.ts';
import { type Incremental, memoize } from './memo.ts';
import { listAt, type Path, textAt } from './path.ts';

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
  memoize(list, mountIndex, '', () => createIndex(list));

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

const pathOf = (mount: unknown): readonly string[] => {
  const path = textAt(mount, ['mountPath']);
  return path === undefined ? [] : [mountKey(path)];
};

const volumeOf = (mount: unknown): readonly string[] => {
  const name = textAt(mount, ['name']);
  return name === undefined ? [] : [name];
};

/** FNV-1a, a character at a time. */
const hashOn = (hash: number, text: string, at: number): number => Math.imul(hash ^ text.charCodeAt(at), 0x01_00_01_93);

const compareText = (a: string, b: string): number => {
  if (a === b) return 0;
  return a < b ? -1 : 1;
};

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
  memoize(pod, isMountedInPod, '', () => new Set(mountedVolumes(pod))).has(volume);

const mountedVolumes = (pod: KubeObject): readonly string[] =>
  CONTAINERS.flatMap((list) => listAt(pod, list).flatMap((container) => listAt(container, MOUNTS).flatMap(volumeOf)));
