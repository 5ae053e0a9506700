import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import type { KubeObject, Pod, StringMap } from '../../src/api/kubernetes.ts';
import { INJECT_LABEL, INJECTED_ANNOTATION } from '../../src/api/names.ts';
import type { PlatformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import { resources } from '../../src/kube/api-server.ts';
import { createFiles, quartermaster } from '../fixtures/command-line.ts';
import { platformDefaults } from '../fixtures/defaults.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { sparkApplication, sparkCrd } from '../fixtures/spark-world.ts';

const team = 'geo';
const COST = { 'example.org/cost-centre': '4711' };
const pods = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true };
const soon = { timeout: 20_000 };

let cluster: ShippedCluster;
let replica: ServeProcess;

beforeAll(async () => {
  cluster = await startShippedCluster();
  await cluster.admin.create(resources.customResourceDefinitions, sparkCrd);
  await enforce('cost', { kinds: ['PersistentVolumeClaim', 'SparkApplication'] }, { labels: COST });
  await enforce('audit', { kinds: ['Pod'] }, { env: [{ name: 'AUDIT', value: '${labels.owner}' }] });
  // All that sends objects of its own accord fails open, so that nothing but what is enforced can refuse any.
  const environment = { FAILURE_POLICY: 'enforced=Fail,spark-application=Ignore,spark-connect=Ignore' };
  replica = await startReplica(cluster, { environment });
  await untilReady(replica);
});

afterAll(async () => {
  await replica?.stop();
  await cluster?.controlPlane.stop();
});

const enforce = (
  name: string,
  { kinds }: Pick<PlatformDefaultsSpec['match'], 'kinds'>,
  inject: NonNullable<PlatformDefaultsSpec['inject']>,
): Promise<KubeObject> => {
  const { uid: _, generation: __, ...metadata } = platformDefaults(name, {}).metadata;
  const match = { kinds, selector: { matchLabels: { team } } };
  const enforced = { ...platformDefaults(name, { mode: 'Enforce', match, inject }), metadata };
  return cluster.admin.create(resources.platformDefaults, enforced);
};

const claim = (name: string, labels: StringMap): KubeObject & { readonly spec: object } => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default', labels },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});

/** What the API server makes of it: its labels once stored, or why it is refused. */
const submit = async (object: KubeObject): Promise<StringMap | string> => {
  const resource = object.kind === 'SparkApplication' ? resources.sparkApplications : resources.persistentVolumeClaims;
  try {
    return (await cluster.admin.create(resource, object, { dryRun: true })).metadata.labels ?? {};
  } catch (error) {
    return String(error);
  }
};

/** The variables of a pod with these labels, or why it is refused. */
const variablesOf = async (labels: StringMap): Promise<readonly object[] | string> => {
  const pod: KubeObject & Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a-pod', namespace: 'default', labels },
    spec: { containers: [{ name: 'main', image: 'main:1' }] },
  };
  try {
    return (await cluster.admin.create(pods, pod, { dryRun: true })).spec?.containers?.[0]?.env ?? [];
  } catch (error) {
    return String(error);
  }
};

const enforcedFor = (name: string) => `failed calling webhook "${name}-enforced.quartermaster.dev"`;

/** More values than are read of any review, in a megabyte. */
const oddApplication = (labels: StringMap): KubeObject => {
  const app = sparkApplication('odd');
  const odd = Array.from({ length: 500_100 }, () => 0);
  return { ...app, metadata: { ...app.metadata, labels }, spec: { ...app.spec, odd } } as KubeObject;
};

describe('what is enforced, where FAILURE_POLICY has enforced=Fail', () => {
  it('is given as ever', async () => {
    await expect.poll(() => submit(claim('given', { team })), { timeout: 20_000 }).toEqual({ team, ...COST });
  });

  it.each([
    ['a label that turns defaults off', { [INJECT_LABEL]: 'disabled' }],
    ['a label of Argo', { 'workflows.argoproj.io/component': 'workflow-controller' }],
    ['the label of what the Spark operator launches', { 'sparkoperator.k8s.io/launched-by-spark-operator': 'true' }],
  ])('cannot be got round by %s', async (_what, labels) => {
    await expect
      .poll(() => variablesOf({ team, owner: 'a', ...labels }), soon)
      .toEqual([{ name: 'AUDIT', value: 'a' }]);
  });

  it('cannot be got round by leaving out a label that its value names', async () => {
    await expect.poll(() => variablesOf({ team }), soon).toContain('labels.owner');
    expect(await variablesOf({})).toEqual([]);
  });

  it('cannot be got round by an object that says it is being deleted', async () => {
    const given = claim('going', { team });
    const metadata = { ...given.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(await submit({ ...given, metadata })).toEqual({ team, ...COST });
  });

  it('cannot be taken off later, nor what is told of it changed, whatever else goes with it', async () => {
    const key = { namespace: 'default', name: 'kept' };
    const { metadata } = await cluster.admin.create(resources.persistentVolumeClaims, claim('kept', { team }));
    const told = metadata.annotations?.[INJECTED_ANNOTATION];
    expect(told).toContain('example.org/cost-centre');
    const labels = { team: null, 'example.org/cost-centre': null };
    const annotations = { [INJECTED_ANNOTATION]: 'nothing' };
    const changes = { metadata: { labels, annotations } };
    const stored = await cluster.admin.mergePatch(resources.persistentVolumeClaims, key, changes);
    expect(stored.metadata.labels).toEqual(COST);
    expect(stored.metadata.annotations?.[INJECTED_ANNOTATION]).toBe(told);
  });

  it('is not told of an object whose user writes that it was given', async () => {
    const forged = claim('forged', {});
    const annotations = { [INJECTED_ANNOTATION]: 'quartermaster-system/cost@1 enforces:\nmetadata.labels: {"a":"b"}' };
    const stored = await cluster.admin.create(
      resources.persistentVolumeClaims,
      { ...forged, metadata: { ...forged.metadata, annotations } },
      { dryRun: true },
    );
    expect(stored.metadata.annotations?.[INJECTED_ANNOTATION]).toBeUndefined();
  });

  it('cannot be got round by an object that is too odd to be read', async () => {
    await expect
      .poll(() => submit(oddApplication({ team })), { timeout: 20_000 })
      .toContain(enforcedFor('spark-application'));
    expect(await submit(oddApplication({}))).toEqual({});
  });

  it('cannot be got round while no replica answers, and keeps nobody else waiting', async () => {
    replica.kill('SIGKILL');
    await replica.ended;
    expect(await submit(claim('unseen', { team }))).toContain(enforcedFor('persistent-volume-claim'));
    expect(await submit(claim('other', {}))).toEqual({});
  });

  it('cannot be got round where nobody is asked, by the policies that `manifests --backstop` prints', async () => {
    const { items } = await cluster.admin.list(resources.platformDefaults, { namespace: 'quartermaster-system' });
    const file = createFiles()('enforced.yaml', items.map((one) => JSON.stringify(one)).join('\n---\n'));
    const { out } = await quartermaster('manifests', '--backstop', file);
    await kubectl(cluster.controlPlane, ['delete', 'mutatingwebhookconfigurations', '--all']);
    await kubectl(cluster.controlPlane, ['apply', '-f', '-'], { input: out });
    await expect
      .poll(() => submit(claim('unseen', { team })), soon)
      .toContain('labels example.org/cost-centre is enforced by PlatformDefaults quartermaster-system/cost');
    expect(await submit(claim('right', { team, ...COST }))).toEqual({ team, ...COST });
    expect(await submit(claim('other', {}))).toEqual({});
  });
});
