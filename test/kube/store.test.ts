import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { createStore, keyOf, parseKey } from '../../src/kube/store.ts';

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };

const object = (name: string, version = '1', more: Partial<KubeObject['metadata']> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name, namespace: 'a', uid: `uid-of-${name}`, resourceVersion: version, ...more },
});

const byTier = { tier: ({ metadata }: KubeObject) => (metadata.labels?.['tier'] ? [metadata.labels['tier']] : []) };

const recorded = (store = createStore(quiet)) => {
  const changes: string[] = [];
  store.onChange((type, { metadata }, old) =>
    changes.push(`${type} ${metadata.name}@${metadata.resourceVersion} was ${old?.metadata.resourceVersion}`),
  );
  return { store, changes };
};

describe('a store', () => {
  it('tells additions, changes and deletions with what was there before', () => {
    const { store, changes } = recorded();
    store.put(object('x'));
    store.put(object('x', '2'));
    store.remove({ namespace: 'a', name: 'x' });
    store.remove({ namespace: 'a', name: 'x' });
    expect(changes).toEqual(['ADDED x@1 was undefined', 'MODIFIED x@2 was 1', 'DELETED x@2 was 2']);
    expect(store.size()).toBe(0);
  });

  it('takes the same resourceVersion for no change', () => {
    const { store, changes } = recorded();
    store.put(object('x'));
    store.put(object('x'));
    expect(changes).toHaveLength(1);
  });

  it('tells another object of the same name as a deletion and an addition', () => {
    const { store, changes } = recorded();
    store.put(object('x'));
    store.put(object('x', '5', { uid: 'another' }));
    expect(changes).toEqual(['ADDED x@1 was undefined', 'DELETED x@1 was 1', 'ADDED x@5 was undefined']);
  });

  it('lets go of all that a list no longer holds', () => {
    const { store, changes } = recorded();
    for (const name of ['x', 'y', 'z']) store.put(object(name));
    store.keepOnly(new Set(['a/y']));
    expect(store.list().map(({ metadata }) => metadata.name)).toEqual(['y']);
    expect(changes.slice(3)).toEqual(['DELETED x@1 was 1', 'DELETED z@1 was 1']);
  });

  it('goes on when a listener throws, and says so', () => {
    const warnings: string[] = [];
    const store = createStore({ ...quiet, warn: (fields) => void warnings.push(String(fields['error'])) });
    const heard: string[] = [];
    store.onChange(() => {
      throw new Error('a bug');
    });
    const stop = store.onChange((type) => heard.push(type));
    store.put(object('x'));
    stop();
    store.put(object('y'));
    expect(heard).toEqual(['ADDED']);
    expect(warnings).toEqual(['a bug', 'a bug']);
  });

  it('finds objects by index after they were added, changed and deleted', () => {
    const store = createStore(quiet, byTier);
    const named = (tier: string) => store.byIndex('tier', tier).map(({ metadata }) => metadata.name);
    store.put(object('x', '1', { labels: { tier: 'gold' } }));
    store.put(object('y', '1', { labels: { tier: 'gold' } }));
    expect(named('gold')).toEqual(['x', 'y']);
    expect(store.countByIndex('tier', 'gold')).toBe(2);
    store.put(object('x', '2', { labels: { tier: 'tin' } }));
    store.remove({ namespace: 'a', name: 'y' });
    expect(named('gold')).toEqual([]);
    expect(store.countByIndex('tier', 'gold')).toBe(0);
    expect(named('tin')).toEqual(['x']);
    expect(() => store.byIndex('colour', 'red')).toThrow('colour');
  });

  it('says when it has synced', async () => {
    const store = createStore(quiet);
    expect(store.hasSynced()).toBe(false);
    store.markSynced();
    await store.synced;
    expect(store.hasSynced()).toBe(true);
  });

  it.each([
    { namespace: 'a', name: 'x' },
    { namespace: '', name: 'x' },
  ])('makes a key of %o that can be read back', (key) => {
    expect(parseKey(keyOf(key))).toEqual(key);
  });
});
