import type { BucketConnection } from '../bucket.ts';

/** Where each Azure keeps its blobs, by its Resource Manager. */
const suffixes: Readonly<Record<string, string>> = {
  'management.azure.com': 'core.windows.net',
  'management.usgovcloudapi.net': 'core.usgovcloudapi.net',
  'management.chinacloudapi.cn': 'core.chinacloudapi.cn',
};

/** `core.windows.net`, unless the management endpoint is another Azure's. */
export const storageSuffix = (managementEndpoint = 'https://management.azure.com'): string =>
  suffixes[new URL(managementEndpoint).hostname] ?? 'core.windows.net';

/** abfss:// is spoken with the account's dfs host. */
export const azureConnection = (
  account: string,
  container: string,
  region: string,
  suffix: string,
): BucketConnection => ({
  url: `abfss://${container}@${account}.dfs.${suffix}`,
  host: `${account}.blob.${suffix}`,
  port: 443,
  region,
  endpoint: undefined,
});
