import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../control-plane/command.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { freePorts } from '../free-ports.ts';
import { configurationOf, endpointOf, type Layout, prepareCluster, type Tls } from './configuration.ts';
import { ensureCeph } from './packages.ts';

export interface AccessKey {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Where Ceph's programs run, and how they do there. */
export interface Place {
  /** What the gateway listens on, an IPv4 address. */
  readonly address: string;
  readonly run: typeof run;
  readonly start: (program: string, args: readonly string[]) => Daemon;
  /** The gateway speaks HTTPS with these; HTTP where absent. */
  readonly tls?: Tls;
  /** An existing folder, for one of Ceph's own in it. */
  readonly folder: string;
}

export interface UserOptions {
  /** 1000 where not given. */
  readonly maxBuckets?: number;
  /** What it may do through the admin API, as `users=*;buckets=*`; nothing where not given. */
  readonly caps?: string;
}

/** A Ceph object gateway with nothing in it. */
export interface CephRgw {
  /** `http://<address>:<port>`, for path-style requests. */
  readonly endpoint: string;
  readonly createUser: (uid: string, options?: UserOptions) => Promise<AccessKey>;
  /** The IDs of all users. */
  readonly users: () => Promise<readonly string[]>;
  /** Gives the user a key and takes `former` away. */
  readonly replaceKey: (uid: string, former: AccessKey) => Promise<AccessKey>;
  /** Rejects where there is no such user. */
  readonly keysOf: (uid: string) => Promise<readonly AccessKey[]>;
  /** The keys of all objects of a bucket. */
  readonly objectsOf: (bucket: string) => Promise<readonly string[]>;
  /** Ends the gateway, the object store and the monitor, in this order, and removes their files. */
  readonly stop: () => Promise<void>;
}

const timeoutMs = 60_000;
const readyWithinMs = 90_000;

/** This process's own place: the gateway is for this machine alone. */
const loopback: Place = { address: '127.0.0.1', run, start: startDaemon, folder: tmpdir() };

/**
 * Starts a single-node Ceph with its S3 gateway from Debian's packages, in about 12 s; installs them first where they
 * are missing and we are root. Its processes never outlive this one. Throws an Error with the logs' last lines.
 */
export async function startCephRgw(
  progress: (line: string) => void = console.error,
  place: Place = loopback,
): Promise<CephRgw> {
  await ensureCeph(progress);
  const directory = await mkdtemp(join(place.folder, 'ceph-rgw-'));
  const [monPort = 0, rgwPort = 0] = await freePorts(2);
  const layout: Running = { ...place, directory, monPort, rgwPort };
  const daemons: Daemon[] = [];
  const stop = async () => {
    for (const daemon of daemons.toReversed()) await daemon.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await startDaemons(layout, daemons);
  } catch (cause) {
    const logs = await lastLines(join(directory, 'log'));
    await stop();
    throw new Error(`Ceph did not start:\n${logs}`, { cause });
  }
  return {
    endpoint: endpointOf(layout),
    createUser: (uid, options) => createUser(layout, uid, options),
    replaceKey: (uid, former) => replaceKey(layout, uid, former),
    users: async () => JSON.parse(await ask(layout, ['user', 'list'])) as readonly string[],
    keysOf: (uid) => administer(layout, ['user', 'info', '--uid', uid]),
    objectsOf: (bucket) => objectsOf(layout, bucket),
    stop,
  };
}

type Running = Layout & Place;

async function startDaemons(layout: Running, daemons: Daemon[]): Promise<void> {
  const { run, start } = layout;
  const common = configurationOf(layout);
  await prepareCluster(layout);
  daemons.push(start('ceph-mon', [...common, '-f', '-i', 'a']));
  const uuid = randomUUID();
  await run('ceph', [...common, 'osd', 'new', uuid, '0'], { timeoutMs });
  await run('ceph-osd', [...common, '-i', '0', '--mkfs', '--osd-uuid', uuid], { timeoutMs });
  daemons.push(start('ceph-osd', [...common, '-f', '-i', '0']));
  const gateway = start('radosgw', [...common, '-f', '-n', 'client.rgw']);
  daemons.push(gateway);
  await untilAnswering(layout, gateway);
}

/** Asked with curl, which runs where the gateway does; of whom its certificate is does not matter here. */
async function untilAnswering(layout: Running, gateway: Daemon): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  const endpoint = endpointOf(layout);
  for (;;) {
    const request = ['--silent', '--fail', '--insecure', '--noproxy', '*', '--max-time', '5', endpoint];
    const answer = await layout.run('curl', request, { timeoutMs }).catch((error: unknown) => error);
    if (typeof answer === 'string') return;
    if (gateway.hasEnded()) throw new Error(`radosgw ended: ${gateway.lastWords()}`);
    if (Date.now() > deadline) throw new Error(`${endpoint} did not answer within ${readyWithinMs} ms`);
    await sleep(100);
  }
}

async function createUser(
  layout: Running,
  uid: string,
  { maxBuckets = 1000, caps }: UserOptions = {},
): Promise<AccessKey> {
  const user = ['--uid', uid, '--display-name', uid, '--max-buckets', String(maxBuckets)];
  const [key] = await administer(layout, ['user', 'create', ...user]);
  if (key === undefined) throw new Error(`radosgw-admin gave ${uid} no key`);
  if (caps !== undefined) await administer(layout, ['caps', 'add', '--uid', uid, '--caps', caps]);
  return key;
}

async function replaceKey(layout: Running, uid: string, former: AccessKey): Promise<AccessKey> {
  await administer(layout, ['key', 'rm', '--uid', uid, '--access-key', former.accessKey]);
  const [key] = await administer(layout, ['key', 'create', '--uid', uid, '--gen-access-key', '--gen-secret']);
  if (key === undefined) throw new Error(`radosgw-admin gave ${uid} no key`);
  return key;
}

async function objectsOf(layout: Running, bucket: string): Promise<readonly string[]> {
  const listing = ['bucket', 'list', '--bucket', bucket, '--allow-unordered', '--max-entries', '1000'];
  const entries = JSON.parse(await ask(layout, listing)) as readonly { readonly name: string }[];
  return entries.map(({ name }) => name);
}

const ask = (layout: Running, command: readonly string[]): Promise<string> =>
  layout.run('radosgw-admin', [...configurationOf(layout), ...command], { timeoutMs });

/** Answers the keys of the user it was about. */
async function administer(layout: Running, command: readonly string[]): Promise<readonly AccessKey[]> {
  const output = await ask(layout, command);
  const { keys = [] } = JSON.parse(output || '{}') as { readonly keys?: readonly Readonly<Record<string, string>>[] };
  return keys.map(({ access_key: accessKey = '', secret_key: secretKey = '' }) => ({ accessKey, secretKey }));
}

async function lastLines(directory: string): Promise<string> {
  const names = await readdir(directory).catch(() => []);
  const tails = names.map(async (name) => {
    const text = await readFile(join(directory, name), 'utf8');
    return `${name}:\n${text.split('\n').slice(-12).join('\n')}`;
  });
  return (await Promise.all(tails)).join('\n');
}
