import { once } from 'node:events';
import type { Facts } from '../../api/facts.ts';
import type { KubeObject, PersistentVolumeClaim, StorageClass } from '../../api/kubernetes.ts';
import type { Note } from '../../controller/event-object.ts';
import type { EventRecorder } from '../../controller/events.ts';
import { type Outcome, runController } from '../../controller/loop.ts';
import { createRefusals, type Refusals } from '../../controller/refusals.ts';
import { type Kube, resources } from '../../kube/api-server.ts';
import { isRelabelled } from '../../kube/label-change.ts';
import { keyOf, parseKey, type Store } from '../../kube/store.ts';
import { type FactStores, type Watching, watchStore } from '../../kube/stores.ts';
import { slimClaim } from '../../kube/transforms.ts';
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
  /** Fulfilled when the cloud question has been answered for the first time. */
  readonly cloudSettled: Promise<void>;
  readonly facts: () => Facts;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'countReconcile' | 'setQueue' | 'countStorageClass'>;
}

export interface ClaimController {
  /** Acts until `signal`; begins once the caches are filled and the cloud question is settled. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** To be called when the cloud is another: looks again at every claim whose class was not made. */
  readonly recheck: () => void;
}

const BY_CLASS = 'storageClassName';
const CONCURRENCY = 4;

/** Starts to watch claims. The index holds those that wait for a class, by the class they name. */
export const watchClaims = (watching: Watching): Store<PersistentVolumeClaim> =>
  watchStore(watching, resources.persistentVolumeClaims, slimClaim, { [BY_CLASS]: awaitedClass });

/** The class a pending claim names; nothing where there is nothing to be done about it any more. */
const awaitedClass = (claim: PersistentVolumeClaim): readonly string[] => {
  const isPending = !claim.metadata.deletionTimestamp && (claim.status?.phase ?? 'Pending') === 'Pending';
  const className = isPending ? claimOf(claim)?.className : undefined;
  return className === undefined ? [] : [className];
};

const isAwaiting = (claim: PersistentVolumeClaim): boolean => awaitedClass(claim).length > 0;

/**
 * Makes the class a pending claim names where admission did not: claims from before the install or from while no webhook
 * answered, classes deleted by hand. Decides by the very rules of admission, and tells the claim once why not.
 */
export const claimController = (options: ClaimControllerOptions): ClaimController => {
  const { claims, stores, cloudSettled, log, metrics } = options;
  const refusals = createRefusals();
  const reconcileClaim = createReconcile(options, refusals);
  const ready = Promise.all([claims.synced, cloudSettled, ...Object.values(stores).map(({ synced }) => synced)]);
  return {
    recheck: refusals.recheck,
    run: async (signal) => {
      await Promise.race([ready, aborted(signal)]);
      await runController({
        name: 'persistent-volume-claim',
        concurrency: CONCURRENCY,
        signal,
        log,
        metrics,
        keys: () => claims.list().filter(isAwaiting).map(keyOfObject),
        subscribe: (add) => subscribe(options, refusals, add),
        reconcile: async (key, giveUp) => {
          const claim = claims.get(parseKey(key));
          if (claim && isAwaiting(claim)) return reconcileClaim(key, claim, giveUp);
          refusals.forget(key);
          return undefined;
        },
      });
    },
  };
};

const keyOfObject = ({ metadata }: KubeObject): string => keyOf(metadata);

const subscribe = (
  { claims, stores }: ClaimControllerOptions,
  refusals: Refusals,
  add: (key: string) => void,
): (() => void) => {
  const addNaming = (className = ''): void => claims.byIndex(BY_CLASS, className).map(keyOfObject).forEach(add);
  const addIn = (namespace: string | undefined): void => {
    const waiting = claims.list().filter((claim) => claim.metadata.namespace === namespace && isAwaiting(claim));
    waiting.map(keyOfObject).forEach(add);
  };
  const stops = [
    claims.onChange((_type, claim) => {
      const key = keyOfObject(claim);
      if (isAwaiting(claim) || refusals.has(key)) add(key);
    }),
    stores.storageClasses.onChange((type, { metadata }) => {
      if (type === 'DELETED') addNaming(metadata.name);
      refusals.recheck();
    }),
    stores.persistentVolumes.onChange((type, { spec }) => {
      if (type === 'DELETED') addNaming(spec?.storageClassName ?? '');
    }),
    // Its labels decide whether it is left alone, and which defaults hold there.
    stores.namespaces.onChange((_, namespace, old) => {
      if (isRelabelled(namespace, old)) addIn(namespace.metadata.name);
    }),
    stores.csiDrivers.onChange(refusals.recheck),
    stores.platformDefaults.onChange(refusals.recheck),
    stores.objectStores.onChange(refusals.recheck),
    refusals.onRecheck(add),
  ];
  return () => {
    for (const stop of stops) stop();
  };
};

type Reconcile = (key: string, claim: PersistentVolumeClaim, signal: AbortSignal) => Promise<Outcome | undefined>;

const createReconcile = (options: ClaimControllerOptions, refusals: Refusals): Reconcile => {
  const { kube, stores, facts, events, metrics } = options;
  const maker = createStorageClassMaker(kube, stores.storageClasses);
  const refuse = (key: string, claim: PersistentVolumeClaim, note: Note): Outcome | undefined => {
    if (!refusals.add(key, note.message)) return undefined;
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
      if (!signal.aborted) refuse(key, claim, failureNote(step.classes, error));
      throw error;
    }
  };
  return async (key, claim, signal) => {
    const step = nextClaimStep(claim, counting(facts(), maker.unseenCount));
    if (step.do === 'tell') return refuse(key, claim, step.note);
    const made = step.do === 'make' ? await make(key, claim, step, signal) : [];
    refusals.forget(key);
    if (step.do === 'nothing' || made.length === 0) return undefined;
    for (const _ of made) metrics.countStorageClass('controller');
    for (const note of step.notes) events.record(claim, note);
    return { decision: 'StorageClass made', fields: { storageClasses: made.map(nameAndProvisioner) } };
  };
};

const nameAndProvisioner = ({ metadata: { name }, provisioner }: StorageClass) => ({ name, provisioner });

/** The limit on classes must hold for those too that the cache does not hold yet. */
const counting = (facts: Facts, unseenCount: () => number): Facts => ({
  ...facts,
  storage: { ...facts.storage, ownedClassCount: () => facts.storage.ownedClassCount() + unseenCount() },
});

const aborted = async (signal: AbortSignal): Promise<void> => {
  if (!signal.aborted) await once(signal, 'abort');
};
