import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resources } from '../../src/kube/kube.ts';
import {
  bucketsOf,
  type CephCluster,
  keysOf,
  startCephCluster,
  type Tenant,
  tagsOf,
} from '../fixtures/object-store-ceph.ts';
import { conditionOf } from '../fixtures/object-store-cluster.ts';

let cluster: CephCluster;
let alice: Tenant;

beforeAll(async () => {
  cluster = await startCephCluster();
  alice = await cluster.addTenant('alice');
  cluster.run({ resyncMs: 2_000 });
});

afterAll(() => cluster?.stop());

describe('a bucket that was there before', () => {
  it.each([
    ['Never', 'NotOwned'],
    ['IfOwned', 'NotOwned'],
    ['Always', 'Adopted'],
  ] as const)('comes with adopt %s to %s, and is never deleted', async (adopt, reason) => {
    const name = `before-${adopt.toLowerCase()}`;
    await alice.client.send(new CreateBucketCommand({ Bucket: name }));
    await cluster.submit(name, { ...cluster.inCeph(name), adopt, deletionPolicy: 'Delete', forceDelete: true });
    await cluster.untilReady(name, reason);
    const tags = await tagsOf(alice, name);
    expect(tags['quartermaster-cluster']).toBe(reason === 'Adopted' ? 'cluster-1' : undefined);
    await cluster.remove(name);
    await cluster.untilGone(name);
    expect(await bucketsOf(alice)).toContain(name);
    expect(await tagsOf(alice, name)).toEqual({});
  });
});

describe('deletion', () => {
  const fill = async (Bucket: string): Promise<void> => {
    await alice.client.send(new PutObjectCommand({ Bucket, Key: 'events/1', Body: 'x' }));
  };

  it('with Retain leaves the bucket without our mark', async () => {
    await cluster.submit('retained', cluster.inCeph('retained-bucket', { labels: { team: 'data' } }));
    await cluster.untilReady('retained', 'Created');
    await fill('retained-bucket');
    await cluster.remove('retained');
    await cluster.untilGone('retained');
    expect(await tagsOf(alice, 'retained-bucket')).toEqual({ team: 'data' });
  });

  it('with Delete takes an empty bucket along', async () => {
    await cluster.submit('emptied', cluster.inCeph('emptied-bucket', { deletionPolicy: 'Delete' }));
    await cluster.untilReady('emptied', 'Created');
    await cluster.remove('emptied');
    await cluster.untilGone('emptied');
    expect(await bucketsOf(alice)).not.toContain('emptied-bucket');
  });

  it('with Delete keeps a bucket that holds objects until forceDelete', async () => {
    await cluster.submit('full', cluster.inCeph('full-bucket', { deletionPolicy: 'Delete', versioning: true }));
    await cluster.untilReady('full', 'Created');
    await fill('full-bucket');
    await cluster.remove('full');
    const store = await cluster.untilReady('full', 'BucketNotEmpty');
    expect(conditionOf(store, 'Ready')?.message).toContain('set spec.forceDelete');
    expect(await bucketsOf(alice)).toContain('full-bucket');
    await cluster.change('full', { forceDelete: true });
    await cluster.untilGone('full');
    expect(await bucketsOf(alice)).not.toContain('full-bucket');
  });

  it('is not held up by a Secret that went first', async () => {
    await cluster.putSecret('fleeting', keysOf(alice));
    await cluster.submit('orphaned', cluster.inCeph('orphaned-bucket', { credentialsSecretRef: { name: 'fleeting' } }));
    await cluster.untilReady('orphaned', 'Created');
    await cluster.kube.remove(resources.secrets, { namespace: 'default', name: 'fleeting' });
    await cluster.remove('orphaned');
    await cluster.untilGone('orphaned');
    expect(await bucketsOf(alice)).toContain('orphaned-bucket');
  });
});
