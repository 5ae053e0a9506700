import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import type { KubeObject, StringMap } from '../../src/api/kubernetes.ts';
import { resources } from '../../src/kube/api-server.ts';
import { platformDefaults } from '../fixtures/defaults.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { sparkApplication, sparkCrd } from '../fixtures/spark-world.ts';

const team = 'geo';

let cluster: ShippedCluster;
let replica: ServeProcess;

beforeAll(async () => {
  cluster = await startShippedCluster();
  await cluster.admin.create(resources.customResourceDefinitions, sparkCrd);
  const { uid: _, generation: __, ...metadata } = platformDefaults('cost', {}).metadata;
  const match = { kinds: ['PersistentVolumeClaim', 'SparkApplication'], selector: { matchLabels: { team } } } as const;
  const inject = { labels: { 'example.org/cost-centre': '4711' } };
  await cluster.admin.create(resources.platformDefaults, {
    ...platformDefaults('cost', { mode: 'Enforce', match, inject }),
    metadata,
  });
  // All that sends objects of its own accord fails open, so that nothing but what is enforced can refuse any.
  const environment = { FAILURE_POLICY: 'enforced=Fail,spark-application=Ignore,spark-connect=Ignore' };
  replica = await startReplica(cluster, { environment });
  await untilReady(replica);
});

afterAll(async () => {
  await replica?.stop();
  await cluster?.controlPlane.stop();
});

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

const enforcedFor = (name: string) => `failed calling webhook "${name}-enforced.quartermaster.dev"`;

/** More values than are read of any review, in a megabyte. */
const oddApplication = (labels: StringMap): KubeObject => {
  const app = sparkApplication('odd');
  const odd = Array.from({ length: 500_100 }, () => 0);
  return { ...app, metadata: { ...app.metadata, labels }, spec: { ...app.spec, odd } } as KubeObject;
};

describe('what is enforced, where FAILURE_POLICY has enforced=Fail', () => {
  it('is given as ever', async () => {
    await expect
      .poll(() => submit(claim('given', { team })), { timeout: 20_000 })
      .toEqual({ team, 'example.org/cost-centre': '4711' });
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
});
