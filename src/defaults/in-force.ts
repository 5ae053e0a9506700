import type { DefaultsIndex } from '../api/injection.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import { type DefaultsOptions, type Entry, entryOf } from './entry.ts';
import { indexEntries } from './index.ts';
import { validateDefaults } from './validation/validate.ts';

/** What a PlatformDefaults came to: what is wrong with it, and the version that holds. */
export interface Judgement {
  readonly defaults: PlatformDefaults;
  /** None where it is valid. */
  readonly flaws: readonly string[];
  /** Itself where it is valid, else the last version that was. Undefined where none is known: nothing is in force. */
  readonly inForce: PlatformDefaults | undefined;
}

/** The PlatformDefaults of a cluster as far as they are in force. An invalid one leaves its last valid version standing. */
export interface DefaultsInForce {
  /** For each that was added or changed. */
  readonly put: (defaults: PlatformDefaults) => void;
  readonly remove: (defaults: PlatformDefaults) => void;
  readonly judgement: (namespace: string, name: string) => Judgement | undefined;
  /** All that are in force, in no particular order. */
  readonly entries: () => readonly Entry[];
  /** Made anew when first asked for after a change. */
  readonly index: () => DefaultsIndex;
}

interface Held extends Judgement {
  readonly entry: Entry | undefined;
}

/**
 * The last valid version is remembered, and read from `status.inForce` after a restart, where the controller keeps it.
 * It is validated like any other: whoever may write a status gains nothing.
 */
export const createDefaultsInForce = (options: DefaultsOptions): DefaultsInForce => {
  const held = new Map<string, Held>();
  let entries: readonly Entry[] | undefined;
  let index: DefaultsIndex | undefined;

  const change = (key: string, next: Held | undefined): void => {
    const isNews = next?.entry !== undefined || held.get(key)?.entry !== undefined;
    if (next) held.set(key, next);
    else held.delete(key);
    if (isNews) entries = index = undefined;
  };
  const allEntries = (): readonly Entry[] => {
    entries ??= [...held.values()].flatMap(({ entry }) => entry ?? []);
    return entries;
  };
  return {
    put: (defaults) => {
      const key = keyOf(defaults);
      const before = held.get(key);
      if (before && isSettled(before, defaults)) held.set(key, { ...before, defaults });
      else change(key, hold(judge(defaults, before, options), options));
    },
    remove: (defaults) => change(keyOf(defaults), undefined),
    judgement: (namespace, name) => held.get(`${namespace}/${name}`),
    entries: allEntries,
    index: () => {
      index ??= indexEntries(allEntries());
      return index;
    },
  };
};

const keyOf = ({ metadata }: PlatformDefaults): string => `${metadata.namespace}/${metadata.name}`;

/** A valid version seen again: only metadata or status can have changed. */
const isSettled = ({ defaults, flaws }: Held, { metadata }: PlatformDefaults): boolean =>
  flaws.length === 0 && defaults.metadata.uid === metadata.uid && defaults.metadata.generation === metadata.generation;

const hold = (judgement: Judgement, options: DefaultsOptions): Held => ({
  ...judgement,
  entry: judgement.inForce && entryOf(judgement.inForce, options),
});

const judge = (defaults: PlatformDefaults, before: Held | undefined, options: DefaultsOptions): Judgement => {
  const flaws = validateDefaults(defaults, options);
  if (flaws.length === 0) return { defaults, flaws, inForce: defaults };
  const isSameObject = before?.defaults.metadata.uid === defaults.metadata.uid;
  const known = [recorded(defaults), isSameObject ? before?.inForce : undefined];
  const valid = known.filter((version) => version !== undefined && validateDefaults(version, options).length === 0);
  return { defaults, flaws, inForce: valid.toSorted((a, b) => generationOf(b) - generationOf(a))[0] };
};

const generationOf = (defaults: PlatformDefaults | undefined): number => defaults?.metadata.generation ?? 0;

/** The version that status says is in force. */
const recorded = (defaults: PlatformDefaults): PlatformDefaults | undefined => {
  const { inForce } = defaults.status ?? {};
  if (!inForce) return undefined;
  const { generation, spec } = inForce;
  return { ...defaults, metadata: { ...defaults.metadata, generation }, spec };
};
