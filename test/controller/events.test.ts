import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/api/errors.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { createEventRecorder, type EventObject, type EventRecorderOptions } from '../../src/controller/events.ts';
import type { ObjectKey } from '../../src/kube/api-server.ts';
import { createLog } from '../../src/ops/log.ts';
import { createMetrics } from '../../src/ops/metrics.ts';

const claim = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'a', uid: `uid-of-${name}`, resourceVersion: '7' },
});

const note = (message: string) => ({ type: 'Warning', reason: 'StorageClassNotMade', message }) as const;

/** An API server that keeps Events, and fails as often as it is told to. */
const eventKeeper = (failures: readonly AppError[] = []) => {
  const stored = new Map<string, EventObject>();
  const pending = [...failures];
  let writes = 0;
  const failOrNot = (): void => {
    writes += 1;
    const failure = pending.shift();
    if (failure) throw failure;
  };
  const kube = {
    create: async (_: unknown, event: EventObject) => {
      failOrNot();
      const { name, namespace } = event.metadata;
      if (stored.has(`${namespace}/${name}`)) throw new AppError('AlreadyExists', 'there already');
      stored.set(`${namespace}/${name}`, event);
      return Promise.resolve(event);
    },
    mergePatch: (_: unknown, { namespace, name }: ObjectKey, patch: Partial<EventObject>) => {
      failOrNot();
      const event = { ...stored.get(`${namespace}/${name}`), ...patch } as EventObject;
      stored.set(`${namespace}/${name}`, event);
      return Promise.resolve(event);
    },
  };
  return {
    kube: kube as unknown as EventRecorderOptions['kube'],
    events: () => [...stored.values()],
    writes: () => writes,
  };
};

const recorderOver = (keeper: ReturnType<typeof eventKeeper>, rate = { burst: 1000, perSecond: 1000 }) => {
  const metrics = createMetrics();
  const recorder = createEventRecorder({
    kube: keeper.kube,
    instance: 'quartermaster-0',
    log: createLog('silent'),
    metrics,
    rate,
  });
  return { recorder, metrics };
};

describe('the event recorder', () => {
  it('tells each namespace of its own pod, where pods that are not stored yet are called alike', async () => {
    const keeper = eventKeeper();
    const { recorder } = recorderOver(keeper);
    const namespaces = ['a', 'b', 'c'];
    for (const namespace of namespaces) {
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'train', namespace } };
      recorder.record(pod, note('The same.'));
    }
    await recorder.close(1_000);
    expect(keeper.events().map(({ metadata, count }) => [metadata.namespace, count])).toEqual(
      namespaces.map((namespace) => [namespace, 1]),
    );
  });

  it('writes who, what and when, beside the object it is about', async () => {
    const keeper = eventKeeper();
    const { recorder } = recorderOver(keeper);
    recorder.record(claim('x'), note('No driver.'));
    await recorder.close(1_000);
    expect(keeper.events()).toMatchObject([
      {
        metadata: { namespace: 'a' },
        involvedObject: { kind: 'PersistentVolumeClaim', namespace: 'a', name: 'x', uid: 'uid-of-x' },
        type: 'Warning',
        reason: 'StorageClassNotMade',
        message: 'No driver.',
        count: 1,
        source: { component: 'quartermaster' },
        reportingInstance: 'quartermaster-0',
      },
    ]);
    expect(keeper.events()[0]?.lastTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  it('counts the same note up, also one that another replica wrote before', async () => {
    const keeper = eventKeeper();
    const first = recorderOver(keeper).recorder;
    for (let times = 0; times < 5; times += 1) first.record(claim('x'), note('No driver.'));
    await first.close(1_000);
    const second = recorderOver(keeper).recorder;
    second.record(claim('x'), note('No driver.'));
    second.record(claim('x'), note('No region.'));
    await second.close(1_000);
    expect(keeper.events().map(({ message, count }) => [message, count])).toEqual([
      ['No driver.', 6],
      ['No region.', 1],
    ]);
  });

  it('cuts messages that are too long', async () => {
    const keeper = eventKeeper();
    const { recorder } = recorderOver(keeper);
    recorder.record(claim('x'), note('a'.repeat(5_000)));
    await recorder.close(1_000);
    expect(keeper.events()[0]?.message).toHaveLength(1024);
  });

  it('puts Events about cluster-scoped objects where they may be', async () => {
    const keeper = eventKeeper();
    const { recorder } = recorderOver(keeper);
    recorder.record(
      { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'fast', uid: 'u' } },
      note('x'),
    );
    await recorder.close(1_000);
    expect(keeper.events()[0]?.metadata.namespace).toBe('default');
  });

  it('never floods: one object is heard 25 times, all together as fast as the rate allows', async () => {
    const keeper = eventKeeper();
    const { recorder, metrics } = recorderOver(keeper, { burst: 40, perSecond: 0.001 });
    for (let index = 0; index < 1_000; index += 1) recorder.record(claim('x'), note(`Reason ${index}.`));
    for (let index = 0; index < 100; index += 1) recorder.record(claim(`other-${index}`), note('No driver.'));
    await expect.poll(() => keeper.writes()).toBe(40);
    await recorder.close(10);
    expect(keeper.writes()).toBe(40);
    expect((await metrics.expose()).text).toContain('quartermaster_events_total{outcome="dropped"} 1060');
  });

  it('tries again when the API server is away for a moment', async () => {
    const keeper = eventKeeper([new AppError('Unavailable', 'down')]);
    const { recorder } = recorderOver(keeper);
    recorder.record(claim('x'), note('No driver.'));
    await recorder.close(5_000);
    expect(keeper.events()).toHaveLength(1);
  });

  it('gives up on what is refused, and goes on with the next', async () => {
    const keeper = eventKeeper([new AppError('Forbidden', 'namespace is being terminated')]);
    const { recorder, metrics } = recorderOver(keeper);
    recorder.record(claim('x'), note('No driver.'));
    recorder.record(claim('y'), note('No driver.'));
    await recorder.close(1_000);
    expect(keeper.events().map(({ involvedObject }) => involvedObject['name'])).toEqual(['y']);
    expect((await metrics.expose()).text).toContain('quartermaster_events_total{outcome="failed"} 1');
  });
});
