import { describe, expect, it } from 'vitest';
import { IN_USE_FINALIZER } from '../../../src/api/names.ts';
import { initialState } from '../../../src/kinds/object-store/state.ts';
import type { Marking } from '../../fixtures/bucket-world.ts';
import { factsIn, objectStore } from '../../fixtures/object-store.ts';
import { createCase, NOW, OUR_MARK } from '../../fixtures/object-store-case.ts';

describe('the way to Ready', () => {
  it('writes the intent before the create call and the connection before Ready', async () => {
    const one = createCase();
    one.submit();
    const { steps } = await one.pass();
    expect(steps).toEqual([
      'addFinalizer',
      'observe',
      'recordIntent',
      'create',
      'observe',
      'checkFeature',
      'applyFeature',
      'readConnection',
      'writeConnection',
      'finish',
    ]);
    expect(one.stored().status).toEqual({
      bucketName: 'spark-history',
      provider: 's3',
      location: 'eu-west-1',
      url: 's3a://spark-history',
      ownership: 'Created',
      configMapName: 'history-objectstore',
      observedGeneration: 1,
      lastSyncTime: NOW,
      conditions: [
        expect.objectContaining({ type: 'Ready', status: 'True', reason: 'Created' }),
        expect.objectContaining({ type: 'Synced', status: 'True', reason: 'UpToDate' }),
      ],
    });
    expect(one.bucket()).toMatchObject({ marks: OUR_MARK, versioning: true });
  });

  it('leaves what charts for ObjectBucketClaims mount, owned by the ObjectStore', async () => {
    const one = createCase();
    one.submit();
    await one.pass();
    expect(one.connection()).toMatchObject({
      metadata: { ownerReferences: [{ kind: 'ObjectStore', name: 'history', uid: 'uid-1', controller: true }] },
      data: {
        BUCKET_NAME: 'spark-history',
        BUCKET_URL: 's3a://spark-history',
        BUCKET_HOST: 's3.example.org',
        BUCKET_PORT: '443',
        BUCKET_REGION: 'us-east-1',
        BUCKET_PROVIDER: 's3',
      },
    });
  });

  it('writes nothing at all when all is as it should be', async () => {
    const one = createCase();
    one.submit();
    await one.pass();
    const before = one.stored();
    const { steps } = await one.pass('2026-11-20T13:00:00Z');
    expect(steps).toEqual(['observe', 'checkFeature', 'readConnection', 'finish']);
    expect(one.stored()).toBe(before);
  });

  it('refuses what the webhook would have refused, without a call', async () => {
    const one = createCase();
    one.submit({ name: 'Spark_History' });
    const { end } = await one.pass();
    expect(end).toMatchObject({ kind: 'blocked', blocked: { reason: 'InvalidName' } });
    expect(one.ready()?.message).toContain('spec.name "Spark_History"');
    expect(one.world.calls).toEqual([]);
    expect(one.stored().metadata.finalizers).toBeUndefined();
  });

  it('says so where nobody knows whose bucket it is', () => {
    const { cloud, policy } = factsIn({ cloud: 'local' });
    const { placement: place } = initialState(objectStore(), cloud, policy);
    expect(place.unknown).toContain('cloud local has no object store of its own');
  });
});

/** Does `work` with the case cut off at its first moment, then at its second, until it ends before it is cut. */
const atEachMoment = async (
  marking: Marking,
  work: (one: ReturnType<typeof createCase>, cutAt: number) => Promise<boolean>,
): Promise<void> => {
  let at = 1;
  while (await work(createCase(marking), at)) at += 1;
  expect(at, 'moments at which the work was cut').toBeGreaterThan(8);
};

const markings: readonly Marking[] = ['within create', 'after create', 'never'];

describe('the work cut off at any moment', () => {
  it.each(markings)('ends in one bucket of ours that was made once (mark %s)', async (marking) => {
    await atEachMoment(marking, async (one, at) => {
      one.submit();
      const wasCut = one.cutAt(at);
      await one.pass().catch(() => undefined);
      const goesOn = wasCut();
      await one.pass();
      expect(one.world.calls.filter((call) => call === 'create').length, `cut at ${at}`).toBe(1);
      expect(one.bucket(), `cut at ${at}`).toMatchObject({
        marks: marking === 'never' ? {} : OUR_MARK,
        versioning: true,
      });
      expect(one.stored().status?.ownership, `cut at ${at}`).toBe('Created');
      expect(one.ready()?.status, `cut at ${at}`).toBe('True');
      const ours = marking === 'within create' ? [] : [IN_USE_FINALIZER];
      expect(one.finalizersOfKeys(), `cut at ${at}`).toEqual(['example.org/other', ...ours]);
      return goesOn;
    });
  });

  it.each(markings)('leaves nothing behind when the ObjectStore is deleted next (mark %s)', async (marking) => {
    await atEachMoment(marking, async (one, at) => {
      one.submit({ deletionPolicy: 'Delete' });
      const wasCut = one.cutAt(at);
      await one.pass().catch(() => undefined);
      const goesOn = wasCut();
      one.remove();
      if (one.cluster.store()) await one.pass();
      expect([...one.world.buckets.keys()], `cut at ${at}`).toEqual([]);
      expect(one.cluster.store(), `cut at ${at}`).toBeUndefined();
      expect(one.finalizersOfKeys(), `cut at ${at}`).toEqual(['example.org/other']);
      return goesOn;
    });
  });

  it.each(markings)('goes on with a deletion to its end (mark %s)', async (marking) => {
    for (let at = 1, goesOn = true; goesOn; at++) {
      const one = createCase(marking);
      one.submit({ deletionPolicy: 'Delete' });
      await one.pass();
      one.remove();
      const wasCut = one.cutAt(at);
      await one.pass().catch(() => undefined);
      goesOn = wasCut();
      if (one.cluster.store()) await one.pass();
      expect([...one.world.buckets.keys()], `cut at ${at}`).toEqual([]);
      expect(one.cluster.store(), `cut at ${at}`).toBeUndefined();
      expect(one.finalizersOfKeys(), `cut at ${at}`).toEqual(['example.org/other']);
    }
  });

  it('leaves no finalizer of ours on a Secret that the spec named before', async () => {
    await atEachMoment('after create', async (one, at) => {
      one.submit();
      await one.pass();
      one.change({ credentialsSecretRef: { name: 'other' } });
      const wasCut = one.cutAt(at);
      await one.pass().catch(() => undefined);
      const goesOn = wasCut();
      one.change({ credentialsSecretRef: { name: 'third' } });
      await one.pass();
      expect(one.finalizersOfKeys(), `cut at ${at}`).toEqual(['example.org/other']);
      expect(one.stored().status?.inUse, `cut at ${at}`).toEqual(['Secret/third']);
      return goesOn;
    });
  });
});
