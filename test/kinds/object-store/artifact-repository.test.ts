import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { ObjectStoreSpec } from '../../../src/api/object-store.ts';
import { connectionFor } from '../../../src/kinds/object-store/connection.ts';
import type { BucketConnection } from '../../../src/kinds/object-store/providers/bucket.ts';
import { objectStore } from '../../fixtures/object-store.ts';

const s3: BucketConnection = {
  url: 's3a://spark-history',
  host: 's3.eu-west-1.amazonaws.com',
  port: 443,
  region: 'eu-west-1',
  endpoint: undefined,
};

const repositoryOf = (
  provider: 's3' | 'gcs' | 'azure',
  connection: BucketConnection,
  spec: Partial<ObjectStoreSpec> = {},
): unknown => parse(connectionFor(objectStore(spec), provider, connection).data?.['artifact-repository'] ?? '');

describe('the artifact repository of Argo in the ConfigMap of an ObjectStore', () => {
  it('names the keys of the access, not what they are', () => {
    expect(repositoryOf('s3', s3, { access: {} })).toEqual({
      s3: {
        bucket: 'spark-history',
        endpoint: 's3.eu-west-1.amazonaws.com',
        region: 'eu-west-1',
        accessKeySecret: { name: 'history-objectstore', key: 'AWS_ACCESS_KEY_ID' },
        secretKeySecret: { name: 'history-objectstore', key: 'AWS_SECRET_ACCESS_KEY' },
      },
    });
  });

  it('has host and port of an endpoint, and says where that is no TLS', () => {
    const ceph = { ...s3, host: 'ceph.example.org', port: 7480, endpoint: 'http://ceph.example.org:7480' };
    expect(repositoryOf('s3', ceph, { access: { secretName: 'keys' } })).toMatchObject({
      s3: { endpoint: 'ceph.example.org:7480', insecure: true, accessKeySecret: { name: 'keys' } },
    });
  });

  it('speaks S3 to Google Cloud Storage, whose keys of a workload are for that', () => {
    const google = { ...s3, url: 'gs://spark-history', host: 'storage.googleapis.com', region: 'europe-west1' };
    const spoken = { endpoint: 'https://storage.googleapis.com', region: 'auto' };
    expect(repositoryOf('gcs', { ...google, s3: spoken }, { access: {} })).toEqual({
      s3: {
        bucket: 'spark-history',
        endpoint: 'storage.googleapis.com',
        region: 'auto',
        accessKeySecret: { name: 'history-objectstore', key: 'AWS_ACCESS_KEY_ID' },
        secretKeySecret: { name: 'history-objectstore', key: 'AWS_SECRET_ACCESS_KEY' },
      },
    });
  });

  it('leaves it to the identity of the pod where there are no keys', () => {
    expect(repositoryOf('s3', s3)).toMatchObject({ s3: { useSDKCreds: true } });
    expect(repositoryOf('gcs', { ...s3, url: 'gs://spark-history' })).toEqual({ gcs: { bucket: 'spark-history' } });
    expect(repositoryOf('azure', { ...s3, host: 'team.blob.core.windows.net' })).toEqual({
      azure: { endpoint: 'https://team.blob.core.windows.net', container: 'spark-history', useSDKCreds: true },
    });
  });

  it('is the default of its namespace where the ConfigMap has the name that Argo looks for', () => {
    const store = objectStore({ writeConnectionTo: { configMapName: 'artifact-repositories' } });
    expect(connectionFor(store, 's3', s3).metadata).toMatchObject({
      name: 'artifact-repositories',
      annotations: { 'workflows.argoproj.io/default-artifact-repository': 'artifact-repository' },
    });
  });
});
