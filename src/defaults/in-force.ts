import type { DefaultsIndex } from '../api/injection.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import { type DefaultsOptions, type Entry, entryOf } from './entry.ts';
import { indexEntries } from './resolution.ts';
import { validateDefaults } from './validation/spec.ts';

/** What validation of a PlatformDefaults came to: its violations, and the version that is in force. */
export interface Validation {
  readonly defaults: PlatformDefaults;
  /** None where it is valid. */
  readonly violations: readonly string[];
  /** Itself where it is valid, else the last version that was. Undefined where none is known: nothing is in force. */
  readonly inForce: PlatformDefaults | undefined;
}

/** The PlatformDefaults of a cluster as far as they are in force. An invalid one leaves its last valid version standing. */
export interface DefaultsInForce {
  /** For each that was added or changed. */
  readonly put: (defaults: PlatformDefaults) => void;
  readonly remove: (defaults: PlatformDefaults) => void;
  readonly validation: (namespace: string, name: string) => Validation | undefined;
  /** All that are in force, in no particular order. */
  readonly entries: () => readonly Entry[];
  /** Made anew when first asked for after a change. */
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
  let entries: readonly Entry[] | undefined;
  let index: DefaultsIndex | undefined;

  const change = (key: string, next: Tracked | undefined): void => {
    const affectsIndex = next?.entry !== undefined || tracked.get(key)?.entry !== undefined;
    if (next) tracked.set(key, next);
    else tracked.delete(key);
    if (affectsIndex) entries = index = undefined;
  };
  const allEntries = (): readonly Entry[] => {
    entries ??= [...tracked.values()].flatMap(({ entry }) => entry ?? []);
    return entries;
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
    entries: allEntries,
    index: () => {
      index ??= indexEntries(allEntries());
      return index;
    },
  };
};

const keyOf = ({ metadata }: PlatformDefaults): string => `${metadata.namespace}/${metadata.name}`;

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
