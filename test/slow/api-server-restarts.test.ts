import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AccessKey, type CephRgw, startCephRgw } from '../../dev/ceph-rgw/ceph-rgw.ts';
import { untilReady } from '../../dev/serve-process.ts';
import type { KubeObject, StorageClass } from '../../src/api/kubernetes.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../src/api/names.ts';
import type { ObjectStore } from '../../src/api/object-store.ts';
import { type Resource, resources } from '../../src/kube/api-server.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { prepareSpark, untilAdmitted } from '../fixtures/spark-world.ts';
import { claim } from '../fixtures/storage.ts';
import { createStubbornly } from '../fixtures/stubborn.ts';
import { watchReadiness } from '../fixtures/watched-readiness.ts';

const CLAIMS = 500;
const CLASSES = 50;
const STORES = 100;
const KILLS = 10;
const aWhile = { timeout: 180_000, interval: 200 };

let ceph: CephRgw;
let cluster: ShippedCluster;
let key: AccessKey;

beforeAll(async () => {
  [ceph, cluster] = await Promise.all([startCephRgw(), startShippedCluster()]);
  key = await ceph.createUser('tenant');
  const { admin } = cluster;
  await prepareSpark(admin);
  const driver = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name: 'csi.hetzner.cloud' },
    spec: {},
  };
  await admin.create(resources.csiDrivers, driver);
  const stringData = { 'access-key': key.accessKey, 'secret-key': key.secretKey };
  const keys = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys', namespace: 'default' }, stringData };
  await admin.create(resources.secrets, keys);
});

afterAll(async () => {
  await cluster?.controlPlane.stop();
  await ceph?.stop();
});

const store = (index: number): ObjectStore => ({
  apiVersion: 'banzaicloud.com/v1alpha1',
  kind: 'ObjectStore',
  metadata: { name: `store-${index}`, namespace: 'default' },
  spec: {
    name: `bucket-${index}`,
    provider: 's3',
    s3: { endpoint: ceph.endpoint },
    credentialsSecretRef: { name: 'keys' },
  },
});

const buckets = async (): Promise<readonly string[]> => {
  const credentials = { accessKeyId: key.accessKey, secretAccessKey: key.secretKey };
  const client = new S3Client({ endpoint: ceph.endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  const { Buckets = [] } = await client.send(new ListBucketsCommand());
  return Buckets.map(({ Name = '' }) => Name).toSorted();
};
const ownClasses = async (): Promise<readonly string[]> => {
  const labelSelector = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;
  const { items } = await cluster.admin.list<StorageClass>(resources.storageClasses, { labelSelector });
  return items.map(({ metadata }) => metadata.name ?? '').toSorted();
};
const readyStores = async (): Promise<number> => {
  const { items } = await cluster.admin.list<ObjectStore>(resources.objectStores, {});
  const isReady = ({ status }: ObjectStore): boolean =>
    status?.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'True') ?? false;
  return items.filter(isReady).length;
};
const names = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`).toSorted();

describe('the API server killed and restarted', () => {
  it(`${KILLS} times while ${CLAIMS} claims and ${STORES} ObjectStores are made: all converge, nothing is made twice`, async () => {
    const replica = await startReplica(cluster, { environment: { CLOUD: 'hetzner', OBJECT_STORE_LOOPBACK: 'allow' } });
    await untilReady(replica);
    await untilAdmitted(cluster.admin);
    const readiness = watchReadiness(replica);

    let made = 0;
    const makeAll = async (resource: Resource, objects: readonly KubeObject[]): Promise<void> => {
      for (const object of objects) {
        await createStubbornly(cluster.admin, resource, object);
        made += 1;
      }
    };
    const claims = Array.from({ length: CLAIMS }, (_, index) => claim(`claim-${index}`, `class-${index % CLASSES}`));
    const stores = Array.from({ length: STORES }, (_, index) => store(index));
    const making = Promise.all([
      makeAll(resources.persistentVolumeClaims, claims),
      makeAll(resources.objectStores, stores),
    ]);
    for (let kills = 0; kills < KILLS; kills += 1) {
      await expect.poll(() => made, aWhile).toBeGreaterThan((kills * (CLAIMS + STORES)) / (KILLS + 1));
      await cluster.controlPlane.killApiServer();
      await cluster.controlPlane.startApiServer();
    }
    await making;

    await expect.poll(ownClasses, aWhile).toEqual(names('class', CLASSES));
    await expect.poll(readyStores, aWhile).toBe(STORES);
    expect(await buckets()).toEqual(names('bucket', STORES));
    const { looks, ready, lies } = await readiness.stop();
    expect({ lies, isMostlyReady: ready > looks / 2 }).toEqual({ lies: 0, isMostlyReady: true });
    expect(await replica.stop()).toBe(0);
  });
});
