import { describe, expect, it } from 'vitest';
import { BucketError } from '../../../../src/kinds/object-store/providers/bucket.ts';
import { resources } from '../../../../src/kube/api-server.ts';
import { createCase, NOW } from '../../../fixtures/object-store-case.ts';

const USER = 'quartermaster-uid-1';
const SECRET = 'secrets/team-a/history-objectstore';

/** An ObjectStore that is Ready, with access. */
const readyCase = async () => {
  const one = createCase();
  one.submit({ access: {}, deletionPolicy: 'Delete' });
  await one.pass();
  return one;
};

describe('an ObjectStore with access', () => {
  it('records that there may be a user before it makes one', async () => {
    const one = createCase();
    one.submit({ access: {} });
    const { steps } = await one.pass();
    expect(steps.slice(steps.indexOf('writeConnection') + 1)).toEqual([
      'observeAccess',
      'recordAccess',
      'grantAccess',
      'issueKey',
      'finish',
    ]);
    expect(one.world.users.get(USER)).toEqual({ mode: 'ReadWrite', keys: ['KEY1'] });
    expect(one.stored().status?.access).toEqual({
      user: USER,
      secretName: 'history-objectstore',
      keyId: 'KEY1',
      keyIssued: NOW,
    });
    expect(one.cluster.objects.get(SECRET)).toMatchObject({
      type: 'Opaque',
      metadata: { ownerReferences: [{ kind: 'ObjectStore', uid: 'uid-1' }] },
      data: { AWS_ACCESS_KEY_ID: Buffer.from('KEY1').toString('base64') },
    });
  });

  it('has a second look change nothing', async () => {
    const one = await readyCase();
    one.world.calls.length = 0;
    await one.pass();
    expect(one.world.calls).toEqual(['observe', 'check versioning', 'observe access']);
  });

  it('is Ready and not Synced where no user can be made, and records none', async () => {
    const one = createCase();
    one.submit({ access: {} });
    one.world.interfere = (call) => {
      if (call === 'observe access') throw new BucketError('UnsupportedFeature', 'No users here.');
    };
    await one.pass();
    expect(one.ready()).toMatchObject({ status: 'True', reason: 'UnsupportedFeature' });
    expect(one.synced()).toMatchObject({ status: 'False', message: 'spec.access is not applied. No users here.' });
    expect(one.stored().status?.access).toBeUndefined();
  });

  it('leaves a Secret alone that somebody else made', async () => {
    const one = createCase();
    one.submit({ access: {} });
    const theirs = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'history-objectstore', namespace: 'team-a' } };
    one.cluster.put(resources.secrets, theirs);
    await one.pass();
    expect(one.synced()?.message).toContain('Secret history-objectstore was made by somebody else: delete it');
    expect(one.cluster.objects.get(SECRET)).toMatchObject(theirs);
    expect(one.world.users.size).toBe(0);
  });

  it('removes the Secret of a name it no longer has', async () => {
    const one = await readyCase();
    one.change({ access: { secretName: 'keys' } });
    await one.pass();
    expect(one.cluster.objects.has(SECRET)).toBe(false);
    expect(one.cluster.objects.has('secrets/team-a/keys')).toBe(true);
  });

  it.each(['Retain', 'Delete'] as const)('has its user go before the bucket, with %s', async (deletionPolicy) => {
    const one = await readyCase();
    one.change({ deletionPolicy });
    one.remove();
    const { steps } = await one.pass();
    expect(steps[0]).toBe('revokeAccess');
    expect(one.world.users.size).toBe(0);
    expect(one.cluster.objects.has(SECRET)).toBe(false);
    expect(one.bucket() === undefined).toBe(deletionPolicy === 'Delete');
  });

  it.each(['as they came', 'the other way round'])(
    'keeps the newer of two keys where the Secret is gone, whatever order they are listed in: %s',
    async (order) => {
      const one = await readyCase();
      one.change({ access: { rotation: 'again' } });
      await one.pass();
      const user = one.world.users.get(USER);
      expect(user?.keys).toEqual(['KEY1', 'KEY2']);
      // Ceph lists them by their IDs.
      if (order !== 'as they came') user?.keys.reverse();
      one.cluster.objects.delete(SECRET);
      await one.pass();
      expect(user?.keys).toEqual(['KEY2', 'KEY3']);
    },
  );

  it('has its user go even where the bucket is gone already', async () => {
    const one = await readyCase();
    one.world.buckets.clear();
    one.remove();
    await one.pass();
    expect(one.world.users.size).toBe(0);
    expect(one.cluster.store()).toBeUndefined();
  });

  it('keeps what it knows of its user when the bucket is lost to somebody else', async () => {
    const one = await readyCase();
    one.putBucket({}, 'theirs');
    await one.pass();
    expect(one.stored().status?.access?.user).toBe(USER);
  });

  it('that is cut off at any moment of its making ends with one key, the one in the Secret', async () => {
    for (let at = 1; ; at++) {
      const one = createCase();
      one.submit({ access: {} });
      const ended = one.cutAt(at);
      const passed = await one.pass().then(
        () => true,
        () => false,
      );
      if (!ended()) {
        expect(passed).toBe(true);
        break;
      }
      await one.pass();
      // Past the overlap of a key that may have been in use.
      await one.pass('2026-11-22T12:00:00Z');
      const keys = one.world.users.get(USER)?.keys;
      expect(keys, `cut at ${at}`).toEqual([one.stored().status?.access?.keyId]);
      one.remove();
      await one.pass();
      expect(one.world.users.size, `cut at ${at}`).toBe(0);
    }
  });

  it('that is cut off at any moment of a deletion leaves nobody behind', async () => {
    for (let at = 1; ; at++) {
      const one = await readyCase();
      one.remove();
      const ended = one.cutAt(at);
      await one.pass().catch(() => undefined);
      const wasCut = ended();
      if (one.cluster.store() !== undefined) await one.pass();
      expect({ users: one.world.users.size, bucket: one.bucket() }, `cut at ${at}`).toEqual({
        users: 0,
        bucket: undefined,
      });
      expect(one.cluster.store()).toBeUndefined();
      if (!wasCut) break;
    }
  });
});
