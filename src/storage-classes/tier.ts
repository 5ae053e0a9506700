import type { ClassOption, ClassOptionTier, Tier } from '../api/facts.ts';
import type { Claim } from './claim.ts';

const FAST = new Set(['ssd', 'fast', 'premium', 'gp3', 'performance']);
const SLOW = new Set(['hdd', 'slow', 'standard', 'cold', 'archive']);

/** The tier the name of a class hints at, by the first word that is a hint. */
export const hintedTier = (className: string): Tier => {
  const hint = className.split(/[^a-z0-9]+/).find((word) => FAST.has(word) || SLOW.has(word));
  if (hint === undefined) return 'standard';
  return FAST.has(hint) ? 'fast' : 'slow';
};

export interface ChosenTier extends ClassOptionTier {
  readonly name: Tier;
  /** How the name came to it, as part of a sentence. */
  readonly why: string;
}

/** The tier a claim gets of a class option: the one its class hints at, if there is one that takes so small a volume. */
export const tierFor = ({ tiers }: ClassOption, { className, requestedGi }: Claim): ChosenTier => {
  const name = hintedTier(className);
  const tier = tiers[name];
  const standard = { ...tiers.standard, name: 'standard' } as const;
  if (name === 'standard') return { ...standard, why: 'standard tier' };
  if (tier === undefined) return { ...standard, why: `no ${name} tier to follow the name with` };
  if (requestedGi < (tier.minimumGi ?? 0)) {
    return { ...standard, why: `standard tier, since the ${name} one starts at ${tier.minimumGi ?? 0}Gi` };
  }
  return { ...tier, name, why: `${name} tier by the name` };
};
