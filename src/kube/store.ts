import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { ObjectKey } from './api-server.ts';

/** What this layer says of itself; the program's logger fits. */
export interface WatchLog {
  readonly debug: (fields: Readonly<Record<string, unknown>>, message: string) => void;
  readonly info: (fields: Readonly<Record<string, unknown>>, message: string) => void;
  readonly warn: (fields: Readonly<Record<string, unknown>>, message: string) => void;
}

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';
/** `old` is what the store held before: undefined for ADDED, the object itself for DELETED. */
type ChangeListener<T> = (type: ChangeType, object: T, old: T | undefined) => void;

/** The objects of one kind, as last observed. Answers come from memory; what is handed out is shared and must not be changed. */
export interface Store<T extends KubeObject> {
  readonly get: (key: ObjectKey) => T | undefined;
  readonly list: () => readonly T[];
  readonly size: () => number;
  /** The objects for which the index function named `index` gave `value`. Throws where there is no such index. */
  readonly byIndex: (index: string, value: string) => readonly T[];
  /** How many those are, without gathering them. */
  readonly countByIndex: (index: string, value: string) => number;
  /** True once everything that was there at the start has been read (or the kind is not installed, or can be done without and may not be read). */
  readonly hasSynced: () => boolean;
  /** Resolves with `hasSynced`. */
  readonly synced: Promise<void>;
  /** True while the API server does not let us list and watch the kind: what is held may be old, or nothing. */
  readonly isForbidden: () => boolean;
  /** Calls `listener` after each change, in order. One that throws is logged and the others still called. Returns how to stop. */
  readonly onChange: (listener: ChangeListener<T>) => () => void;
}

/** A store and how a reflector fills it. */
export interface WritableStore<T extends KubeObject> extends Store<T> {
  /** An object already held with the same UID and resourceVersion is no change; one with another UID is a deletion and an addition. */
  readonly put: (object: T) => void;
  readonly remove: (key: ObjectKey) => void;
  /** Removes all whose key (`keyOf`) is not among `kept`. */
  readonly keepOnly: (kept: ReadonlySet<string>) => void;
  readonly markSynced: () => void;
  readonly markForbidden: (isForbidden: boolean) => void;
}

export type IndexFunctions<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

/** `<namespace>/<name>`, or `<name>` alone for cluster-scoped objects. */
export const keyOf = ({
  namespace = '',
  name = '',
}: {
  readonly namespace?: string;
  readonly name?: string;
}): string => (namespace === '' ? name : `${namespace}/${name}`);

/** The reverse of `keyOf`. */
export const parseKey = (key: string): ObjectKey => {
  const at = key.indexOf('/');
  return { namespace: at < 0 ? '' : key.slice(0, at), name: key.slice(at + 1) };
};

/** An empty store. `indexes` are kept up to date with each change and must give the same for the same object. */
export const createStore = <T extends KubeObject>(log: WatchLog, indexes: IndexFunctions<T> = {}): WritableStore<T> => {
  const objects = new Map<string, T>();
  const lookups = Object.entries(indexes).map(([name, valuesOf]) => ({ name, ...createIndex(valuesOf) }));
  const notify = createNotifier<T>(log);
  const { promise, resolve } = Promise.withResolvers<void>();
  let isSynced = false;
  let isForbidden = false;

  const change = (key: string, object: T | undefined, old: T | undefined): void => {
    if (object) objects.set(key, object);
    else objects.delete(key);
    for (const lookup of lookups) lookup.update(key, object, old);
    if (object) notify.all(old ? 'MODIFIED' : 'ADDED', object, old);
    else if (old) notify.all('DELETED', old, old);
  };
  const removeKey = (key: string): void => {
    const old = objects.get(key);
    if (old) change(key, undefined, old);
  };
  const keysOf = (index: string, value: string): ReadonlySet<string> => {
    const lookup = lookups.find(({ name }) => name === index);
    if (!lookup) throw new TypeError(`This store has no index ${index}.`);
    return lookup.keys(value);
  };
  return {
    get: (key) => objects.get(keyOf(key)),
    list: () => [...objects.values()],
    size: () => objects.size,
    byIndex: (index, value) => [...keysOf(index, value)].flatMap((key) => objects.get(key) ?? []),
    countByIndex: (index, value) => keysOf(index, value).size,
    hasSynced: () => isSynced,
    synced: promise,
    isForbidden: () => isForbidden,
    onChange: notify.add,
    put: (object) => {
      const key = keyOf(object.metadata);
      const old = objects.get(key);
      if (old && isSame(old, object)) return;
      if (old && old.metadata.uid !== object.metadata.uid) removeKey(key);
      change(key, object, objects.get(key));
    },
    remove: (key) => removeKey(keyOf(key)),
    keepOnly: (kept) => {
      for (const key of [...objects.keys()]) if (!kept.has(key)) removeKey(key);
    },
    markSynced: () => {
      isSynced = true;
      resolve();
    },
    markForbidden: (nowForbidden) => {
      isForbidden = nowForbidden;
    },
  };
};

const isSame = ({ metadata: a }: KubeObject, { metadata: b }: KubeObject): boolean =>
  a.uid === b.uid && a.resourceVersion === b.resourceVersion;

const createNotifier = <T>(log: WatchLog) => {
  const listeners = new Set<ChangeListener<T>>();
  const all: ChangeListener<T> = (type, object, old) => {
    for (const listener of listeners) {
      try {
        listener(type, object, old);
      } catch (error) {
        log.warn({ type, error: messageOf(error) }, 'a listener of a watch threw; the watch goes on');
      }
    }
  };
  const add = (listener: ChangeListener<T>): (() => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return { all, add };
};

/** Which keys gave which value: one secondary index of a store. */
interface Index<T> {
  readonly keys: (value: string) => ReadonlySet<string>;
  /** Moves `key` from the values of `old` to those of `object`; undefined stands for none. */
  readonly update: (key: string, object: T | undefined, old: T | undefined) => void;
}

const none: ReadonlySet<string> = new Set();

/** An empty index over what `valuesOf` gives. A value without keys takes no memory. */
const createIndex = <T>(valuesOf: (object: T) => readonly string[]): Index<T> => {
  const keysByValue = new Map<string, Set<string>>();
  const add = (value: string, key: string): void => {
    const keys = keysByValue.get(value);
    if (keys) keys.add(key);
    else keysByValue.set(value, new Set([key]));
  };
  const drop = (value: string, key: string): void => {
    const keys = keysByValue.get(value);
    keys?.delete(key);
    if (keys?.size === 0) keysByValue.delete(value);
  };
  return {
    keys: (value) => keysByValue.get(value) ?? none,
    update: (key, object, old) => {
      if (old) for (const value of valuesOf(old)) drop(value, key);
      if (object) for (const value of valuesOf(object)) add(value, key);
    },
  };
};

/** True where an object has other labels than it had; one that was not there had none. */
export const hasChangedLabels = ({ metadata }: KubeObject, old: KubeObject | undefined): boolean =>
  !isDeepStrictEqual(metadata.labels ?? {}, old?.metadata.labels ?? {});
