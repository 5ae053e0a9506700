import type { Asked } from '../api/admission.ts';
import { AppError, hasReason } from '../api/errors.ts';
import type { CloudName } from '../api/facts.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import type { ProbeResult } from '../clouds/cloud.ts';
import { factsOf, judge, readNodes } from '../clouds/detection/evidence.ts';
import { clouds, verdictFor } from '../clouds/index.ts';
import { installedConfiguration } from '../controller/webhooks/installed.ts';
import { askedBy } from '../defaults/entry.ts';
import { createDefaultsInForce, type DefaultsInForce, type Validation } from '../defaults/in-force.ts';
import type { PreviewCluster } from '../explanation/cluster.ts';
import { groupVersionOf, isHandled, pluralOf } from '../explanation/request.ts';
import { installedWebhooks, type WebhookRules, webhooksOf } from '../explanation/webhook-rules.ts';
import { createFacts } from '../kinds/facts.ts';
import { type Kube, resources } from '../kube/api-server.ts';
import { createKube } from '../kube/client.ts';
import { findConnection } from '../kube/connection.ts';
import type { Store, WatchLog } from '../kube/store.ts';
import { type FactStores, nodeFact, type WatchOptions, watchFacts, watchStore } from '../kube/stores.ts';
import { stripClaim } from '../kube/transforms.ts';
import { policyOf, type Settings } from '../settings/config.ts';

const SYNCED_WITHIN_MS = 15_000;

/**
 * The cluster that the kubeconfig names, read once; `added` are defaults it is to have besides, or instead of those
 * of the same name. The cloud is what its nodes say: the metadata service in reach
 * here is that of the machine `preview` runs on. Throws AppError('Forbidden') where it may not be read, AppError('Timeout') where it cannot be in time.
 */
export const liveCluster = async (
  settings: Settings,
  environment: Readonly<Record<string, string | undefined>>,
  added: readonly PlatformDefaults[],
): Promise<PreviewCluster> => {
  const watches = new AbortController();
  const kube = createKube(await findConnection(environment));
  const troubles = createTroubles();
  const watching: WatchOptions = { kube, log: troubles.log, signal: watches.signal };
  const stores = watchFacts(watching);
  const claims = watchStore(watching, resources.persistentVolumeClaims, stripClaim);
  try {
    await waitForCacheSync({ ...stores, claims }, troubles);
  } finally {
    watches.abort();
  }
  const policy = policyOf(settings);
  const inForce = createDefaultsInForce(policy);
  for (const defaults of [...stores.platformDefaults.list(), ...added]) inForce.put(defaults);
  const verdict = verdictOf(stores);
  const asked = added.length === 0 ? undefined : inForce.entries().flatMap((entry) => askedBy(entry, verdict.name));
  const webhooks = await liveWebhooks(kube, settings, asked);
  const facts = createFacts({ stores, claims, policy, defaults: inForce.index, verdict: () => verdict });
  return { facts: facts(), entries: inForce.entries(), invalid: invalidOf(stores, added, inForce), webhooks };
};

const invalidOf = (
  stores: FactStores,
  added: readonly PlatformDefaults[],
  inForce: DefaultsInForce,
): readonly Validation[] => {
  const validations = [...stores.platformDefaults.list(), ...added].flatMap(
    ({ metadata }) => inForce.validation(metadata.namespace ?? '', metadata.name ?? '') ?? [],
  );
  return [...new Set(validations)].filter(({ violations }) => violations.length > 0);
};

/**
 * What the cluster's own configuration says, whoever changed it; what an install has where there is none or it may not be read. Defaults
 * that are not there yet would bring the webhooks for pods that they ask for.
 */
const liveWebhooks = async (
  kube: Kube,
  settings: Settings,
  asked: readonly Asked[] | undefined,
): Promise<readonly WebhookRules[]> => {
  const { webhookConfigurationName, namespace, nfsNamespace } = settings;
  const configuration = await installedConfiguration(kube, webhookConfigurationName).catch((error: unknown) => {
    if (hasReason(error, 'Forbidden')) return undefined;
    throw error;
  });
  const installed = installedWebhooks(namespace, nfsNamespace, asked, settings);
  if (configuration === undefined) return installed;
  const live = webhooksOf(configuration);
  return asked === undefined ? live : [...live, ...installed.filter(({ name }) => /^pod(-\d+)?\./.test(name))];
};

/** What the cluster has of the objects under preview, and the definitions of their kinds as far as they may be read. */
export const liveObjects = async (
  environment: Readonly<Record<string, string | undefined>>,
  objects: readonly KubeObject[],
  namespace: string,
): Promise<{ readonly stored: readonly KubeObject[]; readonly definitions: readonly KubeObject[] }> => {
  const kube = createKube(await findConnection(environment));
  const unlessForbidden = <T>(found: Promise<T | undefined>): Promise<T | undefined> =>
    found.catch((error: unknown) => {
      if (hasReason(error, 'Forbidden')) return undefined;
      throw error;
    });
  const named = objects.filter((object) => isHandled(object) && object.metadata.name !== undefined);
  const stored: KubeObject[] = [];
  for (const object of named) {
    const resource = {
      ...groupVersionOf(object.apiVersion),
      plural: pluralOf(object.kind),
      kind: object.kind,
      isNamespaced: true,
    };
    const key = { namespace: object.metadata.namespace ?? namespace, name: object.metadata.name ?? '' };
    const found = await unlessForbidden(kube.get<KubeObject>(resource, key));
    if (found !== undefined) stored.push({ ...found, apiVersion: object.apiVersion, kind: object.kind });
  }
  const names = new Set(
    objects
      .map(({ apiVersion, kind }) => `${pluralOf(kind)}.${groupVersionOf(apiVersion).group}`)
      .filter((name) => !name.endsWith('.')),
  );
  const definitions = await Promise.all(
    [...names].map((name) => unlessForbidden(kube.get(resources.customResourceDefinitions, { namespace: '', name }))),
  );
  return { stored, definitions: definitions.flatMap((definition) => definition ?? []) };
};

type Stores = Readonly<Record<string, Pick<Store<KubeObject>, 'hasSynced' | 'isForbidden' | 'synced'>>>;

/** Throws AppError('Forbidden') once nothing is waited for but what may not be listed, AppError('Timeout') where anything else does not come. */
const waitForCacheSync = async (stores: Stores, troubles: Troubles): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const waitedFor = () => Object.entries(stores).filter(([, store]) => !store.hasSynced());
  const look = (): void => {
    const waiting = waitedFor();
    if (waiting.length === 0) resolve();
    else if (waiting.every(([, store]) => store.isForbidden()))
      reject(
        new AppError(
          'Forbidden',
          `The cluster does not let you list its ${namesOf(waiting)}: ${troubles.latest() ?? 'ask for that right'}`,
        ),
      );
  };
  troubles.onNext(look);
  for (const { synced } of Object.values(stores)) void synced.then(look);
  const timer = setTimeout(() => {
    const why = troubles.latest();
    const within = `The cluster did not give its ${namesOf(waitedFor())} within ${SYNCED_WITHIN_MS / 1_000} s`;
    reject(new AppError('Timeout', why === undefined ? `${within}.` : `${within}: ${why}`));
  }, SYNCED_WITHIN_MS);
  await promise.finally(() => clearTimeout(timer));
};

const namesOf = (entries: readonly (readonly [string, unknown])[]): string => entries.map(([name]) => name).join(', ');

/** What watches say went wrong. */
interface Troubles {
  readonly log: WatchLog;
  readonly latest: () => string | undefined;
  readonly onNext: (listener: () => void) => void;
}

const createTroubles = (): Troubles => {
  let latest: string | undefined;
  let tell = (): void => undefined;
  return {
    log: {
      debug: () => undefined,
      info: () => undefined,
      warn: ({ error }) => {
        if (typeof error === 'string') latest = error;
        tell();
      },
    },
    latest: () => latest,
    onNext: (listener) => {
      tell = listener;
    },
  };
};

const verdictOf = (stores: FactStores) => {
  const nodes = readNodes(stores.nodes.list().map(nodeFact), clouds);
  const csiDrivers = stores.csiDrivers.list().map(({ metadata }) => metadata.name ?? '');
  const probes = new Map<CloudName, ProbeResult>();
  const { name, notes } = judge({ clouds, probes, nodes, csiDrivers });
  return verdictFor(name, factsOf(name, { probes, nodes }), notes);
};
