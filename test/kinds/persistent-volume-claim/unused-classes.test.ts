import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/api/errors.ts';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../../src/api/kubernetes.ts';
import {
  AZURE_ACCOUNT_LABEL,
  DEFAULT_CLASS_ANNOTATION,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  NFS_CLASS_LABEL,
} from '../../../src/api/names.ts';
import {
  createUnusedClassSweep,
  removeUnusedClasses,
} from '../../../src/kinds/persistent-volume-claim/unused-classes.ts';
import type { Kube } from '../../../src/kube/api-server.ts';
import { createStore } from '../../../src/kube/store.ts';
import { pvc } from '../../fixtures/storage.ts';

const log = pino({ level: 'silent' });
const UNUSED_MS = 1_000;
const OURS = { [MANAGED_BY_LABEL]: MANAGED_BY };

const classOf = (name: string, metadata: object = {}): StorageClass => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name, uid: `uid-of-${name}`, resourceVersion: '1', labels: OURS, ...metadata },
  provisioner: 'ebs.csi.aws.com',
});
const volumeOf = (storageClassName: string): PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: 'v' },
  spec: { storageClassName },
});

/** A cluster whose caches are exact, but that the API server may know of something newer (`newer`). */
const cluster = (...classes: readonly StorageClass[]) => {
  const claims = createStore<PersistentVolumeClaim>(log);
  const stores = {
    storageClasses: createStore<StorageClass>(log, {
      owned: ({ metadata }) => (metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY ? ['true'] : []),
    }),
    persistentVolumes: createStore<PersistentVolume>(log, {
      storageClassName: ({ spec }) => (spec?.storageClassName ? [spec.storageClassName] : []),
    }),
  };
  for (const one of classes) stores.storageClasses.put(one);
  const newer = new Map<string, StorageClass>();
  const refused = new Set<string>();
  const remove: Kube['remove'] = (_resource, key, preconditions) => {
    if (refused.has(key.name)) return Promise.reject(new AppError('Forbidden', `${key.name} may not be removed`));
    const { metadata } =
      newer.get(key.name) ?? classes.find((one) => one.metadata.name === key.name) ?? classOf('none');
    if (metadata.uid !== preconditions?.uid || metadata.resourceVersion !== preconditions?.resourceVersion)
      return Promise.reject(new AppError('Conflict', 'the object is another'));
    stores.storageClasses.remove(key);
    return Promise.resolve();
  };
  let now = 0;
  const served = new Set<string>();
  const hasNfsServer = (className: string): boolean => served.has(className);
  const options = { kube: { remove }, claims, stores, hasNfsServer, unusedMs: UNUSED_MS, now: () => now, log };
  const sweep = createUnusedClassSweep(options);
  const leftAfter = async (ms: number) => {
    now += ms;
    await sweep(new AbortController().signal);
    return stores.storageClasses.list().map(({ metadata }) => metadata.name);
  };
  /** One leadership, of a moment. */
  const leftAfterLeading = async (ms: number) => {
    now += ms;
    const leading = new AbortController();
    const led = removeUnusedClasses(options, leading.signal);
    await setImmediate();
    leading.abort();
    await led;
    return stores.storageClasses.list().map(({ metadata }) => metadata.name);
  };
  return { ...stores, claims, newer, refused, served, leftAfter, leftAfterLeading };
};

describe('a class that we made and nobody uses', () => {
  it('goes once that has been so for long enough', async () => {
    const { leftAfter } = cluster(classOf('data'));
    expect(await leftAfter(0)).toEqual(['data']);
    expect(await leftAfter(UNUSED_MS - 1)).toEqual(['data']);
    expect(await leftAfter(1)).toEqual([]);
  });

  it.each([
    ['an NFS server that was never made', { [NFS_CLASS_LABEL]: 'data' }],
    ['a storage account, which is found again without it', { [AZURE_ACCOUNT_LABEL]: 'a' }],
  ])('goes, too, where it is for %s', async (_what, labels) => {
    const { leftAfter } = cluster(classOf('data', { labels: { ...OURS, ...labels } }));
    await leftAfter(0);
    expect(await leftAfter(UNUSED_MS)).toEqual([]);
  });

  it('goes though another cannot be removed, which is told', async () => {
    const { leftAfter, refused, storageClasses } = cluster(classOf('first'), classOf('kept'), classOf('last'));
    refused.add('kept');
    await leftAfter(0);
    await expect(leftAfter(UNUSED_MS)).rejects.toThrow('kept may not be removed');
    expect(storageClasses.list().map(({ metadata }) => metadata.name)).toEqual(['kept']);
  });

  it('stays where a claim named it in between', async () => {
    const { leftAfter, claims } = cluster(classOf('data'));
    await leftAfter(0);
    claims.put(pvc({ storageClassName: 'data' }));
    await leftAfter(UNUSED_MS - 1);
    claims.remove({ namespace: 'team', name: 'data' });
    expect(await leftAfter(1)).toEqual(['data']);
    expect(await leftAfter(UNUSED_MS - 1)).toEqual(['data']);
    expect(await leftAfter(1)).toEqual([]);
  });

  it('stays where another led in between, under whom it may have been used', async () => {
    const { leftAfterLeading } = cluster(classOf('data'));
    await leftAfterLeading(0);
    expect(await leftAfterLeading(40 * UNUSED_MS)).toEqual(['data']);
  });

  it('stays where the API server has another of that name, or a newer version', async () => {
    const { leftAfter, newer } = cluster(classOf('other'), classOf('changed'));
    newer.set('other', classOf('other', { uid: 'another' }));
    newer.set('changed', classOf('changed', { resourceVersion: '2' }));
    await leftAfter(0);
    expect(await leftAfter(UNUSED_MS)).toEqual(['other', 'changed']);
  });
});

describe('a class stays', () => {
  it.each<readonly [string, StorageClass]>([
    ['that somebody else made', classOf('data', { labels: {} })],
    ['that is the default', classOf('data', { annotations: { [DEFAULT_CLASS_ANNOTATION]: 'true' } })],
    [
      'of an NFS server that is there, or its disk',
      classOf('data', { labels: { ...OURS, [NFS_CLASS_LABEL]: 'data' } }),
    ],
  ])('%s', async (_what, storageClass) => {
    const { leftAfter, served } = cluster(storageClass);
    served.add('data');
    await leftAfter(0);
    expect(await leftAfter(UNUSED_MS)).toEqual(['data']);
  });

  it('that a volume is of, or a claim names, bound as it may be', async () => {
    const { leftAfter, claims, persistentVolumes } = cluster(classOf('of-volume'), classOf('of-claim'));
    persistentVolumes.put(volumeOf('of-volume'));
    claims.put({ ...pvc({ storageClassName: 'of-claim', volumeName: 'v' }), status: { phase: 'Bound' } });
    await leftAfter(0);
    expect(await leftAfter(UNUSED_MS)).toEqual(['of-volume', 'of-claim']);
  });
});
