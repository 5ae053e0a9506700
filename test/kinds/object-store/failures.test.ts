import { describe, expect, it } from 'vitest';
import { BucketError, type BucketReason } from '../../../src/kinds/object-store/providers/bucket.ts';
import { resources } from '../../../src/kube/api-server.ts';
import { createCase, NOW, OUR_MARK } from '../../fixtures/object-store-case.ts';

const failingAt =
  (call: string, reason: BucketReason) =>
  (made: string): void => {
    if (made === call) throw new BucketError(reason, `Failed by ${reason}.`, { retryAfterMs: 7_000 });
  };

describe('trouble with the provider', () => {
  it.each<readonly [BucketReason, boolean]>([
    ['PermissionDenied', true],
    ['QuotaExceeded', true],
    ['UnsupportedFeature', true],
    ['EndpointUnreachable', false],
    ['ProviderError', false],
    ['Throttled', false],
  ])(
    'with the create call is told as %s, and leaves an intent only where the bucket may yet come',
    async (reason, isFinal) => {
      const one = createCase();
      one.submit();
      one.world.interfere = failingAt('create', reason);
      const { end } = await one.pass();
      expect(end).toMatchObject({ kind: 'blocked', blocked: { reason, retryAfterMs: 7_000 } });
      expect(one.ready()).toMatchObject({ status: 'False', reason, message: `Failed by ${reason}.` });
      expect(one.stored().status?.creationStarted === undefined).toBe(isFinal);
      expect(one.stored().status?.bucketName === undefined).toBe(isFinal);
      one.world.interfere = () => undefined;
      await one.pass();
      expect(one.ready()?.status).toBe('True');
      expect(one.stored().status?.ownership).toBe('Created');
    },
  );

  it('goes on being told while it is tried again', async () => {
    const one = createCase();
    one.submit();
    one.world.interfere = failingAt('create', 'QuotaExceeded');
    await one.pass();
    const reasons: (string | undefined)[] = [];
    one.world.interfere = (call) => {
      reasons.push(one.ready()?.reason);
      failingAt('create', 'QuotaExceeded')(call);
    };
    await one.pass();
    expect(new Set(reasons)).toEqual(new Set(['QuotaExceeded']));
  });

  it('with the mark alone does not lose the bucket that was made', async () => {
    const one = createCase('after create');
    one.submit({ deletionPolicy: 'Delete' });
    one.world.interfere = (call, moment) => {
      if (moment === 'made' || call === 'mark')
        throw new BucketError('PermissionDenied', 'The credentials lack s3:PutBucketTagging.');
    };
    await one.pass();
    expect(one.ready()).toMatchObject({ reason: 'PermissionDenied' });
    expect(one.stored().status?.creationStarted).toBeDefined();
    one.world.interfere = () => undefined;
    await one.pass();
    expect(one.stored().status?.ownership).toBe('Created');
    expect(one.bucket()?.marks).toEqual(OUR_MARK);
  });

  it('that kept a bucket from being made does not keep the ObjectStore, even without credentials', async () => {
    const one = createCase();
    one.submit({ deletionPolicy: 'Delete' });
    one.world.interfere = failingAt('create', 'QuotaExceeded');
    await one.pass();
    one.world.interfere = failingAt('observe', 'CredentialsMissing');
    one.remove();
    await one.pass();
    expect(one.cluster.store()).toBeUndefined();
  });

  it('with one feature loses neither the bucket nor Ready', async () => {
    const one = createCase();
    one.submit();
    one.world.interfere = failingAt('apply versioning', 'UnsupportedFeature');
    await one.pass();
    expect(one.synced()).toMatchObject({ status: 'False', reason: 'UnsupportedFeature' });
    expect(one.synced()?.message).toBe('spec.versioning is not applied. Failed by UnsupportedFeature.');
    expect(one.ready()).toMatchObject({ status: 'True', reason: 'UnsupportedFeature' });
    expect(one.stored().status?.ownership).toBe('Created');
  });

  it('makes a bucket that was Ready unready, but not when the provider only asks for patience', async () => {
    const one = createCase();
    one.submit();
    await one.pass();
    one.world.interfere = failingAt('observe', 'Throttled');
    await one.pass();
    expect(one.ready()?.status).toBe('True');
    expect(one.synced()).toMatchObject({ status: 'False', reason: 'Throttled' });
    one.world.interfere = failingAt('observe', 'EndpointUnreachable');
    await one.pass();
    expect(one.ready()).toMatchObject({ status: 'False', reason: 'EndpointUnreachable' });
  });

  it('whose credentials have become another account’s does not send anybody to choose another name', async () => {
    const one = createCase();
    one.submit({ deletionPolicy: 'Delete' });
    await one.pass();
    one.world.interfere = failingAt('observe', 'NameTaken');
    await one.pass();
    expect(one.ready()).toMatchObject({ status: 'False', reason: 'PermissionDenied' });
    one.remove();
    await one.pass();
    expect(one.ready()?.message).toContain('whether its credentials are still of the account that has the bucket');
    one.world.interfere = () => undefined;
    await one.pass();
    expect(one.bucket()).toBeUndefined();
  });

  it('says the same of a bucket that others let it look at', async () => {
    const one = createCase();
    one.submit();
    await one.pass();
    Object.assign(one.bucket() ?? {}, { account: 'theirs' });
    await one.pass();
    expect(one.ready()).toMatchObject({ status: 'False', reason: 'PermissionDenied' });
  });

  it('writes status once for the same trouble', async () => {
    const one = createCase();
    one.submit();
    one.world.interfere = failingAt('observe', 'PermissionDenied');
    await one.pass();
    const before = one.stored();
    await one.pass('2026-11-20T13:00:00Z');
    expect(one.stored()).toBe(before);
  });

  it('is not told where it was ourselves who gave up', async () => {
    const one = createCase();
    one.submit();
    await one.pass();
    const before = one.stored();
    const ending = new AbortController();
    one.world.interfere = (call) => {
      ending.abort();
      failingAt('observe', 'EndpointUnreachable')(call);
    };
    await expect(one.pass(NOW, ending.signal)).rejects.toThrow('Failed by EndpointUnreachable');
    expect(one.stored()).toBe(before);
  });

  it('with a provider that keeps nothing ends', async () => {
    const one = createCase('after create');
    one.submit();
    one.world.interfere = (call, moment) => {
      if (call === 'mark' && moment === 'end') one.putBucket({});
      if (call === 'create' && moment === 'made') throw new BucketError('ProviderError', 'Cut.');
    };
    await one.pass();
    const { end } = await one.pass();
    expect(end).toMatchObject({ kind: 'blocked', blocked: { reason: 'ProviderError' } });
  });
});

describe('drift', () => {
  it('is repaired in what spec sets, and only there', async () => {
    const one = createCase();
    one.submit();
    await one.pass();
    Object.assign(one.bucket() ?? {}, { versioning: false });
    await one.pass('2026-11-20T13:00:00Z');
    expect(one.bucket()?.versioning).toBe(true);
    expect(one.stored().status?.lastSyncTime).toBe('2026-11-20T13:00:00Z');
  });

  it('of the connection is repaired', async () => {
    const one = createCase();
    one.submit();
    await one.pass();
    const found = one.connection();
    if (found === undefined) throw new Error('There is no connection.');
    one.cluster.put(resources.configMaps, { ...found, ...{ data: { BUCKET_NAME: 'wrong', EXTRA: 'kept' } } });
    await one.pass();
    expect(one.connection()).toMatchObject({ data: { BUCKET_NAME: 'spark-history' } });
  });
});

describe('the ConfigMap of the connection', () => {
  const foreign = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'history-objectstore', namespace: 'team-a' },
    data: { theirs: 'yes' },
  };

  it('is never written over somebody else’s', async () => {
    const one = createCase();
    one.cluster.put(resources.configMaps, foreign);
    one.submit();
    await one.pass();
    expect(one.connection()).toMatchObject({ data: { theirs: 'yes' } });
    expect(one.ready()).toMatchObject({ status: 'False', reason: 'ConnectionTaken' });
    expect(one.stored().status?.creationStarted).toBeDefined();
    one.change({ writeConnectionTo: { configMapName: 'other' } });
    await one.pass();
    expect(one.ready()?.status).toBe('True');
  });

  it('is not written over one that appears in between', async () => {
    const one = createCase();
    one.submit();
    one.cluster.interfere = (call, moment) => {
      if (call === 'create configmaps' && moment === 'begin') one.cluster.put(resources.configMaps, foreign);
    };
    await one.pass();
    expect(one.connection()).toMatchObject({ data: { theirs: 'yes' } });
    expect(one.ready()?.reason).toBe('ConnectionTaken');
  });

  it('moves when spec names another, and the former goes', async () => {
    const one = createCase();
    one.submit();
    await one.pass();
    one.change({ writeConnectionTo: { configMapName: 'elsewhere' } });
    await one.pass();
    expect(one.connection()).toBeUndefined();
    expect(one.connection('elsewhere')).toBeDefined();
    expect(one.stored().status?.configMapName).toBe('elsewhere');
  });
});
