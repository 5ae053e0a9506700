import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { issueAuthority, issueServing, type PemPair } from '../../src/certificates/issue.ts';
import { sampleDefaults, sampleReviews } from '../../src/server/sample-reviews.ts';
import { startEmptyApiServer } from './empty-api-server.ts';

/** The user of the image: Node keeps apart what each user compiled. */
const IMAGE_USER = 65_532;
const LIMIT_MS = 120_000;
/** Of each: enough for V8 to compile what they need, too few for it to have thrown away what ran at the start. */
const REVIEWS = 30;
const isRoot = process.getuid?.() === 0;

/** Where Node looks for what V8 compiled; the folder may be another one by then. */
export const compiledCode = (directory: string): Readonly<Record<string, string>> => ({
  NODE_COMPILE_CACHE: join(directory, 'compiled'),
  NODE_COMPILE_CACHE_PORTABLE: '1',
});

/**
 * Runs the bundle in `directory` once, as the image's user where we are root, against an API server that has nothing, and keeps
 * what V8 compiled meanwhile in `directory`/compiled. It is of use to the same Node with the same flags. Throws where the run fails.
 */
export const compile = async (
  directory: string,
  flags: readonly string[] = process.execArgv,
  node = process.execPath,
): Promise<void> => {
  const cache = join(directory, 'compiled');
  const work = await mkdtemp(join(tmpdir(), 'quartermaster-compile-'));
  try {
    await mkdir(cache);
    if (isRoot) await chown(cache, IMAGE_USER, IMAGE_USER);
    await runOnce(directory, work, [node, ...flags]);
    await letEverybodyRead(cache);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
};

const runOnce = async (
  directory: string,
  work: string,
  [node, ...flags]: readonly [string, ...string[]],
): Promise<void> => {
  const program = spawn(node, [...flags, join(resolve(directory), 'main.mjs'), 'serve'], {
    ...(isRoot && { uid: IMAGE_USER, gid: IMAGE_USER }),
    cwd: '/',
    env: { ...(await clusterIn(work)), ...compiledCode(resolve(directory)), NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: LIMIT_MS,
  });
  const ended = once(program, 'exit') as Promise<[number | null, string | null]>;
  const use = async (): Promise<void> => {
    const { webhook, ops } = await portsIn(createInterface({ input: program.stdout }));
    await untilReady(`http://127.0.0.1:${ops}/readyz`);
    await sendReviews(`https://127.0.0.1:${webhook}/mutate`);
    await (await fetch(`http://127.0.0.1:${ops}/metrics`)).text();
  };
  const early = ended.then(([code]) => Promise.reject(new Error(`the bundle ended with ${code}, before it was used`)));
  await Promise.race([use(), early]);
  early.catch(() => undefined);
  program.kill('SIGTERM');
  const [code] = await ended;
  if (code !== 0) throw new Error(`the bundle ended with ${code}`);
};

/** What has the program find the API server, which it trusts. */
const clusterIn = async (work: string): Promise<Readonly<Record<string, string>>> => {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const authority = await issueAuthority('compile', validity);
  const pair: PemPair = await issueServing(authority, ['127.0.0.1'], validity);
  const server = await startEmptyApiServer(pair, { platformdefaults: [sampleDefaults] });
  const ca = Buffer.from(authority.cert).toString('base64');
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'compile' },
    clusters: [{ name: 'compile', cluster: { server, 'certificate-authority-data': ca } }],
    contexts: [{ name: 'compile', context: { cluster: 'compile', user: 'compile' } }],
    users: [{ name: 'compile', user: { token: 'compile' } }],
  };
  const kubeconfig = join(work, 'kubeconfig');
  await writeFile(kubeconfig, JSON.stringify(config));
  for (const path of [work, kubeconfig]) await chmod(path, 0o755);
  const hosts = { WEBHOOK_HOST: '127.0.0.1', WEBHOOK_PORT: '0', OPS_HOST: '127.0.0.1', OPS_PORT: '0' };
  return { ...hosts, KUBECONFIG: kubeconfig, CLOUD: 'local', DRAIN_SECONDS: '0' };
};

/** Where it listens, as its log tells. */
const portsIn = async (lines: Interface): Promise<{ readonly webhook: number; readonly ops: number }> => {
  const ports = new Map<string, number>();
  return new Promise((found) => {
    lines.on('line', (line) => {
      const { message, address } = JSON.parse(line) as { message: string; address?: AddressInfo };
      if (address) ports.set(message, address.port);
      const [webhook, ops] = [ports.get('webhook listening'), ports.get('quartermaster started')];
      if (webhook !== undefined && ops !== undefined) found({ webhook, ops });
    });
  });
};

const untilReady = async (url: string): Promise<void> => {
  const deadline = Date.now() + LIMIT_MS;
  while (!(await fetch(url)).ok) {
    if (Date.now() > deadline) throw new Error('the bundle did not become ready');
    await sleep(20);
  }
};

const sendReviews = async (url: string): Promise<void> => {
  const agent = new Agent({ keepAlive: true, maxSockets: 2, rejectUnauthorized: false });
  for (let round = 0; round < REVIEWS; round += 1)
    await Promise.all(sampleReviews.map((body) => post(agent, url, body)));
  agent.destroy();
};

const post = async (agent: Agent, url: string, body: string): Promise<void> => {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const call = request(url, { method: 'POST', agent, headers }).end(body);
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  await once(response.resume(), 'end');
  if (response.statusCode !== 200) throw new Error(`a sample review was answered with ${response.statusCode}`);
};

/** Node writes for its own user alone. */
const letEverybodyRead = async (folder: string): Promise<void> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
  await chmod(folder, 0o755);
};

if (import.meta.main) await compile(process.argv[2] ?? 'dist');
