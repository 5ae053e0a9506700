import type { KubeObject } from '../../../api/kubernetes.ts';
import { AZURE_ACCOUNT_LABEL } from '../../../api/names.ts';
import { runController } from '../../../controller/loop.ts';
import { untilSynced } from '../../../controller/periodic.ts';
import { resources } from '../../../kube/api-server.ts';
import { hasChangedLabels, type Store } from '../../../kube/store.ts';
import { type WatchOptions, watchStore } from '../../../kube/stores.ts';
import { stripManagedFields } from '../../../kube/transforms.ts';
import type { Log } from '../../../ops/log.ts';
import type { Metrics } from '../../../ops/metrics.ts';
import { classNameOf } from '../../../storage-classes/claim.ts';
import { accountIn, createClassReconcile } from './class.ts';
import { createAccountReconcile, type IdleAccountOptions } from './idle-account.ts';
import type { RecordObject } from './record.ts';

export interface AzureFileOptions extends IdleAccountOptions {
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
  const reconcileClass = createClassReconcile(options);
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
        ? reconcileClass(key.slice(CLASS.length), abortSignal)
        : reconcileAccount(key.slice(ACCOUNT.length), abortSignal),
  });
};

const accountKeys = ({ records }: AzureFileOptions): readonly string[] =>
  records.list().map(({ metadata }) => `${ACCOUNT}${metadata.name}`);

const classKeys = (options: AzureFileOptions): readonly string[] =>
  options.claims.list().flatMap((claim) => classKey(claim, options));

/** The class a claim names, where that is missing or in an account of ours. */
const classKey = (claim: KubeObject, { stores, facts }: AzureFileOptions): readonly string[] => {
  if (facts().policy.azureFileAccount !== 'quartermaster') return [];
  const className = classNameOf(claim);
  if (!className) return [];
  const storageClass = stores.storageClasses.get({ namespace: '', name: className });
  return storageClass === undefined || accountIn(storageClass) !== undefined ? [`${CLASS}${className}`] : [];
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
