import { describe, expect, it } from 'vitest';
import { OBJECT_STORE_FINALIZER } from '../../../src/api/names.ts';
import { BucketError, type BucketReason } from '../../../src/kinds/object-store/providers/bucket.ts';
import { initialState } from '../../../src/kinds/object-store/state.ts';
import { nextStep } from '../../../src/kinds/object-store/steps.ts';
import { factsIn, objectStore } from '../../fixtures/object-store.ts';
import { createCase, NOW, OUR_MARK, THEIR_MARK } from '../../fixtures/object-store-case.ts';

const twoMinutesLater = '2026-11-20T12:02:00Z';

const failing = (reason: BucketReason) => () => {
  throw new BucketError(reason, `Failed by ${reason}.`);
};

describe('an ObjectStore that is deleted', () => {
  it('retains its bucket, without our mark', async () => {
    const one = createCase();
    one.submit();
    await one.pass();
    one.remove();
    await one.pass();
    expect(one.cluster.store()).toBeUndefined();
    expect(one.bucket()?.marks).toEqual({});
  });

  it('tells five of those that have keys for its bucket still, and how many more there are', () => {
    const finalizers = [OBJECT_STORE_FINALIZER];
    const store = objectStore({}, { deletionTimestamp: NOW, finalizers }, { ownership: 'Created' });
    const { cloud, policy } = factsIn();
    const sharers = Array.from({ length: 10_000 }, (_, at) => `team-b/n${at}`);
    const step = nextStep({ ...initialState(store, cloud, policy), sharers }, new Date(NOW));
    const names = 'team-b/n0, team-b/n1, team-b/n2, team-b/n3, team-b/n4 and 9995 more';
    expect(step).toMatchObject({
      blocked: { reason: 'StillShared', message: expect.stringContaining(names) as string },
    });
  });

  it('takes an empty bucket along with deletionPolicy Delete', async () => {
    const one = createCase();
    one.submit({ deletionPolicy: 'Delete' });
    await one.pass();
    one.remove();
    await one.pass();
    expect(one.bucket()).toBeUndefined();
    expect(one.cluster.store()).toBeUndefined();
  });

  it('waits for a bucket that holds objects, until it is emptied', async () => {
    const one = createCase();
    one.submit({ deletionPolicy: 'Delete' });
    await one.pass();
    Object.assign(one.bucket() ?? {}, { isEmpty: false });
    one.remove();
    expect((await one.pass()).end).toMatchObject({ kind: 'blocked', blocked: { reason: 'BucketNotEmpty' } });
    expect(one.ready()).toMatchObject({ status: 'False', reason: 'BucketNotEmpty' });
    expect(one.ready()?.message).toContain('set spec.deletionPolicy: Retain');
    Object.assign(one.bucket() ?? {}, { isEmpty: true });
    await one.pass();
    expect(one.cluster.store()).toBeUndefined();
  });

  it('takes all with forceDelete', async () => {
    const one = createCase();
    one.submit({ deletionPolicy: 'Delete', forceDelete: true });
    await one.pass();
    Object.assign(one.bucket() ?? {}, { isEmpty: false });
    one.remove();
    await one.pass();
    expect(one.bucket()).toBeUndefined();
  });

  it('never deletes a bucket that was there before it', async () => {
    const one = createCase();
    one.putBucket(OUR_MARK);
    one.submit({ deletionPolicy: 'Delete', forceDelete: true });
    await one.pass();
    one.remove();
    await one.pass();
    expect(one.bucket()?.marks).toEqual({});
    expect(one.cluster.store()).toBeUndefined();
  });

  it.each([
    ['another’s mark', THEIR_MARK],
    ['no mark any more', {}],
  ])('never deletes a bucket that carries %s', async (_, marks) => {
    const one = createCase();
    one.submit({ deletionPolicy: 'Delete', forceDelete: true });
    await one.pass();
    one.putBucket(marks);
    one.remove();
    await one.pass();
    expect(one.bucket()?.marks).toEqual(marks);
    expect(one.cluster.store()).toBeUndefined();
  });

  it('goes when the bucket is gone already', async () => {
    const one = createCase();
    one.submit({ deletionPolicy: 'Delete' });
    await one.pass();
    one.world.buckets.clear();
    one.remove();
    await one.pass();
    expect(one.cluster.store()).toBeUndefined();
  });

  it.each<BucketReason>(['CredentialsMissing', 'CredentialsInvalid', 'PermissionDenied', 'NameTaken'])(
    'with Retain is not held up by %s',
    async (reason) => {
      const one = createCase();
      one.submit();
      await one.pass();
      one.remove();
      one.world.interfere = failing(reason);
      await one.pass();
      expect(one.cluster.store()).toBeUndefined();
      expect(one.bucket()).toBeDefined();
    },
  );

  it.each<BucketReason>(['EndpointUnreachable', 'Throttled', 'ProviderError'])(
    'with Retain waits two minutes for %s to pass',
    async (reason) => {
      const one = createCase();
      one.submit();
      await one.pass();
      one.remove(NOW);
      one.world.interfere = failing(reason);
      expect((await one.pass(NOW)).end).toMatchObject({ kind: 'blocked', blocked: { reason } });
      expect(one.cluster.store()).toBeDefined();
      await one.pass(twoMinutesLater);
      expect(one.cluster.store()).toBeUndefined();
    },
  );

  it.each<BucketReason>([
    'CredentialsMissing',
    'CredentialsInvalid',
    'PermissionDenied',
    'NameTaken',
    'EndpointUnreachable',
    'Throttled',
    'ProviderError',
  ])('with Retain waits for its user to go, whatever keeps that: %s', async (reason) => {
    const one = createCase();
    one.submit({ access: {} });
    await one.pass();
    one.remove(NOW);
    one.world.interfere = failing(reason);
    expect((await one.pass('2026-12-20T12:00:00Z')).end).toMatchObject({ kind: 'blocked' });
    expect(one.synced()?.message).toContain('annotate this ObjectStore with quartermaster.dev/leave-access: uid-1.');
    one.world.interfere = () => undefined;
    await one.pass('2026-12-20T12:00:00Z');
    expect(one.cluster.store()).toBeUndefined();
    expect(one.world.users.size).toBe(0);
  });

  it('with Delete is held up by missing credentials, and let go by Retain', async () => {
    const one = createCase();
    one.submit({ deletionPolicy: 'Delete' });
    await one.pass();
    one.remove();
    one.world.interfere = failing('CredentialsMissing');
    await one.pass(twoMinutesLater);
    expect(one.ready()?.message).toBe(
      'Failed by CredentialsMissing. To leave the bucket behind, set spec.deletionPolicy: Retain.',
    );
    one.change({ deletionPolicy: 'Retain' });
    await one.pass(twoMinutesLater);
    expect(one.cluster.store()).toBeUndefined();
  });

  it('is left alone once our finalizer is off', async () => {
    const one = createCase();
    one.submit({}, { finalizers: ['example.org/other'] });
    one.remove();
    const { end } = await one.pass();
    expect(end).toEqual({ kind: 'gone' });
    expect(one.stored().metadata.finalizers).toEqual(['example.org/other']);
  });

  it('keeps the finalizers of others', async () => {
    const one = createCase();
    one.submit({}, { finalizers: ['example.org/other'] });
    await one.pass();
    expect(one.stored().metadata.finalizers).toEqual(['example.org/other', 'banzaicloud.com/objectstore']);
    one.remove();
    await one.pass();
    expect(one.stored().metadata.finalizers).toEqual(['example.org/other']);
  });
});
