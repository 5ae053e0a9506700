import { isDeepStrictEqual } from 'node:util';
import { OBJECT_STORE_FINALIZER } from '../../api/names.ts';
import { type ObjectStore, type ObjectStoreStatus, referencesOf } from '../../api/object-store.ts';
import { objectKeyOf } from '../../controller/apply.ts';
import { type Kube, resources } from '../../kube/api-server.ts';
import { type AccessTools, applyAccessStep, removeFormerSecret } from './access/apply.ts';
import { desiredAccess } from './access/keys.ts';
import { modeOf } from './access/sharing.ts';
import { connectionFor, readConnection, removeFormerConnection, writeConnection } from './connection.ts';
import { keepReferences, letGo, type ReferenceTools } from './in-use.ts';
import { type IntentProofs, wasMadeBy } from './intent.ts';
import { type AccessProvider, noAccess } from './providers/access.ts';
import {
  type BucketConnection,
  BucketError,
  type BucketProvider,
  type BucketReason,
  type DesiredBucket,
  type Feature,
  type ObservedBucket,
} from './providers/bucket.ts';
import {
  type Blocked,
  blocked,
  isDone,
  type ObservedFeature,
  type ObservedState,
  type Step,
  toBlocked,
} from './state.ts';
import { blockedStatus, creatingStatus, doneStatus, readyStatus } from './status.ts';
import { giveUp, nextStep, unreachableBucket } from './steps.ts';

/** Enough for the longest way there is, twice over. */
const MAX_STEPS = 60;

export interface StepsRun {
  readonly context: StepContext;
  /** Asked before each step: how long the rate limiter has it wait, in milliseconds; 0 where it may be done now. */
  readonly waitMs: (step: Step) => number;
  /** Told of each step that was done. */
  readonly onStep: (step: Step, before: ObservedState, after: ObservedState) => void;
}

/** How the steps ended. `ready` and `blocked` tell what is observed by now. */
export type StepsResult =
  | { readonly kind: 'ready'; readonly observed: ObservedState }
  | { readonly kind: 'blocked'; readonly observed: ObservedState; readonly blocked: Blocked }
  | { readonly kind: 'limited'; readonly waitMs: number }
  | { readonly kind: 'gone' };

/**
 * Does one step after the other until nothing is left to do, or it is blocked, which is told in status.
 * Throws AppError where the API server failed: all that was done stays done, and the next reconciliation goes on from there.
 */
export const runSteps = async (first: ObservedState, run: StepsRun): Promise<StepsResult> => {
  let observed = first;
  const next = (state: ObservedState): Step => nextStep(state, new Date(run.context.now()));
  let step = next(observed);
  for (let done = 0; done < MAX_STEPS; done++) {
    const waitMs = run.waitMs(step);
    if (waitMs > 0) return { kind: 'limited', waitMs };
    const after = await attempt(step, observed, run);
    if (after instanceof BucketError) {
      [observed, step] = afterFailure(step, observed, toBlocked(after), run.context);
      continue;
    }
    run.onStep(step, observed, after);
    const result = resultOf(step, after);
    if (result !== undefined) return result;
    observed = after;
    step = next(observed);
  }
  return {
    kind: 'blocked',
    observed,
    blocked: { reason: 'ProviderError', message: 'The provider does not keep what it takes.' },
  };
};

const attempt = async (
  step: Step,
  observed: ObservedState,
  { context }: StepsRun,
): Promise<ObservedState | BucketError> => {
  try {
    return { ...observed, ...(await applyStep(step, observed, context)) };
  } catch (error) {
    // A call that we gave up ourselves says nothing about the provider.
    if (error instanceof BucketError && !context.signal.aborted) return error;
    throw error;
  }
};

/** A create call may fail when the bucket is there already, and only its mark is not. */
const afterFailure = (
  step: Step,
  observed: ObservedState,
  reported: Blocked,
  { now }: StepContext,
): readonly [ObservedState, Step] => {
  const failure = reported.reason === 'NameTaken' ? unreachableBucket(observed.store, reported.message) : reported;
  const { deletionTimestamp } = observed.store.metadata;
  if (step.do === 'release') return [observed, blocked(failure)];
  if (isAboutAccess(step) && !deletionTimestamp) {
    const refused = { ...observed, access: 'failed', features: [...observed.features, failedAccess(failure)] } as const;
    return [refused, nextStep(refused, new Date(now()))];
  }
  if (deletionTimestamp)
    return [observed, giveUp(observed, failure, Date.parse(now()) - Date.parse(deletionTimestamp))];
  if (step.do !== 'create') return [observed, blocked(observed.creationFailure ?? failure)];
  const uncertain = { ...observed, bucket: 'unobserved', creationFailure: failure } as const;
  return [uncertain, nextStep(uncertain, new Date(now()))];
};

const accessSteps: readonly Step['do'][] = [
  'observeAccess',
  'recordAccess',
  'revokeAccess',
  'grantAccess',
  'issueKey',
  'revokeKey',
  'writeAccessSecret',
];
const isAboutAccess = (step: Step): boolean => accessSteps.includes(step.do);

/** The bucket is all right: what users it cannot have is told as what of the spec cannot be applied. */
const failedAccess = (failure: Blocked): ObservedFeature => ({ name: 'access', state: 'failed', blocked: failure });

const resultOf = (step: Step, observed: ObservedState): StepsResult | undefined => {
  if (step.do === 'finish') return { kind: 'ready', observed };
  if (step.do === 'block') return { kind: 'blocked', observed, blocked: step.blocked };
  return step.do === 'release' || step.do === 'none' ? { kind: 'gone' } : undefined;
};

/** A provider that was opened with an ObjectStore's credentials, and the bucket it is to have there. */
export interface Opened {
  readonly provider: BucketProvider;
  readonly bucket: DesiredBucket;
}

/** What the steps of one reconciliation are done with. */
export interface StepContext extends ReferenceTools {
  readonly kube: Pick<Kube, 'get' | 'create' | 'apply' | 'applyStatus' | 'mergePatch' | 'remove'>;
  /** Opens the provider on first use. Throws BucketError where credentials are missing. */
  readonly open: () => Promise<Opened>;
  readonly proofs: IntentProofs;
  /** Whether another ObjectStore asks for a bucket of that name: one without a mark may just be being made for it. */
  readonly hasRival: (store: ObjectStore) => boolean;
}

/** Access of service accounts; every call says what is missing where the provider knows none. */
const identitiesOf = ({ name, identities }: BucketProvider): AccessProvider => ({
  ...noAccess(
    () =>
      new BucketError(
        'UnsupportedFeature',
        `spec.access.serviceAccount: ${name === 's3' ? 'this service' : name} knows no service accounts: leave it out, and the workload gets keys where they can be had.`,
      ),
  ),
  ...identities,
});

const accessToolsOf = ({ store, sharing }: ObservedState, context: StepContext): AccessTools => ({
  kube: context.kube,
  open: async (isRecorded = false) => {
    const { provider, bucket } = await context.open();
    const { serviceAccount } = (isRecorded ? store.status?.access : store.spec.access) ?? {};
    return {
      provider: serviceAccount === undefined ? provider.access : identitiesOf(provider),
      desired: desiredAccess(store, {
        mode: modeOf(store, sharing),
        encryptionKey: bucket.encryptionKey,
        serviceAccount,
      }),
      connection: provider.connection(bucket),
    };
  },
  writeStatus: (status) => writeStatus(context.kube, store, status, context.signal),
  now: () => new Date(context.now()),
  signal: context.signal,
});

/** What was observed in doing a step. */
type Observation = Partial<ObservedState>;

/** Does one step. Throws BucketError for what the provider refused, AppError for what the API server did. */
const applyStep = async (step: Step, observed: ObservedState, context: StepContext): Promise<Observation> => {
  const { kube, signal, now } = context;
  const { store } = observed;
  switch (step.do) {
    case 'addFinalizer':
      return { store: await addFinalizer(kube, store, signal) };
    case 'recordIntent':
      return {
        store: await writeStatus(
          kube,
          store,
          creatingStatus(observed, await connectionAt(context), { now: now(), proofs: context.proofs }),
          signal,
        ),
      };
    case 'finish':
      return finish(observed, context);
    case 'block':
      return { store: await writeStatus(kube, store, blockedStatus(observed, step.blocked, now()), signal) };
    case 'release':
      return { store: await release(store, context) };
    case 'leaveAccess':
      return { store: await leaveAccess(store, context) };
    case 'recordReferences':
    case 'keepReferences':
    case 'letFormerGo':
      return seeToReferences(step.do, store, context);
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
    case 'observeAccess':
    case 'recordAccess':
    case 'revokeAccess':
    case 'grantAccess':
    case 'issueKey':
    case 'revokeKey':
    case 'writeAccessSecret':
      return applyAccessStep(step, observed, accessToolsOf(observed, context));
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
  { open, ...context }: StepContext,
): Promise<Observation> => {
  const { signal } = context;
  const { provider, bucket } = await open();
  switch (call) {
    case 'observe':
      return observe(await open(), { store, ...context });
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

const observe = async (
  { provider, bucket }: Opened,
  { store, proofs, hasRival, signal }: Pick<ObservedState, 'store'> & Omit<StepContext, 'open'>,
): Promise<Observation> => {
  const found = await provider.observe(bucket, signal);
  if (found === undefined) return { bucket: 'absent', features: [] };
  return {
    bucket: found,
    isMadeByUs:
      isUnmarked(found) &&
      wasMadeBy(store, found.createdAt, proofs) &&
      !hasRival(store) &&
      (await isEmpty({ provider, bucket }, signal)),
    features: provider.features(bucket).map(({ name }) => ({ name, state: 'unchecked' })),
  };
};

const isUnmarked = ({ isOurs, isOthers, canCarryMark }: ObservedBucket): boolean =>
  canCarryMark && !isOurs && !isOthers;

/** What was never handed out holds nothing: a mark that was taken off later does not make a bucket anybody's. */
const isEmpty = async ({ provider, bucket }: Opened, signal: AbortSignal): Promise<boolean> =>
  (await provider.isEmpty?.(bucket, signal)) ?? false;

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
  await removeFormerSecret(kube, observed, signal);
  const status = readyStatus(observed, await connectionAt(context), now());
  return { store: await writeStatus(kube, observed.store, status, signal) };
};

const seeToReferences = async (
  work: 'recordReferences' | 'keepReferences' | 'letFormerGo',
  store: ObjectStore,
  context: StepContext,
): Promise<Observation> => {
  const wanted = referencesOf(store);
  const { inUse = [] } = store.status ?? {};
  switch (work) {
    case 'recordReferences':
      return { store: await writeInUse([...new Set([...inUse, ...wanted])], store, context) };
    case 'keepReferences':
      return { references: await keepReferences(store, context) };
    case 'letFormerGo': {
      const former = inUse.filter((reference) => !wanted.includes(reference));
      await letGo(former, store, context);
      return { store: await writeInUse(wanted, store, context) };
    }
  }
};

const writeInUse = (inUse: readonly string[], store: ObjectStore, { kube, signal }: StepContext) => {
  const { inUse: _, ...status } = store.status ?? {};
  return writeStatus(kube, store, { ...status, ...(inUse.length > 0 && { inUse }) }, signal);
};

/** What it used goes before it does, which alone knows what that is; that nothing needs it any more is written before. */
const release = async (store: ObjectStore, context: StepContext): Promise<ObjectStore> => {
  const { kube, signal } = context;
  const { status } = store;
  if (status?.inUse === undefined) return removeFinalizer(kube, store, signal);
  const done = isDone(store) ? store : await writeStatus(kube, store, doneStatus(status), signal);
  await letGo(status.inUse, done, context);
  return removeFinalizer(kube, done, signal);
};

const leaveAccess = (store: ObjectStore, { kube, signal }: StepContext): Promise<ObjectStore> => {
  const { access: _, ...status } = store.status ?? {};
  return writeStatus(kube, store, status, signal);
};

const connectionAt = async ({ open }: StepContext): Promise<BucketConnection> => {
  const { provider, bucket } = await open();
  return provider.connection(bucket);
};

const connectionMapOf = async ({ store }: ObservedState, { open }: StepContext) => {
  const { provider, bucket } = await open();
  return connectionFor(store, provider.name, provider.connection(bucket));
};

/** Answers the object as stored. Guarded: Conflict where anybody changed it meanwhile. */
const addFinalizer = (kube: Pick<Kube, 'mergePatch'>, store: ObjectStore, signal: AbortSignal): Promise<ObjectStore> =>
  putFinalizers(kube, store, [...(store.metadata.finalizers ?? []), OBJECT_STORE_FINALIZER], signal);

/** Guarded likewise: what is gone already is success for the caller to tell by NotFound. */
const removeFinalizer = (
  kube: Pick<Kube, 'mergePatch'>,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<ObjectStore> => {
  const others = (store.metadata.finalizers ?? []).filter((finalizer) => finalizer !== OBJECT_STORE_FINALIZER);
  return putFinalizers(kube, store, others, signal);
};

const putFinalizers = (
  kube: Pick<Kube, 'mergePatch'>,
  store: ObjectStore,
  finalizers: readonly string[],
  signal: AbortSignal,
): Promise<ObjectStore> =>
  kube.mergePatch<ObjectStore>(
    resources.objectStores,
    objectKeyOf(store),
    { metadata: { resourceVersion: store.metadata.resourceVersion, finalizers } },
    { signal },
  );

/** Answers the object as stored. No call where nothing changes. Conflict where anybody changed the object meanwhile. */
const writeStatus = async (
  kube: Pick<Kube, 'applyStatus'>,
  store: ObjectStore,
  status: ObjectStoreStatus,
  signal: AbortSignal,
): Promise<ObjectStore> => {
  if (isDeepStrictEqual(status, store.status)) return store;
  const { apiVersion, kind, metadata } = store;
  const { name = '', namespace = '', uid = '', resourceVersion = '' } = metadata;
  // The spec is not applied through this subresource; the type alone asks for it.
  const applied = { apiVersion, kind, metadata: { name, namespace, uid, resourceVersion }, status };
  return kube.applyStatus<ObjectStore>(resources.objectStores, applied as ObjectStore, { signal });
};
