import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { versions } from '../../dev/cluster/versions.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import type { Daemon } from '../../dev/daemon.ts';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import { controllerObstacle } from '../../dev/workloads/controllers/controller.ts';
import {
  driverAccount,
  installSparkOperator,
  type SparkOperator,
} from '../../dev/workloads/controllers/spark-operator.ts';
import type { KubeObject, Pod } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { resources } from '../../src/kube/api-server.ts';
import { priorityAndRuntime, sparkApplication } from '../fixtures/framework-objects.ts';
import { expectApplications, expectFullPod, expectOnce, fullDefaults } from '../fixtures/full-defaults.ts';
import { objectsIn, readCase } from '../fixtures/golden-case.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { storableCases, storedOf, withoutNulls } from '../fixtures/stored-golden.ts';

type StoredPod = KubeObject & Pod;

const NAMESPACE = 'jobs';
const progress = (line: string): void => void process.stderr.write(`spark-operator: ${line}\n`);
const soon = { timeout: 60_000, interval: 100 };
const pods = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true };

const inSystem = (name: string) => ({ name, namespace: 'quartermaster-system' });

/** All that an application has a place for. */
const forApplications = (): PlatformDefaults => {
  const { spec, ...object } = fullDefaults(['SparkApplication']);
  const { resources: _, ...inject } = spec.inject ?? {};
  const prometheus = { jmxExporterJar: '/opt/jmx.jar', port: 8090, scrape: true };
  const sparkConf = { 'spark.ui.retainedJobs': '10' };
  return { ...object, spec: { ...spec, inject: { ...inject, prometheus, sparkConf } } };
};

/** The same for pods of any kind, which those of applications are not given once more. */
const forPods = (): PlatformDefaults => ({ ...fullDefaults(['Pod', 'SparkPod']), metadata: inSystem('pods') });

/** Given to applications, and to their pods too. */
const enforced: PlatformDefaults = {
  apiVersion: 'quartermaster.dev/v1alpha1',
  kind: 'PlatformDefaults',
  metadata: inSystem('enforced'),
  spec: {
    match: { kinds: ['SparkApplication', 'Pod'] },
    mode: 'Enforce',
    inject: {
      env: [{ name: 'AUDIT', value: 'all' }],
      tolerations: [{ key: 'audited', operator: 'Exists' }],
      hostAliases: [{ ip: '10.0.0.9', hostnames: ['audit.example.org'] }],
    },
  },
};
const audited = {
  tolerations: expect.arrayContaining([{ key: 'audited', operator: 'Exists' }]) as unknown,
  hostAliases: expect.arrayContaining([{ ip: '10.0.0.9', hostnames: ['audit.example.org'] }]) as unknown,
};

const obstacle = controllerObstacle();
if (obstacle !== undefined && process.env['CI'] !== undefined) throw new Error(obstacle);
if (obstacle !== undefined) progress(`skipped: ${obstacle}`);

describe.skipIf(obstacle !== undefined)(`Kubeflow's spark-operator ${versions.oldestSparkOperator}`, () => {
  let cluster: ShippedCluster;
  let operator: SparkOperator;
  const running: Daemon[] = [];

  const apply = (object: object, ...flags: readonly string[]): Promise<string> =>
    kubectl(cluster.controlPlane, ['-n', NAMESPACE, 'apply', ...flags, '-f', '-'], { input: stringify(object) });

  beforeAll(async () => {
    cluster = await startShippedCluster();
    await kubectl(cluster.controlPlane, ['create', 'namespace', NAMESPACE]);
    operator = await installSparkOperator(cluster.controlPlane, NAMESPACE, progress);
  });

  afterAll(async () => {
    for (const program of running) await program.stop();
    await cluster?.controlPlane.stop();
  });

  it.each(storableCases(['spark-application']))('has a field for all that %s %s is given', async (kind, name) => {
    const [after] = objectsIn(readCase(kind, name).afterPath);
    const stored = await storedOf(cluster.admin, NAMESPACE, after as KubeObject);
    // It suspends no application, which its user alone may ask for.
    const { suspend: _, ...spec } = withoutNulls(after as KubeObject).spec as { readonly suspend?: boolean };
    expect(stored).toMatchObject({ spec });
  });

  describe('beside ours', () => {
    let replica: ServeProcess;

    beforeAll(async () => {
      for (const object of priorityAndRuntime) await apply(object);
      replica = await startReplica(cluster);
      await untilReady(replica);
      for (const defaults of [forApplications(), forPods(), enforced])
        await cluster.admin.create(resources.platformDefaults, defaults);
      running.push(await operator.startController());
    });

    afterAll(() => replica?.stop());

    const inJobs = (...args: readonly string[]) => kubectl(cluster.controlPlane, ['-n', NAMESPACE, ...args]);
    const statusOf = (name: string): Promise<string> => {
      const state = '{.metadata.generation} {.status.applicationState.state}{.status.applicationState.errorMessage}';
      return inJobs('get', 'sparkapplication', name, '-o', `jsonpath=${state}`);
    };
    const podsOf = async (name: string, role: string): Promise<readonly StoredPod[]> => {
      const labelSelector = `sparkoperator.k8s.io/app-name=${name},spark-role=${role}`;
      return (await cluster.admin.list<StoredPod>(pods, { namespace: NAMESPACE, labelSelector })).items;
    };
    const submitted = async (name: string): Promise<StoredPod> => {
      await apply(sparkApplication(name, driverAccount));
      await expect.poll(() => statusOf(name), soon).toBe('1 SUBMITTED');
      const [driver] = await podsOf(name, 'driver');
      return driver as StoredPod;
    };
    const containerOf = ({ spec }: StoredPod, role: string) =>
      spec?.containers?.find(({ name }) => name === `spark-kubernetes-${role}`);
    const expectAllOnce = (pod: StoredPod, role: string): void => {
      expectOnce(pod);
      expectFullPod(pod);
      expect(pod.spec).toMatchObject(audited);
      expect(pod.metadata.annotations).toHaveProperty(['prometheus.io/port'], '8090');
      const container = containerOf(pod, role);
      expectApplications(container);
      expect(container).toMatchObject({
        env: expect.arrayContaining([{ name: 'AUDIT', value: 'all' }]) as unknown,
        ports: expect.arrayContaining([expect.objectContaining({ containerPort: 8090 })]) as unknown,
      });
    };
    /** What an application would be stored with; throws for a warning. */
    const tried = (field: string): Promise<string> =>
      apply(
        sparkApplication('tried', driverAccount),
        '--dry-run=server',
        '--warnings-as-errors',
        '-o',
        `jsonpath={${field}}`,
      );

    it("gives a driver, without its webhook, what Spark's own client gives, what is for pods of Spark and enforced for pods, and nothing twice", async () => {
      const lost = 'spark-operator has no webhook for the pods of this namespace';
      await expect.poll(() => tried('.spec').catch(String), soon).toContain(lost);
      const driver = await submitted('unhooked');
      expectOnce(driver);
      const { labels, annotations } = driver.metadata;
      expect(labels).toHaveProperty(['cost-centre'], 'earth');
      expect(annotations).toHaveProperty(['cluster-autoscaler.kubernetes.io/safe-to-evict'], 'false');
      expect(driver.spec).toMatchObject({
        ...audited,
        nodeSelector: { pool: 'data' },
        imagePullSecrets: [{ name: 'registry' }],
        runtimeClassName: 'sandboxed',
        topologySpreadConstraints: [{ topologyKey: 'topology.kubernetes.io/zone' }],
        priority: -5,
      });
      const container = containerOf(driver, 'driver');
      // But for containers, which its webhook would add a second time.
      expect(JSON.stringify(container)).toContain('S3_ENDPOINT');
      expect(container).toMatchObject({ env: expect.arrayContaining([{ name: 'AUDIT', value: 'all' }]) as unknown });
      expect((container?.volumeMounts ?? []).map(({ mountPath }) => mountPath)).toContain('/etc/site-keys');
      expect(await inJobs('get', 'configmaps', '-o', 'yaml')).toContain('spark.ui.retainedJobs=10');
    });

    describe('with its webhook', () => {
      beforeAll(async () => {
        running.push(await operator.startWebhooks());
        await vi.waitFor(async () => expect(await tried('.spec.restartPolicy.type')).toBe('Never'), soon);
      });

      it('gives driver and executor all of it once, and starts no other where the application is applied again', async () => {
        const driver = await submitted('hooked');
        const process = await operator.startDriver('hooked-driver');
        running.push(process);
        const executors = async () => {
          if (process.hasEnded()) throw new Error(process.lastWords());
          return podsOf('hooked', 'executor');
        };
        await expect.poll(executors, soon).toHaveLength(1);
        const [executor] = await executors();
        expectAllOnce(driver, 'driver');
        expectAllOnce(executor as StoredPod, 'executor');
        expect((await submitted('hooked')).metadata.uid).toBe(driver.metadata.uid);
      });
    });
  });
});
