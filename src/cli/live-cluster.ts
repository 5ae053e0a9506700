import type { Asked } from '../api/admission.ts';
import { AppError } from '../api/errors.ts';
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
import type { Store } from '../kube/store.ts';
import { type FactStores, nodeFact, type WatchOptions, watchFacts, watchStore } from '../kube/stores.ts';
import { stripClaim } from '../kube/transforms.ts';
import { createLog } from '../ops/log.ts';
import { policyOf, type Settings } from '../settings/config.ts';

const SYNCED_WITHIN_MS = 15_000;

/**
 * The cluster that the kubeconfig names, read once; `added` are defaults it is to have besides, or instead of those
 * of the same name. The cloud is what its nodes say: the metadata service in reach
 * here is that of the machine `preview` runs on. Throws AppError('Timeout') where the cluster cannot be read in time.
 */
export const liveCluster = async (
  settings: Settings,
  environment: Readonly<Record<string, string | undefined>>,
  added: readonly PlatformDefaults[],
): Promise<PreviewCluster> => {
  const watches = new AbortController();
  const kube = createKube(await findConnection(environment));
  const watching: WatchOptions = { kube, log: createLog('silent'), signal: watches.signal };
  const stores = watchFacts(watching);
  const claims = watchStore(watching, resources.persistentVolumeClaims, stripClaim);
  try {
    await waitForCacheSync({ ...stores, claims });
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
    if (error instanceof AppError && error.reason === 'Forbidden') return undefined;
    throw error;
  });
  const installed = installedWebhooks(namespace, nfsNamespace, asked);
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
      if (error instanceof AppError && error.reason === 'Forbidden') return undefined;
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

const waitForCacheSync = async (
  stores: Readonly<Record<string, Pick<Store<KubeObject>, 'hasSynced' | 'synced'>>>,
): Promise<void> => {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const waiting = Object.entries(stores).filter(([, store]) => !store.hasSynced());
    timeout.reject(
      new AppError(
        'Timeout',
        `The cluster did not give its ${waiting.map(([name]) => name).join(', ')} within ${SYNCED_WITHIN_MS / 1_000} s.`,
      ),
    );
  }, SYNCED_WITHIN_MS);
  await Promise.race([Promise.all(Object.values(stores).map(({ synced }) => synced)), timeout.promise]).finally(() =>
    clearTimeout(timer),
  );
};

const verdictOf = (stores: FactStores) => {
  const nodes = readNodes(stores.nodes.list().map(nodeFact), clouds);
  const csiDrivers = stores.csiDrivers.list().map(({ metadata }) => metadata.name ?? '');
  const probes = new Map<CloudName, ProbeResult>();
  const { name, notes } = judge({ clouds, probes, nodes, csiDrivers });
  return verdictFor(name, factsOf(name, { probes, nodes }), notes);
};
