import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, type FieldPath, holdsAt } from '../edit.ts';
import { isRecord, listAt, type Path, textAt } from '../path.ts';

/** Where one kind of object has what its pods resolve names by. */
export interface HostPlaces {
  /** Text that is the same for all that comes into the same pods. */
  readonly podOf: (at: Path) => string;
  /** All lists of aliases of the pods that have this one, itself included. */
  readonly aliasLists: (at: Path) => readonly Path[];
  /** Where a container of these pods may have something mounted at a path. */
  readonly mountsAt: (object: KubeObject, at: Path, path: string) => readonly FieldPath[];
}

/** What enforced aliases and a `dnsConfig` conflict with. */
export type HostConflicts = (object: KubeObject, edit: Edit) => readonly FieldPath[];

/** The file that the kubelet writes each to. */
const FILES: Readonly<Record<string, string | undefined>> = {
  hostAliases: '/etc/hosts',
  dnsConfig: '/etc/resolv.conf',
};
const MOUNT_LISTS: ReadonlySet<string> = new Set(['volumeMounts', 'configMaps', 'secrets']);

/**
 * Of two lines of /etc/hosts that have a name the first holds, and nothing of either file does where something else is mounted there.
 * All of that is what the first edit of those that are enforced conflicts with: an object may have as many lines as it likes.
 */
export const hostConflicts = (edits: readonly Edit[], places: HostPlaces): HostConflicts => {
  const pods = podsIn(edits, places.podOf);
  return (object, edit) => {
    const pod = pods.size === 0 ? undefined : pods.get(places.podOf(edit.at));
    if (pod === undefined) return NONE;
    return MOUNT_LISTS.has(edit.at.at(-1) ?? '') ? holdersBeside(pod, edit) : conflictsIn(object, edit, pod, places);
  };
};

const conflictsIn = (object: KubeObject, edit: Edit, pod: EnforcedHosts, places: HostPlaces): readonly FieldPath[] => {
  const field = edit.at.at(-1) ?? '';
  const file = FILES[field];
  if (file === undefined) return NONE;
  const rival = field === 'hostAliases' ? rivalOf(pod, edit) : undefined;
  if (rival !== undefined) return [rival];
  const isFirst = edit.mode === 'Enforce' && pod.holders.get(file)?.key === edit.key;
  return isFirst ? conflictsOfFirst(object, edit, { pod, file, places }) : NONE;
};

/** What is mounted over a file that another PlatformDefaults enforces something in. */
const holdersBeside = ({ holders }: EnforcedHosts, { key, by }: Edit): readonly FieldPath[] => {
  const holder = holders.get(key);
  return holder === undefined || holder.by === by ? NONE : [holder];
};

interface FirstOfFile {
  readonly pod: EnforcedHosts;
  readonly file: string;
  readonly places: HostPlaces;
}

const conflictsOfFirst = (
  object: KubeObject,
  { at }: Edit,
  { pod, file, places }: FirstOfFile,
): readonly FieldPath[] => [
  ...(at.at(-1) === 'hostAliases' ? otherAliases(object, pod, places.aliasLists(at)) : NONE),
  ...places.mountsAt(object, at, file).filter((mount) => holdsAt(object, mount)),
];

const NONE: readonly FieldPath[] = [];

interface EnforcedHosts {
  /** By file: the first edit that comes into it. */
  readonly holders: Map<string, Edit>;
  /** Enforced aliases by the names that they give an address. */
  readonly byName: Map<string, Edit>;
  /** Addresses of those that stand. */
  readonly addresses: Set<string>;
}

const podsIn = (edits: readonly Edit[], podOf: HostPlaces['podOf']): ReadonlyMap<string, EnforcedHosts> => {
  const enforced = edits.filter(({ at, mode }) => mode === 'Enforce' && FILES[at.at(-1) ?? ''] !== undefined);
  if (enforced.length === 0) return NOWHERE;
  const pods = Map.groupBy(enforced, ({ at }) => podOf(at));
  return new Map([...pods].map(([pod, list]) => [pod, hostsOf(list)]));
};

const NOWHERE: ReadonlyMap<string, EnforcedHosts> = new Map();

const hostsOf = (enforced: readonly Edit[]): EnforcedHosts => {
  const hosts: EnforcedHosts = { holders: new Map(), byName: new Map(), addresses: new Set() };
  for (const edit of enforced) {
    const field = edit.at.at(-1) ?? '';
    const file = FILES[field] ?? '';
    if (!hosts.holders.has(file)) hosts.holders.set(file, edit);
    if (field === 'hostAliases' && rivalOf(hosts, edit) === undefined) addAlias(hosts, edit);
  }
  return hosts;
};

const addAlias = ({ byName, addresses }: EnforcedHosts, edit: Edit): void => {
  addresses.add(edit.key);
  for (const name of namesOf(edit.value)) if (!byName.has(name)) byName.set(name, edit);
};

/** An alias that another PlatformDefaults enforces, better, for a name of this one. */
const rivalOf = ({ byName }: EnforcedHosts, { by, key, value }: Edit): Edit | undefined =>
  namesOf(value)
    .map((name) => byName.get(name))
    .find((other) => other !== undefined && other.by !== by && other.key !== key);

const otherAliases = (object: KubeObject, pod: EnforcedHosts, lists: readonly Path[]): readonly FieldPath[] =>
  lists.flatMap((at) => {
    const keys = listAt(object, at).flatMap((alias) => {
      const key = textAt(alias, ['ip']);
      const isRival =
        key !== undefined && !pod.addresses.has(key) && namesOf(alias).some((name) => pod.byName.has(name));
      return isRival ? [key] : [];
    });
    return [...new Set(keys)].map((key) => ({ at, key }));
  });

const namesOf = (alias: unknown): readonly string[] =>
  isRecord(alias)
    ? listAt(alias, ['hostnames']).flatMap((name) => (typeof name === 'string' ? [name.toLowerCase()] : []))
    : [];
