import type { CloudVerdict, Facts } from '../api/facts.ts';
import type { PersistentVolumeClaim } from '../api/kubernetes.ts';
import { type Detection, detectCloud, startDetection } from '../clouds/detection/detector.ts';
import { createTallies, type Tallies } from '../defaults/admissions/tally.ts';
import { createDefaultsInForce, type DefaultsInForce } from '../defaults/in-force.ts';
import { createFacts } from '../kinds/facts.ts';
import { watchClaims } from '../kinds/persistent-volume-claim/controller.ts';
import type { Kube } from '../kube/api-server.ts';
import { createKube, createKubeAs } from '../kube/client.ts';
import { findConnection } from '../kube/connection.ts';
import { createStore, type Store } from '../kube/store.ts';
import { type FactStores, nodeFact, type WatchOptions, watchFacts } from '../kube/stores.ts';
import { createUnderWay, type UnderWay } from '../kube/under-way.ts';
import type { Log } from '../ops/log.ts';
import { createMetrics, type Metrics } from '../ops/metrics.ts';
import { type ControllerStatus, watchQueues } from '../ops/queues.ts';
import { policyOf, type Settings } from '../settings/config.ts';
import { type LiveSettings, watchLiveSettings } from './live-settings.ts';

/** What the webhook and the controllers share. */
export interface Core {
  readonly settings: Settings;
  readonly log: Log;
  readonly metrics: Metrics;
  /** What the controllers of this process are at. */
  readonly controllers: () => readonly ControllerStatus[];
  /** What PlatformDefaults come to in the admissions of this process. */
  readonly counted: Tallies;
  readonly kube: Kube;
  /** The API server as whoever has this token sees it. */
  readonly kubeAs: (token: string) => Kube;
  /** What every watch of this process is started with. */
  readonly watching: WatchOptions;
  /** Resources that are watched here, and may not be read. */
  readonly unreadable: () => readonly string[];
  readonly stores: FactStores;
  /** Stays empty where claims are not watched. */
  readonly claims: Store<PersistentVolumeClaim>;
  /** Classes that this process is making. */
  readonly classesUnderWay: UnderWay;
  readonly detection: Detection;
  readonly live: LiveSettings;
  /** Calls `listener` whenever another cloud, other facts or other settings are found. */
  readonly onVerdict: (listener: () => void) => void;
  readonly defaults: DefaultsInForce;
  /** The facts of the moment it is called. */
  readonly facts: () => Facts;
  /** Ends all that runs in the background. */
  readonly signal: AbortSignal;
}

export interface CoreOptions {
  readonly settings: Settings;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Claims are what there is most of: a webhook without controllers does without them. */
  readonly watchesClaims: boolean;
}

/** Connects to the cluster, and starts to watch it and to ask for the cloud. Waits for neither. */
export const createCore = async ({ settings, environment, log, signal, watchesClaims }: CoreOptions): Promise<Core> => {
  const counted = createTallies(Date.now, settings.namespace);
  const counting = createMetrics({ isDetailed: true, platform: settings.namespace, defaultsCounts: counted.all });
  const { metrics, controllers } = watchQueues(counting, () => new Date());
  const connection = await findConnection(environment);
  const kube = createKube(connection);
  const watched: { readonly resource: string; readonly isForbidden: () => boolean }[] = [];
  const watching: WatchOptions = {
    kube,
    log,
    signal,
    onRestart: metrics.countWatchRestart,
    onStart: (resource, { isForbidden }) => void watched.push({ resource, isForbidden }),
  };
  const stores = watchFacts(watching);
  const claims = watchesClaims ? watchClaims(watching) : createStore<PersistentVolumeClaim>(log);
  const listeners: (() => void)[] = [];
  const detection = startCloudDetection(settings, stores, signal, (verdict) => {
    metrics.setCloud(verdict);
    log.info({ cloud: verdict.name, facts: verdict.facts, notes: verdict.notes }, 'cloud named');
    for (const listener of listeners) listener();
  });
  const live = watchLiveSettings({
    ...watching,
    start: settings,
    onChange: ({ logLevel }, refused) => {
      log.level = logLevel;
      if (refused.length > 0) log.error({ refused }, 'settings refused, those before stay in force');
      else log.info({}, 'settings taken over');
      for (const listener of listeners) listener();
    },
  });
  const policy = policyOf(settings);
  const defaults = createDefaultsInForce(policy);
  stores.platformDefaults.onChange((type, object) => {
    const name = `${object.metadata.namespace}/${object.metadata.name}`;
    if (type === 'DELETED') {
      defaults.remove(object);
      counted.forget(name);
      metrics.forgetDefaults(name);
      return;
    }
    defaults.put(object);
    const { mode = 'Default' } = object.spec;
    if (object.metadata.namespace === settings.namespace && mode !== 'Audit') counted.expect(name, mode);
  });
  const classesUnderWay = createUnderWay(stores.storageClasses);
  const read = createFacts({
    stores,
    claims,
    policy,
    verdict: detection.verdict,
    defaults: defaults.index,
    classesUnderWay,
  });
  const facts = () => ({ ...read(), policy: live.policy() });
  const onVerdict = (listener: () => void): void => void listeners.push(listener);
  return {
    settings,
    log,
    metrics,
    controllers,
    counted,
    kube,
    kubeAs: createKubeAs(connection),
    watching,
    unreadable: () => [...new Set(watched.flatMap(({ resource, isForbidden }) => (isForbidden() ? [resource] : [])))],
    stores,
    claims,
    classesUnderWay,
    detection,
    live,
    onVerdict,
    defaults,
    facts,
    signal,
  };
};

/** Nodes and drivers are read first: they settle what metadata leaves open. */
const startCloudDetection = (
  { cloud: setting, metadataEndpoint, facts }: Settings,
  { nodes, csiDrivers }: FactStores,
  signal: AbortSignal,
  onVerdict: (verdict: CloudVerdict) => void,
): Detection => {
  const input = () => ({
    setting,
    metadataEndpoint,
    facts,
    nodes: nodes.list().map(nodeFact),
    csiDrivers: csiDrivers.list().map(({ metadata }) => metadata.name ?? ''),
  });
  const detection = startDetection({
    input,
    detect: async () => {
      await Promise.all([nodes.synced, csiDrivers.synced]);
      return detectCloud(input());
    },
    onVerdict,
  });
  for (const store of [nodes, csiDrivers]) store.onChange(detection.notifyChange);
  signal.addEventListener('abort', detection.stop, { once: true });
  return detection;
};
