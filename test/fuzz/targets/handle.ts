import { ensureNothing } from '../../../src/admission/handler.ts';
import { decodeReview, encodeReview } from '../../../src/admission/review.ts';
import type { AdmissionRequest } from '../../../src/api/admission.ts';
import type { Facts } from '../../../src/api/facts.ts';
import { createHandler } from '../../../src/kinds/index.ts';
import { readSeeds, reviewOf } from '../../fixtures/fuzz-seeds.ts';
import { applyPatch, checkReview, isTooDeep } from '../answers.ts';
import { junkValues } from '../junk.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import { mutateJson } from '../mutate-json.ts';
import { structuredReviews } from '../structured.ts';
import type { OpenTarget } from '../target.ts';

/** Reviews of objects that are broken in a few places, in the cluster of their golden case, without a network. */
export const handleTarget: OpenTarget = (seed) => {
  const seeds = readSeeds();
  const junk = junkValues(seed);
  const structured = structuredReviews(seed);
  const byName = new Map(seeds.map((one) => [one.name, one]));
  return {
    name: 'handle',
    make: (random) => {
      const { name, request } = random.pick(seeds);
      const asked = random.chance(0.3) ? random.pick(structured) : reviewOf(request);
      const text = JSON.stringify(mutateJson({ case: name, ...asked }, random, junk)) ?? '';
      const review = Buffer.from(text.slice(0, LARGEST));
      return random.chance(0.1) ? mutateBytes(review, random) : review;
    },
    check: (input) => {
      const text = input.toString();
      const facts = byName.get(/^\{"case":"([^"]+)"/.exec(text)?.[1] ?? '')?.facts ?? seeds[0]?.facts;
      const decoded = decodeReview(text);
      return decoded.kind === 'request' && facts ? unlessTooDeep(text, admitTwice(decoded.request, facts)) : undefined;
    },
  };
};

const LARGEST = 2_000_000;

const unlessTooDeep = async (text: string, admitted: Promise<void>): Promise<void> => {
  try {
    await admitted;
  } catch (error) {
    if (!(error instanceof RangeError) || !isTooDeep(text)) throw error;
  }
};

/** What is admitted comes out the same when it is admitted again. */
const admitTwice = async (request: AdmissionRequest, facts: Facts): Promise<void> => {
  const handle = createHandler({ facts: () => facts, ensure: ensureNothing });
  const admit = async (object: AdmissionRequest['object']): Promise<unknown> => {
    const answer: unknown = JSON.parse(encodeReview(await handle({ ...request, object })));
    return applyPatch(object, checkReview(request.uid, answer));
  };
  const once = (await admit(request.object)) as AdmissionRequest['object'];
  const twice = await admit(once);
  if (JSON.stringify(once) !== JSON.stringify(twice)) throw new Error('admitted again it comes out different');
};
