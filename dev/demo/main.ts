#!/usr/bin/env node
// The demo: the same manifests on a real API server, without Quartermaster and with it.
// Usage: npm run demo [-- --keep]
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type ControlPlane, startControlPlane } from '../control-plane/control-plane.ts';
import { freePorts } from '../free-ports.ts';
import { startGcsStub } from '../stubs/gcs.ts';
import { startMetadataStub } from '../stubs/metadata.ts';
import { until } from '../until.ts';
import { prepare, storedWithout, tell, versionOf } from './cluster.ts';
import { createKubectl, type Kubectl } from './kubectl.ts';
import { type Quartermaster, startQuartermaster } from './quartermaster.ts';
import { createScreen } from './screen.ts';
import { stories } from './stories.ts';

const screen = createScreen((text) => void process.stdout.write(text));
const root = resolve(import.meta.dirname, '../..');
/** All of the install but what needs nodes to run on: Quartermaster itself runs beside the cluster here. */
const INSTALL = [
  ...['namespace', 'crds', 'rbac', 'account-policy'].map((name) => `manifests/base/${name}.yaml`),
  'manifests/components/nfs/objects.yaml',
];
/** Whose jobs come from elsewhere: openEO's, as its guide for Calrissian names them. */
const OPENEO_ACCOUNTS = 'spark-jobs-dev:openeo,spark-jobs-dev:batch-jobs';
/** As the stub of the metadata service has it. */
const PROJECT = 'demo-project';
const ASKED_WITHIN_MS = 30_000;
const undo: (() => Promise<void>)[] = [];
const interrupted = new AbortController();

const demo = async (keep: boolean): Promise<void> => {
  screen.heading('Quartermaster, in front of a real Kubernetes API server on this machine');
  const controlPlane = await startControlPlane({ progress: screen.note });
  undo.push(controlPlane.stop);
  const kubectl = createKubectl(controlPlane.assets.kubectl, controlPlane.kubeconfig, root);
  screen.note(`etcd and kube-apiserver ${await versionOf(kubectl)} are up, on 127.0.0.1.`);
  await prepare(kubectl, stories, (objects) => applyObjects(controlPlane, kubectl, objects));
  const before = await storedWithout(kubectl, stories);
  const { opsUrl } = await install(controlPlane, kubectl);
  for (const story of stories) await tell(story, { kubectl, screen, before });
  screen.heading('That was all');
  if (keep) return keepRunning(controlPlane, opsUrl);
  screen.note('Everything is stopped and removed again. The manifests are in examples/; README.md goes on from here.');
  screen.note('To look around in it: npm run demo -- --keep');
};

/** Leaves all as it is until Ctrl-C. */
const keepRunning = async ({ assets, kubeconfig }: ControlPlane, opsUrl: string): Promise<void> => {
  screen.note('All of it runs on until Ctrl-C. In another terminal, or in a browser:');
  screen.command(`export KUBECONFIG=${kubeconfig}`);
  screen.command(`${assets.kubectl} get platformdefaults,objectstores,storageclasses -A`);
  screen.output(`status page  ${opsUrl}/\nmetrics      ${opsUrl}/metrics`);
  if (!interrupted.signal.aborted) await once(interrupted.signal, 'abort');
  screen.note('Everything is stopped and removed again.');
  process.exitCode = 0;
};

const install = async (controlPlane: ControlPlane, kubectl: Kubectl): Promise<Quartermaster> => {
  screen.heading('Install');
  const metadata = await startMetadataStub('gcp');
  undo.push(metadata.stop);
  const storage = await startGcsStub(PROJECT);
  undo.push(storage.stop);
  screen.note('A stub answers as the metadata service of Google Cloud does: that is the cloud this cluster is on.');
  screen.command(`kubectl apply ${INSTALL.map((file) => `-f ${file}`).join(' ')}`);
  const { out } = await kubectl('apply', ...INSTALL.flatMap((file) => ['-f', file]));
  screen.output(`${out.trimEnd().split('\n').length} objects created`);
  const [webhookPort = 0, opsPort = 0] = await freePorts(2);
  screen.command(`quartermaster serve --calrissian-service-accounts ${OPENEO_ACCOUNTS}`);
  const quartermaster = await startQuartermaster({
    kubeconfig: await controlPlane.serviceAccountKubeconfig('quartermaster-system', 'quartermaster'),
    metadataUrl: metadata.url,
    webhookPort,
    opsPort,
    environment: {
      CALRISSIAN_SERVICE_ACCOUNTS: OPENEO_ACCOUNTS,
      STORAGE_EMULATOR_HOST: `${storage.endpoint}/storage/v1`,
    },
  });
  undo.push(quartermaster.stop);
  await until(ASKED_WITHIN_MS, () => isAsked(kubectl));
  screen.output(`ready; its status page is at ${quartermaster.opsUrl}/ while this runs`);
  return quartermaster;
};

/** The API server learns of the webhook a moment after it is ready. Throws until an admission carries one of its warnings. */
const isAsked = async (kubectl: Kubectl): Promise<void> => {
  const { complaint } = await kubectl('create', '--dry-run=server', '-f', 'examples/volumes/shared-results.yaml');
  if (!complaint.includes('Warning')) throw new Error('The API server does not ask Quartermaster.');
};

const applyObjects = async (
  controlPlane: ControlPlane,
  kubectl: Kubectl,
  objects: readonly object[],
): Promise<void> => {
  const file = join(controlPlane.directory, 'prepared.json');
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  await kubectl('apply', '-f', file);
};

const undoAll = async (): Promise<void> => {
  while (undo.length > 0) await undo.pop()?.();
};

// Ctrl-C comes twice under npm, from the terminal and from npm: the second must not end the clearing up.
process.on('SIGINT', () => {
  process.exitCode ??= 130;
  interrupted.abort();
  void undoAll();
});

try {
  const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
  await demo(values.keep);
} catch (error) {
  // What was interrupted has its exit code, and fails of that alone.
  if (process.exitCode === undefined) {
    process.exitCode = 1;
    process.stderr.write(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
  }
} finally {
  await undoAll();
}
