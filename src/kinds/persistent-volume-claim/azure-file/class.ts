import { type AppError, hasReason, type Reason } from '../../../api/errors.ts';
import type { Facts } from '../../../api/facts.ts';
import type { PersistentVolumeClaim, StorageClass } from '../../../api/kubernetes.ts';
import { AZURE_ACCOUNT_LABEL } from '../../../api/names.ts';
import { createIfAbsent, isManaged, removeThis } from '../../../controller/apply.ts';
import type { EventRecorder, Note } from '../../../controller/events.ts';
import type { Outcome } from '../../../controller/loop.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import type { Store } from '../../../kube/store.ts';
import type { FactStores } from '../../../kube/stores.ts';
import { desiredStorageClass } from '../mutator.ts';
import { classWithAccount } from '../storage.ts';
import {
  type AccountRecord,
  type AccountRequest,
  type AccountTools,
  ensureAccount,
  type RecordObject,
  readRecord,
} from './record.ts';

export interface AzureClassTools extends AccountTools {
  readonly kube: Kube;
  /** As `watchClaims` makes it. */
  readonly claims: Store<PersistentVolumeClaim>;
  /** All that the facts come from: what has not been read yet would be taken for not there. */
  readonly stores: FactStores;
  /** As `watchAzureRecords` makes it. */
  readonly records: Store<RecordObject>;
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
export const desiredClass = (
  className: string,
  { claims, facts }: Pick<AzureClassTools, 'claims' | 'facts'>,
): StorageClass | undefined => {
  for (const claim of claims.byIndex(BY_CLASS, className)) {
    const choice = desiredStorageClass(claim, facts());
    if (choice.kind === 'account') return choice.storageClass;
  }
  return undefined;
};

/** How often Azure is asked for the account of a class that is there, while claims wait for volumes of it. */
const ACCOUNT_CHECK_MS = 600_000;

/**
 * Makes the class that claims wait for, its account first. Of one that is there it makes the account again where somebody, or a leader
 * of an earlier version that was killed, has taken that and no more. Each step that was done before is found done.
 */
export const createClassReconcile = (tools: AzureClassTools) => {
  const { claims, stores } = tools;
  /** When each account was last found at Azure. */
  const foundAt = new Map<string, number>();
  return async (className: string, signal: AbortSignal): Promise<Outcome | undefined> => {
    const storageClass = stores.storageClasses.get({ namespace: '', name: className });
    if (storageClass === undefined) return makeAzureClass(className, tools, signal);
    const record = recordBehind(storageClass, tools);
    if (record === undefined || claims.byIndex(BY_CLASS, className).length === 0) return undefined;
    const leftMs = (foundAt.get(record.account) ?? -Infinity) + ACCOUNT_CHECK_MS - performance.now();
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    const outcome = await keepAccount(storageClass, record, tools, signal);
    foundAt.set(record.account, performance.now());
    return outcome;
  };
};

/** The account of ours that a class names. */
export const accountIn = (storageClass: StorageClass): string | undefined =>
  isManaged(storageClass) ? storageClass.metadata.labels?.[AZURE_ACCOUNT_LABEL] : undefined;

const recordBehind = (
  storageClass: StorageClass,
  { records }: Pick<AzureClassTools, 'records'>,
): AccountRecord | undefined => {
  const account = accountIn(storageClass);
  return account === undefined
    ? undefined
    : records
        .list()
        .flatMap((object) => readRecord(object) ?? [])
        .find((record) => record.account === account);
};

const keepAccount = async (
  storageClass: StorageClass,
  record: AccountRecord,
  tools: AzureClassTools,
  signal: AbortSignal,
): Promise<Outcome> => {
  const { kube, clusterUid, clusterName } = tools;
  const className = storageClass.metadata.name ?? '';
  const { account } = await ensureFor(className, { ...record, clusterUid, clusterName }, tools, signal);
  if (account === record.account) return { requeueAfterMs: ACCOUNT_CHECK_MS };
  // Its name was taken meanwhile: the class, which cannot be changed, is made again with the other.
  await removeThis(kube, resources.storageClasses, storageClass, signal);
  return { decision: 'Azure file class removed, to be made again', fields: { account } };
};

/** Makes the account, then the class that names it. */
const makeAzureClass = async (
  className: string,
  tools: AzureClassTools,
  signal: AbortSignal,
): Promise<Outcome | undefined> => {
  const { kube, claims } = tools;
  const desired = desiredClass(className, tools);
  if (desired === undefined)
    return claims.byIndex(BY_CLASS, className).length > 0 ? { requeueAfterMs: UNKNOWN_RETRY_MS } : undefined;
  const request = requestFor(desired, tools);
  if (typeof request === 'string') {
    recordEvents(className, tools, { type: 'Warning', reason: 'StorageAccountNotMade', message: request });
    return { requeueAfterMs: UNKNOWN_RETRY_MS, decision: 'storage account not made', fields: { why: request } };
  }
  const { account } = await ensureFor(className, request, tools, signal);
  const storageClass = classWithAccount(desired, { name: account, resourceGroup: request.resourceGroup });
  await createIfAbsent(kube, resources.storageClasses, storageClass, signal);
  const message = `StorageClass ${className} was made, with shares in storage account ${account}${caution(tools)}.`;
  recordEvents(className, tools, { type: 'Normal', reason: 'StorageClassCreated', message });
  return { decision: 'Azure file class made', fields: { account } };
};

/** What a person has to do something about is told to the claims that wait. */
const ensureFor = (
  className: string,
  request: AccountRequest,
  tools: AzureClassTools,
  signal: AbortSignal,
): Promise<AccountRecord> =>
  ensureAccount(request, tools, signal).catch((error: unknown) => {
    if (isReported(error))
      recordEvents(className, tools, { type: 'Warning', reason: 'StorageAccountNotMade', message: error.message });
    throw error;
  });

const recordEvents = (className: string, { claims, events }: AzureClassTools, note: Note): void => {
  for (const claim of claims.byIndex(BY_CLASS, className)) events.record(claim, note);
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
