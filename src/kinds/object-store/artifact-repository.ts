import { stringify } from 'yaml';
import type { ObjectStore } from '../../api/object-store.ts';
import { hasKeys } from './access/keys.ts';
import { accessSecretNameOf } from './access/secret.ts';
import type { BucketConnection, BucketProvider } from './providers/bucket.ts';

/**
 * The key of the ConfigMap that holds the repository, and the annotation by which Argo finds the one of a namespace's
 * default, in the ConfigMap `artifact-repositories` (Argo Workflows, "Artifact Repository Ref").
 */
export const REPOSITORY_KEY = 'artifact-repository';
export const DEFAULT_REPOSITORY_ANNOTATION = 'workflows.argoproj.io/default-artifact-repository';

/** The bucket as an artifact repository of Argo Workflows, with the keys by reference; no keys: the identity of the pod. */
export const artifactRepositoryOf = (
  store: ObjectStore,
  provider: BucketProvider['name'],
  connection: BucketConnection,
): string => stringify(repositoryFor[provider](store, connection));

type Repository = (store: ObjectStore, connection: BucketConnection) => object;

/** Keys are S3's on Google Cloud too. */
const s3Repository: Repository = (store, { endpoint, host, port, s3, region }) => {
  const { spec } = store;
  const secret = accessSecretNameOf(store);
  return {
    s3: {
      bucket: spec.name,
      endpoint: endpoint === undefined ? host : `${host}:${port}`,
      region: s3?.region ?? region,
      ...(endpoint?.startsWith('http:') && { insecure: true }),
      ...(!hasKeys(store)
        ? { useSDKCreds: true }
        : {
            accessKeySecret: { name: secret, key: 'AWS_ACCESS_KEY_ID' },
            secretKeySecret: { name: secret, key: 'AWS_SECRET_ACCESS_KEY' },
          }),
    },
  };
};

const repositoryFor: Readonly<Record<BucketProvider['name'], Repository>> = {
  gcs: (store, connection) =>
    !hasKeys(store) ? { gcs: { bucket: store.spec.name } } : s3Repository(store, connection),
  azure: ({ spec }, { host }) => ({
    azure: { endpoint: `https://${host}`, container: spec.name, useSDKCreds: true },
  }),
  s3: s3Repository,
};
