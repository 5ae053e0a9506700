import type { DefaultsTarget, Injection } from '../api/injection.ts';
import { type Entry, namespacedName } from './entry.ts';
import type { Matcher } from './matcher.ts';
import { createCache } from './memory.ts';
import { type Layer, mergeLayers } from './merge.ts';
import { MAX_INJECT_CHARACTERS, type PlannedLayer, planLayers } from './plan.ts';
import { MAX_VALUES } from './validation/amount.ts';
import { injectViolations } from './validation/inject.ts';
import { builtInValue, createBudget, fillVariables } from './variables.ts';

/** The size of the cache of plans, and of that of injections, in bytes as weighed here. */
const MAX_CACHE_BYTES = 32 * 1024 * 1024;
/** Bytes for each character of what an injection gives: its keys are stored anew, and again as edits for each place. */
const BYTES_PER_CHARACTER = 4;
/** Bytes that a layer takes besides what it shares with its entry. */
const LAYER_BYTES = 128;

interface Plan {
  readonly layers: readonly PlannedLayer[];
  readonly unresolved: readonly string[];
}

/** `size`: in characters. */
interface SizedInjection {
  readonly injection: Injection;
  readonly size: number;
}

/**
 * Resolves for an object those of `entries`, best first, that the matcher finds. Undefined where they give nothing.
 * Objects that match the same entries with the same variables get the very same injection.
 */
export const createResolver = (
  entries: readonly Entry[],
  match: Matcher,
): ((target: DefaultsTarget) => Injection | undefined) => {
  const planOf = createCache<Plan>(MAX_CACHE_BYTES, weightOf);
  const injectionOf = createCache<SizedInjection>(MAX_CACHE_BYTES, ({ size }) => BYTES_PER_CHARACTER * size);
  return (target) => {
    const found = match(target);
    if (found.length === 0) return undefined;
    const matchKey = found.join();
    const plan = planOf(matchKey, () => planFor(found.flatMap((at) => entries[at] ?? [])));
    if (plan.layers.length === 0) return undefined;
    const values = plan.unresolved.map((name) => builtInValue(target, name));
    return injectionOf(`${matchKey} ${JSON.stringify(values)}`, () => inject(plan, values)).injection;
  };
};

const planFor = (matched: readonly Entry[]): Plan => {
  const layers = planLayers(matched);
  return { layers, unresolved: [...new Set(layers.flatMap(({ unresolved }) => unresolved))] };
};

const weightOf = ({ layers }: Plan): number =>
  layers.reduce((sum, { isTemplate, size }) => sum + LAYER_BYTES + (isTemplate && Number.isFinite(size) ? size : 0), 0);

/** Best first, so that what is enforced for the whole cluster has room whatever a tenant gives besides. */
const inject = ({ layers, unresolved }: Plan, values: readonly (string | undefined)[]): SizedInjection => {
  const known = new Map(unresolved.map((name, at) => [name, values[at]]));
  const applied: SizedLayer[] = [];
  const warnings: string[] = [];
  let remaining: Allowance = { size: MAX_INJECT_CHARACTERS, values: MAX_VALUES };
  for (const planned of layers) {
    const layer = fillLayer(planned, known, remaining);
    if (typeof layer === 'string') {
      warnings.push(layer);
      continue;
    }
    applied.push(layer);
    remaining = { size: remaining.size - layer.size, values: remaining.values - planned.values };
  }
  return { injection: mergeLayers(applied, warnings), size: MAX_INJECT_CHARACTERS - remaining.size };
};

type Allowance = Pick<PlannedLayer, 'size' | 'values'>;

interface SizedLayer extends Layer {
  readonly size: number;
}

/** The layer with its variables filled in; a sentence where that cannot be: half of an entry is worse than none. */
const fillLayer = (
  layer: PlannedLayer,
  known: ReadonlyMap<string, string | undefined>,
  allowance: Allowance,
): SizedLayer | string => {
  const { entry, isTemplate, unresolved } = layer;
  if (layer.size > allowance.size) return notApplied(entry, SIZE_EXCEEDED);
  if (layer.values > allowance.values) return notApplied(entry, COUNT_EXCEEDED);
  if (!isTemplate) return layer;
  const unknown = unresolved.find((name) => known.get(name) === undefined);
  if (unknown !== undefined) return notApplied(entry, `\${${unknown}} is not known for this object`);
  const budget = createBudget(allowance.size - layer.size);
  const filled = fillVariables(layer.inject, (name) => budget.spend(known.get(name) ?? ''));
  if (budget.isSpent()) return notApplied(entry, SIZE_EXCEEDED);
  const [violation] = injectViolations(filled, entry.spec.match.kinds, entry.mode);
  if (violation !== undefined) return notApplied(entry, violation);
  return { entry, inject: filled, size: JSON.stringify(filled).length };
};

const SIZE_EXCEEDED = 'PlatformDefaults would give this object more than 1 MiB';
const COUNT_EXCEEDED = `PlatformDefaults would give this object more than ${MAX_VALUES} values`;

const notApplied = (entry: Entry, reason: string): string =>
  `PlatformDefaults ${namespacedName(entry)} is not applied: ${reason}.`;
