import { hash } from 'node:crypto';
import { AppError, hasReason } from '../../../api/errors.ts';
import type { KubeObject } from '../../../api/kubernetes.ts';
import { AZURE_ACCOUNT_LABEL, BUCKET_CLUSTER_MARK, MANAGED_BY, MANAGED_BY_LABEL } from '../../../api/names.ts';
import { type Infer, object, required, text } from '../../../api/schema.ts';
import { decodeAs } from '../../../api/schema-validation.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import { type AzureAccounts, type FileAccount, fileAccountName } from './account.ts';

const data = object('A storage account that was made, or is about to be.', {
  id: required(text('What it is for, and how it is tagged.')),
  account: required(text('Its name.')),
  attempt: required(text('How many names were taken before this one.')),
  subscription: required(text('Where it is.')),
  resourceGroup: required(text('Where it is.')),
  location: required(text('Where it is.')),
  sku: required(text('How its data is kept.')),
});

/** What is written down before Azure is asked to make an account, so that none is ever made twice or forgotten. */
export type AccountRecord = Infer<typeof data>;

/** The ConfigMap that holds a record. */
export interface RecordObject extends KubeObject {
  readonly data: AccountRecord;
}

/** Which account shares are to be in: one for all classes of the same kind in the same place. */
export interface AccountRequest {
  readonly clusterUid: string;
  readonly clusterName: string;
  readonly subscription: string;
  readonly resourceGroup: string;
  readonly location: string;
  readonly sku: string;
}

/** The record for a request, the same whenever it is asked for. */
export const recordFor = (request: AccountRequest, attempt = 0): AccountRecord => {
  const { clusterUid, clusterName, subscription, resourceGroup, location, sku } = request;
  const id = hash('sha256', [clusterUid, subscription, resourceGroup, location, sku].join('/')).slice(0, 20);
  const account = fileAccountName(clusterName, id, attempt);
  return { id, account, attempt: String(attempt), subscription, resourceGroup, location, sku };
};

export const recordName = ({ id }: AccountRecord): string => `azure-account-${id}`;

export const recordObject = (record: AccountRecord, namespace: string): RecordObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: recordName(record),
    namespace,
    labels: { [MANAGED_BY_LABEL]: MANAGED_BY, [AZURE_ACCOUNT_LABEL]: record.account },
  },
  data: record,
});

/** Undefined where the ConfigMap is none of ours, or was filled with something else. */
export const readRecord = (found: KubeObject | undefined): AccountRecord | undefined => {
  if (found?.metadata.labels?.[MANAGED_BY_LABEL] !== MANAGED_BY) return undefined;
  return decodeAs(data, (found as Partial<RecordObject>).data);
};

/** The account of a record, as Azure is asked for it. */
export const accountOf = (record: AccountRecord, clusterUid: string): FileAccount => ({
  name: record.account,
  resourceGroup: record.resourceGroup,
  location: record.location,
  sku: record.sku,
  tags: { [BUCKET_CLUSTER_MARK]: clusterUid, [FILE_TAG]: record.id },
});

const FILE_TAG = 'quartermaster-file';

/** How many names may be taken before a person is asked. */
const MAX_ATTEMPTS = 5;

export interface AccountTools {
  readonly kube: Pick<Kube, 'get' | 'create' | 'apply'>;
  readonly systemNamespace: string;
  readonly openAccounts: (subscription: string) => Promise<AzureAccounts>;
}

/**
 * The account a request comes to, made where it is not there. Its name is written down before Azure is asked: whoever is killed on the way
 * goes on with that very name. Throws AppError.
 */
export const ensureAccount = async (
  request: AccountRequest,
  tools: AccountTools,
  signal: AbortSignal,
): Promise<AccountRecord> => {
  const accounts = await tools.openAccounts(request.subscription);
  let record = await ensureRecord(recordFor(request), tools, signal);
  while (!(await isEnsured(record, request, accounts, signal))) {
    const attempt = Number(record.attempt) + 1;
    if (attempt >= MAX_ATTEMPTS) {
      throw new AppError(
        'Conflict',
        `${MAX_ATTEMPTS} names for a storage account are taken, ${record.account} last: set CLUSTER_NAME to something of your own.`,
      );
    }
    record = recordFor(request, attempt);
    await tools.kube.apply(resources.configMaps, recordObject(record, tools.systemNamespace), { signal });
  }
  return record;
};

/** False where its name is taken elsewhere. */
const isEnsured = async (
  record: AccountRecord,
  { clusterUid }: AccountRequest,
  accounts: AzureAccounts,
  signal: AbortSignal,
): Promise<boolean> => {
  try {
    await accounts.ensure(accountOf(record, clusterUid), signal);
    return true;
  } catch (error) {
    if (hasReason(error, 'AlreadyExists')) return false;
    throw error;
  }
};

/** What was written down before, or the first attempt, written down now. */
const ensureRecord = async (first: AccountRecord, tools: AccountTools, signal: AbortSignal): Promise<AccountRecord> => {
  const { kube, systemNamespace } = tools;
  const key = { namespace: systemNamespace, name: recordName(first) };
  const known = readRecord(await kube.get<RecordObject>(resources.configMaps, key, signal));
  if (known !== undefined) return known;
  await kube.apply(resources.configMaps, recordObject(first, systemNamespace), { signal });
  return first;
};
