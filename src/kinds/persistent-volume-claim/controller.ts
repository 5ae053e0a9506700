import { once } from 'node:events';
import type { Facts } from '../../api/facts.ts';
import type { KubeObject, PersistentVolumeClaim, StorageClass } from '../../api/kubernetes.ts';
import type { Note } from '../../controller/event-object.ts';
import type { EventRecorder } from '../../controller/events.ts';
import { type Outcome, runController } from '../../controller/loop.ts';
import { type BlockedKeys, createBlockedKeys } from '../../controller/refusals.ts';
import { type Kube, resources } from '../../kube/api-server.ts';
import { hasChangedLabels } from '../../kube/label-change.ts';
import { keyOf, parseKey, type Store } from '../../kube/store.ts';
import { type FactStores, type WatchOptions, watchStore } from '../../kube/stores.ts';
import { stripClaim } from '../../kube/transforms.ts';
import type { Log } from '../../ops/log.ts';
import type { Metrics } from '../../ops/metrics.ts';
import { claimOf } from '../../storage-classes/claim.ts';
import { type ClaimStep, failureNote, nextClaimStep } from './claim-step.ts';
import { createStorageClassMaker } from './storage-class-maker.ts';

export interface ClaimControllerOptions {
  readonly kube: Pick<Kube, 'create'>;
  readonly claims: Store<PersistentVolumeClaim>;
  readonly stores: Pick<
    FactStores,
    'storageClasses' | 'persistentVolumes' | 'csiDrivers' | 'namespaces' | 'platformDefaults' | 'objectStores'
  >;
  /** Fulfilled when the first detection of the cloud has ended. */
  readonly cloudSettled: Promise<void>;
  readonly facts: () => Facts;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'countReconcile' | 'setQueue' | 'countStorageClass'>;
}

export interface ClaimController {
  /** Runs until `signal`; begins once the caches are filled and the first detection has ended. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** To be called when the cloud is another: looks again at every claim whose class was not made. */
  readonly recheck: () => void;
}

const BY_CLASS = 'storageClassName';
const CONCURRENCY = 4;

/** Starts to watch claims. The index holds those that wait for a class, by the class they name. */
export const watchClaims = (watching: WatchOptions): Store<PersistentVolumeClaim> =>
  watchStore(watching, resources.persistentVolumeClaims, stripClaim, { [BY_CLASS]: pendingClass });

/** The class a pending claim names; nothing where there is nothing to be done about it any more. */
const pendingClass = (claim: PersistentVolumeClaim): readonly string[] => {
  const isPending = !claim.metadata.deletionTimestamp && (claim.status?.phase ?? 'Pending') === 'Pending';
  const className = isPending ? claimOf(claim)?.className : undefined;
  return className === undefined ? [] : [className];
};

const isPendingClaim = (claim: PersistentVolumeClaim): boolean => pendingClass(claim).length > 0;

/**
 * Makes the class a pending claim names where admission did not: claims from before the install or from while no webhook
 * answered, classes deleted by hand. Decides by the very rules of admission, and tells the claim once why not.
 */
export const claimController = (options: ClaimControllerOptions): ClaimController => {
  const { claims, stores, cloudSettled, log, metrics } = options;
  const blockedKeys = createBlockedKeys();
  const reconcileClaim = createReconcile(options, blockedKeys);
  const ready = Promise.all([claims.synced, cloudSettled, ...Object.values(stores).map(({ synced }) => synced)]);
  return {
    recheck: blockedKeys.recheck,
    run: async (signal) => {
      await Promise.race([ready, aborted(signal)]);
      await runController({
        name: 'persistent-volume-claim',
        concurrency: CONCURRENCY,
        signal,
        log,
        metrics,
        keys: () => claims.list().filter(isPendingClaim).map(keyOfObject),
        subscribe: (add) => subscribe(options, blockedKeys, add),
        reconcile: async (key, abortSignal) => {
          const claim = claims.get(parseKey(key));
          if (claim && isPendingClaim(claim)) return reconcileClaim(key, claim, abortSignal);
          blockedKeys.forget(key);
          return undefined;
        },
      });
    },
  };
};

const keyOfObject = ({ metadata }: KubeObject): string => keyOf(metadata);

const subscribe = (
  { claims, stores }: ClaimControllerOptions,
  blockedKeys: BlockedKeys,
  add: (key: string) => void,
): (() => void) => {
  const addNaming = (className = ''): void => claims.byIndex(BY_CLASS, className).map(keyOfObject).forEach(add);
  const addIn = (namespace: string | undefined): void => {
    const pendingClaims = claims
      .list()
      .filter((claim) => claim.metadata.namespace === namespace && isPendingClaim(claim));
    pendingClaims.map(keyOfObject).forEach(add);
  };
  const stops = [
    claims.onChange((_type, claim) => {
      const key = keyOfObject(claim);
      if (isPendingClaim(claim) || blockedKeys.has(key)) add(key);
    }),
    stores.storageClasses.onChange((type, { metadata }) => {
      if (type === 'DELETED') addNaming(metadata.name);
      blockedKeys.recheck();
    }),
    stores.persistentVolumes.onChange((type, { spec }) => {
      if (type === 'DELETED') addNaming(spec?.storageClassName ?? '');
    }),
    // Its labels decide whether it is left alone, and which defaults hold there.
    stores.namespaces.onChange((_, namespace, old) => {
      if (hasChangedLabels(namespace, old)) addIn(namespace.metadata.name);
    }),
    stores.csiDrivers.onChange(blockedKeys.recheck),
    stores.platformDefaults.onChange(blockedKeys.recheck),
    stores.objectStores.onChange(blockedKeys.recheck),
    blockedKeys.onRecheck(add),
  ];
  return () => {
    for (const stop of stops) stop();
  };
};

type Reconcile = (key: string, claim: PersistentVolumeClaim, signal: AbortSignal) => Promise<Outcome | undefined>;

const createReconcile = (options: ClaimControllerOptions, blockedKeys: BlockedKeys): Reconcile => {
  const { kube, stores, facts, events, metrics } = options;
  const maker = createStorageClassMaker(kube, stores.storageClasses);
  const block = (key: string, claim: PersistentVolumeClaim, note: Note): Outcome | undefined => {
    if (!blockedKeys.add(key, note.message)) return undefined;
    events.record(claim, note);
    return { decision: 'StorageClass not made', fields: { reason: note.reason, why: note.message } };
  };
  const make = async (
    key: string,
    claim: PersistentVolumeClaim,
    step: ClaimStep & { do: 'make' },
    signal: AbortSignal,
  ) => {
    try {
      return await maker.make(step.classes, signal);
    } catch (error) {
      if (!signal.aborted) block(key, claim, failureNote(step.classes, error));
      throw error;
    }
  };
  return async (key, claim, signal) => {
    const step = nextClaimStep(claim, withUncachedClasses(facts(), maker.uncachedCount));
    if (step.do === 'tell') return block(key, claim, step.note);
    const made = step.do === 'make' ? await make(key, claim, step, signal) : [];
    blockedKeys.forget(key);
    if (step.do === 'nothing' || made.length === 0) return undefined;
    for (const _ of made) metrics.countStorageClass('controller');
    for (const note of step.notes) events.record(claim, note);
    return { decision: 'StorageClass made', fields: { storageClasses: made.map(nameAndProvisioner) } };
  };
};

const nameAndProvisioner = ({ metadata: { name }, provisioner }: StorageClass) => ({ name, provisioner });

/** The limit on classes must hold for those too that the cache does not hold yet. */
const withUncachedClasses = (facts: Facts, uncachedCount: () => number): Facts => ({
  ...facts,
  storage: { ...facts.storage, ownedClassCount: () => facts.storage.ownedClassCount() + uncachedCount() },
});

const aborted = async (signal: AbortSignal): Promise<void> => {
  if (!signal.aborted) await once(signal, 'abort');
};
