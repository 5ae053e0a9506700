import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import type { PersistentVolumeClaim } from '../../src/api/kubernetes.ts';
import { type Kube, resources } from '../../src/kube/api-server.ts';
import { createKube, type KubeSettings } from '../../src/kube/client.ts';
import { type Connection, findConnection } from '../../src/kube/connection.ts';
import { reflect } from '../../src/kube/reflector.ts';
import { createStore, keyOf, type WritableStore } from '../../src/kube/store.ts';
import { stripClaim } from '../../src/kube/transforms.ts';
import { startOwnClock } from '../fixtures/own-clock.ts';
import { claim } from '../fixtures/storage.ts';
import { startTcpProxy } from '../fixtures/tcp-proxy.ts';

const claims = resources.persistentVolumeClaims;
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };
const soon = { timeout: 60_000, interval: 20 };

/** `key@resourceVersion` of each, sorted: equal for two sides that saw the same. */
const stateOf = (objects: readonly PersistentVolumeClaim[]): readonly string[] =>
  objects.map(({ metadata }) => `${keyOf(metadata)}@${metadata.resourceVersion}`).toSorted();

const freshState = async (kube: Kube): Promise<readonly string[]> =>
  stateOf((await kube.list<PersistentVolumeClaim>(claims, {})).items);

/** Creates until the server has it, whatever happens to the server meanwhile. */
const createStubbornly = async (kube: Kube, name: string): Promise<void> => {
  const isThere = () =>
    kube.create(claims, claim(name, 'some')).then(
      () => true,
      (error: { readonly reason?: string }) => error.reason === 'AlreadyExists',
    );
  await expect.poll(isThere, { timeout: 60_000, interval: 100 }).toBe(true);
};

describe('a watch of claims', () => {
  let controlPlane: ControlPlane;
  let connection: Connection;
  let kube: Kube;
  let ending: AbortController;
  let running: Promise<void>;
  let store: WritableStore<PersistentVolumeClaim>;
  let interruptions: string[];
  let history: string[];

  beforeAll(async () => {
    controlPlane = await startControlPlane();
    connection = await findConnection({ KUBECONFIG: controlPlane.kubeconfig });
    kube = createKube(connection);
  });

  afterAll(() => controlPlane?.stop());

  beforeEach(() => {
    ending = new AbortController();
    running = Promise.resolve();
    interruptions = [];
    history = [];
  });

  afterEach(async () => {
    ending.abort();
    await running;
  });

  const follow = async (through: Connection, settings: Partial<KubeSettings> = {}): Promise<void> => {
    store = createStore<PersistentVolumeClaim>(quiet);
    store.onChange((type, { metadata }) => history.push(`${type} ${metadata.name}`));
    running = reflect({
      kube: createKube(through, settings),
      resource: claims,
      store,
      signal: ending.signal,
      log: quiet,
      transform: stripClaim,
      onRestart: (why) => interruptions.push(why),
    });
    await store.synced;
  };

  it('misses nothing when the API server is killed and comes back while claims are made', async () => {
    await follow(connection);
    const names = Array.from({ length: 60 }, (_, index) => `killed-${index}`);
    const making = (async () => {
      for (const name of names) await createStubbornly(kube, name);
    })();
    for (let kills = 0; kills < 3; kills += 1) {
      await expect.poll(() => history.length, soon).toBeGreaterThan(kills * 15);
      await controlPlane.killApiServer();
      await controlPlane.startApiServer();
    }
    await making;
    await expect.poll(() => stateOf(store.list()), soon).toEqual(await freshState(kube));
    expect(history.toSorted()).toEqual(names.map((name) => `ADDED ${name}`).toSorted());
  });

  it('is back within a second and a half of the API server’s return', async () => {
    await follow(connection);
    await controlPlane.killApiServer();
    await expect.poll(() => interruptions.length, soon).toBeGreaterThan(3);
    await controlPlane.startApiServer();
    await createStubbornly(kube, 'after-return');
    using sinceReturn = startOwnClock();
    await expect.poll(() => history, { ...soon, interval: 10 }).toContain('ADDED after-return');
    expect(sinceReturn.ms()).toBeLessThan(1_500);
  });

  it('begins by itself when the API server comes up after it', async () => {
    await kube.create(claims, claim('before-start', 'some'));
    await controlPlane.killApiServer();
    const following = follow(connection);
    await expect.poll(() => interruptions.length, soon).toBeGreaterThan(2);
    expect(store.hasSynced()).toBe(false);
    await controlPlane.startApiServer();
    await following;
    expect(history).toContain('ADDED before-start');
  });

  it('goes on where it was when its connection is reset, without reading anything twice', async () => {
    await using proxy = await startTcpProxy(connection.server);
    await follow({ ...connection, server: proxy.url });
    const before = history.length;
    for (const name of ['cut-1', 'cut-2', 'cut-3']) {
      proxy.cut();
      await kube.create(claims, claim(name, 'some'));
      await expect.poll(() => history, soon).toContain(`ADDED ${name}`);
    }
    expect(history.slice(before)).toEqual(['ADDED cut-1', 'ADDED cut-2', 'ADDED cut-3']);
    expect(interruptions).toContain('failed');
    expect(interruptions).not.toContain('gone');
  });

  it('leaves a connection that fell silent without being closed', async () => {
    await using proxy = await startTcpProxy(connection.server);
    await follow({ ...connection, server: proxy.url }, { watchIdleTimeoutMs: 1_000 });
    await kube.create(claims, claim('before-silence', 'some'));
    await expect.poll(() => history, soon).toContain('ADDED before-silence');
    proxy.freeze();
    await kube.create(claims, claim('in-silence', 'some'));
    await expect.poll(() => history, soon).toContain('ADDED in-silence');
    expect(interruptions).toContain('ended');
  });

  it('lists again when etcd has forgotten the resourceVersion it stopped at, and tells what vanished', async () => {
    await using proxy = await startTcpProxy(connection.server);
    await kube.create(claims, claim('vanishing', 'some'));
    await follow({ ...connection, server: proxy.url });
    await proxy.close();
    await kube.mergePatch(claims, { namespace: 'default', name: 'vanishing' }, { metadata: { finalizers: null } });
    await kube.remove(claims, { namespace: 'default', name: 'vanishing' });
    await kube.create(claims, claim('unseen', 'some'));
    await forgetHistory(controlPlane);
    await proxy.open();
    await expect.poll(() => history, soon).toContain('ADDED unseen');
    expect(interruptions).toContain('gone');
    expect(history).toContain('DELETED vanishing');
    expect(stateOf(store.list())).toEqual(await freshState(kube));
  });

  it('survives a listener that throws', async () => {
    await follow(connection);
    store.onChange(() => {
      throw new Error('a bug');
    });
    await kube.create(claims, claim('despite-a-bug', 'some'));
    await expect.poll(() => history, soon).toContain('ADDED despite-a-bug');
    expect(interruptions).toEqual([]);
  });
});

/** Restarting the API server empties its watch cache, so that it remembers nothing from before. */
const forgetHistory = async (controlPlane: ControlPlane): Promise<void> => {
  await controlPlane.killApiServer();
  await controlPlane.startApiServer();
};
