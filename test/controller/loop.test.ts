import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError, type Reason } from '../../src/api/errors.ts';
import { type ControllerOptions, retryOfReason, runController } from '../../src/controller/loop.ts';
import { createLog } from '../../src/ops/log.ts';
import { createMetrics } from '../../src/ops/metrics.ts';

describe('a controller', () => {
  let ending: AbortController;
  let running: Promise<void>;
  let add: (key: string) => void;
  let isSubscribed: boolean;

  beforeEach(() => {
    ending = new AbortController();
  });

  afterEach(async () => {
    ending.abort();
    await running;
  });

  const metrics = createMetrics();
  const start = (reconcile: ControllerOptions['reconcile'], more: Partial<ControllerOptions> = {}): void => {
    running = runController({
      name: 'test',
      reconcile,
      keys: () => [],
      subscribe: (adder) => {
        add = adder;
        isSubscribed = true;
        return () => {
          isSubscribed = false;
        };
      },
      signal: ending.signal,
      log: createLog('silent'),
      metrics,
      ...more,
    });
  };
  const nothing = Promise.resolve(undefined);

  it('reconciles all keys at the start and those that change', async () => {
    const reconciled: string[] = [];
    start(
      (key) => {
        reconciled.push(key);
        return nothing;
      },
      { keys: () => ['there/before'] },
    );
    add('there/later');
    await expect.poll(() => reconciled).toEqual(['there/before', 'there/later']);
  });

  it('reconciles all keys again now and then', async () => {
    let count = 0;
    start(
      () => {
        count += 1;
        return nothing;
      },
      { keys: () => ['a'], resyncMs: 10 },
    );
    await expect.poll(() => count).toBeGreaterThan(2);
  });

  it('tries again after a failure, and comes back when a reconcile asks for it', async () => {
    const outcomes = [
      () => Promise.reject(new AppError('Unavailable', 'down')),
      () => Promise.resolve({ requeueAfterMs: 5 }),
    ];
    let count = 0;
    start(() => outcomes[count++]?.() ?? nothing);
    add('a');
    await expect.poll(() => count).toBe(3);
    const { text } = await metrics.expose();
    expect(text).toContain('quartermaster_reconciles_total{controller="test",result="failed"} 1');
    expect(text).toContain('quartermaster_queue_failing{controller="test"} 0');
  });

  it('tries again at a resync what was refused, though its object is gone since', async () => {
    const outcomes = [() => Promise.reject(new AppError('InvalidInput', 'refused'))];
    let count = 0;
    start(() => outcomes[count++]?.() ?? nothing, { resyncMs: 10 });
    add('a');
    await expect.poll(() => count).toBe(2);
    expect((await metrics.expose()).text).toContain('quartermaster_queue_failing{controller="test"} 0');
  });

  it('tries again soon what was forbidden, as a starting API server forbids everything', async () => {
    let count = 0;
    start(() => (++count < 3 ? Promise.reject(new AppError('Forbidden', 'no')) : nothing));
    add('a');
    await expect.poll(() => count).toBe(3);
  });

  it('no longer counts as failing what another looks after since it ended', async () => {
    start(() => Promise.reject(new AppError('InvalidInput', 'no good')));
    add('a');
    const text = async () => (await metrics.expose()).text;
    await expect.poll(text).toContain('quartermaster_queue_failing{controller="test"} 1');
    ending.abort();
    await running;
    expect(await text()).toContain('quartermaster_queue_failing{controller="test"} 0');
  });

  it('lets what is under way finish when it ends', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    let isAborted = false;
    start((_, signal) => {
      signal.addEventListener('abort', () => {
        isAborted = true;
      });
      return promise;
    });
    add('a');
    ending.abort();
    resolve(undefined);
    await running;
    expect(isAborted).toBe(false);
    expect(isSubscribed).toBe(false);
  });

  it('gives up at once what is under way when leadership is lost', async () => {
    start(
      (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('given up')));
        }),
    );
    add('a');
    ending.abort(new AppError('Conflict', 'Leadership was lost.'));
    await running;
    expect((await metrics.expose()).text).toContain('result="abandoned"} 1');
  });

  it.each<[Reason, string]>([
    ['InvalidInput', 'terminal'],
    ['Forbidden', 'slow'],
    ['Unavailable', 'backoff'],
    ['Conflict', 'backoff'],
  ])('meets %s with %s', (reason, retry) => {
    expect(retryOfReason(new AppError(reason, 'a sentence'))).toBe(retry);
  });
});
