import { randomUUID } from 'node:crypto';
import type { ControlPlane } from './control-plane/control-plane.ts';

/** How many of each. */
export interface Crowd {
  readonly claims: number;
  readonly namespaces: number;
  /** Volumes that a provisioner made, bound to the first so many claims. */
  readonly volumes?: number;
  /** Claims that many nodes want to share and nothing serves yet, one in each of the first so many namespaces. */
  readonly shared?: number;
  /** PlatformDefaults, one in each of the first so many namespaces. */
  readonly defaults?: number;
  readonly objectStores?: number;
}

/** What one transaction of etcd takes at most. */
const BATCH = 128;

/**
 * Fills a cluster with namespaces, bound claims and their volumes, of a usual size, past the API server: straight into etcd, as JSON, which the
 * API server reads as well as its own protobuf. 50,000 claims take seconds this way.
 */
export const addCrowd = async ({ etcdUrl }: Pick<ControlPlane, 'etcdUrl'>, crowd: Crowd): Promise<void> => {
  const namespaces = Array.from({ length: crowd.namespaces }, (_, index) => namespaceOf(index));
  const claims = Array.from({ length: crowd.claims }, (_, index) => claimOf(index, index % crowd.namespaces));
  const volumes = Array.from({ length: crowd.volumes ?? 0 }, (_, index) => volumeOf(index, index % crowd.namespaces));
  const shared = Array.from({ length: crowd.shared ?? 0 }, (_, index) => sharedClaimOf(index));
  const defaults = Array.from({ length: crowd.defaults ?? 0 }, (_, index) => defaultsOf(index));
  const stores = Array.from({ length: crowd.objectStores ?? 0 }, (_, index) =>
    storeOf(index, index % crowd.namespaces),
  );
  const all = [...namespaces, ...defaults, ...claims, ...volumes, ...stores, ...shared];
  for (let start = 0; start < all.length; start += BATCH) await put(etcdUrl, all.slice(start, start + BATCH));
};

interface Entry {
  readonly key: string;
  readonly object: object;
}

/** etcd's v3 API through its JSON gateway. */
const put = async (etcdUrl: string, entries: readonly Entry[]): Promise<void> => {
  const success = entries.map(({ key, object }) => ({
    requestPut: { key: base64(`/registry/${key}`), value: base64(JSON.stringify(object)) },
  }));
  const response = await fetch(`${etcdUrl}/v3/kv/txn`, {
    method: 'POST',
    body: JSON.stringify({ success }),
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok) throw new Error(`etcd answered ${response.status}: ${await response.text()}`);
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const created = '2026-01-01T00:00:00Z';

const namespaceOf = (index: number): Entry => {
  const name = `team-${index}`;
  const labels = {
    'kubernetes.io/metadata.name': name,
    team: `${index % 50}`,
    'example.org/cost-centre': `${index % 7}`,
  };
  return {
    key: `namespaces/${name}`,
    object: {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, uid: randomUUID(), creationTimestamp: created, labels },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    },
  };
};

const claimOf = (index: number, namespaceIndex: number): Entry => {
  const [name, namespace, uid] = [`data-${index}`, `team-${namespaceIndex}`, randomUUID()];
  const annotations = {
    'pv.kubernetes.io/bind-completed': 'yes',
    'pv.kubernetes.io/bound-by-controller': 'yes',
    'volume.kubernetes.io/storage-provisioner': 'csi.hetzner.cloud',
    'volume.kubernetes.io/selected-node': `worker-${index % 300}`,
  };
  const resources = { requests: { storage: '10Gi' } };
  return {
    key: `persistentvolumeclaims/${namespace}/${name}`,
    object: {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        ...{ name, namespace, uid, annotations },
        creationTimestamp: created,
        labels: { app: `app-${index % 500}`, 'app.kubernetes.io/instance': `release-${index % 500}` },
        finalizers: ['kubernetes.io/pvc-protection'],
        managedFields: [managedBy('kubectl-client-side-apply'), managedBy('kube-controller-manager')],
      },
      spec: {
        ...{ accessModes: ['ReadWriteOnce'], resources },
        storageClassName: `class-${index % 20}`,
        volumeMode: 'Filesystem',
        volumeName: `pvc-${uid}`,
      },
      status: { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '10Gi' } },
    },
  };
};

const volumeOf = (index: number, namespaceIndex: number): Entry => {
  const [driver, uid] = ['csi.hetzner.cloud', randomUUID()];
  const name = `pvc-${uid}`;
  const zone = { key: `${driver}/location`, operator: 'In', values: ['fsn1'] };
  return {
    key: `persistentvolumes/${name}`,
    object: {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: {
        ...{ name, uid, creationTimestamp: created },
        annotations: { 'pv.kubernetes.io/provisioned-by': driver },
        finalizers: ['kubernetes.io/pv-protection', 'external-attacher/csi-hetzner-cloud'],
        managedFields: [managedBy('csi-provisioner'), managedBy('kube-controller-manager')],
      },
      spec: {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '10Gi' },
        claimRef: { kind: 'PersistentVolumeClaim', namespace: `team-${namespaceIndex}`, name: `data-${index}`, uid },
        csi: { driver, volumeHandle: `${index}`, fsType: 'ext4' },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [zone] }] } },
        persistentVolumeReclaimPolicy: 'Delete',
        storageClassName: `class-${index % 20}`,
        volumeMode: 'Filesystem',
      },
      status: { phase: 'Bound' },
    },
  };
};

const sharedClaimOf = (index: number): Entry => {
  const [name, namespace] = ['shared', `team-${index}`];
  return {
    key: `persistentvolumeclaims/${namespace}/${name}`,
    object: {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace, uid: randomUUID(), creationTimestamp: created },
      spec: {
        accessModes: ['ReadWriteMany'],
        resources: { requests: { storage: '10Gi' } },
        storageClassName: 'shared',
        volumeMode: 'Filesystem',
      },
      status: { phase: 'Pending' },
    },
  };
};

const ours = (kind: string, name: string, index: number, spec: object): Entry => ({
  key: `quartermaster.dev/${kind.toLowerCase()}${kind.endsWith('s') ? '' : 's'}/team-${index}/${name}`,
  object: {
    apiVersion: 'quartermaster.dev/v1alpha1',
    kind,
    metadata: { name, namespace: `team-${index}`, uid: randomUUID(), creationTimestamp: created, generation: 1 },
    spec,
  },
});

const defaultsOf = (index: number): Entry =>
  ours('PlatformDefaults', 'team', index, {
    match: { kinds: ['WorkflowPod', 'SparkApplication'] },
    inject: {
      labels: { 'example.org/team': `team-${index}` },
      env: [{ name: 'TEAM', value: `team-${index}` }],
      volumes: [{ name: 'scratch', emptyDir: {} }],
      volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
    },
  });

const storeOf = (index: number, namespaceIndex: number): Entry =>
  ours('ObjectStore', `store-${index}`, namespaceIndex, { name: `bucket-${index}` });

const managedBy = (manager: string): object => ({
  manager,
  operation: 'Update',
  apiVersion: 'v1',
  time: created,
  fieldsType: 'FieldsV1',
  fieldsV1: { 'f:spec': { 'f:accessModes': {}, 'f:resources': { 'f:requests': { 'f:storage': {} } } } },
});
