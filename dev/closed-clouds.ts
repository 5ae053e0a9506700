/**
 * Environment for every process that tests and demos start: where the vendors' SDKs would ask a metadata service by themselves,
 * they find nobody on 127.0.0.1 instead. A test that has a stub says so over it.
 */
export const closedClouds: Readonly<Record<string, string>> = {
  GCE_METADATA_HOST: '127.0.0.1:1',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1',
  AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:1',
};
