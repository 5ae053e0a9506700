import type { KubeObject } from '../../../api/kubernetes.ts';
import { AZURE_ACCOUNT_LABEL } from '../../../api/names.ts';
import { type Outcome, runController } from '../../../controller/loop.ts';
import { resources } from '../../../kube/api-server.ts';
import { hasChangedLabels } from '../../../kube/label-change.ts';
import type { Store } from '../../../kube/store.ts';
import { type WatchOptions, watchStore } from '../../../kube/stores.ts';
import { stripManagedFields } from '../../../kube/transforms.ts';
import type { Log } from '../../../ops/log.ts';
import type { Metrics } from '../../../ops/metrics.ts';
import { classNameOf } from '../../../storage-classes/claim.ts';
import { type AzureClassTools, makeAzureClass } from './azure-class.ts';
import { isAccountUsed, isNamedByVolume, removeAccount } from './azure-removal.ts';
import { type RecordObject, readRecord } from './record.ts';

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
  await Promise.all(all.map((store) => store.synced));
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
