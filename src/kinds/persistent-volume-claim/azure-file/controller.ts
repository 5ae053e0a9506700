import { type AppError, hasReason, type Reason } from '../../../api/errors.ts';
import type { Facts } from '../../../api/facts.ts';
import type { KubeObject, PersistentVolumeClaim, StorageClass } from '../../../api/kubernetes.ts';
import { AZURE_ACCOUNT_LABEL } from '../../../api/names.ts';
import { createIfAbsent, isManaged, removeThis } from '../../../controller/apply.ts';
import type { EventRecorder } from '../../../controller/events.ts';
import { type Outcome, runController } from '../../../controller/loop.ts';
import { untilSynced } from '../../../controller/periodic.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import { hasChangedLabels, type Store } from '../../../kube/store.ts';
import { type FactStores, type WatchOptions, watchStore } from '../../../kube/stores.ts';
import { stripManagedFields } from '../../../kube/transforms.ts';
import type { Log } from '../../../ops/log.ts';
import type { Metrics } from '../../../ops/metrics.ts';
import { classNameOf } from '../../../storage-classes/claim.ts';
import { desiredStorageClass } from '../mutator.ts';
import { classWithAccount } from '../storage.ts';
import {
  type AccountRecord,
  type AccountRequest,
  type AccountTools,
  accountOf,
  ensureAccount,
  type RecordObject,
  readRecord,
  recordName,
} from './record.ts';

export interface AzureFileOptions extends AzureClassTools {
  /** As `watchAzureRecords` makes it. */
  readonly records: Store<RecordObject>;
  /** What becomes of an account that nothing needs. */
  readonly deletion: 'Retain' | 'Delete';
  /** How long an account outlives its last volume. */
  readonly graceSeconds: number;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'countReconcile' | 'setQueue'>;
}

/** Starts to watch the records of storage accounts; the cache fills in the background until the signal. */
export const watchAzureRecords = (watching: WatchOptions, systemNamespace: string): Store<RecordObject> =>
  watchStore(
    { ...watching, query: { namespace: systemNamespace, labelSelector: AZURE_ACCOUNT_LABEL } },
    resources.configMaps,
    stripManagedFields<RecordObject>,
  );

const CLASS = 'class/';
const ACCOUNT = 'account/';

/**
 * Makes storage accounts and the classes for shares in them, and deletes accounts that no volume needs where the setting says so, until
 * `signal`. One thing at a time: an account is never made and deleted at once.
 */
export const runAzureFileController = async (options: AzureFileOptions, signal: AbortSignal): Promise<void> => {
  const { claims, stores, records, log, metrics } = options;
  const all = [claims, records, ...Object.values<Store<KubeObject>>({ ...stores })];
  await untilSynced(all, signal);
  const reconcileAccount = createAccountReconcile(options);
  await runController({
    name: 'azure-file',
    concurrency: 1,
    signal,
    log,
    metrics,
    keys: () => new Set([...classKeys(options), ...accountKeys(options)]),
    subscribe: (add) => subscribe(options, add),
    reconcile: (key, abortSignal) =>
      key.startsWith(CLASS)
        ? makeAzureClass(key.slice(CLASS.length), options, abortSignal)
        : reconcileAccount(key.slice(ACCOUNT.length), abortSignal),
  });
};

const accountKeys = ({ records }: AzureFileOptions): readonly string[] =>
  records.list().map(({ metadata }) => `${ACCOUNT}${metadata.name}`);

const classKeys = (options: AzureFileOptions): readonly string[] =>
  options.claims.list().flatMap((claim) => classKey(claim, options));

/** The missing class a claim names. */
const classKey = (claim: KubeObject, { stores, facts }: AzureFileOptions): readonly string[] => {
  if (facts().policy.azureFileAccount !== 'quartermaster') return [];
  const className = classNameOf(claim);
  const isMissing = className && stores.storageClasses.get({ namespace: '', name: className }) === undefined;
  return isMissing ? [`${CLASS}${className}`] : [];
};

const subscribe = (options: AzureFileOptions, add: (key: string) => void): (() => void) => {
  const { claims, stores, records } = options;
  const addAccounts = (): void => accountKeys(options).forEach(add);
  const addClasses = (): void => classKeys(options).forEach(add);
  const stops = [
    claims.onChange((type, claim) => {
      if (type === 'DELETED') addAccounts();
      else classKey(claim, options).forEach(add);
    }),
    stores.storageClasses.onChange((type, { metadata }) => {
      if (type === 'DELETED') add(`${CLASS}${metadata.name}`);
    }),
    stores.persistentVolumes.onChange((type) => {
      if (type === 'DELETED') addAccounts();
    }),
    records.onChange(addAccounts),
    stores.namespaces.onChange((_, namespace, old) => {
      if (hasChangedLabels(namespace, old)) addClasses();
    }),
    stores.csiDrivers.onChange(addClasses),
  ];
  return () => {
    for (const stop of stops) stop();
  };
};

const createAccountReconcile = (options: AzureFileOptions) => {
  const { kube, systemNamespace, deletion, graceSeconds } = options;
  /** Since when an account was observed to be needed by nothing. Forgotten with the process, which only makes it live longer. */
  const idleSince = new Map<string, number>();
  return async (name: string, signal: AbortSignal): Promise<Outcome | undefined> => {
    if (deletion !== 'Delete') return undefined;
    const record = readRecord(await kube.get(resources.configMaps, { namespace: systemNamespace, name }, signal));
    if (record === undefined || isAccountUsed(record, options)) {
      idleSince.delete(name);
      return undefined;
    }
    const since = idleSince.get(name) ?? performance.now();
    idleSince.set(name, since);
    const leftMs = since + graceSeconds * 1000 - performance.now();
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    if (await isNamedByVolume(record.account, options, signal)) return undefined;
    await removeAccount(record, options, signal);
    idleSince.delete(name);
    return { decision: 'storage account deleted', fields: { account: record.account } };
  };
};

interface AzureClassTools extends AccountTools {
  readonly kube: Kube;
  /** As `watchClaims` makes it. */
  readonly claims: Store<PersistentVolumeClaim>;
  /** All that the facts come from: what has not been read yet would be taken for not there. */
  readonly stores: FactStores;
  readonly facts: () => Facts;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly clusterUid: string;
  readonly clusterName: string;
  /** Where accounts are made; empty: the group of the nodes. */
  readonly resourceGroup: string;
}

const BY_CLASS = 'storageClassName';
/** What the cloud is, and what is known of it, may be found out late: nothing else would have this looked at again. */
const UNKNOWN_RETRY_MS = 60_000;

/** The class some waiting claim needs an account for; undefined where there is none such. */
const desiredClass = (
  className: string,
  { claims, facts }: Pick<AzureClassTools, 'claims' | 'facts'>,
): StorageClass | undefined => {
  for (const claim of claims.byIndex(BY_CLASS, className)) {
    const choice = desiredStorageClass(claim, facts());
    if (choice.kind === 'account') return choice.storageClass;
  }
  return undefined;
};

/** Makes the account, then the class that names it. Each step that was done before is found done. */
const makeAzureClass = async (
  className: string,
  tools: AzureClassTools,
  signal: AbortSignal,
): Promise<Outcome | undefined> => {
  const { kube, claims, events, stores } = tools;
  if (stores.storageClasses.get({ namespace: '', name: className }) !== undefined) return undefined;
  const desired = desiredClass(className, tools);
  const pendingClaims = claims.byIndex(BY_CLASS, className);
  if (desired === undefined) return pendingClaims.length > 0 ? { requeueAfterMs: UNKNOWN_RETRY_MS } : undefined;
  const recordEvents = (type: 'Normal' | 'Warning', reason: string, message: string): void => {
    for (const claim of pendingClaims) events.record(claim, { type, reason, message });
  };
  const request = requestFor(desired, tools);
  if (typeof request === 'string') {
    recordEvents('Warning', 'StorageAccountNotMade', request);
    return { requeueAfterMs: UNKNOWN_RETRY_MS, decision: 'storage account not made', fields: { why: request } };
  }
  const { account } = await ensureAccount(request, tools, signal).catch((error: unknown) => {
    if (isReported(error)) recordEvents('Warning', 'StorageAccountNotMade', error.message);
    throw error;
  });
  const storageClass = classWithAccount(desired, { name: account, resourceGroup: request.resourceGroup });
  await createIfAbsent(kube, resources.storageClasses, storageClass, signal);
  recordEvents(
    'Normal',
    'StorageClassCreated',
    `StorageClass ${className} was made, with shares in storage account ${account}${caution(tools)}.`,
  );
  return { decision: 'Azure file class made', fields: { account } };
};

/** Where and how, or why that is not known. */
const requestFor = (
  { metadata, parameters }: StorageClass,
  { facts, clusterUid, clusterName, ...tools }: AzureClassTools,
): AccountRequest | string => {
  const { facts: known } = facts().cloud;
  const subscription = known['subscription']?.value;
  const location = known['region']?.value;
  const resourceGroup = tools.resourceGroup || known['resourceGroup']?.value;
  if (subscription && location && resourceGroup) {
    const sku = parameters?.['skuName'] ?? 'Standard_LRS';
    return { clusterUid, clusterName, subscription, resourceGroup, location, sku };
  }
  const missing = Object.entries({ subscription, region: location, resourceGroup }).filter(([, value]) => !value);
  const names = missing.map(([name]) => name).join(' and ');
  return `StorageClass ${metadata.name} needs a storage account, and ${names} of this cluster at Azure is not known: give it with the setting FACTS.`;
};

const caution = ({ resourceGroup }: AzureClassTools): string =>
  resourceGroup === ''
    ? '; its resource group is that of the nodes and ends with the cluster, see AZURE_RESOURCE_GROUP'
    : '';

/** What a person has to do something about; all else is only tried again. */
const REPORTED_REASONS: readonly Reason[] = ['Conflict', 'Forbidden', 'InvalidInput', 'NotFound'];

const isReported = (error: unknown): error is AppError => hasReason(error, ...REPORTED_REASONS);

/** The classes whose shares are in an account of ours. */
const classesIn = (
  account: string,
  { stores }: { readonly stores: Pick<FactStores, 'storageClasses'> },
): readonly StorageClass[] =>
  stores.storageClasses
    .list()
    .filter(
      (storageClass) => isManaged(storageClass) && storageClass.metadata.labels?.[AZURE_ACCOUNT_LABEL] === account,
    );

/** True where a claim or a volume needs the account, or may need it in a moment. Many claims of one class are looked at once. */
export const isAccountUsed = (
  { account }: Pick<AccountRecord, 'account'>,
  tools: Pick<AzureClassTools, 'claims' | 'facts'> & {
    readonly stores: Pick<FactStores, 'storageClasses' | 'persistentVolumes'>;
  },
): boolean => {
  const { claims, stores } = tools;
  const named = new Set(claims.list().flatMap((claim) => classNameOf(claim) ?? []));
  const names = new Set(classesIn(account, tools).map(({ metadata }) => metadata.name ?? ''));
  return (
    [...names].some((name) => stores.persistentVolumes.byIndex('storageClassName', name).length > 0) ||
    [...named].some((className) => names.has(className) || desiredClass(className, tools) !== undefined)
  );
};

interface CsiVolume extends KubeObject {
  readonly spec?: { readonly csi?: Readonly<Record<string, unknown>> };
}

/** Asks the API server itself, whatever class a volume names: what is deleted with an account is gone for good. */
const isNamedByVolume = async (
  account: string,
  { kube }: { readonly kube: Pick<Kube, 'list'> },
  signal: AbortSignal,
): Promise<boolean> => {
  let continueToken: string | undefined;
  do {
    const query = { limit: 500, ...(continueToken !== undefined && { continueToken }) };
    const page = await kube.list<CsiVolume>(resources.persistentVolumes, query, signal);
    if (page.items.some(({ spec }) => JSON.stringify(spec?.csi ?? {}).includes(account))) return true;
    continueToken = page.continueToken;
  } while (continueToken !== undefined);
  return false;
};

/** The account first and its record last: as long as that is there, what is left is found again. */
const removeAccount = async (record: AccountRecord, tools: AzureClassTools, signal: AbortSignal): Promise<void> => {
  const { kube, openAccounts, clusterUid, systemNamespace } = tools;
  const accounts = await openAccounts(record.subscription);
  await accounts.remove(accountOf(record, clusterUid), signal);
  for (const storageClass of classesIn(record.account, tools))
    await removeThis(kube, resources.storageClasses, storageClass, signal);
  await kube.remove(resources.configMaps, { namespace: systemNamespace, name: recordName(record) }, {}, { signal });
};
