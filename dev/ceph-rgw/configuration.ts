import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../control-plane/command.ts';

const timeoutMs = 30_000;

/** Paths of a certificate and its key (PEM). */
export interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** Where a cluster of one monitor, one object store daemon in memory and one gateway keeps its files, and its ports. */
export interface Layout {
  readonly directory: string;
  readonly monPort: number;
  readonly rgwPort: number;
  /** The gateway's; all else is on the loopback address. */
  readonly address: string;
  readonly tls?: Tls;
}

/** Where the gateway answers. */
export const endpointOf = ({ address, rgwPort, tls }: Layout): string =>
  `${tls === undefined ? 'http' : 'https'}://${address}:${rgwPort}`;

/** `-c FILE`: what every Ceph program is given. */
export const configurationOf = ({ directory }: Layout): readonly string[] => ['-c', join(directory, 'ceph.conf')];

/**
 * Writes ceph.conf, the keyring and the monitor's store. Keys are cephx: radosgw does not come up with authentication
 * off. Background threads of the gateway are off, so that nothing changes a bucket behind a test's back.
 */
export async function prepareCluster(layout: Layout): Promise<void> {
  const { directory, monPort } = layout;
  for (const name of ['mon', 'osd', 'run', 'log']) await mkdir(join(directory, name));
  const fsid = randomUUID();
  await writeFile(join(directory, 'ceph.conf'), configuration(layout, fsid));
  await writeKeyring(join(directory, 'keyring'));
  const map = join(directory, 'monmap');
  const address = `[v2:127.0.0.1:${monPort}]`;
  await run('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', address, map], { timeoutMs });
  const store = ['-i', 'a', '--mkfs', '--monmap', map, '--keyring', join(directory, 'keyring')];
  await run('ceph-mon', [...configurationOf(layout), ...store], { timeoutMs });
}

async function writeKeyring(file: string): Promise<void> {
  const capabilities = {
    'mon.': { mon: 'allow *' },
    'client.admin': { mon: 'allow *', osd: 'allow *' },
    'client.rgw': { mon: 'allow rw', osd: 'allow rwx' },
    'osd.0': { mon: 'allow profile osd', osd: 'allow *' },
  };
  await run('ceph-authtool', ['--create-keyring', file], { timeoutMs });
  for (const [name, grants] of Object.entries(capabilities)) {
    const caps = Object.entries(grants).flatMap(([daemon, grant]) => ['--cap', daemon, grant]);
    await run('ceph-authtool', [file, '--gen-key', '-n', name, ...caps], { timeoutMs });
  }
}

/** The gateway's own server and what it listens on. */
const frontend = ({ address, rgwPort, tls }: Layout): string =>
  tls === undefined
    ? `beast endpoint=${address}:${rgwPort}`
    : `beast ssl_endpoint=${address}:${rgwPort} ssl_certificate=${tls.cert} ssl_private_key=${tls.key}`;

const configuration = (layout: Layout, fsid: string): string => `${daemons(layout, fsid)}
[client.rgw]
rgw frontends = ${frontend(layout)}
rgw enable usage log = false
rgw enable ops log = false
rgw enable gc threads = false
rgw enable lc threads = false
rgw enable quota threads = false
rgw run sync thread = false
rgw init timeout = 60
rgw num rados handles = 1
rgw thread pool size = 8
`;

const daemons = ({ directory, monPort }: Layout, fsid: string): string => `[global]
fsid = ${fsid}
mon host = [v2:127.0.0.1:${monPort}]
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
keyring = ${directory}/keyring
run dir = ${directory}/run
log file = ${directory}/log/$name.log
admin socket = ${directory}/run/$name.$pid.asok
pid file = ${directory}/run/$name.pid
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 10000
auth allow insecure global id reclaim = false

[mon]
mon data = ${directory}/mon
mon cluster log file = ${directory}/log/cluster.log
mon data avail crit = 1

[osd]
osd data = ${directory}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd class load list = *
osd class default list = *
`;
