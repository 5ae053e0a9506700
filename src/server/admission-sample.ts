import type { HandlerOptions } from '../admission/handler.ts';
import type { AdmissionRequest } from '../api/admission.ts';
import { messageOf } from '../api/errors.ts';
import type { Core } from './core.ts';

/** Why what does not match does not is found out by asking all PlatformDefaults: too much for every review. */
const SAMPLE_MS = 1_000;
/** So long after the review that is looked at: it may be the first of a burst. */
const AFTER_MS = 500;
/** So much longer than the last took it waits at least: with very many PlatformDefaults it still costs a hundredth of the time. */
const REST = 100;

/** Counts which PlatformDefaults an object did not match, and why: of one object a second at most, some time after its answer. */
export const sampleNotMatching = (core: Core): NonNullable<HandlerOptions['observe']> => {
  let nextAt = 0;
  const sample = async (request: AdmissionRequest): Promise<void> => {
    const before = performance.now();
    await countNotMatching(core, request);
    const after = performance.now();
    nextAt = Math.max(nextAt, after + REST * (after - before));
  };
  return (request) => {
    const startedAt = performance.now();
    if (startedAt < nextAt || request.operation !== 'CREATE' || request.dryRun) return;
    nextAt = startedAt + SAMPLE_MS;
    setTimeout(() => void sample(request), AFTER_MS).unref();
  };
};

/** Nothing that goes wrong here is worth an admission. */
const countNotMatching = async (core: Core, request: AdmissionRequest): Promise<void> => {
  try {
    const { admit } = await import('../explanation/explain.ts');
    const { clusterOf } = await import('./cluster.ts');
    const { defaults } = admit(request, clusterOf(core)).explanation();
    for (const { source, unmet } of defaults)
      if (unmet !== undefined) core.metrics.countNotMatching(source.slice(0, source.lastIndexOf('@')), unmet);
  } catch (error) {
    core.log.error({ error: messageOf(error) }, 'an admission could not be explained');
  }
};
