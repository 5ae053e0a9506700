import type { ObjectStore } from '../../api/object-store.ts';
import type { EventRecorder } from '../../controller/events.ts';
import { type Kube, resources } from '../../kube/api-server.ts';
import type { Metrics } from '../../ops/metrics.ts';
import { noteOn } from './object-store-events.ts';
import { type PassEnd, runPass } from './object-store-pass.ts';
import { desiredBucket, firstSight } from './object-store-sight.ts';
import { keyOf } from './object-store-writes.ts';
import type { Place } from './placement.ts';
import { openFor, readReferences, type Surroundings, versionOf } from './provider.ts';
import { createProviderCache } from './provider-cache.ts';
import { type Asker, createTurns, type Turn } from './rate-limiter.ts';
import type { Opened } from './reconciler.ts';
import type { Halt, Seen, Step } from './state.ts';
import { nextStep } from './steps.ts';

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

export interface PassesOptions extends Omit<Surroundings, 'onCall'> {
  readonly kube: Kube;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly metrics: Pick<Metrics, 'countBucketCall'>;
}

/** Makes passes over ObjectStores known from a cache, which share opened providers and the pace at which those are called. */
export const createPasses = (options: PassesOptions) => {
  const { kube, cloud, policy, clusterUid, events, metrics } = options;
  const cached = createProviderCache();
  const takeTurn = createTurns();
  const surroundings: Surroundings = {
    ...options,
    onCall: ({ provider, operation, outcome, durationMs }) =>
      metrics.countBucketCall(provider, operation, outcome, durationMs / 1000),
  };

  const passOver = async (store: ObjectStore, turn: Turn, signal: AbortSignal): Promise<PassReport> => {
    const seen = firstSight(store, cloud(), policy);
    const { place } = seen;
    let version: string | undefined;
    const open = async (): Promise<Opened> => {
      const references = await readReferences(kube, store, signal);
      version = versionOf(references);
      const provider = await cached(identityOf(store, place, version), () =>
        openFor(store, place, references, surroundings),
      );
      return { provider, bucket: desiredBucket(store, place, clusterUid) };
    };
    const end = await runPass(seen, {
      tools: { kube, open: once(open), signal, now: rightNow },
      waitMs: (step) => (step.do === 'create' ? turn.beginCreation() : 0),
      onStep: (step, before, after) => tell(events, step, before, after),
    });
    if (end.kind === 'halted') turn.learn(end.halt);
    return reportOf(end, store, refersToAnything(store) ? version : undefined);
  };

  return async (known: ObjectStore, signal: AbortSignal): Promise<PassReport> => {
    const seen = firstSight(known, cloud(), policy);
    const turn = takeTurn(askerFor(known, seen.place));
    const waitMs = endsAtOnce(seen) ? 0 : turn.begin();
    if (waitMs > 0) return { kind: 'paced', waitMs };
    try {
      // The cache may be older than our own last write, and with it the intent that says a bucket is ours.
      const store = await kube.get<ObjectStore>(resources.objectStores, keyOf(known), signal);
      return store === undefined ? { kind: 'paced', waitMs: UNSEEN_MS } : await passOver(store, turn, signal);
    } finally {
      turn.end();
    }
  };
};

/** Either it was deleted, which the watch is about to tell, or the API server is starting and knows no custom resources yet. */
const UNSEEN_MS = 1_000;

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

/** What needs no call to a provider does not wait for a turn: a bucket that was never made is no reason to stay. */
const endsAtOnce = (seen: Seen): boolean => ['halt', 'letGo', 'rest'].includes(nextStep(seen).do);

const askerFor = ({ metadata, spec }: ObjectStore, { provider, endpoint }: Place): Asker => {
  const secret = spec.credentialsSecretRef?.name;
  const identity = secret === undefined ? '' : `${metadata.namespace}/${secret}`;
  return { holder: metadata.uid ?? '', provider, endpoint, bucket: spec.name, identity };
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
