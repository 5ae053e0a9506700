import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';

const soon = { timeout: 60_000, interval: 100 };

/** The processes whose command line names the control plane's directory. */
async function processesOf(directory: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
  return stdout.split('\n').filter((line) => line.includes(directory));
}

describe('a control plane', () => {
  let controlPlane: ControlPlane;

  beforeAll(async () => {
    controlPlane = await startControlPlane();
  });

  afterAll(() => controlPlane?.stop());

  it('keeps its data and its address when the API server is killed and comes back', async () => {
    const { url } = controlPlane;
    await kubectl(controlPlane, ['create', 'namespace', 'kept-through-kill']);
    await controlPlane.killApiServer();
    await expect(fetch(`${url}/livez`)).rejects.toThrow('fetch failed');
    await controlPlane.startApiServer();
    expect(await kubectl(controlPlane, ['get', 'namespace', '-o', 'name'])).toContain('namespace/kept-through-kill');
    expect(controlPlane.url).toBe(url);
  });

  it('keeps its data when the API server is stopped in order and comes back', async () => {
    await kubectl(controlPlane, ['create', 'namespace', 'kept-through-stop']);
    await controlPlane.stopApiServer();
    await controlPlane.startApiServer();
    expect(await kubectl(controlPlane, ['get', 'namespace', '-o', 'name'])).toContain('namespace/kept-through-stop');
  });

  it('leaves no process and no file when it is stopped', async () => {
    expect((await processesOf(controlPlane.directory)).length).toBe(2);
    await controlPlane.stop();
    expect(await processesOf(controlPlane.directory)).toEqual([]);
    expect(existsSync(controlPlane.directory)).toBe(false);
  });
});

it('does not outlive the process that started it, even one killed with -9', async () => {
  const script = `
    import { startControlPlane } from ${JSON.stringify(new URL('../../dev/control-plane/control-plane.ts', import.meta.url).href)};
    console.log((await startControlPlane()).directory);
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = (await once(owner.stdout, 'data')) as [Buffer];
  const directory = output.toString().trim();
  expect((await processesOf(directory)).length).toBe(2);
  owner.kill('SIGKILL');
  await vi.waitFor(async () => expect(await processesOf(directory)).toEqual([]), soon);
});
