import type { KubeObject, PersistentVolumeClaim, StorageClass } from '../../../api/kubernetes.ts';
import { removeThis } from '../../../controller/apply.ts';
import type { Outcome } from '../../../controller/loop.ts';
import { type Kube, type Resource, resources } from '../../../kube/api-server.ts';
import type { FactStores } from '../../../kube/stores.ts';
import { classNameOf } from '../../../storage-classes/claim.ts';
import { type AzureClassTools, accountIn, desiredClass } from './class.ts';
import { type AccountRecord, accountOf, readRecord, recordName } from './record.ts';

export interface IdleAccountOptions extends AzureClassTools {
  /** What becomes of an account that nothing needs. */
  readonly deletion: 'Retain' | 'Delete';
  /** How long an account outlives its last volume. */
  readonly graceSeconds: number;
}

/** Deletes accounts that no volume needs, where the setting says so. */
export const createAccountReconcile = (options: IdleAccountOptions) => {
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
    if (!(await removeIfUnnamed(record, options, signal))) return undefined;
    idleSince.delete(name);
    return { decision: 'storage account deleted', fields: { account: record.account } };
  };
};

/** The classes whose shares are in an account of ours. */
const classesIn = (
  account: string,
  { stores }: { readonly stores: Pick<FactStores, 'storageClasses'> },
): readonly StorageClass[] =>
  stores.storageClasses.list().filter((storageClass) => accountIn(storageClass) === account);

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

/**
 * Its classes first, since a class must never name an account that is gone; its record last: as long as that is there, what is left is
 * found again. Once nothing can have a volume made any more, the API server itself is asked whether something has one, or is about to
 * find that its class is gone: what is deleted with an account is gone for good. False where something has.
 */
const removeIfUnnamed = async (
  record: AccountRecord,
  tools: AzureClassTools,
  signal: AbortSignal,
): Promise<boolean> => {
  const { kube, openAccounts, clusterUid, systemNamespace } = tools;
  const classes = classesIn(record.account, tools);
  if (await isNamed(record, classes, tools, signal)) return false;
  const accounts = await openAccounts(record.subscription);
  for (const storageClass of classes) await removeThis(kube, resources.storageClasses, storageClass, signal);
  if (await isNamed(record, classes, tools, signal)) return false;
  await accounts.remove(accountOf(record, clusterUid), signal);
  await kube.remove(resources.configMaps, { namespace: systemNamespace, name: recordName(record) }, {}, { signal });
  return true;
};

interface CsiVolume extends KubeObject {
  readonly spec?: { readonly csi?: Readonly<Record<string, unknown>> };
}

/** True where a volume names the account, of whatever class, or a claim names one of its classes. */
const isNamed = async (
  { account }: AccountRecord,
  classes: readonly StorageClass[],
  { kube }: { readonly kube: Pick<Kube, 'list'> },
  signal: AbortSignal,
): Promise<boolean> => {
  const names = new Set(classes.map(({ metadata }) => metadata.name));
  const isOfAccount = ({ spec }: CsiVolume): boolean => JSON.stringify(spec?.csi ?? {}).includes(account);
  const isOfClass = (claim: PersistentVolumeClaim): boolean => names.has(classNameOf(claim));
  return (
    (await isAny(resources.persistentVolumes, isOfAccount, kube, signal)) ||
    (names.size > 0 && (await isAny(resources.persistentVolumeClaims, isOfClass, kube, signal)))
  );
};

const isAny = async <T extends KubeObject>(
  resource: Resource,
  isIt: (object: T) => boolean,
  kube: Pick<Kube, 'list'>,
  signal: AbortSignal,
): Promise<boolean> => {
  let continueToken: string | undefined;
  do {
    const query = { limit: 500, ...(continueToken !== undefined && { continueToken }) };
    const page = await kube.list<T>(resource, query, signal);
    if (page.items.some(isIt)) return true;
    continueToken = page.continueToken;
  } while (continueToken !== undefined);
  return false;
};
