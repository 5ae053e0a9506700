import { messageOf } from '../../api/errors.ts';
import type { Facts } from '../../api/facts.ts';
import type { KubeObject, PersistentVolumeClaim, StorageClass } from '../../api/kubernetes.ts';
import { createIfAbsent } from '../../controller/apply.ts';
import type { EventRecorder, Note } from '../../controller/events.ts';
import { type BlockedKeys, createBlockedKeys, type Outcome, runController } from '../../controller/loop.ts';
import { aborted } from '../../controller/periodic.ts';
import { isSpecChange } from '../../defaults/controller.ts';
import { type Kube, resources } from '../../kube/api-server.ts';
import { hasChangedLabels, keyOf, parseKey, type Store } from '../../kube/store.ts';
import { type FactStores, type WatchOptions, watchStore } from '../../kube/stores.ts';
import { stripClaim } from '../../kube/transforms.ts';
import type { Log } from '../../ops/log.ts';
import type { Metrics } from '../../ops/metrics.ts';
import { claimOf } from '../../storage-classes/claim.ts';
import { desiredStorageClass } from './mutator.ts';

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

/** Starts to watch claims. The index holds those that wait for a class, by the class they name; `growing` those that ask for another size than they have. */
export const watchClaims = (watching: WatchOptions): Store<PersistentVolumeClaim> =>
  watchStore(watching, resources.persistentVolumeClaims, stripClaim, {
    [BY_CLASS]: pendingClass,
    growing: growingClass,
  });

/** The class of a claim that has its volume and asks for another size. */
const growingClass = ({ metadata, spec }: PersistentVolumeClaim): readonly string[] =>
  spec?.volumeName && spec.resources && spec.storageClassName && !metadata.deletionTimestamp
    ? [spec.storageClassName]
    : [];

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
  { claims, stores, facts }: ClaimControllerOptions,
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
    stores.platformDefaults.onChange((type, defaults, old) => {
      // Of those of tenants, which are changed as often as they like, none says what a class is to be.
      const isOfPlatform = defaults.metadata.namespace === facts().policy.systemNamespace;
      if (isOfPlatform && isSpecChange(type, defaults, old)) blockedKeys.recheck();
    }),
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
    if (!blockedKeys.add(key, claim, note.message)) return undefined;
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
  storage: { ...facts.storage, ownedClassCount: (besides) => facts.storage.ownedClassCount(besides) + uncachedCount() },
});

/** What to do next for a pending claim. */
type ClaimStep =
  | { readonly do: 'nothing' }
  /** Nothing can be made (yet); the claim is to know why. */
  | { readonly do: 'tell'; readonly note: Note }
  /** Make these, in order; then tell the claim. The last is the class it names. */
  | { readonly do: 'make'; readonly classes: readonly StorageClass[]; readonly notes: readonly Note[] };

/** Pure: decides by the very rules of admission. What a class needs besides other classes is left to other controllers. */
export const nextClaimStep = (claim: PersistentVolumeClaim, facts: Facts): ClaimStep => {
  const choice = desiredStorageClass(claim, facts);
  switch (choice.kind) {
    case 'none':
      return choice.warnings.length === 0
        ? { do: 'nothing' }
        : tell('Warning', 'StorageClassUnsuitable', choice.warnings.join(' '));
    case 'account':
      return tell('Normal', 'StorageAccountAwaited', choice.why);
    case 'cannot':
      return tell('Warning', 'StorageClassNotMade', choice.why);
    case 'make':
      return {
        do: 'make',
        classes: [...choice.companions.filter(isStorageClass), choice.storageClass],
        notes: [created(choice.storageClass, choice.unread), ...choice.warnings.map(caution)],
      };
  }
};

const tell = (type: Note['type'], reason: string, message: string): ClaimStep => ({
  do: 'tell',
  note: { type, reason, message },
});

const isStorageClass = (object: KubeObject): object is StorageClass => object.kind === 'StorageClass';

const created = ({ metadata, provisioner }: StorageClass, unread = ''): Note => ({
  type: 'Normal',
  reason: 'StorageClassCreated',
  message: `StorageClass ${metadata.name ?? ''} was made, with volumes by ${provisioner}. ${unread}`.trimEnd(),
});

/** What to tell a claim when the API server would not take its class. */
const failureNote = (classes: readonly StorageClass[], error: unknown): Note => ({
  type: 'Warning',
  reason: 'StorageClassNotMade',
  message: `StorageClass ${classes.at(-1)?.metadata.name ?? ''} could not be made and is tried again: ${messageOf(error)}`,
});

const caution = (message: string): Note => ({ type: 'Warning', reason: 'StorageClassCaution', message });

/** Makes StorageClasses, each once however many ask for it at the same time. */
interface StorageClassMaker {
  /** Makes those that are not there, in order. Answers the ones this very call made. Throws AppError. */
  readonly make: (classes: readonly StorageClass[], signal: AbortSignal) => Promise<readonly StorageClass[]>;
  /** Classes made or being made that the cache does not hold yet; they count towards the limit. */
  readonly uncachedCount: () => number;
}

/** How long a made class may take to come back through the watch. */
const CACHE_TIMEOUT_MS = 2_000;

/** Creates and never applies: a class of somebody else's by the same name stays as it is. */
const createStorageClassMaker = (kube: Pick<Kube, 'create'>, cache: Store<StorageClass>): StorageClassMaker => {
  const inFlight = new Map<string, Promise<boolean>>();
  const isCached = (name: string): boolean => cache.get({ namespace: '', name }) !== undefined;

  const createOne = async (storageClass: StorageClass, signal: AbortSignal): Promise<boolean> => {
    const isMade = await createIfAbsent(kube, resources.storageClasses, storageClass, signal);
    if (isMade) await waitForCache(cache, storageClass.metadata.name ?? '', CACHE_TIMEOUT_MS);
    return isMade;
  };
  /** True where this call made it, false where it is there already, whoever made it. */
  const makeOne = async (storageClass: StorageClass, signal: AbortSignal): Promise<boolean> => {
    const name = storageClass.metadata.name ?? '';
    if (isCached(name)) return false;
    const pending = inFlight.get(name);
    if (pending) return pending.then(() => false);
    const creation = createOne(storageClass, signal).finally(() => inFlight.delete(name));
    inFlight.set(name, creation);
    return creation;
  };
  return {
    make: async (classes, signal) => {
      const made: StorageClass[] = [];
      for (const storageClass of classes) if (await makeOne(storageClass, signal)) made.push(storageClass);
      return made;
    },
    uncachedCount: () => [...inFlight.keys()].filter((name) => !isCached(name)).length,
  };
};

/** Resolves when the cache holds it, and after `ms` in any case. */
const waitForCache = async (cache: Store<StorageClass>, name: string, ms: number): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const unsubscribe = cache.onChange((_type, { metadata }) => metadata.name === name && resolve());
  if (cache.get({ namespace: '', name }) === undefined) await promise;
  clearTimeout(timer);
  unsubscribe();
};
