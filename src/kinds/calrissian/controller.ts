import { hasReason, type Reason } from '../../api/errors.ts';
import type { Facts, Policy } from '../../api/facts.ts';
import type { KubeObject, PersistentVolumeClaim } from '../../api/kubernetes.ts';
import {
  CALRISSIAN_CLASS,
  CALRISSIAN_ENABLED,
  CALRISSIAN_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
} from '../../api/names.ts';
import type { EventRecorder, Note } from '../../controller/events.ts';
import { createBlockedKeys, type Outcome, runController } from '../../controller/loop.ts';
import { untilSynced } from '../../controller/periodic.ts';
import { isSpecChange } from '../../defaults/controller.ts';
import type { DefaultsInForce } from '../../defaults/in-force.ts';
import { provisionedNamespaces } from '../../defaults/provisioning/plan.ts';
import { type Kube, resources } from '../../kube/api-server.ts';
import { keyOf, type Store } from '../../kube/store.ts';
import { type FactStores, type WatchOptions, watchStore } from '../../kube/stores.ts';
import { metadataOnly } from '../../kube/transforms.ts';
import type { Log } from '../../ops/log.ts';
import type { Metrics } from '../../ops/metrics.ts';
import { type ApplyResult, applyObjects, removeAll } from './applier.ts';

export interface CalrissianControllerOptions {
  readonly kube: Kube;
  readonly stores: CalrissianStores;
  readonly inForce: Pick<DefaultsInForce, 'entries'>;
  readonly facts: () => Facts;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'countReconcile' | 'setQueue'>;
}

/**
 * Keeps namespaces labelled for Calrissian ready for it, until `signal`. A namespace that loses the label loses what holds no data;
 * its claims stay, and it is told so.
 */
export const runCalrissianController = async (
  options: CalrissianControllerOptions,
  signal: AbortSignal,
): Promise<void> => {
  const { stores, facts, log, metrics } = options;
  await untilSynced(allStores(stores), signal);
  await runController({
    name: 'calrissian-namespace',
    signal,
    log,
    metrics,
    keys: () => calrissianNamespaces(stores),
    subscribe: (add) => onCalrissianChange(stores, () => facts().policy, add),
    reconcile: reconcileCalrissian(options),
  });
};

/** What a person has to do something about; all else is only retried. */
const REPORTED_REASONS: readonly Reason[] = ['Conflict', 'Forbidden', 'InvalidInput'];

/** Makes one namespace as its label asks, by its name. */
export const reconcileCalrissian = (options: Omit<CalrissianControllerOptions, 'log' | 'metrics'>) => {
  const { stores, facts } = options;
  const { record, forget } = createRecorder(options);
  const enable = async (namespace: KubeObject, name: string, signal: AbortSignal): Promise<Outcome | undefined> => {
    const { calrissian } = facts().policy;
    if (calrissian === undefined) return undefined;
    const tools = { ...options, isProvisioned: provisionedBy(options, namespace) };
    try {
      const result = await applyObjects(name, madeIn(stores, name), calrissian, tools, signal);
      record(namespace, result.notes);
      return outcomeOf('namespace made ready for Calrissian', result);
    } catch (error) {
      if (hasReason(error, ...REPORTED_REASONS)) {
        record(namespace, [{ type: 'Warning', reason: 'CalrissianNotReady', message: error.message }]);
      }
      throw error;
    }
  };
  const disable = async (namespace: KubeObject, name: string, signal: AbortSignal): Promise<Outcome | undefined> => {
    const removed = await removeAll(madeIn(stores, name), options, signal);
    if (removed.length > 0) record(namespace, [disabledNote(claimsMadeIn(stores, name))]);
    forget(name);
    return outcomeOf('namespace no longer made ready for Calrissian', { written: [], removed, notes: [] });
  };
  return async (name: string, signal: AbortSignal): Promise<Outcome | undefined> => {
    const namespace = stores.namespaces.get({ namespace: '', name });
    if (namespace === undefined || namespace.metadata.deletionTimestamp) {
      forget(name);
      return undefined;
    }
    return isForCalrissian(namespace) ? enable(namespace, name, signal) : disable(namespace, name, signal);
  };
};

const outcomeOf = (decision: string, { written, removed }: ApplyResult): Outcome | undefined =>
  written.length + removed.length > 0 ? { decision, fields: { written, removed } } : undefined;

/** Events in the namespace itself, where its people look, and only when they are news. */
const createRecorder = ({ events }: Pick<CalrissianControllerOptions, 'events'>) => {
  const refusals = createBlockedKeys();
  return {
    forget: refusals.forget,
    record: (namespace: KubeObject, notes: readonly Note[]): void => {
      const { metadata } = namespace;
      const name = metadata.name ?? '';
      if (!refusals.add(name, namespace, JSON.stringify(notes))) return;
      for (const note of notes) events.record({ ...namespace, metadata: { ...metadata, namespace: name } }, note);
    },
  };
};

const disabledNote = (claims: readonly string[]): Note => {
  const kept = `PersistentVolumeClaims ${claims.join(', ')} may hold data and stay: delete those that nobody needs.`;
  return {
    type: 'Normal',
    reason: 'CalrissianDisabled',
    message:
      `Without the label ${CALRISSIAN_LABEL}, the RoleBindings and the ConfigMap made for Calrissian are removed. ${claims.length > 0 ? kept : ''}`.trim(),
  };
};

/** What PlatformDefaults in force give this namespace. */
const provisionedBy =
  ({ inForce, facts }: Pick<CalrissianControllerOptions, 'inForce' | 'facts'>, namespace: KubeObject) =>
  (configMap: string): boolean => {
    const { cloud, policy } = facts();
    const { systemNamespace } = policy;
    const world = {
      namespaces: [namespace],
      entries: [],
      cloud: cloud.name,
      variable: () => undefined,
      systemNamespace,
    };
    return inForce
      .entries()
      .filter(({ spec }) => spec.provision?.configMaps?.some(({ name }) => name === configMap))
      .some((entry) => provisionedNamespaces(entry, world).length > 0);
  };

/** The caches by which the controller learns what to look at. */
interface CalrissianStores
  extends Pick<FactStores, 'namespaces' | 'storageClasses' | 'csiDrivers' | 'objectStores' | 'platformDefaults'> {
  /** As `watchClaims` makes it. */
  readonly claims: Store<PersistentVolumeClaim>;
  /** As `watchCalrissian` makes them. */
  readonly made: readonly Store<KubeObject>[];
}

const BY_NAMESPACE = 'namespace';

/** Starts to watch what was made in Calrissian namespaces and can be taken away again: RoleBindings and ConfigMaps, by name alone. */
export const watchCalrissian = (watching: WatchOptions): CalrissianStores['made'] => {
  const labelSelector = `${MANAGED_BY_LABEL}=${MANAGED_BY},${CALRISSIAN_LABEL}=${CALRISSIAN_ENABLED}`;
  return [resources.roleBindings, resources.configMaps].map((resource) =>
    watchStore({ ...watching, query: { labelSelector } }, resource, metadataOnly, {
      [BY_NAMESPACE]: ({ metadata }) => [metadata.namespace ?? ''],
    }),
  );
};

const allStores = ({ made, ...stores }: CalrissianStores): readonly Store<KubeObject>[] => [
  ...made,
  ...Object.values<Store<KubeObject>>({ ...stores }),
];

/** True for a namespace with the label, and for a claim that was made in one. */
const isForCalrissian = ({ metadata }: KubeObject): boolean =>
  metadata.labels?.[CALRISSIAN_LABEL] === CALRISSIAN_ENABLED;

const madeIn = ({ made }: CalrissianStores, namespace: string): readonly KubeObject[] =>
  made.flatMap((store) => store.byIndex(BY_NAMESPACE, namespace));

/** Names of the claims that were made in a namespace. */
const claimsMadeIn = ({ claims }: CalrissianStores, namespace: string): readonly string[] =>
  claims
    .list()
    .filter((claim) => namespaceOf(claim) === namespace && isForCalrissian(claim))
    .map(nameOf)
    .toSorted();

/** Every namespace that is labelled, or was: something made there is left. */
const calrissianNamespaces = (stores: CalrissianStores): readonly string[] => [
  ...labelledNamespaces(stores),
  ...stores.made.flatMap((store) => store.list()).map(namespaceOf),
];

const labelledNamespaces = ({ namespaces }: CalrissianStores): readonly string[] =>
  namespaces.list().filter(isForCalrissian).map(nameOf);

const nameOf = ({ metadata }: KubeObject): string => metadata.name ?? '';
const namespaceOf = ({ metadata }: KubeObject): string => metadata.namespace ?? '';

/** Hands on each namespace that a change concerns. Answers how to stop. */
const onCalrissianChange = (
  stores: CalrissianStores,
  policy: () => Policy,
  add: (namespace: string) => void,
): (() => void) => {
  const addAll = (): void => labelledNamespaces(stores).forEach(add);
  const isNamedStore = ({ metadata }: KubeObject): boolean => {
    const bucket = policy().calrissian?.bucket;
    return bucket !== undefined && 'objectStore' in bucket && bucket.objectStore === keyOf(metadata);
  };
  const stops = [
    stores.namespaces.onChange((_, namespace, old) => {
      if (isForCalrissian(namespace) || (old && isForCalrissian(old))) add(nameOf(namespace));
    }),
    ...stores.made.map((store) => store.onChange((_, object) => add(namespaceOf(object)))),
    stores.claims.onChange((type, claim) => {
      if (type === 'DELETED' && isForCalrissian(claim)) add(namespaceOf(claim));
    }),
    stores.storageClasses.onChange((_, storageClass) => {
      if (nameOf(storageClass) === CALRISSIAN_CLASS) addAll();
    }),
    stores.objectStores.onChange((_, store) => {
      if (isNamedStore(store)) addAll();
    }),
    stores.csiDrivers.onChange(addAll),
    stores.platformDefaults.onChange((type, defaults, old) => {
      // Tenants change theirs as often as they like, and those provide nothing.
      if (defaults.metadata.namespace === policy().systemNamespace && isSpecChange(type, defaults, old)) addAll();
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
};
