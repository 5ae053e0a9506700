import { isDeepStrictEqual } from 'node:util';
import { isRecord, listAt, readAt, type UnknownRecord } from '../../injection/path.ts';

/** How a field is merged, as the tags patchStrategy and patchMergeKey of k8s.io/api have it; what has none is replaced, maps aside. */
interface Merging {
  /** Entries of the list are the same where this field of theirs is. */
  readonly by?: string;
  /** A list of values, of which each stands once. */
  readonly isSet?: true;
  /** Where it changes, it keeps no field but those that are said: of a volume there is one source. */
  readonly retainsKeys?: true;
  readonly fields?: MergedFields;
}

export type MergedFields = Readonly<Record<string, Merging>>;

const CONTAINER: MergedFields = {
  ports: { by: 'containerPort' },
  env: { by: 'name' },
  volumeMounts: { by: 'mountPath' },
  volumeDevices: { by: 'devicePath' },
};

const CONTAINERS: Merging = { by: 'name', fields: CONTAINER };

/** PodSpec. */
export const podSpecFields: MergedFields = {
  volumes: { by: 'name', retainsKeys: true },
  initContainers: CONTAINERS,
  containers: CONTAINERS,
  ephemeralContainers: CONTAINERS,
  imagePullSecrets: { by: 'name' },
  hostAliases: { by: 'ip' },
  topologySpreadConstraints: { by: 'topologyKey' },
  schedulingGates: { by: 'name' },
  resourceClaims: { by: 'name', retainsKeys: true },
};

/** Pods, and all other built-in kinds that webhooks are asked about. */
export const builtInFields: MergedFields = {
  metadata: { fields: { ownerReferences: { by: 'uid' }, finalizers: { isSet: true } } },
  spec: { fields: podSpecFields },
};

/** Template of Argo; its tags are in workflow_types.go. */
export const workflowTemplateFields: MergedFields = {
  container: { fields: CONTAINER },
  script: { fields: CONTAINER },
  volumes: { by: 'name' },
  initContainers: CONTAINERS,
  sidecars: CONTAINERS,
  tolerations: { by: 'key' },
  hostAliases: { by: 'ip' },
};

/** What a manifest says over what is there; of what it leaves out that is kept which was not said last time. A null takes a field away. */
export const mergeThree = (
  last: UnknownRecord,
  stored: object,
  manifest: object,
  fields: MergedFields = {},
): UnknownRecord => {
  const present = Object.entries(stored).filter(([key]) => Object.hasOwn(manifest, key) || !Object.hasOwn(last, key));
  const said = Object.entries(manifest).filter(([, value]) => value !== null);
  const dropped = new Set(Object.entries(manifest).flatMap(([key, value]) => (value === null ? [key] : [])));
  const kept = Object.fromEntries(present.filter(([key]) => !dropped.has(key)));
  const merged = said.map(([key, value]): readonly [string, unknown] => {
    const merging = Object.hasOwn(fields, key) ? fields[key] : undefined;
    return [key, mergeValue(last[key], kept[key], value, merging)];
  });
  return { ...kept, ...Object.fromEntries(merged) };
};

const mergeValue = (last: unknown, stored: unknown, value: unknown, merging: Merging = {}): unknown => {
  if (isRecord(value) && isRecord(stored))
    return mergeThree(isRecord(last) ? last : {}, stored, value, merging.fields ?? {});
  if (Array.isArray(value) && Array.isArray(stored)) return mergeList(listAt(last, []), stored, value, merging);
  return isDeepStrictEqual(stored, value) ? stored : value;
};

type List = readonly unknown[];

const mergeList = (last: List, stored: List, list: List, merging: Merging): List => {
  const { by } = merging;
  const keyOf = (entry: unknown): unknown => (by === undefined ? entry : readAt(entry, [by]));
  const isKeyed = merging.isSet === true || by !== undefined;
  if (!isKeyed || ![last, stored, list].every((one) => hasKeys(one.map(keyOf))))
    return isDeepStrictEqual(stored, list) ? stored : list;
  const [before, there, said] = [last, stored, list].map((one) => new Map(one.map((entry) => [keyOf(entry), entry])));
  const merged = list.map((entry) => mergeEntry(before?.get(keyOf(entry)), there?.get(keyOf(entry)), entry, merging));
  const others = stored.filter((entry) => said?.has(keyOf(entry)) === false && before?.has(keyOf(entry)) === false);
  const places = new Map(stored.map((entry, place) => [keyOf(entry), place]));
  return inOrder(others, merged, (entry) => places.get(keyOf(entry)) ?? -1);
};

/** Entries without a key, or two of one, are no list that can be merged. */
const hasKeys = (keys: List): boolean => new Set(keys).size === keys.length && !keys.includes(undefined);

const mergeEntry = (last: unknown, stored: unknown, entry: unknown, merging: Merging): unknown => {
  const { by: _, isSet: __, ...within } = merging;
  const merged = mergeValue(last, stored, entry, within);
  if (merging.retainsKeys !== true || !isRecord(merged) || !isRecord(entry) || isDeepStrictEqual(merged, stored))
    return merged;
  return Object.fromEntries(Object.entries(merged).filter(([key]) => Object.hasOwn(entry, key)));
};

/** The order of each list is kept; one of `others` stands before the first that it stood before (mergeSortedSlice in strategicpatch). */
const inOrder = (others: List, said: List, placeOf: (entry: unknown) => number): List => {
  const ordered: unknown[] = [];
  let next = 0;
  for (const entry of said) {
    const place = placeOf(entry);
    while (next < others.length && place >= 0 && placeOf(others[next]) < place) ordered.push(others[next++]);
    ordered.push(entry);
  }
  return [...ordered, ...others.slice(next)];
};
