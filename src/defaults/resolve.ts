import type { DefaultsTarget, Injection } from '../api/injection.ts';
import { type Entry, titleOf } from './entry.ts';
import { injectFlaws } from './inject-flaws.ts';
import type { Matcher } from './match.ts';
import { type Layer, mergeLayers } from './merge.ts';
import { type PlannedLayer, planLayers } from './plan.ts';
import { builtInValue, fillVariables } from './variables.ts';

/** How many plans, and how many injections, are kept; the oldest is forgotten. */
const KEPT = 512;

interface Plan {
  readonly layers: readonly PlannedLayer[];
  readonly unfilled: readonly string[];
}

/**
 * Resolves for an object those of `entries`, best first, that the matcher finds. Undefined where they give nothing.
 * Objects that match the same entries with the same variables get the very same injection.
 */
export const createResolver = (
  entries: readonly Entry[],
  match: Matcher,
): ((target: DefaultsTarget) => Injection | undefined) => {
  const plans = new Map<string, Plan>();
  const injections = new Map<string, Injection>();
  return (target) => {
    const found = match(target);
    if (found.length === 0) return undefined;
    const set = found.join();
    const plan = remember(plans, set, () => planFor(found.flatMap((at) => entries[at] ?? [])));
    if (plan.layers.length === 0) return undefined;
    const values = plan.unfilled.map((name) => builtInValue(target, name));
    return remember(injections, `${set} ${JSON.stringify(values)}`, () => inject(plan, values));
  };
};

const planFor = (matched: readonly Entry[]): Plan => {
  const layers = planLayers(matched);
  return { layers, unfilled: [...new Set(layers.flatMap(({ unfilled }) => unfilled))] };
};

const inject = ({ layers, unfilled }: Plan, values: readonly (string | undefined)[]): Injection => {
  const known = new Map(unfilled.map((name, at) => [name, values[at]]));
  const filled = layers.map((layer) => fillLayer(layer, known));
  return mergeLayers(
    filled.filter((layer) => typeof layer !== 'string'),
    filled.filter((layer) => typeof layer === 'string'),
  );
};

/** The layer with its variables filled in; a sentence where that cannot be: half of an entry is worse than none. */
const fillLayer = (layer: PlannedLayer, known: ReadonlyMap<string, string | undefined>): Layer | string => {
  const { entry, isTemplate, unfilled } = layer;
  if (!isTemplate) return layer;
  const unknown = unfilled.find((name) => known.get(name) === undefined);
  if (unknown !== undefined) return notApplied(entry, `\${${unknown}} is not known for this object`);
  const inject = fillVariables(layer.inject, (name) => known.get(name) ?? '');
  const [flaw] = injectFlaws(inject, entry.spec.match.kinds, entry.mode);
  return flaw === undefined ? { entry, inject } : notApplied(entry, flaw);
};

const notApplied = (entry: Entry, why: string): string => `PlatformDefaults ${titleOf(entry)} is not applied: ${why}.`;

const remember = <V>(kept: Map<string, V>, key: string, make: () => V): V => {
  const held = kept.get(key);
  if (held !== undefined) return held;
  const [oldest] = kept.keys();
  if (kept.size >= KEPT && oldest !== undefined) kept.delete(oldest);
  const made = make();
  kept.set(key, made);
  return made;
};
