import type { Kube } from '../../kube/api-server.ts';
import { connectionFor, readConnection, removeFormerConnection, writeConnection } from './connection.ts';
import { addFinalizer, dropFinalizer, writeStatus } from './object-store-writes.ts';
import {
  type BucketConnection,
  BucketError,
  type BucketProvider,
  type BucketReason,
  type DesiredBucket,
  type Feature,
} from './providers/bucket.ts';
import { haltOf, type Seen, type SeenFeature, type Step } from './state.ts';
import { fulfilledStatus, haltedStatus, intendedStatus } from './status.ts';

/** A provider that was opened with an ObjectStore's credentials, and the bucket it is to have there. */
export interface Opened {
  readonly provider: BucketProvider;
  readonly bucket: DesiredBucket;
}

/** What the steps of one pass are done with. */
export interface Tools {
  readonly kube: Pick<Kube, 'get' | 'create' | 'apply' | 'applyStatus' | 'mergePatch' | 'remove'>;
  /** Opens the provider on first use. Throws BucketError where credentials are missing. */
  readonly open: () => Promise<Opened>;
  readonly signal: AbortSignal;
  /** RFC 3339. */
  readonly now: () => string;
}

/** What doing a step taught. */
type Learnt = Partial<Seen>;

/** Does one step. Throws BucketError for what the provider refused, AppError for what the API server did. */
export const act = async (step: Step, seen: Seen, tools: Tools): Promise<Learnt> => {
  const { kube, signal, now } = tools;
  const { store } = seen;
  switch (step.do) {
    case 'addFinalizer':
      return { store: await addFinalizer(kube, store, signal) };
    case 'recordIntent':
      return { store: await writeStatus(kube, store, intendedStatus(seen, await connectionAt(tools), now()), signal) };
    case 'finish':
      return finish(seen, tools);
    case 'halt':
      return { store: await writeStatus(kube, store, haltedStatus(seen, step.halt, now()), signal) };
    case 'letGo':
      return { store: await dropFinalizer(kube, store, signal) };
    case 'rest':
      return {};
    case 'readConnection':
      return { connection: await readConnection(kube, await connectionMapOf(seen, tools), signal) };
    case 'writeConnection':
      return { connection: await writeConnection(kube, await connectionMapOf(seen, tools), seen.connection, signal) };
    case 'checkFeature':
    case 'applyFeature':
      return { features: await workOn(seen.features, step, tools) };
    case 'observe':
    case 'create':
    case 'mark':
    case 'unmark':
    case 'remove':
      return callProvider(step.do, seen, tools);
  }
};

type ProviderCall = 'observe' | 'create' | 'mark' | 'unmark' | 'remove';

/** Whatever was written is looked at again: `unseen`. */
const callProvider = async (call: ProviderCall, { store }: Seen, { open, signal }: Tools): Promise<Learnt> => {
  const { provider, bucket } = await open();
  switch (call) {
    case 'observe':
      return observe(await open(), signal);
    case 'create':
      await provider.create(bucket, signal);
      return { bucket: 'unseen' };
    case 'mark':
      await provider.mark(bucket, signal);
      return { bucket: 'unseen' };
    case 'unmark':
      await provider.unmark(bucket, signal);
      return { bucket: 'unseen' };
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

const observe = async ({ provider, bucket }: Opened, signal: AbortSignal): Promise<Learnt> => {
  const found = await provider.observe(bucket, signal);
  if (found === undefined) return { bucket: 'absent', features: [] };
  return { bucket: found, features: provider.features(bucket).map(({ name }) => ({ name, state: 'unchecked' })) };
};

/** One feature that fails takes nothing else along, unless the failure is about the provider as a whole. */
const workOn = async (
  features: readonly SeenFeature[],
  { do: work, name }: Extract<Step, { readonly name: string }>,
  { open, signal }: Tools,
): Promise<readonly SeenFeature[]> => {
  const { provider, bucket } = await open();
  const feature = provider.features(bucket).find((each) => each.name === name);
  const outcome = feature && (await (work === 'checkFeature' ? check : apply)(feature, signal).catch(failed(name)));
  return features.map((each) => (each.name === name && outcome ? outcome : each));
};

const check = async ({ name, isApplied }: Feature, signal: AbortSignal): Promise<SeenFeature> => ({
  name,
  state: (await isApplied(signal)) ? 'applied' : 'differs',
});

const apply = async ({ name, apply: put }: Feature, signal: AbortSignal): Promise<SeenFeature> => {
  await put(signal);
  return { name, state: 'repaired' };
};

/** Reasons that no other call to this provider would escape. */
const general: readonly BucketReason[] = [
  'CredentialsMissing',
  'CredentialsInvalid',
  'EndpointUnreachable',
  'Throttled',
  'NameTaken',
];

const failed =
  (name: Feature['name']) =>
  (error: unknown): SeenFeature => {
    if (!(error instanceof BucketError) || general.includes(error.reason)) throw error;
    return { name, state: 'failed', halt: haltOf(error) };
  };

const finish = async (seen: Seen, tools: Tools): Promise<Learnt> => {
  const { kube, signal, now } = tools;
  await removeFormerConnection(kube, seen.store, await connectionMapOf(seen, tools), signal);
  const status = fulfilledStatus(seen, await connectionAt(tools), now());
  return { store: await writeStatus(kube, seen.store, status, signal) };
};

const connectionAt = async ({ open }: Tools): Promise<BucketConnection> => {
  const { provider, bucket } = await open();
  return provider.connection(bucket);
};

const connectionMapOf = async ({ store }: Seen, { open }: Tools) => {
  const { provider, bucket } = await open();
  return connectionFor(store, provider.name, provider.connection(bucket));
};
