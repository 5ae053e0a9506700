import type { Policy } from '../api/facts.ts';
import type { StorageClass } from '../api/kubernetes.ts';

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
