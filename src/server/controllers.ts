import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { metaTime } from '../api/kubernetes.ts';
import { LEASE_NAME, MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import type { CertificateWatcher } from '../certificates/watcher.ts';
import { createEventRecorder, type EventRecorder } from '../controller/events.ts';
import { runAsLeader } from '../controller/leader-election.ts';
import { runController } from '../controller/loop.ts';
import { aborted, keepDoing, untilSynced } from '../controller/periodic.ts';
import { createCollection } from '../defaults/admissions/mailbox.ts';
import { platformDefaultsController } from '../defaults/controller.ts';
import { watchProvision } from '../defaults/provisioning/observed.ts';
import { runCalrissianController, watchCalrissian } from '../kinds/calrissian/controller.ts';
import { runObjectStoreController } from '../kinds/object-store/controller.ts';
import { azureCredential } from '../kinds/object-store/providers/azure/credential.ts';
import { openProvider } from '../kinds/object-store/providers/index.ts';
import { openAzureAccounts } from '../kinds/persistent-volume-claim/azure-file/account.ts';
import { runAzureFileController, watchAzureRecords } from '../kinds/persistent-volume-claim/azure-file/controller.ts';
import { claimController } from '../kinds/persistent-volume-claim/controller.ts';
import {
  hasServerPart,
  type NfsStores,
  runNfsController,
  watchNfsServers,
} from '../kinds/persistent-volume-claim/nfs/controller.ts';
import { removeUnusedClasses } from '../kinds/persistent-volume-claim/unused-classes.ts';
import { type Kube, resources } from '../kube/api-server.ts';
import { parseKey } from '../kube/store.ts';
import { watchStore } from '../kube/stores.ts';
import { metadataOnly } from '../kube/transforms.ts';
import type { Core } from './core.ts';
import { keepWebhooks } from './webhook-configuration.ts';

/** The controllers of this process, acting only while it leads. */
export interface Controllers {
  /** Whether it is this replica whose controllers act. */
  readonly isLeading: () => boolean;
  /** Resolves after `stop`; rejects where they end by themselves, which they should never do. */
  readonly done: Promise<void>;
  /** Lets what is under way finish and releases the Lease. Throws what `done` does. */
  readonly stop: () => Promise<void>;
}

const EVENTS_GRACE_MS = 3_000;

/** Contends for leadership and runs every controller while it is held. Caches are filled before that, so that a new leader acts at once. */
export const startControllers = (core: Core, certificates: CertificateWatcher): Controllers => {
  const { settings, kube, log, metrics } = core;
  const stopping = new AbortController();
  const events = createEventRecorder({ kube, instance: hostname(), log, metrics });
  const webhooks = keepWebhooks(core, certificates);
  const runnables = [webhooks.keep, ...runnablesOf(core, events, certificates)];
  let isLeading = false;
  const done = runAsLeader({
    kube,
    name: LEASE_NAME,
    identity: `${hostname()}_${randomUUID()}`,
    namespace: settings.namespace,
    leaseSeconds: settings.leaseSeconds,
    signal: AbortSignal.any([stopping.signal, core.signal]),
    log,
    metrics,
    lead: async (signal) => {
      isLeading = true;
      await Promise.all(runnables.map((runnable) => runnable(signal))).finally(() => {
        isLeading = false;
      });
    },
  });
  return {
    isLeading: () => isLeading,
    done,
    stop: async () => {
      stopping.abort();
      await done;
      await webhooks.withdraw();
      await events.close(EVENTS_GRACE_MS);
    },
  };
};

const RETRY_MS = 1_000;
/** What is deleted with a storage account is gone for good: there is no hurry. */
const ACCOUNT_GRACE_SECONDS = 600;

/** Every controller but that of the webhooks. Their watches begin at once, on every replica; they act when they are run. */
const runnablesOf = (core: Core, events: EventRecorder, certificates: CertificateWatcher): readonly Runnable[] => {
  const nfsServers = watchNfsServers(core.watching, core.settings.nfsNamespace);
  return [
    keepClaims(core, events),
    sweepUnusedClasses(core, nfsServers),
    keepNfsServers(core, events, nfsServers),
    keepCalrissianNamespaces(core, events),
    keepPlatformDefaults(core, events),
    keepObjectStores(core, events, certificates),
    keepAzureFiles(core, events),
    keepReports(core),
  ];
};

/** A controller with all it needs, acting until its signal. */
type Runnable = (signal: AbortSignal) => Promise<void>;

const keepClaims = (core: Core, events: EventRecorder): Runnable => {
  const { kube, stores, claims, facts, log, metrics, detection } = core;
  const controller = claimController({
    kube,
    claims,
    stores,
    cloudSettled: detection.settled,
    facts,
    events,
    log,
    metrics,
  });
  core.onVerdict(controller.recheck);
  return controller.run;
};

const sweepUnusedClasses = (core: Core, nfsServers: NfsStores): Runnable => {
  const { kube, stores, claims, log, settings } = core;
  const unusedMs = settings.unusedClassSeconds * 1_000;
  if (unusedMs === 0) return () => Promise.resolve();
  const hasNfsServer = (className: string): boolean => hasServerPart(className, nfsServers, settings.nfsNamespace);
  const now = (): number => performance.now();
  const caches = [claims, stores.storageClasses, stores.persistentVolumes, ...nfsServers];
  return async (signal) => {
    await untilSynced(caches, signal);
    await removeUnusedClasses({ kube, claims, stores, hasNfsServer, unusedMs, now, log }, signal);
  };
};

const keepNfsServers = (core: Core, events: EventRecorder, servers: NfsStores): Runnable => {
  const { kube, stores, claims, facts, log, metrics, settings, detection } = core;
  const graceSeconds = settings.nfsGraceSeconds;
  return async (signal) => {
    await Promise.race([detection.settled, aborted(signal)]);
    await runNfsController({ kube, claims, stores, servers, facts, events, graceSeconds, log, metrics }, signal);
  };
};

const keepCalrissianNamespaces = (core: Core, events: EventRecorder): Runnable => {
  const { kube, stores, claims, defaults, facts, log, metrics, detection } = core;
  const made = watchCalrissian(core.watching);
  return async (signal) => {
    await Promise.race([detection.settled, aborted(signal)]);
    const all = { ...stores, claims, made };
    await runCalrissianController({ kube, stores: all, inForce: defaults, facts, events, log, metrics }, signal);
  };
};

const keepPlatformDefaults = (core: Core, events: EventRecorder): Runnable => {
  const { kube, stores, defaults, facts, log, metrics, settings, detection } = core;
  const provision = watchProvision(core.watching, settings.namespace);
  const isThere = (key: string): boolean => stores.platformDefaults.get(parseKey(key)) !== undefined;
  const admissions = createCollection({ kube, namespace: settings.namespace }, isThere);
  const controller = platformDefaultsController({
    kube,
    events,
    facts,
    admissions,
    inForce: defaults,
    stores: { ...stores, provision },
    now: () => metaTime(new Date()),
  });
  const { platformDefaults, namespaces, mutatingWebhooks } = stores;
  const observed = [platformDefaults, namespaces, mutatingWebhooks, provision].map(({ synced }) => synced);
  const ready = [...observed, detection.settled];
  return async (signal) => {
    await Promise.race([Promise.all(ready), aborted(signal)]);
    await Promise.all([
      runController({ ...controller, signal, log, metrics }),
      keepDoing('what replicas counted cannot be collected', admissions.collect, { everyMs: COLLECT_MS, log }, signal),
    ]);
  };
};

const COLLECT_MS = 30_000;

/** A replica that gets no certificate goes on without: then nothing but their marks tells buckets apart that are being made. */
const CERTIFICATE_MS = 10_000;

const keepObjectStores = (core: Core, events: EventRecorder, certificates: CertificateWatcher): Runnable => {
  const { kube, log, metrics, settings, facts, stores } = core;
  const query = { labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}` };
  const connections = watchStore({ ...core.watching, query }, resources.configMaps, metadataOnly);
  return async (signal) => {
    const clusterUid = await readClusterUid(kube, signal);
    await Promise.race([certificates.first, sleep(CERTIFICATE_MS, undefined, { signal })]).catch(() => undefined);
    await runObjectStoreController({
      kube,
      log,
      metrics,
      events,
      signal,
      clusterUid,
      connections,
      openProvider,
      stores: stores.objectStores,
      cloud: () => facts().cloud,
      policy: facts().policy,
      namespaceLabels: (namespace) => facts().namespaceLabels(namespace) ?? {},
      servingKey: () => certificates.current()?.key,
      clusterName: settings.clusterName === '' ? clusterUid : settings.clusterName,
      azureResourceGroup: settings.azureResourceGroup,
      azureManagementEndpoint: settings.azureManagementEndpoint,
      awsOidcProvider: settings.awsOidcProvider,
      awsEksCluster: settings.awsEksCluster,
      azureOidcIssuer: settings.azureOidcIssuer,
      resyncMs: settings.objectStoreResyncSeconds * 1_000,
    });
  };
};

const keepAzureFiles = (core: Core, events: EventRecorder): Runnable => {
  const { kube, stores, claims, facts, log, metrics, settings, detection } = core;
  const records = watchAzureRecords(core.watching, settings.namespace);
  const openAccounts = async (subscription: string) =>
    openAzureAccounts({
      subscription,
      credential: await azureCredential(undefined),
      managementEndpoint: settings.azureManagementEndpoint,
    });
  return async (signal) => {
    await Promise.race([detection.settled, aborted(signal)]);
    const clusterUid = await readClusterUid(kube, signal);
    const clusterName = settings.clusterName;
    const { azureResourceGroup: resourceGroup, azureAccountDeletion: deletion, namespace: systemNamespace } = settings;
    const cluster = { clusterUid, clusterName, resourceGroup, systemNamespace };
    const tools = { kube, claims, stores, records, facts, events, openAccounts, log, metrics };
    await runAzureFileController({ ...tools, ...cluster, deletion, graceSeconds: ACCOUNT_GRACE_SECONDS }, signal);
  };
};

/** Does nothing where the setting says so, and loads nothing for it. */
const keepReports =
  (core: Core): Runnable =>
  async (signal) => {
    if (core.settings.policyReports === 'off') return await aborted(signal);
    await Promise.race([core.detection.settled, aborted(signal)]);
    const { runPolicyReports } = await import('./policy-reports.ts');
    await runPolicyReports(core, core.settings.policyReports, signal);
  };

/** The UID of kube-system: what tells one cluster from another, as everybody reads it. Asked for until it is there. */
const readClusterUid = async (kube: Kube, signal: AbortSignal): Promise<string> => {
  while (!signal.aborted) {
    const found = await kube
      .get(resources.namespaces, { namespace: '', name: 'kube-system' }, signal)
      .catch(() => undefined);
    if (found?.metadata.uid !== undefined) return found.metadata.uid;
    await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
  return '';
};
