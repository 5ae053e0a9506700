import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IN_USE_FINALIZER, LEAVE_ACCESS_ANNOTATION } from '../../../src/api/names.ts';
import { BucketError } from '../../../src/kinds/object-store/providers/bucket.ts';
import { CREDENTIALS, startController, withKeys } from '../../fixtures/object-store-controller.ts';

type Controller = ReturnType<typeof startController>;

let ending: AbortController;
let one: Controller;

beforeEach(() => {
  ending = new AbortController();
  one = startController(ending.signal);
  one.putSecret();
});
afterEach(async () => {
  ending.abort();
  await one.done;
});

const finalizersOf = (id: string) => one.cluster.objects.get(id)?.metadata.finalizers;
const users = () => [...one.world.users.keys()];
const untilReady = (namespace: string, name: string) =>
  expect.poll(() => one.ready(namespace, name)?.status).toBe('True');
const untilGone = (namespace: string, name: string) => expect.poll(() => one.storeAt(namespace, name)).toBeUndefined();
const untilFree = () => expect.poll(() => one.cluster.objects.has(CREDENTIALS)).toBe(false);
/** Has every call fail that takes a user away. Tells how many did. */
const refuseRevoking = (): (() => number) => {
  let refused = 0;
  one.world.interfere = (call) => {
    if (call !== 'revoke access') return;
    refused += 1;
    throw new BucketError('PermissionDenied', 'The admin API answered 403.');
  };
  return () => refused;
};

describe('the Secret that an ObjectStore names', () => {
  it.each(['Retain', 'Delete'] as const)(
    'deleted before it, as with its namespace, stays until user and bucket are seen to (%s)',
    async (deletionPolicy) => {
      one.submit('team-a', 'history', withKeys({ access: {}, deletionPolicy }));
      await untilReady('team-a', 'history');
      one.removeSecret();
      one.remove('team-a', 'history');
      await untilGone('team-a', 'history');
      await untilFree();
      expect(users()).toEqual([]);
      expect(one.world.buckets.get('spark-history')?.marks).toEqual(deletionPolicy === 'Retain' ? {} : undefined);
    },
  );

  it('stays for the last of those that use it, and no longer', async () => {
    one.submit('team-a', 'history', withKeys({ access: {} }));
    one.submit('team-a', 'other', withKeys({ name: 'spark-other', access: {} }));
    await untilReady('team-a', 'history');
    await untilReady('team-a', 'other');
    one.remove('team-a', 'history');
    await untilGone('team-a', 'history');
    expect(finalizersOf(CREDENTIALS)).toEqual([IN_USE_FINALIZER]);
    one.remove('team-a', 'other');
    await untilGone('team-a', 'other');
    expect(finalizersOf(CREDENTIALS)).toEqual([]);
  });

  it('goes where all that use it go at once', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `store-${at}`);
    for (const name of names) one.submit('team-a', name, withKeys({ name: `spark-${name}`, access: {} }));
    for (const name of names) await untilReady('team-a', name);
    one.removeSecret();
    for (const name of names) one.remove('team-a', name);
    for (const name of names) await untilGone('team-a', name);
    await untilFree();
    expect(users()).toEqual([]);
  });

  it('is let go once another is named, and that one kept', async () => {
    one.putSecret('ceph-2');
    one.submit('team-a', 'history', withKeys());
    await untilReady('team-a', 'history');
    one.spec('team-a', 'history', { credentialsSecretRef: { name: 'ceph-2' } });
    await expect.poll(() => finalizersOf('secrets/team-a/ceph-2')).toEqual([IN_USE_FINALIZER]);
    await expect.poll(() => finalizersOf(CREDENTIALS)).toEqual([]);
    expect(one.storeAt('team-a', 'history')?.status?.inUse).toEqual(['Secret/ceph-2']);
  });

  it('deleted by itself is let go half a minute later, so that it can be made anew', async () => {
    one.submit('team-a', 'history', withKeys());
    await untilReady('team-a', 'history');
    one.removeSecret('ceph', 5_000);
    await expect.poll(() => one.world.calls.length).toBeGreaterThan(10);
    expect(finalizersOf(CREDENTIALS)).toEqual([IN_USE_FINALIZER]);
    one.removeSecret('ceph', 31_000);
    await untilFree();
    await expect.poll(() => one.ready('team-a', 'history')?.reason).toBe('CredentialsMissing');
    one.putSecret();
    await expect.poll(() => finalizersOf(CREDENTIALS), { timeout: 10_000 }).toEqual([IN_USE_FINALIZER]);
  });

  it('deleted by itself is kept all the same for one that is going', async () => {
    one.submit('team-a', 'history', withKeys({ access: {} }));
    one.submit('team-a', 'other', withKeys({ name: 'spark-other' }));
    await untilReady('team-a', 'history');
    await untilReady('team-a', 'other');
    const refused = refuseRevoking();
    one.remove('team-a', 'history');
    one.removeSecret('ceph', 31_000);
    await expect.poll(refused).toBeGreaterThan(5);
    expect(finalizersOf(CREDENTIALS)).toEqual([IN_USE_FINALIZER]);
    one.world.interfere = () => undefined;
    await untilGone('team-a', 'history');
    await untilFree();
    expect(users()).toEqual([]);
  });

  it('is let go where somebody forces the ObjectStore away', async () => {
    one.submit('team-a', 'history', withKeys({ access: {} }));
    await untilReady('team-a', 'history');
    refuseRevoking();
    one.remove('team-a', 'history');
    await expect.poll(() => one.ready('team-a', 'history')?.reason).toBe('PermissionDenied');
    one.takeFinalizersOff('team-a', 'history');
    await expect.poll(() => finalizersOf(CREDENTIALS)).toEqual([]);
  });
});

describe('keys that cannot be taken back', () => {
  it('keep the ObjectStore, whose conditions say so and what to do, and are left where a person says so', async () => {
    one.submit('team-a', 'history', withKeys({ access: {} }));
    await untilReady('team-a', 'history');
    const refused = refuseRevoking();
    one.remove('team-a', 'history', 600_000);
    await expect.poll(() => one.synced('team-a', 'history')?.reason).toBe('PermissionDenied');
    expect(one.synced('team-a', 'history')?.message).toBe(
      'The admin API answered 403. User quartermaster-uid-history with its keys is still there, and goes before this ObjectStore does. To leave it behind, annotate this ObjectStore with quartermaster.dev/leave-access: uid-history.',
    );
    one.annotate('team-a', 'history', { [LEAVE_ACCESS_ANNOTATION]: 'true' });
    const before = refused();
    await expect.poll(refused).toBeGreaterThan(before + 2);
    expect(one.storeAt('team-a', 'history')).toBeDefined();
    one.annotate('team-a', 'history', { [LEAVE_ACCESS_ANNOTATION]: 'uid-history' });
    await untilGone('team-a', 'history');
    expect(one.events).toContainEqual(
      'Warning AccessLeft: User quartermaster-uid-history with its keys stays at the provider: The admin API answered 403.',
    );
    expect(finalizersOf(CREDENTIALS)).toEqual([]);
  });
});

describe('a bucket that is shared', () => {
  const sharedFrom = { namespace: 'team-a', name: 'history' };

  beforeEach(async () => {
    one.submit('team-a', 'history', withKeys({ grants: [{ namespace: 'team-b' }] }));
    await untilReady('team-a', 'history');
    one.submit('team-b', 'lake', { sharedFrom, access: {} });
    await untilReady('team-b', 'lake');
    expect(users()).toEqual(['quartermaster-uid-lake']);
  });

  it('takes the keys of all with it though its Secret was deleted first', async () => {
    one.removeSecret();
    one.remove('team-a', 'history');
    await untilGone('team-a', 'history');
    await untilFree();
    expect(users()).toEqual([]);
    expect(one.ready('team-b', 'lake')?.reason).toBe('NotGranted');
  });

  it('has keys that were to be taken back told, to both, and taken back once that can be done', async () => {
    refuseRevoking();
    one.spec('team-a', 'history', { grants: [] });
    await expect.poll(() => one.ready('team-b', 'lake')?.reason).toBe('PermissionDenied');
    expect(one.synced('team-b', 'lake')?.message).toContain(
      'spec.grants do not name this namespace: ask whoever has it. Its keys could not be taken back: The admin API answered 403.',
    );
    await expect
      .poll(() => one.synced('team-a', 'history')?.message)
      .toBe(
        'spec.grants is not applied. Keys for bucket spark-history are still out: team-b/lake (PermissionDenied). They are taken back first.',
      );
    expect(one.ready('team-a', 'history')?.status).toBe('True');
    one.world.interfere = () => undefined;
    await expect.poll(() => one.synced('team-a', 'history')?.status, { timeout: 10_000 }).toBe('True');
    expect(users()).toEqual([]);
  });

  it('can be left with the keys out that cannot be taken back, by who has it and by who has them', async () => {
    refuseRevoking();
    one.remove('team-a', 'history', 600_000);
    await expect.poll(() => one.ready('team-a', 'history')?.message).toContain('team-b/lake (PermissionDenied)');
    expect(one.ready('team-a', 'history')?.message).toContain(
      'annotate this ObjectStore with quartermaster.dev/leave-access: uid-history.',
    );
    one.annotate('team-a', 'history', { [LEAVE_ACCESS_ANNOTATION]: 'uid-history' });
    await untilGone('team-a', 'history');
    expect(one.events).toContainEqual(expect.stringContaining('Warning AccessLeft: Keys for bucket spark-history'));
    one.remove('team-b', 'lake');
    await expect
      .poll(() => one.ready('team-b', 'lake')?.message)
      .toContain('ObjectStore team-a/history is not there, with whose credentials keys are taken back');
    one.annotate('team-b', 'lake', { [LEAVE_ACCESS_ANNOTATION]: 'uid-lake' });
    await untilGone('team-b', 'lake');
  });
});
