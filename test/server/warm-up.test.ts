import { expect, it } from 'vitest';
import { ensureNothing } from '../../src/admission/handler.ts';
import { decodeReview } from '../../src/admission/review.ts';
import { offlineFacts } from '../../src/cli/described-cluster.ts';
import { PENDING_VERDICT } from '../../src/clouds/cloud.ts';
import { indexDefaults } from '../../src/defaults/entries-index.ts';
import { createHandler } from '../../src/kinds/index.ts';
import { sampleDefaults, sampleReviews } from '../../src/server/sample-reviews.ts';
import { warmUp } from '../../src/server/warm-up.ts';
import { policyOf, readSettings } from '../../src/settings/config.ts';

const policy = policyOf(readSettings({}));
/** As at the start: no cloud is named, and nothing is known of the cluster. */
const facts = offlineFacts({
  cloud: PENDING_VERDICT,
  csiDrivers: [],
  defaults: indexDefaults([], policy),
  policy,
  namespaceLabels: {},
  objects: [],
});

it('decides made-up reviews before anything is known of the cluster', async () => {
  let asked = 0;
  await warmUp({
    facts: () => {
      asked += 1;
      return facts;
    },
  });
  expect(asked).toBe(1);
});

it('has pods and applications that are given something, as the first real ones are', async () => {
  const given = { ...facts, defaults: indexDefaults([sampleDefaults], policy) };
  const handle = createHandler({ facts: () => given, ensure: ensureNothing });
  const patches = await Promise.all(
    sampleReviews.map(async (body) => {
      const decoded = decodeReview(body);
      if (decoded.kind !== 'request') throw new Error(`a sample is none: ${decoded.message}`);
      const { allowed, patch } = await handle(decoded.request);
      return [decoded.request.object.kind, allowed, (patch ?? []).length > 0];
    }),
  );
  expect(patches).toEqual([
    ['Pod', true, true],
    ['SparkApplication', true, true],
    ['PersistentVolumeClaim', true, false],
  ]);
});
