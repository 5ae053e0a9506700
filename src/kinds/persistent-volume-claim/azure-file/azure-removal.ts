import type { KubeObject, StorageClass } from '../../../api/kubernetes.ts';
import { AZURE_ACCOUNT_LABEL } from '../../../api/names.ts';
import { isManaged, objectKeyOf } from '../../../controller/apply.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import type { FactStores } from '../../../kube/stores.ts';
import { classNameOf } from '../../../storage-classes/claim.ts';
import { type AzureClassTools, desiredClass } from './azure-class.ts';
import { type AccountRecord, accountOf, recordName } from './record.ts';

/** The classes whose shares are in an account of ours. */
export const classesIn = (
  account: string,
  { stores }: { readonly stores: Pick<FactStores, 'storageClasses'> },
): readonly StorageClass[] =>
  stores.storageClasses
    .list()
    .filter(
      (storageClass) => isManaged(storageClass) && storageClass.metadata.labels?.[AZURE_ACCOUNT_LABEL] === account,
    );

/** True where a claim or a volume needs the account, or may need it in a moment. */
export const isAccountUsed = ({ account }: AccountRecord, tools: AzureClassTools): boolean => {
  const { claims, stores } = tools;
  const names = new Set(classesIn(account, tools).map(({ metadata }) => metadata.name ?? ''));
  return (
    [...names].some((name) => stores.persistentVolumes.byIndex('storageClassName', name).length > 0) ||
    claims.list().some((claim) => {
      const className = classNameOf(claim);
      return className !== undefined && (names.has(className) || desiredClass(className, tools) !== undefined);
    })
  );
};

interface CsiVolume extends KubeObject {
  readonly spec?: { readonly csi?: Readonly<Record<string, unknown>> };
}

/** Asks the API server itself, whatever class a volume names: what is deleted with an account is gone for good. */
export const isNamedByVolume = async (
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
export const removeAccount = async (
  record: AccountRecord,
  tools: AzureClassTools,
  signal: AbortSignal,
): Promise<void> => {
  const { kube, openAccounts, clusterUid, systemNamespace } = tools;
  const accounts = await openAccounts(record.subscription);
  await accounts.remove(accountOf(record, clusterUid), signal);
  for (const storageClass of classesIn(record.account, tools)) {
    const { uid } = storageClass.metadata;
    await kube.remove(resources.storageClasses, objectKeyOf(storageClass), uid === undefined ? {} : { uid }, {
      signal,
    });
  }
  await kube.remove(resources.configMaps, { namespace: systemNamespace, name: recordName(record) }, {}, { signal });
};
