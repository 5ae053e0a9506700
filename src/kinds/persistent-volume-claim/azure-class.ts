import type { Policy } from '../../api/facts.ts';
import type { StorageClass } from '../../api/kubernetes.ts';
import { AZURE_ACCOUNT_LABEL } from '../../api/names.ts';

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
