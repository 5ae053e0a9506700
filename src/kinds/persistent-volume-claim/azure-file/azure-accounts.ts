import { AppError } from '../../../api/errors.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import type { AzureAccounts } from './account.ts';
import {
  type AccountRecord,
  type AccountRequest,
  accountOf,
  type RecordObject,
  readRecord,
  recordFor,
  recordName,
  recordObject,
} from './record.ts';

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
    if (error instanceof AppError && error.reason === 'AlreadyExists') return false;
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
