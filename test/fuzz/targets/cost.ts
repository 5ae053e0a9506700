import { ensureNothing } from '../../../src/admission/handler.ts';
import { decodeReview, encodeReview } from '../../../src/admission/review.ts';
import { isPodKind } from '../../../src/api/target-kinds.ts';
import { createHandler } from '../../../src/kinds/index.ts';
import { growthOf, MAX_RATIO, type Work, type WorkOf } from '../../fixtures/cost.ts';
import { readSeeds, reviewOf, type Seed } from '../../fixtures/fuzz-seeds.ts';
import { type CostCase, type Grown, growablePaths, grownTo, KINDS } from '../cost/cases.ts';
import { GROWING, takes } from '../cost/defaults.ts';
import { SHAPES } from '../cost/entries.ts';
import { WORLDS, type WorldCase, worldAt } from '../cost/worlds.ts';
import type { Random } from '../random.ts';
import type { OpenTarget } from '../target.ts';

/** What one decision may cost at most, in milliseconds of CPU time: everybody waits for it. */
const MOST_MS = 1_000;
/** How long an answer may be. */
const MOST_BYTES = 16 * 1024 * 1024;
/** All that there can be, or what is within the bounds of what the containers of a pod are given. */
const MOST = [undefined, { entries: 500, values: 16 }, { entries: 20, values: 800 }] as const;

/**
 * What a tenant has many of or makes large, in the controllers and in preview, and
 * objects of which lists and maps grow, one or two at a time, with what PlatformDefaults of the same tenant give them: a
 * review of twice the size may cost two and a half times as much, and the largest a second.
 */
export const costTarget: OpenTarget = () => {
  const seeds = readSeeds().filter(({ name }) => KINDS[name.split('/')[0] ?? ''] !== undefined);
  const byName = new Map(seeds.map((seed) => [seed.name, seed]));
  const make = (random: Random): CostCase | WorldCase => {
    if (random.chance(0.4)) {
      const world = random.pick(Object.keys(WORLDS) as (keyof typeof WORLDS)[]);
      return { world, shape: random.pick(SHAPES), field: random.pick(WORLDS[world].fields as readonly string[]) };
    }
    return growingOf(random.pick(seeds), random);
  };
  return {
    name: 'cost',
    longestMs: 60_000,
    make: (random) => Buffer.from(JSON.stringify(make(random))),
    check: async (input) => {
      const given = JSON.parse(input.toString()) as CostCase | WorldCase;
      const { once, twice, ratio } = await growthOf(
        'world' in given ? worldGrowing(given) : reviewGrowing(given, byName),
        1,
      );
      const told = `${Math.round(once)} ms, twice as large ${Math.round(twice)} ms: ${JSON.stringify(given)}`;
      if (ratio > MAX_RATIO) throw new Error(`it costs ${ratio.toFixed(1)} times as much: ${told}`);
      if (twice > MOST_MS && !('world' in given)) throw new Error(`it costs too much: ${told}`);
    },
  };
};

const growingOf = (seed: Seed, random: Random): CostCase => {
  const paths = growablePaths(seed);
  const kind = KINDS[seed.name.split('/')[0] ?? ''];
  const giving = GROWING.filter((key) => kind !== undefined && takes(kind, key));
  const most = random.pick(MOST);
  const isForAll = kind !== undefined && isPodKind(kind) && random.chance(0.2);
  return {
    seed: seed.name,
    paths: [...new Set([random.pick(paths), ...(random.chance(0.4) ? [random.pick(paths)] : [])])],
    shape: random.pick(SHAPES),
    mode: random.chance(0.5) ? 'Default' : 'Enforce',
    operation: random.chance(0.8) ? 'CREATE' : 'UPDATE',
    giving: giving.length > 0 && random.chance(0.85) ? random.pick(giving) : undefined,
    ofNamespace: random.chance(0.2),
    ...(isForAll && { containers: ['all'] }),
    ...(most && { most }),
  };
};

const worldGrowing = (given: WorldCase): WorkOf => {
  const halves = new Map([1, 2].map((share) => [share, worldAt(given, share / 2)]));
  return (share) => halves.get(share) as Work;
};

const reviewGrowing = (given: CostCase, byName: ReadonlyMap<string, Seed>): WorkOf => {
  const seed = byName.get(given.seed);
  if (seed === undefined) throw new Error(`there is no golden case ${given.seed}`);
  const halves = new Map([1, 2].map((share) => [share, grownTo(given, seed, share / 2)]));
  return (share) => reviewing(halves.get(share) as Grown);
};

/** The whole way of a review but its connection. What is read of the cluster is there before. */
const reviewing = ({ request, facts }: Grown): Work => {
  const body = JSON.stringify(reviewOf(request));
  const handle = createHandler({ facts: () => facts, ensure: ensureNothing });
  return () => {
    const decoded = decodeReview(body);
    if (decoded.kind !== 'request') throw new Error(`no review: ${decoded.message}`);
    const answer = handle(decoded.request);
    if (answer instanceof Promise) return;
    const { length } = encodeReview(answer);
    if (length > MOST_BYTES) throw new Error(`its answer has ${length} bytes`);
  };
};
