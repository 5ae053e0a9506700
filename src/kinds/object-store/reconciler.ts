import type { Kube } from '../../kube/api-server.ts';
import { connectionFor, readConnection, removeFormerConnection, writeConnection } from './connection.ts';
import { addFinalizer, removeFinalizer, writeStatus } from './object-store-writes.ts';
import {
  type BucketConnection,
  BucketError,
  type BucketProvider,
  type BucketReason,
  type DesiredBucket,
  type Feature,
} from './providers/bucket.ts';
import { type ObservedFeature, type ObservedState, type Step, toBlocked } from './state.ts';
import { blockedStatus, creatingStatus, readyStatus } from './status.ts';

/** A provider that was opened with an ObjectStore's credentials, and the bucket it is to have there. */
export interface Opened {
  readonly provider: BucketProvider;
  readonly bucket: DesiredBucket;
}

/** What the steps of one reconciliation are done with. */
export interface StepContext {
  readonly kube: Pick<Kube, 'get' | 'create' | 'apply' | 'applyStatus' | 'mergePatch' | 'remove'>;
  /** Opens the provider on first use. Throws BucketError where credentials are missing. */
  readonly open: () => Promise<Opened>;
  readonly signal: AbortSignal;
  /** RFC 3339. */
  readonly now: () => string;
}

/** What was observed in doing a step. */
type Observation = Partial<ObservedState>;

/** Does one step. Throws BucketError for what the provider refused, AppError for what the API server did. */
export const applyStep = async (step: Step, observed: ObservedState, context: StepContext): Promise<Observation> => {
  const { kube, signal, now } = context;
  const { store } = observed;
  switch (step.do) {
    case 'addFinalizer':
      return { store: await addFinalizer(kube, store, signal) };
    case 'recordIntent':
      return {
        store: await writeStatus(kube, store, creatingStatus(observed, await connectionAt(context), now()), signal),
      };
    case 'finish':
      return finish(observed, context);
    case 'block':
      return { store: await writeStatus(kube, store, blockedStatus(observed, step.blocked, now()), signal) };
    case 'release':
      return { store: await removeFinalizer(kube, store, signal) };
    case 'none':
      return {};
    case 'readConnection':
      return { connection: await readConnection(kube, await connectionMapOf(observed, context), signal) };
    case 'writeConnection':
      return {
        connection: await writeConnection(kube, await connectionMapOf(observed, context), observed.connection, signal),
      };
    case 'checkFeature':
    case 'applyFeature':
      return { features: await reconcileFeature(observed.features, step, context) };
    case 'observe':
    case 'create':
    case 'mark':
    case 'unmark':
    case 'remove':
      return callProvider(step.do, observed, context);
  }
};

type ProviderCall = 'observe' | 'create' | 'mark' | 'unmark' | 'remove';

/** Whatever was written is observed again: `unobserved`. */
const callProvider = async (
  call: ProviderCall,
  { store }: ObservedState,
  { open, signal }: StepContext,
): Promise<Observation> => {
  const { provider, bucket } = await open();
  switch (call) {
    case 'observe':
      return observe(await open(), signal);
    case 'create':
      await provider.create(bucket, signal);
      return { bucket: 'unobserved' };
    case 'mark':
      await provider.mark(bucket, signal);
      return { bucket: 'unobserved' };
    case 'unmark':
      await provider.unmark(bucket, signal);
      return { bucket: 'unobserved' };
    case 'remove':
      // What was made and never used holds nothing: whatever is in there was put in by somebody else.
      await provider.remove(
        bucket,
        (store.spec.forceDelete ?? false) && store.status?.creationStarted === undefined,
        signal,
      );
      return { bucket: 'absent' };
  }
};

const observe = async ({ provider, bucket }: Opened, signal: AbortSignal): Promise<Observation> => {
  const found = await provider.observe(bucket, signal);
  if (found === undefined) return { bucket: 'absent', features: [] };
  return { bucket: found, features: provider.features(bucket).map(({ name }) => ({ name, state: 'unchecked' })) };
};

/** One feature that fails takes nothing else along, unless the failure is about the provider as a whole. */
const reconcileFeature = async (
  features: readonly ObservedFeature[],
  { do: work, name }: Extract<Step, { readonly name: string }>,
  { open, signal }: StepContext,
): Promise<readonly ObservedFeature[]> => {
  const { provider, bucket } = await open();
  const feature = provider.features(bucket).find((each) => each.name === name);
  const outcome = feature && (await (work === 'checkFeature' ? check : apply)(feature, signal).catch(failed(name)));
  return features.map((each) => (each.name === name && outcome ? outcome : each));
};

const check = async ({ name, isApplied }: Feature, signal: AbortSignal): Promise<ObservedFeature> => ({
  name,
  state: (await isApplied(signal)) ? 'applied' : 'differs',
});

const apply = async ({ name, apply: put }: Feature, signal: AbortSignal): Promise<ObservedFeature> => {
  await put(signal);
  return { name, state: 'repaired' };
};

/** Reasons that no other call to this provider would escape. */
const providerWide: readonly BucketReason[] = [
  'CredentialsMissing',
  'CredentialsInvalid',
  'EndpointUnreachable',
  'Throttled',
  'NameTaken',
];

const failed =
  (name: Feature['name']) =>
  (error: unknown): ObservedFeature => {
    if (!(error instanceof BucketError) || providerWide.includes(error.reason)) throw error;
    return { name, state: 'failed', blocked: toBlocked(error) };
  };

const finish = async (observed: ObservedState, context: StepContext): Promise<Observation> => {
  const { kube, signal, now } = context;
  await removeFormerConnection(kube, observed.store, await connectionMapOf(observed, context), signal);
  const status = readyStatus(observed, await connectionAt(context), now());
  return { store: await writeStatus(kube, observed.store, status, signal) };
};

const connectionAt = async ({ open }: StepContext): Promise<BucketConnection> => {
  const { provider, bucket } = await open();
  return provider.connection(bucket);
};

const connectionMapOf = async ({ store }: ObservedState, { open }: StepContext) => {
  const { provider, bucket } = await open();
  return connectionFor(store, provider.name, provider.connection(bucket));
};
