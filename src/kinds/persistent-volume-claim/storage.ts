import type { Explanation } from '../../api/admission.ts';
import type { Policy } from '../../api/facts.ts';
import type { Resolved, StorageClassInjection } from '../../api/injection.ts';
import type { KubeObject, PersistentVolumeClaim, StorageClass } from '../../api/kubernetes.ts';
import { AZURE_ACCOUNT_LABEL } from '../../api/names.ts';
import { claimOf } from '../../storage-classes/claim.ts';
import type { ClusterFacts } from '../../storage-classes/class-options.ts';
import { explainDraft, finishDraft, followName } from '../../storage-classes/draft.ts';
import { chooseStorageClass, type StorageClassChoice } from './class.ts';
import { existingExport, isNfsDiskClass, nfsDiskClass, nfsDraft, ownNfsClass } from './nfs/class.ts';
import { nfsDiskGi, nfsServer, softwareOfNew } from './nfs/parts.ts';

/** What a claim needs, with all that stands behind its class. */
export type ClaimStorage =
  /** Nothing: no class is asked for, it exists, or volumes are bound by hand. */
  | { readonly kind: 'none'; readonly warnings: readonly string[] }
  | {
      readonly kind: 'make';
      readonly storageClass: StorageClass;
      /** What the class is made for nothing without, in apply order; the class itself comes after them. */
      readonly companions: readonly KubeObject[];
      readonly warnings: readonly string[];
      /** Words of the name that nobody reads; a sentence apart, since nothing is wrong with the class. */
      readonly unread?: string | undefined;
      readonly explain: readonly Explanation[];
    }
  /** A storage account has to be made first; `storageClass` does not name it yet. `why` is a whole sentence. */
  | { readonly kind: 'account'; readonly storageClass: StorageClass; readonly why: string }
  /** No class: it could not give a volume, or may not be made. `why` is a whole sentence. */
  | { readonly kind: 'cannot'; readonly why: string; readonly isRefused?: boolean };

/** Decides about a claim from memory alone, the NFS server or storage account behind its class included. */
export const chooseClaimStorage = (
  pvc: PersistentVolumeClaim,
  cluster: ClusterFacts,
  injection?: Resolved<StorageClassInjection>,
): ClaimStorage => {
  const choice = chooseStorageClass(pvc, cluster, injection);
  const className = claimOf(pvc)?.className ?? '';
  if (choice.kind !== 'none' && isNfsDiskClass(className)) return { kind: 'cannot', why: reservedName(className) };
  switch (choice.kind) {
    case 'nfs':
      return storageByNfs(choice, cluster, injection);
    case 'make':
      return needsOwnAccount(choice.storageClass, cluster.policy)
        ? awaitAccount(choice.storageClass)
        : { ...choice, companions: [] };
    case 'none':
    case 'cannot':
      return choice;
  }
};

const reservedName = (className: string): string =>
  `StorageClass ${className} is not made: the name is for the disks of NFS servers; use another one.`;

const awaitAccount = (storageClass: StorageClass): ClaimStorage => ({
  kind: 'account',
  storageClass,
  why: `StorageClass ${storageClass.metadata.name ?? ''} follows as soon as its storage account is made; until then the claim is pending.`,
});

const storageByNfs = (
  { claim, warnings: told, ...unmet }: Extract<StorageClassChoice, { kind: 'nfs' }>,
  cluster: ClusterFacts,
  injection: Resolved<StorageClassInjection> | undefined,
): ClaimStorage => {
  const draft = followName(nfsDraft(claim.className, unmet, cluster), claim, cluster, injection?.value);
  const { unread } = draft;
  const warnings = [...told, ...draft.warnings];
  const explain = explainDraft(draft, claim, injection);
  if (existingExport(cluster) !== undefined) {
    return {
      kind: 'make',
      storageClass: finishDraft(draft, claim, injection),
      companions: [],
      warnings,
      unread,
      explain,
    };
  }
  const { className } = claim;
  const requestedGi = Math.min(claim.requestedGi, cluster.policy.nfsLimitsGi.claim);
  const disk = nfsDiskClass(className, nfsDiskGi(requestedGi), cluster);
  if (disk.kind === 'cannot') return cannot(className, disk.why);
  const parts = nfsServer(
    { className, requestedGi, diskClass: disk.name, software: softwareOfNew(cluster.policy) },
    cluster.policy,
  );
  const diskClass = disk.missing === undefined ? [] : [disk.missing];
  const storageClass = ownNfsClass(draft, className, injection?.value);
  return {
    kind: 'make',
    storageClass,
    companions: [...diskClass, ...Object.values(parts)],
    warnings: [...warnings, ...disk.warnings],
    unread,
    explain,
  };
};

const cannot = (className: string, why: string): ClaimStorage => ({
  kind: 'cannot',
  why: `StorageClass ${className} is not made, because its NFS server needs a disk: ${why}`,
});

const FILE_DRIVER = 'file.csi.azure.com';

/**
 * True for a class whose storage account Quartermaster is to make. NFS shares are left to the driver: they need an account that takes
 * unencrypted traffic, and ours take none. So is a class that names its account.
 */
export const needsOwnAccount = ({ provisioner, parameters }: StorageClass, policy: Policy): boolean =>
  policy.azureFileAccount === 'quartermaster' &&
  provisioner === FILE_DRIVER &&
  parameters?.['protocol'] !== 'nfs' &&
  parameters?.['storageAccount'] === undefined;

/** The class with the account its shares are to be in. */
export const classWithAccount = (
  storageClass: StorageClass,
  { name, resourceGroup }: { readonly name: string; readonly resourceGroup: string },
): StorageClass => ({
  ...storageClass,
  metadata: {
    ...storageClass.metadata,
    labels: { ...storageClass.metadata.labels, [AZURE_ACCOUNT_LABEL]: name },
  },
  parameters: { ...storageClass.parameters, storageAccount: name, resourceGroup },
});
