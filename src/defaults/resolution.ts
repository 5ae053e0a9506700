import type { Application, NotApplied } from '../api/admission.ts';
import type { InjectSpec } from '../api/inject-spec.ts';
import type { ContainerInjection, DefaultsTarget, Injection } from '../api/injection.ts';
import { titleOf } from '../injection/edit.ts';
import { createCache } from './cache.ts';
import { type Share, sourcesAlone, withTemplates } from './containers.ts';
import {
  compareEntries,
  type Entry,
  entryFor,
  hasEqualPrecedence,
  isEnforcedGlobally,
  namespacedName,
} from './entry.ts';
import { withOwnVolumes } from './layers/volume-names.ts';
import type { Posted } from './matcher.ts';
import { type Layer, mergeLayers } from './merge.ts';
import { fillPartly, type LeftOutValue, leftOutText } from './partial.ts';
import { countValues, MAX_VALUES } from './validation/inject.ts';
import {
  builtInValue,
  createBudget,
  createLookup,
  expandVariables,
  isOfObject,
  isOfStore,
  requiredVariablesIn,
  variablesIn,
} from './variables.ts';

/** The size of the cache of plans, and of those of injections, in bytes as weighed here. */
const MAX_CACHE_BYTES = 32 * 1024 * 1024;
/** Bytes for each character of what an injection gives: its keys are stored anew, and again as edits for each place. */
const BYTES_PER_CHARACTER = 4;
/** What the edits made of one value weigh, in each of the places it goes to. */
const CHARACTERS_PER_VALUE = 200;
/** Bytes that a layer takes besides what it shares with its entry. */
const LAYER_BYTES = 128;

interface Plan {
  readonly layers: readonly PlannedLayer[];
  readonly unresolved: readonly string[];
  /** Those that what is enforced for the whole cluster names, and that are the platform's there. */
  readonly ofPlatform: readonly string[];
}

/** `size`: in characters. */
interface SizedInjection {
  readonly injection: Injection;
  readonly size: number;
}

interface FilledInjection extends SizedInjection {
  readonly layers: readonly Layer[];
}

/** What some entries come to for an object. */
export interface Resolution {
  readonly injection: Injection;
  /** The same for one container, which is not given all of each entry. */
  readonly sharedBy: (shareOf: (entry: Entry) => Share) => ContainerInjection;
}

/** Of entries, best first. Undefined where they give nothing. */
export type Resolver = (target: DefaultsTarget, found: readonly Posted[]) => Resolution | undefined;

/** Objects that match the same entries with the same variables get the very same injection. */
export const createResolver = (): Resolver => {
  const planOf = createCache<Plan>(MAX_CACHE_BYTES, weightOf);
  const injectionOf = createCache<FilledInjection>(MAX_CACHE_BYTES, ({ size }) => BYTES_PER_CHARACTER * size);
  const sharedOf = createCache<SizedInjection>(MAX_CACHE_BYTES, ({ size }) => BYTES_PER_CHARACTER * size);
  return (target, found) => {
    if (found.length === 0) return undefined;
    const matchKey = found.map(({ id }) => id).join();
    const plan = planOf(matchKey, () => planFor(found.map(({ entry }) => entry)));
    if (plan.layers.length === 0) return undefined;
    const values = valuesFor(plan, target);
    const key = `${matchKey} ${JSON.stringify(values)}`;
    const { injection, layers } = injectionOf(key, () => inject(plan, values));
    return {
      injection,
      sharedBy: (shareOf) => {
        const shares = layers.map(({ entry }) => shareOf(entry));
        if (shares.every((share) => share === 'all')) return { full: injection, sources: injection };
        if (shares.every((share) => share === 'nothing')) return NOTHING;
        const shared = sharedOf(`${key} ${shares.join()}`, () => injectShares(layers, shares)).injection;
        return { full: shares.includes('all') ? shared : undefined, sources: shared };
      },
    };
  };
};

export const NOTHING: ContainerInjection = { full: undefined, sources: undefined };

/** Of layers whose variables and templates are those of the whole object: which of them a container is given changes none. */
const injectShares = (layers: readonly Layer[], shares: readonly Share[]): SizedInjection => {
  const given = layers.flatMap((layer, at) => {
    if (shares[at] === 'nothing') return [];
    return [shares[at] === 'all' ? layer : { ...layer, inject: sourcesAlone(layer.inject) }];
  });
  const size = given.reduce(
    (sum, { inject }) => sum + JSON.stringify(inject).length + CHARACTERS_PER_VALUE * countValues(inject),
    0,
  );
  return { injection: mergeLayers(given, []), size };
};

const planFor = (matched: readonly Entry[]): Plan => {
  const layers = planLayers(matched);
  const enforced = layers.filter(({ entry }) => isEnforcedGlobally(entry));
  return { layers, unresolved: unresolvedIn(layers), ofPlatform: unresolvedIn(enforced).filter(isOfStore) };
};

const unresolvedIn = (layers: readonly PlannedLayer[]): readonly string[] => [
  ...new Set(layers.flatMap(({ unresolved }) => unresolved)),
];

/** Of `unresolved` and then of `ofPlatform`, in their order. */
type Values = readonly (string | undefined)[];

const valuesFor = ({ unresolved, ofPlatform }: Plan, target: DefaultsTarget): Values => {
  const values = unresolved.map((name) => builtInValue(target, name));
  return ofPlatform.length === 0 ? values : [...values, ...ofPlatform.map((name) => builtInValue(target, name, true))];
};

const weightOf = ({ layers }: Plan): number =>
  layers.reduce((sum, { isTemplate, size }) => sum + LAYER_BYTES + (isTemplate && Number.isFinite(size) ? size : 0), 0);

const inject = (plan: Plan, values: Values): FilledInjection => {
  const { layers, leftOut, size } = fillLayers(plan, values);
  const merged = mergeLayers(layers, firstOf(leftOut.map(notApplied)), leftOut.flatMap(unenforcedIn));
  const isWhole = ({ values }: LeftOut): boolean => values === undefined;
  const injection = {
    ...merged,
    matched: [...merged.matched, ...leftOut.filter(isWhole).map(({ entry }) => matchedBy(entry))],
    notApplied: leftOut.flatMap(missingIn),
  };
  const told = injection.warnings.reduce((sum, { length }) => sum + length, 0);
  return { injection, layers, size: size + told };
};

/** An entry that gives an object nothing although it matches, or not all of it, and why: a part of a sentence. */
export interface LeftOut {
  readonly entry: Entry;
  readonly why: string;
  /** The values alone that are left out; undefined where it is the whole entry. */
  readonly values?: readonly LeftOutValue[];
  /** True where it follows from the object that the whole entry is. */
  readonly isOfObject?: boolean;
}

/** What matching entries come to before they are merged, best first. */
export interface Layers {
  readonly layers: readonly Layer[];
  readonly leftOut: readonly LeftOut[];
}

/** The layers that entries which match a target make, best first; what `DefaultsIndex.resolve` merges. */
export const layersFor = (matched: readonly Entry[], target: DefaultsTarget): Layers => {
  const plan = planFor(matched.map((entry) => entryFor(entry, target.kind)).sort(compareEntries));
  return fillLayers(plan, valuesFor(plan, target));
};

/** Best first, so that what is enforced for the whole cluster has room whatever a tenant gives besides. */
const fillLayers = ({ layers, unresolved, ofPlatform }: Plan, values: Values): Layers & { readonly size: number } => {
  const known = new Map(unresolved.map((name, at) => [name, values[at]]));
  const platforms = new Map([
    ...known,
    ...ofPlatform.map((name, at) => [name, values[unresolved.length + at]] as const),
  ]);
  const applied: SizedLayer[] = [];
  const leftOut: LeftOut[] = [];
  let remaining: Allowance = { size: MAX_INJECT_CHARACTERS, values: MAX_VALUES };
  for (const planned of layers) {
    const layer = fillLayer(planned, isEnforcedGlobally(planned.entry) ? platforms : known, remaining);
    if (typeof layer === 'string') {
      leftOut.push({ entry: planned.entry, why: layer, isOfObject: planned.unresolved.some(isOfObject) });
      continue;
    }
    applied.push(layer);
    if (layer.leftOut !== undefined && layer.leftOut.length > 0)
      leftOut.push({ entry: planned.entry, why: leftOutText(layer.leftOut), values: layer.leftOut });
    remaining = { size: remaining.size - layer.size, values: remaining.values - planned.values };
  }
  const given = MAX_VALUES - remaining.values;
  return {
    layers: withOwnVolumes(applied),
    leftOut,
    size: MAX_INJECT_CHARACTERS - remaining.size + CHARACTERS_PER_VALUE * given,
  };
};

/** As many as there are entries would be sent, logged and kept with every object. */
const MAX_NOT_APPLIED = 5;

const firstOf = (sentences: readonly string[]): readonly string[] =>
  sentences.length <= MAX_NOT_APPLIED
    ? sentences
    : [
        ...sentences.slice(0, MAX_NOT_APPLIED),
        `${sentences.length - MAX_NOT_APPLIED} more PlatformDefaults are not applied.`,
      ];

type Allowance = Pick<PlannedLayer, 'size' | 'values'>;

interface SizedLayer extends Layer {
  readonly size: number;
  readonly leftOut?: readonly LeftOutValue[];
}

/** The layer with its variables filled in; a part of a sentence where that cannot be. */
const fillLayer = (
  layer: PlannedLayer,
  known: ReadonlyMap<string, string | undefined>,
  allowance: Allowance,
): SizedLayer | string => {
  const { entry, isTemplate } = layer;
  if (layer.size > allowance.size) return SIZE_EXCEEDED;
  if (layer.values > allowance.values) return COUNT_EXCEEDED;
  if (!isTemplate) return layer;
  if (layer.ofObject !== undefined)
    return `\${${layer.ofObject}} follows from one object, and a StorageClass is for the whole cluster`;
  const budget = createBudget(allowance.size - layer.size);
  const ofDefinitions = createBudget(MAX_INJECT_CHARACTERS);
  const variables = createLookup({
    definitionOf: (name) => layer.definitions.get(name),
    builtIn: (name) => known.get(name),
    spend: ofDefinitions.spend,
  });
  const { kinds } = entry.spec.match;
  const filled = fillPartly(layer.inject, {
    kinds,
    mode: entry.mode,
    required: layer.required,
    variables,
    spend: budget.spend,
  });
  if (budget.isSpent() || ofDefinitions.isSpent()) return SIZE_EXCEEDED;
  if (typeof filled === 'string') return filled;
  const { inject, leftOut } = filled;
  return { entry, inject, leftOut: [...(layer.leftOut ?? []), ...leftOut], size: JSON.stringify(inject).length };
};

const SIZE_EXCEEDED = 'PlatformDefaults would give this object more than 1 MiB';
const COUNT_EXCEEDED = `PlatformDefaults would give this object more than ${MAX_VALUES} values`;

const notApplied = ({ entry, why, values }: LeftOut): string =>
  values === undefined
    ? `PlatformDefaults ${namespacedName(entry)} is not applied: ${why}.`
    : `PlatformDefaults ${namespacedName(entry)}: ${why}.`;

const matchedBy = ({ source, mode }: Entry): Application['matched'][number] => ({ by: titleOf(source), mode });

const missingIn = ({ entry, why, values }: LeftOut): readonly NotApplied[] => {
  const by = titleOf(entry.source);
  return values === undefined
    ? [{ by, field: '', why }]
    : values.map((value) => ({ by, field: value.field, why: value.why }));
};

/** Nothing of what fails for everybody: that is for whoever wrote the PlatformDefaults. */
const unenforcedIn = ({ entry, why, values, isOfObject: isWhole }: LeftOut): readonly string[] => {
  if (!entry.isGlobal || entry.mode === 'Default') return [];
  if (values === undefined)
    return isWhole === true ? [`PlatformDefaults ${namespacedName(entry)} is enforced: ${why}`] : [];
  const [first] = values.filter((value) => value.isOfObject);
  return first === undefined
    ? []
    : [`${first.field} is enforced by PlatformDefaults ${namespacedName(entry)}: ${first.why}`];
};

/** What one entry gives to the objects that match a certain set of entries. */
interface PlannedLayer {
  readonly entry: Entry;
  /** Its variables are still to be filled in. */
  readonly inject: InjectSpec;
  /** What those of PlatformDefaults stand for. */
  readonly definitions: ReadonlyMap<string, string>;
  /** True where a string holds `${` or `$${`. */
  readonly isTemplate: boolean;
  /** Variables that only the object can give a value, or nobody. */
  readonly unresolved: readonly string[];
  /** Those without which it is not given. */
  readonly required: readonly string[];
  /** A variable of the object in what is made for the whole cluster. */
  readonly ofObject?: string | undefined;
  /** In characters of JSON; infinite where it is more than any object can take. */
  readonly size: number;
  /** How many values it gives. */
  readonly values: number;
  /** What it would give, had what it names a template. */
  readonly leftOut?: readonly LeftOutValue[];
}

/** What all PlatformDefaults together may give one object, in characters of JSON: etcd refuses objects not much larger. */
const MAX_INJECT_CHARACTERS = 1024 * 1024;

/** Everything about a set of matching entries, best first, that does not depend on the object. */
const planLayers = (matched: readonly Entry[]): readonly PlannedLayer[] => {
  const definers = definersIn(matched);
  return matched.flatMap((entry) => {
    if (entry.spec.inject === undefined) return [];
    const { inject: declared, leftOut } = withTemplates(entry.spec.inject, matched);
    const text = JSON.stringify(declared);
    const planned = text.includes('${')
      ? planTemplate(entry, declared, text, definers)
      : planLiteral(entry, declared, text.length);
    return leftOut.length === 0 ? planned : { ...planned, leftOut };
  });
};

type Definers = ReadonlyMap<string, readonly Entry[]>;

/** The entries that define each variable, best first: looking through all for each name would take the square of their number. */
const definersIn = (matched: readonly Entry[]): Definers => {
  const named = matched.flatMap((entry) => Object.keys(entry.spec.variables ?? {}).map((name) => ({ name, entry })));
  const byName = Map.groupBy(named, ({ name }) => name);
  return new Map([...byName].map(([name, list]) => [name, list.map(({ entry }) => entry)]));
};

const planLiteral = (entry: Entry, inject: InjectSpec, size: number): PlannedLayer => ({
  entry,
  inject,
  definitions: NO_DEFINITIONS,
  isTemplate: false,
  unresolved: [],
  required: [],
  size,
  values: countValues(inject),
});

const NO_DEFINITIONS: ReadonlyMap<string, string> = new Map();

const planTemplate = (entry: Entry, declared: InjectSpec, text: string, definers: Definers): PlannedLayer => {
  const names = [...variablesIn(declared)];
  const definitions = new Map(
    names.flatMap((name) => {
      const definition = definitionFor(entry, name, definers.get(name) ?? []);
      return definition === undefined ? [] : [[name, definition] as const];
    }),
  );
  const partsOf = (name: string): Iterable<string> =>
    definitions.has(name) ? variablesIn(definitions.get(name)) : [name];
  return {
    entry,
    inject: declared,
    definitions,
    isTemplate: true,
    unresolved: [...new Set(names.flatMap((name) => [...partsOf(name)]))],
    required: [...requiredVariablesIn(declared)],
    // A variable that the platform defines may be made of others.
    ofObject: [...variablesIn(declared.storageClass)].flatMap((name) => [...partsOf(name)]).find(isOfObject),
    size: isTooLarge(declared, definitions) ? Number.POSITIVE_INFINITY : text.length,
    values: countValues(declared),
  };
};

/** True for what no object could take, whatever its variables are: so it is found once and not for each. */
const isTooLarge = (declared: InjectSpec, definitions: ReadonlyMap<string, string>): boolean => {
  const budget = createBudget(MAX_INJECT_CHARACTERS);
  expandVariables(declared, (name) => budget.spend(definitions.get(name)));
  return budget.isSpent();
};

/** What a variable stands for in an entry: its own definition, unless a more specific one of `matched`, best first, has one. */
export const definitionFor = (entry: Entry, name: string, matched: readonly Entry[]): string | undefined => {
  const definer = matched.find((other) => definition(other, name) !== undefined && isVisibleTo(entry, other));
  if (definer === undefined) return undefined;
  return (hasEqualPrecedence(definer, entry) ? definition(entry, name) : undefined) ?? definition(definer, name);
};

const definition = ({ spec: { variables = {} } }: Entry, name: string): string | undefined =>
  Object.hasOwn(variables, name) ? variables[name] : undefined;

/** What the platform enforces, or makes for the whole cluster, must not be steered by a variable of a tenant's. */
const isVisibleTo = (entry: Entry, definer: Entry): boolean =>
  definer.isGlobal || !entry.isGlobal || (entry.mode === 'Default' && entry.spec.inject?.storageClass === undefined);
