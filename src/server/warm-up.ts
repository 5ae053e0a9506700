import { setImmediate as nextTurn } from 'node:timers/promises';
import { ensureNothing } from '../admission/handler.ts';
import { decodeReview, encodeReview } from '../admission/review.ts';
import { indexDefaults } from '../defaults/entries-index.ts';
import { createHandler } from '../kinds/index.ts';
import type { Core } from './core.ts';
import { sampleDefaults, sampleReviews } from './sample-reviews.ts';

/** Of each. The first takes ten times what the tenth does. */
const ROUNDS = 4;

/**
 * Decides made-up reviews, so that V8 has compiled what the first real ones need. Nothing is made and nothing counted. One review in
 * each turn of the event loop: at the start of a process that is what time the API server leaves.
 */
export const warmUp = async ({ facts }: Pick<Core, 'facts'>): Promise<void> => {
  const known = facts();
  const { policy } = known;
  const metadata = { ...sampleDefaults.metadata, namespace: policy.systemNamespace };
  const made = { ...known, defaults: indexDefaults([{ ...sampleDefaults, metadata }], policy) };
  const handle = createHandler({ facts: () => made, ensure: ensureNothing });
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const body of sampleReviews) {
      await nextTurn();
      const decoded = decodeReview(body);
      if (decoded.kind === 'request') encodeReview(await handle(decoded.request));
    }
  }
};
