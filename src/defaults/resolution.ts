import type { DefaultsTarget, Injection } from '../api/injection.ts';
import { type Entry, titleOf } from './entry.ts';
import type { Matcher } from './matcher.ts';
import { createMemory } from './memory.ts';
import { type Layer, mergeLayers } from './merge.ts';
import { MOST_GIVEN, type PlannedLayer, planLayers } from './plan.ts';
import { MOST_VALUES } from './validation/amount.ts';
import { injectFlaws } from './validation/inject.ts';
import { builtInValue, createBudget, fillVariables } from './variables.ts';

/** What is remembered of plans, and of injections, in bytes as weighed here. */
const MOST_KEPT = 32 * 1024 * 1024;
/** Bytes for each character of what an injection gives: its keys are filed anew, and again as edits for each place. */
const BYTES_GIVEN = 4;
/** Bytes that a layer takes besides what it shares with its entry. */
const LAYER_BYTES = 128;

interface Plan {
  readonly layers: readonly PlannedLayer[];
  readonly unfilled: readonly string[];
}

/** `size`: in characters. */
interface Made {
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
  const planOf = createMemory<Plan>(MOST_KEPT, weightOf);
  const injectionOf = createMemory<Made>(MOST_KEPT, ({ size }) => BYTES_GIVEN * size);
  return (target) => {
    const found = match(target);
    if (found.length === 0) return undefined;
    const set = found.join();
    const plan = planOf(set, () => planFor(found.flatMap((at) => entries[at] ?? [])));
    if (plan.layers.length === 0) return undefined;
    const values = plan.unfilled.map((name) => builtInValue(target, name));
    return injectionOf(`${set} ${JSON.stringify(values)}`, () => inject(plan, values)).injection;
  };
};

const planFor = (matched: readonly Entry[]): Plan => {
  const layers = planLayers(matched);
  return { layers, unfilled: [...new Set(layers.flatMap(({ unfilled }) => unfilled))] };
};

const weightOf = ({ layers }: Plan): number =>
  layers.reduce((sum, { isTemplate, size }) => sum + LAYER_BYTES + (isTemplate && Number.isFinite(size) ? size : 0), 0);

/** Best first, so that what is enforced for the whole cluster has room whatever a tenant gives besides. */
const inject = ({ layers, unfilled }: Plan, values: readonly (string | undefined)[]): Made => {
  const known = new Map(unfilled.map((name, at) => [name, values[at]]));
  const applied: SizedLayer[] = [];
  const warnings: string[] = [];
  let left: Room = { size: MOST_GIVEN, values: MOST_VALUES };
  for (const planned of layers) {
    const layer = fillLayer(planned, known, left);
    if (typeof layer === 'string') {
      warnings.push(layer);
      continue;
    }
    applied.push(layer);
    left = { size: left.size - layer.size, values: left.values - planned.values };
  }
  return { injection: mergeLayers(applied, warnings), size: MOST_GIVEN - left.size };
};

type Room = Pick<PlannedLayer, 'size' | 'values'>;

interface SizedLayer extends Layer {
  readonly size: number;
}

/** The layer with its variables filled in; a sentence where that cannot be: half of an entry is worse than none. */
const fillLayer = (
  layer: PlannedLayer,
  known: ReadonlyMap<string, string | undefined>,
  room: Room,
): SizedLayer | string => {
  const { entry, isTemplate, unfilled } = layer;
  if (layer.size > room.size) return notApplied(entry, TOO_MUCH);
  if (layer.values > room.values) return notApplied(entry, TOO_MANY);
  if (!isTemplate) return layer;
  const unknown = unfilled.find((name) => known.get(name) === undefined);
  if (unknown !== undefined) return notApplied(entry, `\${${unknown}} is not known for this object`);
  const budget = createBudget(room.size - layer.size);
  const filled = fillVariables(layer.inject, (name) => budget.spend(known.get(name) ?? ''));
  if (budget.isSpent()) return notApplied(entry, TOO_MUCH);
  const [flaw] = injectFlaws(filled, entry.spec.match.kinds, entry.mode);
  if (flaw !== undefined) return notApplied(entry, flaw);
  return { entry, inject: filled, size: JSON.stringify(filled).length };
};

const TOO_MUCH = 'PlatformDefaults would give this object more than 1 MiB';
const TOO_MANY = `PlatformDefaults would give this object more than ${MOST_VALUES} values`;

const notApplied = (entry: Entry, why: string): string => `PlatformDefaults ${titleOf(entry)} is not applied: ${why}.`;
