import type { DefaultsIndex } from '../api/injection.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import { createEntriesIndex } from './entries-index.ts';
import { type DefaultsOptions, type Entry, entryOf } from './entry.ts';

import { createSharedParts } from './parts.ts';
import { validateDefaults } from './validation/spec.ts';
import type { OthersInForce } from './warnings.ts';

/** What validation of a PlatformDefaults came to: its violations, and the version that is in force. */
export interface Validation {
  readonly defaults: PlatformDefaults;
  /** None where it is valid. */
  readonly violations: readonly string[];
  /** Itself where it is valid, else the last version that was. Undefined where none is known: nothing is in force. */
  readonly inForce: PlatformDefaults | undefined;
}

/** The PlatformDefaults of a cluster as far as they are in force. An invalid one leaves its last valid version standing. */
export interface DefaultsInForce extends OthersInForce {
  /** For each that was added or changed. */
  readonly put: (defaults: PlatformDefaults) => void;
  readonly remove: (defaults: PlatformDefaults) => void;
  readonly validation: (namespace: string, name: string) => Validation | undefined;
  /** What is in force of one. */
  readonly entry: (namespace: string, name: string) => Entry | undefined;
  /** All that are in force, in no particular order. Another list after a change. */
  readonly entries: () => readonly Entry[];
  /** What decisions are made from, as it is at each moment; another one after a change. */
  readonly index: () => DefaultsIndex;
}

interface Tracked extends Validation {
  readonly entry: Entry | undefined;
}

/**
 * The last valid version is remembered, and read from `status.inForce` after a restart, where the controller keeps it.
 * It is validated like any other: whoever may write a status gains nothing.
 */
export const createDefaultsInForce = (options: DefaultsOptions): DefaultsInForce => {
  const tracked = new Map<string, Tracked>();
  const byKey = new Map<string, Entry>();
  const peers = new Map<string, Set<Entry>>();
  const index = createEntriesIndex();
  const parts = createSharedParts();
  let entries: readonly Entry[] | undefined;

  const change = (key: string, next: Tracked | undefined): void => {
    const before = byKey.get(key);
    if (next) tracked.set(key, next);
    else tracked.delete(key);
    if (before !== undefined) takeOut(key, before);
    if (next?.entry !== undefined) putIn(key, next.entry);
  };
  const takeOut = (key: string, entry: Entry): void => {
    byKey.delete(key);
    const equals = peers.get(peersKey(entry));
    equals?.delete(entry);
    if (equals?.size === 0) peers.delete(peersKey(entry));
    index.remove(entry);
    parts.remove(entry);
    entries = undefined;
  };
  const putIn = (key: string, entry: Entry): void => {
    byKey.set(key, entry);
    peers.set(peersKey(entry), (peers.get(peersKey(entry)) ?? new Set()).add(entry));
    index.add(entry);
    parts.add(entry);
    entries = undefined;
  };
  return {
    put: (defaults) => {
      const key = keyOf(defaults);
      const before = tracked.get(key);
      if (before && isUnchanged(before, defaults)) tracked.set(key, { ...before, defaults });
      else change(key, track(validate(defaults, before, options), options));
    },
    remove: (defaults) => change(keyOf(defaults), undefined),
    validation: (namespace, name) => tracked.get(`${namespace}/${name}`),
    entry: (namespace, name) => byKey.get(`${namespace}/${name}`),
    entries: () => {
      entries ??= [...byKey.values()];
      return entries;
    },
    peersOf: (entry) => peers.get(peersKey(entry)) ?? [],
    defines: parts.defines,
    hasJmxExporter: parts.hasJmxExporter,
    hasTemplate: parts.hasTemplate,
    index: index.view,
  };
};

const keyOf = ({ metadata }: PlatformDefaults): string => `${metadata.namespace}/${metadata.name}`;

const peersKey = ({ source, precedence }: Entry): string => `${source.namespace} ${precedence.join()}`;

/** A valid version observed again: only metadata or status can have changed. */
const isUnchanged = ({ defaults, violations }: Tracked, { metadata }: PlatformDefaults): boolean =>
  violations.length === 0 &&
  defaults.metadata.uid === metadata.uid &&
  defaults.metadata.generation === metadata.generation;

const track = (validation: Validation, options: DefaultsOptions): Tracked => ({
  ...validation,
  entry: validation.inForce && entryOf(validation.inForce, options),
});

const validate = (defaults: PlatformDefaults, before: Tracked | undefined, options: DefaultsOptions): Validation => {
  const violations = validateDefaults(defaults, options);
  if (violations.length === 0) return { defaults, violations, inForce: defaults };
  const isSameObject = before?.defaults.metadata.uid === defaults.metadata.uid;
  const candidates = [versionInStatus(defaults), isSameObject ? before?.inForce : undefined];
  const valid = candidates.filter(
    (version) => version !== undefined && validateDefaults(version, options).length === 0,
  );
  return { defaults, violations, inForce: valid.toSorted((a, b) => generationOf(b) - generationOf(a))[0] };
};

const generationOf = (defaults: PlatformDefaults | undefined): number => defaults?.metadata.generation ?? 0;

/** The version that status says is in force. */
const versionInStatus = (defaults: PlatformDefaults): PlatformDefaults | undefined => {
  const { inForce } = defaults.status ?? {};
  if (!inForce) return undefined;
  const { generation, spec } = inForce;
  return { ...defaults, metadata: { ...defaults.metadata, generation }, spec };
};
