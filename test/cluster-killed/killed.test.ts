import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { joinCluster, obstacle } from '../../dev/cluster/cluster.ts';
import { namespaceOf, processesIn, traces } from './traces.ts';

/** Starts a cluster with a pod in a process of its own; ends when the pod runs. */
const startNode = async (): Promise<ChildProcess> => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'node.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('The cluster ended before its pod ran.')));
  await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  ended.catch(() => undefined);
  return child;
};

const clean = { groups: [], folder: false };

describe.skipIf(obstacle() !== undefined)('a node of which something is killed', () => {
  let before: Awaited<ReturnType<typeof traces>> | undefined;
  let running: ChildProcess | undefined;

  beforeAll(async () => {
    before = await traces();
  });

  afterEach(async () => {
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    running.kill('SIGTERM');
    await once(running, 'exit');
  });

  test.for(['kubelet', 'containerd'])('leaves nothing mounted or running without its %s', async (component) => {
    running = await startNode();
    const namespace = await namespaceOf();
    const victim = (await processesIn(namespace)).find(({ command }) => command.split(' ')[0]?.endsWith(component));
    expect(victim).toBeDefined();
    process.kill(victim?.pid ?? 0, 'SIGKILL');
    running.kill('SIGTERM');
    await once(running, 'exit');
    expect(running.exitCode).toBe(0);
    expect(await processesIn(namespace)).toEqual([]);
    expect(await traces()).toEqual({ ...before, ...clean });
  });

  test('ends with the run that is killed, and the next starts clean', async () => {
    const first = await startNode();
    running = first;
    const namespace = await namespaceOf();
    expect((await processesIn(namespace)).length).toBeGreaterThan(8);
    first.kill('SIGKILL');
    await once(first, 'exit');
    await expect.poll(() => processesIn(namespace), { timeout: 30_000 }).toEqual([]);
    const { mounts, interfaces } = await traces();
    expect({ mounts, interfaces }).toEqual({ mounts: before?.mounts, interfaces: before?.interfaces });

    running = await startNode();
    const { kubectl } = await joinCluster();
    const restarts = 'jsonpath={.items[*].status.containerStatuses[*].restartCount}';
    expect(await kubectl('get', 'pods', '-o', restarts)).toBe('0');
    running.kill('SIGTERM');
    await once(running, 'exit');
    expect(await traces()).toEqual({ ...before, ...clean });
  });
});
