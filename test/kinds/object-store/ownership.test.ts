import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/api/errors.ts';
import { OBJECT_STORE_FINALIZER } from '../../../src/api/names.ts';
import { BucketError } from '../../../src/kinds/object-store/providers/bucket.ts';
import { createCase, NOW, OUR_MARK, THEIR_MARK } from '../../fixtures/object-store-case.ts';

const credentials = { credentialsSecretRef: { name: 's3-keys' } };

describe('a bucket that is there already', () => {
  it.each([
    ['Never', 'unmarked', {}, 'NotOwned'],
    ['Never', 'marked as ours', OUR_MARK, 'NotOwned'],
    ['IfOwned', 'unmarked', {}, 'NotOwned'],
    ['IfOwned', 'marked as another’s', THEIR_MARK, 'NotOwned'],
    ['IfOwned', 'marked as ours', OUR_MARK, 'Adopted'],
    ['Always', 'unmarked', {}, 'Adopted'],
    ['Always', 'marked as another’s', THEIR_MARK, 'Adopted'],
    ['Always', 'marked as ours', OUR_MARK, 'Adopted'],
  ] as const)('with adopt %s and %s comes to %s', async (adopt, _, marks, reason) => {
    const one = createCase();
    one.putBucket(marks);
    one.submit({ adopt, ...credentials });
    await one.pass();
    expect(one.ready()?.reason).toBe(reason);
    expect(one.bucket()?.marks).toEqual(reason === 'Adopted' ? OUR_MARK : marks);
    expect(one.bucket()?.versioning).toBe(reason === 'Adopted');
    expect(one.stored().status?.ownership).toBe(reason === 'Adopted' ? 'Adopted' : undefined);
    expect(one.world.calls).not.toContain('create');
  });

  it('and belongs to another account is NameTaken whatever adopt says, and the ObjectStore can go', async () => {
    const one = createCase();
    one.putBucket({}, 'theirs');
    one.submit({ adopt: 'Always', deletionPolicy: 'Delete', forceDelete: true, ...credentials });
    await one.pass();
    expect(one.ready()).toMatchObject({ status: 'False', reason: 'NameTaken' });
    expect(one.stored().status?.bucketName).toBeUndefined();
    one.world.calls.length = 0;
    one.remove();
    await one.pass();
    expect(one.cluster.store()).toBeUndefined();
    expect(one.world.calls).toEqual([]);
    expect(one.bucket()).toBeDefined();
  });

  it('and appears between our look and our create call is never taken for ours', async () => {
    const one = createCase();
    one.submit({ deletionPolicy: 'Delete' });
    one.world.interfere = (call, moment) => {
      if (call === 'create' && moment === 'begin') one.putBucket(THEIR_MARK);
    };
    await one.pass();
    expect(one.ready()?.reason).toBe('NotOwned');
    expect(one.stored().status).not.toHaveProperty('creationStarted');
    one.remove();
    await one.pass();
    expect(one.bucket()?.marks).toEqual(THEIR_MARK);
  });
});

describe('a bucket that is ours', () => {
  it('gets its mark back when somebody took it off', async () => {
    const one = createCase();
    one.submit(credentials);
    await one.pass();
    one.putBucket({});
    await one.pass();
    expect(one.bucket()?.marks).toEqual(OUR_MARK);
    expect(one.stored().status?.ownership).toBe('Created');
  });

  it('is given up to whoever put another mark on it, and keeps what we knew of it', async () => {
    const one = createCase();
    one.submit();
    await one.pass();
    one.putBucket(THEIR_MARK);
    await one.pass();
    expect(one.ready()).toMatchObject({ status: 'False', reason: 'NotOwned' });
    expect(one.bucket()?.marks).toEqual(THEIR_MARK);
    expect(one.stored().status?.bucketName).toBe('spark-history');
  });

  it('is made anew when it is gone, even where it was adopted', async () => {
    const one = createCase();
    one.putBucket(OUR_MARK);
    one.submit();
    await one.pass();
    expect(one.stored().status?.ownership).toBe('Adopted');
    one.world.buckets.clear();
    await one.pass();
    expect(one.bucket()?.marks).toEqual(OUR_MARK);
    expect(one.stored().status?.ownership).toBe('Created');
  });

  it('is not made a second time at an endpoint that changed', async () => {
    const one = createCase();
    one.submit({ s3: { endpoint: 'https://old.example.org' }, ...credentials });
    await one.pass();
    one.world.buckets.clear();
    one.change({ s3: { endpoint: 'https://new.example.org' } });
    await one.pass();
    expect(one.ready()).toMatchObject({ status: 'False', reason: 'LocationMismatch' });
    expect(one.ready()?.message).toContain('https://old.example.org');
    expect(one.world.buckets.size).toBe(0);
  });

  it('is not renamed where neither webhook nor CEL kept spec.name', async () => {
    const one = createCase();
    one.submit();
    await one.pass();
    one.change({ name: 'other-name' });
    await one.pass();
    expect(one.ready()).toMatchObject({ status: 'False', reason: 'InvalidSpec' });
    expect([...one.world.buckets.keys()]).toEqual(['spark-history']);
  });
});

describe('a tenant for whom the platform’s own identity works', () => {
  const everything = { deletionPolicy: 'Delete', forceDelete: true } as const;
  const intent = { bucketName: 'spark-history', creationStarted: NOW };
  const created = { bucketName: 'spark-history', ownership: 'Created' } as const;

  it.each([
    ['an intent', intent],
    ['a bucket that was made', created],
  ])('gets no bucket of the platform’s by a status that tells of %s', async (_what, status) => {
    const one = createCase();
    one.putBucket({});
    one.submit(everything, {}, status);
    await one.pass();
    expect(one.ready()).toMatchObject({ status: 'False', reason: 'NotOwned' });
    expect(one.bucket()).toMatchObject({ marks: {}, versioning: false });
    one.remove();
    await one.pass();
    expect(one.bucket()).toMatchObject({ marks: {} });
    expect(one.cluster.store()).toBeUndefined();
    expect(one.world.calls.filter((call) => call !== 'observe')).toEqual([]);
  });

  it('gets none that somebody made while making it failed', async () => {
    const one = createCase();
    one.submit(everything);
    one.world.interfere = (call) => {
      if (call === 'create') throw new BucketError('ProviderError', 'Not now.');
    };
    await one.pass();
    expect(one.stored().status?.creationStarted).toBeDefined();
    one.world.interfere = () => undefined;
    one.putBucket({});
    await one.pass();
    expect(one.ready()).toMatchObject({ status: 'False', reason: 'NotOwned' });
    one.remove();
    await one.pass();
    expect(one.bucket()).toMatchObject({ marks: {} });
  });

  describe('at a service that takes the mark only after the bucket', () => {
    const LATER = '2026-11-20T12:02:00Z';
    const platforms = { ...everything, location: '' };
    const s3 = { endpoint: 'https://s3.example.org', secretName: 's3-platform', forcePathStyle: true };
    const createPlatformCase = () => createCase('after create', { cloud: 'openstack', policy: { s3 } });
    /** Cut off between the bucket and its mark. */
    const cutOff = async () => {
      const one = createPlatformCase();
      one.submit(platforms);
      one.world.interfere = (_call, moment) => {
        if (moment === 'made') throw new AppError('Internal', 'killed');
      };
      await expect(one.pass()).rejects.toThrow('killed');
      one.world.interfere = () => undefined;
      expect(one.bucket()?.marks).toEqual({});
      return one;
    };

    it('has the bucket that was made for it, though it was cut off before the mark', async () => {
      const one = await cutOff();
      await one.pass(LATER);
      expect(one.ready()).toMatchObject({ status: 'True', reason: 'Created' });
      expect(one.bucket()?.marks).toEqual(OUR_MARK);
      expect(one.stored().status).not.toHaveProperty('creationProof');
    });

    it('has it where the call for the mark failed', async () => {
      const one = createPlatformCase();
      one.submit(platforms);
      one.world.interfere = (_call, moment) => {
        if (moment === 'made') throw new BucketError('ProviderError', 'Not now.');
      };
      await one.pass();
      expect(one.ready()).toMatchObject({ status: 'True', reason: 'Created' });
      expect(one.bucket()?.marks).toEqual(OUR_MARK);
    });

    it('leaves no such bucket behind when it goes', async () => {
      const one = await cutOff();
      one.remove();
      await one.pass();
      expect(one.bucket()).toBeUndefined();
    });

    it.each([
      ['no proof', {}],
      ['a proof of another time', { creationStarted: '2026-11-20T12:00:01Z' }],
      ['a proof for another service', { endpoint: 'https://another.example.org' }],
      ['a proof for another ObjectStore', { uid: 'uid-2' }],
    ])('gets none by a status with %s', async (what, { uid, ...change }: Readonly<Record<string, string>>) => {
      const { status } = (await cutOff()).stored();
      const { creationProof, ...intent } = status ?? {};
      const one = createPlatformCase();
      one.putBucket({});
      const forged = {
        ...intent,
        ...(what !== 'no proof' && creationProof !== undefined && { creationProof }),
        ...change,
      };
      const finalizers = [OBJECT_STORE_FINALIZER];
      one.submit(platforms, { finalizers, ...(uid !== undefined && { uid }) }, forged);
      await one.pass();
      expect(one.ready()).toMatchObject({ status: 'False' });
      one.remove();
      await one.pass();
      expect(one.bucket()).toMatchObject({ marks: {}, versioning: false });
    });

    it('gets none of another name than the proved one', async () => {
      const one = await cutOff();
      one.change({ name: 'other-name' });
      one.world.buckets.set('other-name', {
        account: 'ours',
        marks: {},
        versioning: false,
        isEmpty: true,
        createdAt: new Date(NOW),
      });
      one.remove();
      await one.pass();
      expect(one.world.buckets.get('other-name')).toMatchObject({ marks: {} });
    });

    it('gets none that holds anything: the mark was taken off afterwards', async () => {
      const one = await cutOff();
      const made = one.bucket();
      if (made !== undefined) made.isEmpty = false;
      await one.pass();
      expect(one.ready()).toMatchObject({ status: 'False', reason: 'NotOwned' });
      expect(one.bucket()).toMatchObject({ marks: {}, versioning: false });
    });

    it('gets none as long as another ObjectStore asks for that name: it may just be being made for that one', async () => {
      const one = await cutOff();
      one.addRival();
      await one.pass();
      expect(one.ready()).toMatchObject({ status: 'False', reason: 'NotOwned' });
      one.remove();
      await one.pass();
      expect(one.bucket()).toMatchObject({ marks: {} });
    });

    it('gets none that somebody made later', async () => {
      const one = await cutOff();
      one.world.now = new Date(LATER);
      one.putBucket({});
      await one.pass(LATER);
      expect(one.ready()).toMatchObject({ status: 'False', reason: 'NotOwned' });
    });

    it('writes its intent anew where it is too old to know a bucket by', async () => {
      const one = await cutOff();
      one.world.buckets.clear();
      one.world.now = new Date(LATER);
      one.world.interfere = (_call, moment) => {
        if (moment === 'made') throw new AppError('Internal', 'killed');
      };
      await expect(one.pass(LATER)).rejects.toThrow('killed');
      one.world.interfere = () => undefined;
      expect(one.stored().status?.creationStarted).toBe(LATER);
      await one.pass(LATER);
      expect(one.ready()).toMatchObject({ status: 'True', reason: 'Created' });
    });
  });

  it.each([{}, { adopt: 'Always', ...credentials }] as const)(
    'gets none of another account, even where it carries the mark',
    async (spec) => {
      const one = createCase();
      one.putBucket(OUR_MARK, 'theirs');
      one.submit({ ...everything, ...spec });
      await one.pass();
      expect(one.ready()).toMatchObject({ status: 'False', reason: 'NameTaken' });
      one.remove();
      await one.pass();
      expect(one.bucket()).toBeDefined();
    },
  );

  it('still has what is its own deleted, with all that is in it', async () => {
    const one = createCase();
    one.submit(everything);
    await one.pass();
    one.remove();
    await one.pass();
    expect(one.bucket()).toBeUndefined();
  });
});
