import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/api/errors.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { type Kube, resources, type WatchEvent } from '../../src/kube/api-server.ts';
import { reflect } from '../../src/kube/reflector.ts';
import { createStore } from '../../src/kube/store.ts';

const object = (name: string, resourceVersion: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'a', uid: name, resourceVersion },
});

const hold = async (signal: AbortSignal): Promise<void> => {
  await sleep(60_000, undefined, { signal }).catch(() => undefined);
};

type Watch = (resourceVersion: string, signal: AbortSignal) => AsyncIterable<WatchEvent<KubeObject>>;

/** Plays one script of lists and watches, then repeats the last of each; faults no real server can be made to have at will. */
const scripted = (lists: readonly (() => readonly KubeObject[])[], watches: readonly Watch[]) => {
  const calls: string[] = [];
  let listed = 0;
  let watched = 0;
  const kube = {
    list: (() => {
      calls.push('list');
      const items = lists[Math.min(listed++, lists.length - 1)]?.() ?? [];
      return Promise.resolve({ items, resourceVersion: '100', continueToken: undefined });
    }) as unknown as Kube['list'],
    watch: ((_: unknown, { resourceVersion }: { resourceVersion: string }, signal: AbortSignal) => {
      calls.push(`watch from ${resourceVersion}`);
      return watches[Math.min(watched++, watches.length - 1)]?.(resourceVersion, signal);
    }) as unknown as Kube['watch'],
  };
  return { kube: kube as Kube, calls };
};

async function* play(events: readonly WatchEvent<KubeObject>[], end: () => Promise<void>) {
  yield* events;
  await end();
}

const idle: Watch = (_, signal) => play([], () => hold(signal));

const failing =
  (error: AppError, events: readonly WatchEvent<KubeObject>[] = []): Watch =>
  () =>
    play(events, () => Promise.reject(error));

const fastBackoff = { firstMs: 1, mostMs: 5, mostWhileDownMs: 5 };

describe('a reflector', () => {
  let ending: AbortController;
  let warnings: string[];
  let running: Promise<void>;

  beforeEach(() => {
    ending = new AbortController();
    warnings = [];
  });

  afterEach(async () => {
    ending.abort();
    await running;
  });

  const start = (kube: Kube, settings: { readonly absentRetryMs?: number; readonly isOptional?: boolean } = {}) => {
    const log = {
      debug: () => undefined,
      info: () => undefined,
      warn: (_: unknown, message: string) => void warnings.push(message),
    };
    const store = createStore(log);
    const interruptions: string[] = [];
    running = reflect({
      kube,
      resource: resources.configMaps,
      store,
      signal: ending.signal,
      log,
      backoff: fastBackoff,
      onRestart: (why) => interruptions.push(why),
      ...settings,
    });
    return { store, interruptions };
  };

  it('goes on from the last event or bookmark after a watch that broke, without listing again', async () => {
    const broken = failing(new AppError('Unavailable', 'connection lost'), [
      { type: 'ADDED', object: object('x', '101') },
      { type: 'BOOKMARK', resourceVersion: '150' },
    ]);
    const { kube, calls } = scripted([() => []], [broken, idle]);
    const { store, interruptions } = start(kube);
    await expect.poll(() => calls).toEqual(['list', 'watch from 100', 'watch from 150']);
    expect(store.size()).toBe(1);
    expect(interruptions).toEqual(['failed']);
  });

  it('lists again after Gone, and tells what vanished meanwhile', async () => {
    const { kube, calls } = scripted(
      [() => [object('x', '1'), object('y', '1')], () => [object('y', '1')]],
      [failing(new AppError('Gone', 'too old')), idle],
    );
    const { store } = start(kube);
    const changes: string[] = [];
    store.onChange((type, { metadata }) => changes.push(`${type} ${metadata.name}`));
    await expect.poll(() => calls).toEqual(['list', 'watch from 100', 'list', 'watch from 100']);
    expect(changes).toEqual(['ADDED x', 'ADDED y', 'DELETED x']);
  });

  it('warns once for a run of failures, not once for each', async () => {
    const { kube, calls } = scripted([() => []], [failing(new AppError('Unavailable', 'down'))]);
    start(kube);
    await expect.poll(() => calls.length).toBeGreaterThan(5);
    expect(warnings).toEqual(['watch interrupted']);
  });

  it('takes a kind that is not installed for synced and empty, and finds it once it is', async () => {
    const absent = (): never => {
      throw new AppError('NotFound', 'the server could not find the requested resource');
    };
    const { kube } = scripted([absent, absent, () => [object('x', '1')]], [idle]);
    const { store } = start(kube, { absentRetryMs: 10 });
    await store.synced;
    expect(store.size()).toBe(0);
    await expect.poll(() => store.size()).toBe(1);
    expect(warnings).toEqual([]);
  });

  const forbidden = (): never => {
    throw new AppError('Forbidden', 'configmaps is forbidden: User cannot list resource');
  };

  it('goes without a kind that can be done without and may not be read, says so once, and reads it once it may', async () => {
    let isAllowed = false;
    const { kube } = scripted([() => (isAllowed ? [object('x', '1')] : forbidden())], [idle]);
    const { store, interruptions } = start(kube, { isOptional: true });
    await store.synced;
    expect(store.isForbidden()).toBe(true);
    await expect.poll(() => interruptions.length).toBeGreaterThan(3);
    expect(warnings).toEqual(['may not be listed and watched: apply the roles of this version']);
    isAllowed = true;
    await expect.poll(() => store.size()).toBe(1);
    expect(store.isForbidden()).toBe(false);
  });

  it('waits for any other kind that may not be read, and keeps what it holds where it may no more', async () => {
    const { kube } = scripted([forbidden], [idle]);
    const { store, interruptions } = start(kube);
    await expect.poll(() => interruptions.length).toBeGreaterThan(3);
    expect([store.hasSynced(), store.isForbidden()]).toEqual([false, true]);
    ending.abort();
    await running;
    ending = new AbortController();
    const later = scripted([() => [object('x', '1')], forbidden], [failing(new AppError('Forbidden', 'not any more'))]);
    const held = start(later.kube);
    await expect.poll(() => held.store.isForbidden()).toBe(true);
    expect(held.store.size()).toBe(1);
  });

  it('keeps what it holds while a starting API server says for a moment that the kind is not there', async () => {
    const absent = (): never => {
      throw new AppError('NotFound', 'the server could not find the requested resource');
    };
    const gone = failing(new AppError('Gone', 'too old'));
    const { kube, calls } = scripted([() => [object('x', '1')], absent, () => [object('x', '1')]], [gone, idle]);
    const { store } = start(kube);
    const changes: string[] = [];
    store.onChange((type) => changes.push(type));
    await expect.poll(() => calls.length).toBe(5);
    expect(changes).toEqual(['ADDED']);
  });

  it('is not ended by an object that its transform cannot take', async () => {
    const { kube, calls } = scripted([() => [object('x', '1')]], [idle]);
    let isBroken = true;
    const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };
    const store = createStore<KubeObject>(log);
    const transform = (taken: KubeObject): KubeObject => {
      if (!isBroken) return taken;
      isBroken = false;
      throw new TypeError('no such field');
    };
    const { signal } = ending;
    running = reflect({ kube, resource: resources.configMaps, store, signal, log, transform, backoff: fastBackoff });
    await store.synced;
    expect(calls.slice(0, 2)).toEqual(['list', 'list']);
  });
});
