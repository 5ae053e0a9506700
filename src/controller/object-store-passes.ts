import type { ObjectStore } from '../api/object-store.ts';
import type { Kube } from '../kube/kube.ts';
import type { Metrics } from '../metrics.ts';
import type { Place } from '../mutate/object-store-place.ts';
import type { EventRecorder } from './events.ts';
import type { Opened } from './object-store-actions.ts';
import { noteOn } from './object-store-events.ts';
import { openFor, readReferences, type Surroundings, versionOf } from './object-store-opening.ts';
import { type PassEnd, runPass } from './object-store-pass.ts';
import type { Halt, Seen, Step } from './object-store-seen.ts';
import { desiredBucket, firstSight } from './object-store-sight.ts';
import { createProviderCache } from './provider-cache.ts';
import { createLanes, type Lane } from './provider-pace.ts';

/** What a pass over one ObjectStore came to. */
export type PassReport =
  | {
      readonly kind: 'rest';
      readonly store: ObjectStore;
      /** The bucket is there, ours and connected. */
      readonly isFulfilled: boolean;
      /** All that stands in the way, or could not be applied of the spec. */
      readonly halts: readonly Halt[];
      /** Versions of what it refers to; undefined where it refers to nothing, or was not read. */
      readonly references: string | undefined;
      /** Whether the ObjectStore was written to. */
      readonly isChanged: boolean;
    }
  | { readonly kind: 'paced'; readonly waitMs: number }
  | { readonly kind: 'gone' };

export interface PassesOptions extends Omit<Surroundings, 'onCall' | 'kube'> {
  readonly kube: Kube;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly metrics: Pick<Metrics, 'countBucketCall'>;
}

/** Where a provider asks for fewer calls and does not say for how long. */
const THROTTLED_MS = 2_000;

/** Makes passes over ObjectStores, which share opened providers and the pace at which those are called. */
export const createPasses = (options: PassesOptions) => {
  const { kube, cloud, policy, clusterUid, events, metrics } = options;
  const cached = createProviderCache();
  const laneOf = createLanes();
  const surroundings: Surroundings = {
    ...options,
    onCall: ({ provider, operation, outcome, durationMs }) =>
      metrics.countBucketCall(provider, operation, outcome, durationMs / 1000),
  };

  return async (store: ObjectStore, signal: AbortSignal): Promise<PassReport> => {
    const seen = firstSight(store, cloud(), policy);
    const { place } = seen;
    let version: string | undefined;
    const open = async (): Promise<Opened> => {
      const references = await readReferences(kube, store, signal);
      version = versionOf(references);
      const identity = identityOf(store, place, version);
      const provider = await cached(identity, () => openFor(store, place, references, surroundings));
      return { provider, bucket: desiredBucket(store, place, clusterUid) };
    };
    const lane = place.provider && laneOf(place.provider, place.endpoint);
    const end = await runPass(seen, {
      tools: { kube, open: once(open), signal, now: rightNow },
      waitMs: turnsIn(lane, store.metadata.uid ?? ''),
      onStep: (step, before, after) => tell(events, step, before, after),
    });
    if (lane !== undefined && end.kind === 'halted' && end.halt.reason === 'Throttled') slowDown(lane, end.halt);
    return reportOf(end, store, refersToAnything(store) ? version : undefined);
  };
};

const once = <T>(work: () => Promise<T>): (() => Promise<T>) => {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
};

/** To the second, as metav1.Time has it. */
const rightNow = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');

const refersToAnything = ({ spec }: ObjectStore): boolean =>
  spec.credentialsSecretRef !== undefined || spec.s3?.caBundleRef !== undefined;

/** Two ObjectStores for which this is equal are served by the same client. */
const identityOf = ({ metadata, spec }: ObjectStore, place: Place, references: string): string =>
  JSON.stringify([metadata.namespace, place, spec.s3, spec.azure, spec.gcp, spec.credentialsSecretRef, references]);

/** One turn for each pass that calls the provider at all, and one for each bucket that is made. */
const turnsIn = (lane: Lane | undefined, holder: string): ((step: Step) => number) => {
  let hasTurn = false;
  return (step) => {
    if (lane === undefined) return 0;
    if (step.do === 'create') return lane.creations.waitMs(holder, Date.now());
    if (step.do !== 'observe' || hasTurn) return 0;
    const waitMs = lane.passes.waitMs(holder, Date.now());
    hasTurn = waitMs === 0;
    return waitMs;
  };
};

const slowDown = ({ passes, creations }: Lane, { retryAfterMs = THROTTLED_MS }: Halt): void => {
  passes.pause(retryAfterMs, Date.now());
  creations.pause(retryAfterMs, Date.now());
};

const tell = (events: PassesOptions['events'], step: Step, before: Seen, after: Seen): void => {
  const note = noteOn(step, before, after);
  if (note !== undefined) events.record(after.store, note);
};

const reportOf = (end: PassEnd, before: ObjectStore, references: string | undefined): PassReport => {
  if (end.kind === 'paced' || end.kind === 'gone') return end;
  const { store, features } = end.seen;
  const halts = end.kind === 'halted' ? [end.halt] : features.flatMap(({ halt }) => halt ?? []);
  const isChanged = store.metadata.resourceVersion !== before.metadata.resourceVersion;
  return { kind: 'rest', store, isFulfilled: end.kind === 'fulfilled', halts, references, isChanged };
};
