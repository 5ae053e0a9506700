import { AppError, type Reason } from '../../../api/errors.ts';
import type { Facts } from '../../../api/facts.ts';
import type { PersistentVolumeClaim, StorageClass } from '../../../api/kubernetes.ts';
import type { EventRecorder } from '../../../controller/events.ts';
import type { Outcome } from '../../../controller/loop.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import type { Store } from '../../../kube/store.ts';
import type { FactStores } from '../../../kube/stores.ts';
import { classWithAccount } from '../azure-class.ts';
import { desiredStorageClass } from '../mutator.ts';
import { type AccountTools, ensureAccount } from './azure-accounts.ts';
import type { AccountRequest } from './record.ts';

export interface AzureClassTools extends AccountTools {
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

/** Makes the account, then the class that names it. Each step that was done before is found done. */
export const makeAzureClass = async (
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
  await create(kube, storageClass, signal);
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

const isReported = (error: unknown): error is AppError =>
  error instanceof AppError && REPORTED_REASONS.includes(error.reason);

/** Already there is success: whoever made it. */
const create = async (kube: Pick<Kube, 'create'>, storageClass: StorageClass, signal: AbortSignal): Promise<void> => {
  try {
    await kube.create(resources.storageClasses, storageClass, { signal });
  } catch (error) {
    if (!(error instanceof AppError && error.reason === 'AlreadyExists')) throw error;
  }
};
