import { CreateBucketCommand, PutBucketVersioningCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resources } from '../../src/kube/api-server.ts';
import {
  bucketsOf,
  type CephCluster,
  isVersioned,
  keysOf,
  startCephCluster,
  type Tenant,
  tagsOf,
} from '../fixtures/object-store-ceph.ts';
import { conditionOf, type RunningController, until } from '../fixtures/object-store-cluster.ts';

let cluster: CephCluster;
let controller: RunningController;
let alice: Tenant;

beforeAll(async () => {
  cluster = await startCephCluster();
  alice = await cluster.addTenant('alice');
  controller = cluster.run({ resyncMs: 2_000 });
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

describe('credentials', () => {
  beforeAll(async () => {
    // Nothing but a look at the Secret itself then brings it back before 24 s are over.
    await controller.kill();
    controller = cluster.run({ resyncMs: 30_000 });
  });

  it('that are wrong are told, and noticed when they are mended', async () => {
    await cluster.putSecret('mended', { 'access-key': alice.accessKey, 'secret-key': 'not-the-secret-key-of-alice' });
    await cluster.submit('mended', cluster.inCeph('mended-bucket', { credentialsSecretRef: { name: 'mended' } }));
    await cluster.untilReady('mended', 'CredentialsInvalid');
    await cluster.putSecret('mended', keysOf(alice));
    await cluster.untilReady('mended', 'Created');
    expect(cluster.logged()).not.toContain('not-the-secret-key-of-alice');
  });

  it('that are missing are told, and noticed when they come', async () => {
    await cluster.submit('waiting', cluster.inCeph('waiting-bucket', { credentialsSecretRef: { name: 'late' } }));
    const store = await cluster.untilReady('waiting', 'CredentialsMissing');
    expect(conditionOf(store, 'Ready')?.message).toBe(
      'Secret "late" in spec.credentialsSecretRef is not in this namespace: make it.',
    );
    await cluster.putSecret('late', { AWS_ACCESS_KEY_ID: alice.accessKey, AWS_SECRET_ACCESS_KEY: alice.secretKey });
    await cluster.untilReady('waiting', 'Created');
  });

  it('of a bucket that is Ready are used as soon as they are others, and wrong ones do not lose it', async () => {
    const carol = await cluster.addTenant('carol');
    const spec = cluster.inCeph('rotated-bucket', { versioning: true, credentialsSecretRef: { name: 'carol' } });
    await cluster.submit('rotated', { ...spec, deletionPolicy: 'Delete' });
    await cluster.untilReady('rotated', 'Created');

    const rotated = cluster.tenantWith(await cluster.ceph.replaceKey('carol', carol));
    await cluster.putSecret('carol', keysOf(rotated));
    const VersioningConfiguration = { Status: 'Suspended' } as const;
    await rotated.client.send(new PutBucketVersioningCommand({ Bucket: 'rotated-bucket', VersioningConfiguration }));
    await until('versions are kept again', () => isVersioned(rotated, 'rotated-bucket'));
    expect(conditionOf(await cluster.read('rotated'), 'Ready')?.status).toBe('True');

    await cluster.putSecret('carol', { ...keysOf(rotated), 'secret-key': 'not-the-secret-key-of-carol' });
    await cluster.untilReady('rotated', 'CredentialsInvalid');
    await cluster.putSecret('carol', keysOf(alice));
    const { status } = await cluster.untilReady('rotated', 'PermissionDenied');
    expect(status?.ownership).toBe('Created');

    await cluster.remove('rotated');
    await until('it waits for those that may delete the bucket', async () =>
      conditionOf(await cluster.read('rotated'), 'Ready')?.message.includes('set spec.deletionPolicy: Retain'),
    );
    await cluster.putSecret('carol', keysOf(rotated));
    await cluster.untilGone('rotated');
    expect(await bucketsOf(rotated)).toEqual([]);
    for (const secret of [carol.secretKey, rotated.secretKey, 'not-the-secret-key-of-carol'])
      expect(cluster.logged()).not.toContain(secret);
  });
});
