import { hasReason } from '../../../api/errors.ts';
import type { Facts } from '../../../api/facts.ts';
import type { KubeObject, PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../../api/kubernetes.ts';
import { NFS_CLASS_ANNOTATION, NFS_CLASS_LABEL } from '../../../api/names.ts';
import type { EventRecorder } from '../../../controller/events.ts';
import { type Outcome, runController } from '../../../controller/loop.ts';
import { untilSynced } from '../../../controller/periodic.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import type { Store } from '../../../kube/store.ts';
import { type FactStores, type Node, type WatchOptions, watchStore } from '../../../kube/stores.ts';
import { metadataOnly } from '../../../kube/transforms.ts';
import type { Log } from '../../../ops/log.ts';
import type { Metrics } from '../../../ops/metrics.ts';
import { classNameOf } from '../../../storage-classes/claim.ts';
import type { NfsAgents } from './agent.ts';
import { isWaiting } from './deletion.ts';
import { RETELL_MS } from './exports.ts';
import { isNfsClass, isServed, type ObservedServer } from './observed.ts';
import { nfsServerName } from './parts.ts';
import { createProvisioning, releaseVolumes } from './provisioning.ts';
import { hasServer, removeNfsServer } from './removal.ts';
import { applyNfsServer, type DisruptionBudgets, nfsResources, recordFailure } from './server.ts';

export interface NfsControllerOptions {
  readonly kube: Kube;
  /** As `watchClaims` makes it. */
  readonly claims: Store<PersistentVolumeClaim>;
  readonly stores: Pick<FactStores, 'storageClasses' | 'persistentVolumes' | 'nodes' | 'csiDrivers'>;
  /** As `watchNfsServers` makes them. */
  readonly servers: NfsStores;
  readonly facts: () => Facts;
  readonly events: Pick<EventRecorder, 'record'>;
  /** How long a server outlives its last volume. */
  readonly graceSeconds: number;
  /** Tests only: what stands in for the agents of servers that run nowhere. */
  readonly agents?: NfsAgents;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'countReconcile' | 'setQueue'>;
}

/**
 * Keeps an NFS server behind each class that admission made for one, until `signal`: whole whatever somebody deletes, large enough
 * where its disk can grow, and gone some time after its last volume.
 */
export const runNfsController = async (options: NfsControllerOptions, signal: AbortSignal): Promise<void> => {
  const { claims, stores, servers, log, metrics } = options;
  const all: readonly Store<KubeObject>[] = [claims, ...Object.values(stores), ...servers];
  await untilSynced(all, signal);
  await runController({
    name: 'nfs-server',
    signal,
    log,
    metrics,
    keys: () => servedClasses(options),
    subscribe: (add) => subscribe(options, add),
    reconcile: createReconcile(options),
  });
};

/** Every class that has a server or is to have one, or of which a volume waits for one. */
const servedClasses = ({ stores, servers }: NfsControllerOptions): ReadonlySet<string> =>
  new Set([
    ...stores.storageClasses.list().filter(isNfsClass).map(nameOf),
    ...servers.flatMap((store) => store.list()).flatMap(classServedBy),
    ...stores.persistentVolumes.list().filter(isWaiting).flatMap(classOf),
  ]);

const classOf = ({ spec }: PersistentVolume): readonly string[] => [spec?.storageClassName || []].flat();

const hasPart = (className: string, { stores, servers, facts }: NfsControllerOptions): boolean => {
  const storageClass = stores.storageClasses.get({ namespace: '', name: className });
  if (storageClass !== undefined) return isNfsClass(storageClass);
  return hasServerPart(className, servers, facts().policy.nfsNamespace);
};

/** True where anything by the name of this class's server is there. */
export const hasServerPart = (className: string, servers: NfsStores, namespace: string): boolean =>
  servers.some((store) => store.get({ namespace, name: nfsServerName(className) }) !== undefined);

const nameOf = ({ metadata }: KubeObject): string => metadata.name ?? '';

const subscribe = (options: NfsControllerOptions, add: (key: string) => void): (() => void) => {
  const { claims, stores, servers } = options;
  const addServed = (className: string | null | undefined): void => {
    if (className && hasPart(className, options)) add(className);
  };
  const stops = [
    stores.storageClasses.onChange((_, storageClass) => isNfsClass(storageClass) && add(nameOf(storageClass))),
    claims.onChange((_, claim) => addServed(classNameOf(claim))),
    stores.persistentVolumes.onChange((_, volume) => classOf(volume).forEach(isWaiting(volume) ? add : addServed)),
    stores.nodes.onChange((_, node, old) => {
      if (kernelOf(node) !== kernelOf(old)) servedClasses(options).forEach(add);
    }),
    ...servers.map((store) => store.onChange((_, part) => classServedBy(part).forEach(add))),
  ];
  return () => {
    for (const stop of stops) stop();
  };
};

const kernelOf = (node: Node | undefined): string | undefined => node?.status?.nodeInfo?.kernelVersion;

const createReconcile = (options: NfsControllerOptions) => {
  const { graceSeconds } = options;
  const tools = { ...options, disruptionBudgets: createDisruptionBudgetProbe(options) };
  const provision = createProvisioning(options);
  /** Since when no volume and no claim of a class was observed. Forgotten with the process, which only makes a server live longer. */
  const idleSince = new Map<string, number>();

  const removeIfIdle = async (observed: ObservedServer, signal: AbortSignal): Promise<Outcome | undefined> => {
    if (!hasServer(observed)) return undefined;
    const since = idleSince.get(observed.className) ?? performance.now();
    idleSince.set(observed.className, since);
    const leftMs = since + graceSeconds * 1000 - performance.now();
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    const disk = await removeNfsServer(observed, options, signal);
    idleSince.delete(observed.className);
    return { decision: 'NFS server removed', fields: { disk } };
  };
  const keep = async (observed: ObservedServer, signal: AbortSignal) => ({
    written: await applyNfsServer(observed, tools, signal),
    provisioned: await provision(observed, signal),
  });
  return async (className: string, signal: AbortSignal): Promise<Outcome | undefined> => {
    const observed = await observe(className, options, signal);
    const isUsed = isInUse(observed, options);
    if (!isServed(observed) && !(isOrphaned(observed) && !isUsed)) {
      const released = await releaseVolumes(observed, options.kube, signal);
      return released.length > 0
        ? { decision: 'volumes without an NFS server let go', fields: { released } }
        : undefined;
    }
    if (!isUsed) return removeIfIdle(observed, signal);
    idleSince.delete(className);
    const { written, provisioned } = await keep(observed, signal).catch((error: unknown) => {
      recordFailure(observed, options, error);
      throw error;
    });
    return {
      requeueAfterMs: RETELL_MS,
      ...(written.length + provisioned.length > 0 && {
        decision: 'NFS server written',
        fields: { written, provisioned },
      }),
    };
  };
};

/** True where a class and its disk are gone and other parts of the server are not: its removal was cut off. */
const isOrphaned = (observed: ObservedServer): boolean =>
  observed.storageClass === undefined && observed.parts.disk === undefined && hasServer(observed);

const isInUse = ({ pendingClaims, volumes, className }: ObservedServer, { claims }: NfsControllerOptions): boolean =>
  pendingClaims.length > 0 || volumes.length > 0 || claims.list().some((claim) => classNameOf(claim) === className);

/** The parts from the API server itself, since what is written depends on them; what may be many, from memory. */
const observe = async (
  className: string,
  options: NfsControllerOptions,
  signal: AbortSignal,
): Promise<ObservedServer> => {
  const { kube, claims, stores, facts } = options;
  const key = { namespace: facts().policy.nfsNamespace, name: nfsServerName(className) };
  const entries = Object.entries(nfsResources).map(async ([name, resource]) => [
    name,
    await kube.get(resource, key, signal),
  ]);
  const [storageClass, ...found] = await Promise.all([
    kube.get<StorageClass>(resources.storageClasses, { namespace: '', name: className }, signal),
    ...entries,
  ]);
  const parts = Object.fromEntries(found) as ObservedServer['parts'];
  const disk: PersistentVolumeClaim | undefined = parts.disk;
  return {
    className,
    storageClass,
    parts,
    diskClass: stores.storageClasses.get({ namespace: '', name: disk?.spec?.storageClassName ?? '' }),
    pendingClaims: claims.byIndex('storageClassName', className),
    growingClaims: claims.byIndex('growing', className),
    volumes: stores.persistentVolumes.byIndex('storageClassName', className),
    limitsGi: facts().policy.nfsLimitsGi,
  };
};

/** Without policy/v1 a server goes unguarded, which is said once. What a server does not know is asked again: it may be upgraded. */
const createDisruptionBudgetProbe = ({ kube, log }: NfsControllerOptions) => {
  let answer: DisruptionBudgets | undefined;
  return async (signal: AbortSignal): Promise<DisruptionBudgets> => {
    if (answer === 'whole') return answer;
    const isThere = await kube.read('/apis/policy/v1', signal).then(() => true, isAbsent);
    if (!isThere && answer === undefined) log.info('no policy/v1 here: NFS servers go without a PodDisruptionBudget');
    answer = isThere ? budgetsOf(await kube.read('/version', signal)) : 'none';
    return answer;
  };
};

const EVICTION_POLICY_SINCE = 27;

/** `minor` is "31", or "31+" where somebody patched it. */
const budgetsOf = (version: unknown): DisruptionBudgets => {
  const { major = '1', minor = '0' } = version as { readonly major?: string; readonly minor?: string };
  const isWhole = Number.parseInt(major, 10) > 1 || Number.parseInt(minor, 10) >= EVICTION_POLICY_SINCE;
  return isWhole ? 'whole' : 'without-eviction-policy';
};

const isAbsent = (error: unknown): false => {
  if (hasReason(error, 'NotFound')) return false;
  throw error;
};

/** Every part of every NFS server by name alone: enough to learn when somebody changes one. */
export type NfsStores = readonly Store<KubeObject>[];

/** Starts the watches; the caches fill in the background until the signal. */
export const watchNfsServers = (watching: WatchOptions, namespace: string): NfsStores => {
  const query = { namespace, labelSelector: NFS_CLASS_LABEL };
  return Object.values(nfsResources).map((resource) => watchStore({ ...watching, query }, resource, metadataOnly));
};

/** The StorageClass whose server an object belongs to; none where it belongs to none. */
const classServedBy = ({ metadata }: KubeObject): readonly string[] =>
  [metadata.annotations?.[NFS_CLASS_ANNOTATION] ?? []].flat();
