import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../../dev/control-plane/command.ts';
import { stories } from '../../dev/demo/stories.ts';

const program = [process.execPath, 'dev/demo/main.ts', '--keep'];
// The kernel ends it with us.
const demo = spawn('setpriv', ['--pdeathsig', 'KILL', ...program], { stdio: ['ignore', 'pipe', 'inherit'] });
const ended = once(demo, 'exit') as Promise<[number | null, string | null]>;
const shown: string[] = [];

beforeAll(async () => {
  for await (const line of createInterface(demo.stdout)) {
    shown.push(line);
    // What it says last.
    if (line.trimStart().startsWith('metrics ')) return;
  }
  throw new Error(`the demo ended:\n${shown.join('\n')}`);
});
afterAll(() => void demo.kill('SIGKILL'));

it('demo --keep tells every story, and leaves all of it running at the addresses it names, until Ctrl-C', async () => {
  const text = shown.join('\n');
  for (const { title } of stories) expect(shown).toContain(title);
  const [, kubeconfig = ''] = /export KUBECONFIG=(\S+)/.exec(text) ?? [];
  const [, kubectl = ''] = /(\S+\/kubectl) get /.exec(text) ?? [];
  const listing = ['get', 'platformdefaults,objectstores', '-A', '-o', 'name'];
  const listed = await run(kubectl, listing, { env: { KUBECONFIG: kubeconfig }, timeoutMs: 30_000 });
  expect(listed).toMatch(/^platformdefaults\.quartermaster\.dev\/\S+$/m);
  expect(listed).toMatch(/^objectstore\.banzaicloud\.com\/sparkhistory$/m);
  for (const what of ['status page', 'metrics']) {
    const [, address = ''] = new RegExp(`^ *${what} +(http\\S+)$`, 'm').exec(text) ?? [];
    expect((await fetch(address, { signal: AbortSignal.timeout(10_000) })).status, what).toBe(200);
  }
  demo.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
  expect(existsSync(kubeconfig)).toBe(false);
});
