import { stringify } from 'yaml';
import type { Cluster } from '../../../dev/cluster/cluster.ts';
import type { ObjectStorage } from '../../../dev/cluster/install/object-storage.ts';
import { namespace } from './experiments.ts';

export const bucket = 'experiment-results';

/** What the platform team adds for artifacts: keys and authority for every namespace of workflows, and where Argo finds the bucket. */
export const giveBucket = async ({ kubectl, apply }: Cluster, storage: ObjectStorage): Promise<void> => {
  const { accessKey, secretKey } = await storage.createUser('experiments');
  const secret = (name: string, stringData: Readonly<Record<string, string>>) =>
    stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'quartermaster-system' },
      stringData,
    });
  const keys = secret('bucket-keys', { 'access-key': accessKey, 'secret-key': secretKey });
  const authority = secret('bucket-authority', { 'ca.crt': storage.authority });
  await apply([keys, authority, stringify(provided(storage)), stringify(store(storage))].join('---\n'));
  for (const provided of ['secret/bucket-keys', 'secret/bucket-authority', 'configmap/artifact-repositories'])
    await kubectl('-n', namespace, 'wait', '--for=create', provided, '--timeout=60s');
  await kubectl('-n', namespace, 'wait', '--for=condition=Ready', 'objectstore/results', '--timeout=120s');
};

const provided = ({ authority, address }: ObjectStorage): object => ({
  apiVersion: 'quartermaster.dev/v1alpha1',
  kind: 'PlatformDefaults',
  metadata: { name: 'workflow-buckets', namespace: 'quartermaster-system' },
  spec: {
    match: { kinds: ['WorkflowPod'], namespaceSelector: { matchLabels: { workloads: 'workflows' } } },
    provision: {
      secrets: ['bucket-keys', 'bucket-authority'].map((name) => ({ name, copyFrom: name })),
      configMaps: [
        { name: 'bucket-authority', data: { 'ca.crt': authority } },
        { name: 'artifact-repositories', data: { bucket: stringify(repository(address)) } },
      ],
    },
  },
});

const repository = (endpoint: string): object => ({
  s3: {
    endpoint,
    bucket,
    accessKeySecret: { name: 'bucket-keys', key: 'access-key' },
    secretKeySecret: { name: 'bucket-keys', key: 'secret-key' },
    caSecret: { name: 'bucket-authority', key: 'ca.crt' },
  },
});

const store = ({ endpoint }: ObjectStorage): object => ({
  apiVersion: 'banzaicloud.com/v1alpha1',
  kind: 'ObjectStore',
  metadata: { name: 'results', namespace },
  spec: {
    name: bucket,
    provider: 's3',
    s3: { endpoint, caBundleRef: { name: 'bucket-authority' } },
    credentialsSecretRef: { name: 'bucket-keys' },
  },
});
