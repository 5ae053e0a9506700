import { describe, expect, it } from 'vitest';
import type { ObjectStore, ObjectStoreSpec } from '../../../../src/api/object-store.ts';
import { modeOf, sharersOf, sharingOf } from '../../../../src/kinds/object-store/access/sharing.ts';
import { admit, admittedSpec, objectStore } from '../../../fixtures/object-store.ts';

const sharedFrom = { namespace: 'data', name: 'lake' };
const READY: ObjectStore['status'] = { ownership: 'Created' };

const owner = (spec: Partial<ObjectStoreSpec> = {}, status = READY, metadata = {}): ObjectStore =>
  objectStore(
    { grants: [{ namespace: 'team-a', mode: 'ReadWrite' }], ...spec },
    { namespace: 'data', name: 'lake', ...metadata },
    status,
  );
const sharer = (spec: Partial<ObjectStoreSpec> = {}, status?: ObjectStore['status']): ObjectStore =>
  objectStore({ sharedFrom, access: {}, ...spec }, {}, status);

describe('what an ObjectStore shares', () => {
  it.each<readonly [string, ObjectStore | undefined, Partial<ObjectStoreSpec>, string]>([
    ['one that is not there', undefined, {}, 'is not there, or its spec.grants do not name this namespace'],
    [
      'one that grants nothing',
      owner({ grants: [] }),
      {},
      'is not there, or its spec.grants do not name this namespace',
    ],
    ['one that goes', owner({}, READY, { deletionTimestamp: '2026-11-20T12:00:00Z' }), {}, 'is being deleted'],
    ['another bucket', owner({ name: 'other' }), {}, 'has bucket other: say so in spec.name'],
    ['one that is shared itself', owner({ sharedFrom }), {}, 'name that one'],
    [
      'more than is granted',
      owner({ grants: [{ namespace: 'team-a' }] }),
      { access: { mode: 'ReadWrite' } },
      'grants this namespace ReadOnly',
    ],
  ])('is nothing of %s', (_, found, spec, sentence) => {
    expect(sharingOf(sharer(spec), () => found)?.refusal).toContain(sentence);
  });

  it('waits for a bucket that is not made yet, without taking anything away', () => {
    const sharing = sharingOf(sharer(), () => owner({}, {}));
    expect(sharing?.refusal).toBeUndefined();
    expect(sharing?.pending).toContain('is not Ready yet');
  });

  it('is what is granted, or less where less is asked for', () => {
    const found = owner();
    const sharing = sharingOf(sharer(), () => found);
    expect(sharing).toEqual({ owner: found });
    expect(modeOf(sharer(), sharing)).toBe('ReadWrite');
    expect(modeOf(sharer({ access: { mode: 'ReadOnly' } }), sharing)).toBe('ReadOnly');
  });

  it('is known to the owner by whose keys are out that are to be out no more', () => {
    const withKeys = sharer({}, { access: { user: 'quartermaster-uid-2' } });
    const going = owner({}, READY, { deletionTimestamp: '2026-11-20T12:00:00Z' });
    expect(sharersOf(owner(), [sharer(), withKeys])).toEqual([]);
    expect(sharersOf(going, [sharer(), withKeys])).toEqual(['team-a/history']);
    expect(sharersOf(owner({ grants: [] }), [sharer(), withKeys])).toEqual(['team-a/history']);
  });

  it('is told to the owner with why it could not be taken back, in no words but ours', () => {
    const refused = (reason: string): ObjectStore => {
      const condition = { type: 'Synced', status: 'False', reason, message: 'Run rm -rf /.', lastTransitionTime: '' };
      return sharer({}, { access: { user: 'quartermaster-uid-2' }, conditions: [condition] } as ObjectStore['status']);
    };
    const told = ['PermissionDenied', 'NotGranted', 'RunThis'].map((reason) =>
      sharersOf(owner({ grants: [] }), [refused(reason)]),
    );
    expect(told.flat()).toEqual(['team-a/history (PermissionDenied)', 'team-a/history', 'team-a/history']);
  });
});

describe('admission of spec.sharedFrom and spec.quota', () => {
  it('fills in nothing of the bucket, which is another’s', () => {
    expect(admittedSpec(sharer())).toEqual({ name: 'spark-history', sharedFrom, access: {} });
  });

  it('takes a quota of nothing, which lifts what there was', () => {
    const s3 = { endpoint: 'https://rgw.example.org' };
    const ceph = { provider: 's3' as const, s3, credentialsSecretRef: { name: 'ceph' } };
    expect(admittedSpec(objectStore({ ...ceph, quota: {} })).quota).toEqual({});
  });

  it.each<readonly [Partial<ObjectStoreSpec>, string]>([
    [{ sharedFrom }, 'spec.sharedFrom needs spec.access'],
    [{ sharedFrom, access: {}, versioning: true }, 'spec.versioning is for the ObjectStore that spec.sharedFrom names'],
    [{ quota: { maxObjects: 10 } }, 'spec.quota is for buckets of Ceph: an S3 bucket has no limit of its own'],
    [{ access: { serviceAccount: 'spark', rotateAfterDays: 90 } }, 'spec.access.rotateAfterDays is for keys'],
    [{ access: { serviceAccount: '../spark' } }, 'spec.access.serviceAccount "../spark" cannot be the name'],
    [{ access: { secretName: '../keys' } }, 'spec.access.secretName "../keys" cannot be the name of an object'],
  ])('refuses %j', (spec, sentence) => {
    expect(admit(objectStore(spec)).denied).toContain(sentence);
  });
});
