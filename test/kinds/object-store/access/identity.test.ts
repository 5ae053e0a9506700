import { describe, expect, it } from 'vitest';
import { accessDueMs } from '../../../../src/kinds/object-store/access/keys.ts';
import { BucketError } from '../../../../src/kinds/object-store/providers/bucket.ts';
import { createCase } from '../../../fixtures/object-store-case.ts';

const SECRET = 'secrets/team-a/history-objectstore';

/** An ObjectStore that is Ready, whose service account has the access. */
const readyCase = async () => {
  const one = createCase();
  one.submit({ access: { serviceAccount: 'spark' }, deletionPolicy: 'Delete' });
  await one.pass();
  return one;
};

describe('an ObjectStore with access for a service account', () => {
  it('gives it to that account of its own namespace, without keys or a Secret, and tells what it is to be annotated with', async () => {
    const one = await readyCase();
    expect(one.world.identities).toEqual(new Map([['team-a/spark', 'ReadWrite']]));
    expect(one.world.users.size).toBe(0);
    expect(one.cluster.objects.has(SECRET)).toBe(false);
    await one.pass();
    expect(one.synced()).toMatchObject({ status: 'True' });
    expect(one.stored().status?.access).toEqual({
      user: 'quartermaster-uid-1',
      serviceAccount: 'spark',
      identity: 'role of team-a/spark',
    });
    expect(one.connection()).toMatchObject({
      data: { 'artifact-repository': expect.stringContaining('useSDKCreds: true') as string },
    });
  });

  it('takes keys and Secret away that there were before, and what another account had', async () => {
    const one = createCase();
    one.submit({ access: {} });
    await one.pass();
    expect(one.cluster.objects.has(SECRET)).toBe(true);
    one.change({ access: { serviceAccount: 'spark' } });
    await one.pass();
    expect(one.world.users.size).toBe(0);
    expect(one.cluster.objects.has(SECRET)).toBe(false);
    one.change({ access: { serviceAccount: 'other' } });
    await one.pass();
    expect([...one.world.identities.keys()]).toEqual(['team-a/other']);
    one.change({ access: {} });
    await one.pass();
    expect(one.world.identities.size).toBe(0);
    expect(one.world.users.size).toBe(1);
  });

  it('has the access end with it, and is looked at for no age of keys', async () => {
    const one = await readyCase();
    const observed = { user: { isGranted: true, keys: [] }, secret: 'absent' } as const;
    expect(accessDueMs({ serviceAccount: 'spark' }, observed, new Date())).toBe(Number.POSITIVE_INFINITY);
    one.remove();
    await one.pass();
    expect(one.world.identities.size).toBe(0);
    expect(one.cluster.store()).toBeUndefined();
  });

  it('waits for it to end, by its name', async () => {
    const one = await readyCase();
    one.world.interfere = (call) => {
      if (call === 'revoke access') throw new BucketError('PermissionDenied', 'The role is needed.');
    };
    one.remove();
    await one.pass();
    expect(one.ready()?.message).toContain(
      'The role is needed. User quartermaster-uid-1 of service account spark is still there',
    );
  });

  it('that is cut off at any moment of a change from keys leaves neither of them behind', async () => {
    for (let at = 1; ; at += 1) {
      const one = createCase();
      one.submit({ access: {} });
      await one.pass();
      one.change({ access: { serviceAccount: 'spark' } });
      const restore = one.cutAt(at);
      await one.pass().catch(() => undefined);
      const wasCut = restore();
      await one.pass();
      expect(one.world.users.size).toBe(0);
      expect([...one.world.identities.keys()]).toEqual(['team-a/spark']);
      expect(one.cluster.objects.has(SECRET)).toBe(false);
      if (!wasCut) break;
    }
  });
});
