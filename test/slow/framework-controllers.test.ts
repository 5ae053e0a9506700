import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import type { Daemon } from '../../dev/daemon.ts';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import { controllerObstacle, type FrameworkController } from '../../dev/workloads/controllers/controller.ts';
import { installFlink } from '../../dev/workloads/controllers/flink.ts';
import { type FlinkOperator, installFlinkOperator } from '../../dev/workloads/controllers/flink-operator.ts';
import { installJobSet } from '../../dev/workloads/controllers/job-set.ts';
import { installKubeRay } from '../../dev/workloads/controllers/kube-ray.ts';
import { installTrainer, installTrainingOperator } from '../../dev/workloads/controllers/kubeflow-training.ts';
import { installSparkClient, type SparkClient } from '../../dev/workloads/controllers/spark-client.ts';
import type { KubeObject, Pod } from '../../src/api/kubernetes.ts';
import { FRAMEWORK_KINDS } from '../../src/api/target-kinds.ts';
import { resources } from '../../src/kube/api-server.ts';
import {
  dask,
  flinkApplication,
  flinkSession,
  flinkStandalone,
  jobSet,
  notebook,
  priorityAndRuntime,
  pytorchJob,
  rayCluster,
  rayService,
  rayWorkers,
  trainJob,
} from '../fixtures/framework-objects.ts';
import { expectFullPod, expectHelper, expectUsers, fullDefaults } from '../fixtures/full-defaults.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

type StoredPod = KubeObject & Pod;

const progress = (line: string): void => void process.stderr.write(`frameworks: ${line}\n`);
const soon = { timeout: 60_000, interval: 100 };
/** A JobManager takes some ten seconds to start, and longer where other programs run beside it. */
const onceStarted = { ...soon, timeout: 180_000 };
const asDaskWorker = { labels: { 'dask.org/cluster-name': 'probe', 'dask.org/component': 'worker' } };
const pods = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true };

const obstacle = controllerObstacle();
if (obstacle !== undefined && process.env['CI'] !== undefined) throw new Error(obstacle);
if (obstacle !== undefined) progress(`skipped: ${obstacle}`);

describe.skipIf(obstacle !== undefined)("pods of frameworks' own controllers, with all that can be given", () => {
  let cluster: ShippedCluster;
  let replica: ServeProcess;
  const running: Daemon[] = [];

  const inJobs = (...args: readonly string[]): Promise<string> =>
    kubectl(cluster.controlPlane, ['-n', 'jobs', ...args]);
  const apply = (object: object): Promise<string> =>
    kubectl(cluster.controlPlane, ['-n', 'jobs', 'apply', '-f', '-'], { input: stringify(object) });
  const podsOf = async (labelSelector: string): Promise<readonly StoredPod[]> =>
    (await cluster.admin.list<StoredPod>(pods, { namespace: 'jobs', labelSelector })).items;
  /** All of them once there are so many. */
  const untilThere = async (labelSelector: string, count: number, within = soon): Promise<readonly StoredPod[]> => {
    await expect.poll(async () => (await podsOf(labelSelector)).length, within).toBe(count);
    return podsOf(labelSelector);
  };
  const start = async ({ start: startIt }: FrameworkController): Promise<Daemon> => {
    const controller = await startIt();
    running.push(controller);
    return controller;
  };
  const field = async (object: string, path: string): Promise<string> =>
    inJobs('get', object, '-o', `jsonpath={${path}}`);

  beforeAll(async () => {
    cluster = await startShippedCluster({ controllerManager: true });
    await cluster.admin.create<KubeObject>(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'jobs' },
    });
    for (const object of priorityAndRuntime) await apply(object);
    replica = await startReplica(cluster);
    await untilReady(replica);
    await cluster.admin.create(resources.platformDefaults, fullDefaults(FRAMEWORK_KINDS));
    const probe = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'probe', namespace: 'jobs', ...asDaskWorker } };
    const spec = { containers: [{ name: 'worker', image: 'dask:1' }] };
    await vi.waitFor(async () => {
      const stored = await cluster.admin.create<StoredPod>(pods, { ...probe, spec }, { dryRun: true });
      expect(stored.metadata.labels).toHaveProperty(['cost-centre']);
    }, soon);
  });

  afterAll(async () => {
    for (const controller of running) await controller.stop();
    await replica?.stop();
    await cluster?.controlPlane.stop();
  });

  const uids = (items: readonly StoredPod[]): readonly string[] => items.map(({ metadata }) => metadata.uid ?? '');
  const containersOf = ({ spec }: StoredPod, name: string) =>
    [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].find((container) => container.name === name);

  /** Takes a pod from its controller, which is to take it back. */
  const orphan = async ({ metadata: { name = '' } }: StoredPod): Promise<void> => {
    const patch = JSON.stringify([{ op: 'remove', path: '/metadata/ownerReferences' }]);
    await inJobs('patch', 'pod', name, '--type=json', '-p', patch);
    await expect.poll(() => field(`pod/${name}`, '.metadata.ownerReferences[0].controller'), soon).toBe('true');
  };

  /** As a scheduler does. A JobManager that starts ends pods that have no node. */
  const bindToNode = async ({ metadata: { name = '' } }: StoredPod): Promise<void> => {
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: { kind: 'Node', name: 'node-1' } };
    const path = `/api/v1/namespaces/jobs/pods/${name}/binding`;
    await kubectl(cluster.controlPlane, ['create', '--raw', path, '-f', '-'], { input: JSON.stringify(binding) });
  };

  describe("of KubeRay's operator", () => {
    let operator: FrameworkController;
    let process: Daemon;
    beforeAll(async () => {
      operator = await installKubeRay(cluster.controlPlane, progress);
      process = await start(operator);
    });

    it('have all in the container that Ray runs in, and are not made anew by an operator that starts again', async () => {
      await apply(rayCluster('forecast'));
      const first = await untilThere('ray.io/cluster=forecast', 3);
      for (const pod of first) {
        expectFullPod(pod);
        expectUsers(pod.spec?.containers?.[0]);
        expect(pod.metadata.labels).toMatchObject({ 'ray.io/is-ray-node': 'yes' });
        for (const name of ['autoscaler', 'wait-gcs-ready']) {
          const helper = containersOf(pod, name);
          if (helper !== undefined) expectHelper(helper);
        }
      }
      const helpers = first.flatMap((pod) =>
        ['autoscaler', 'wait-gcs-ready'].filter((name) => containersOf(pod, name)),
      );
      expect(helpers.toSorted()).toEqual(['autoscaler', 'wait-gcs-ready', 'wait-gcs-ready']);
      await process.stop();
      process = await start(operator);
      const more = [{ op: 'replace', path: '/spec/workerGroupSpecs/0/replicas', value: 3 }];
      await inJobs('patch', 'raycluster', 'forecast', '--type=json', '-p', JSON.stringify(more));
      const second = await untilThere('ray.io/cluster=forecast', 4);
      expect(uids(second)).toEqual(expect.arrayContaining([...uids(first)]));
      await expect.poll(() => field('raycluster/forecast', '.status.desiredWorkerReplicas'), soon).toBe('3');
    });

    it('of a RayService stay, whose cluster the operator compares by a hash', async () => {
      await apply(rayService('serve'));
      const clusterName = () => field('rayservice/serve', '.status.pendingServiceStatus.rayClusterName');
      await expect.poll(clusterName, soon).not.toBe('');
      const name = await clusterName();
      const first = await untilThere(`ray.io/cluster=${name}`, 2);
      for (const pod of first) expectUsers(pod.spec?.containers?.[0]);
      // A group at the end is added to the cluster that is there, where all before it has the same hash; else another cluster is made.
      const more = [{ op: 'add', path: '/spec/rayClusterConfig/workerGroupSpecs/-', value: rayWorkers('gpu', 1) }];
      await inJobs('patch', 'rayservice', 'serve', '--type=json', '-p', JSON.stringify(more));
      const second = await untilThere(`ray.io/cluster=${name}`, 3);
      expect(uids(second)).toEqual(expect.arrayContaining([...uids(first)]));
      expect(await clusterName()).toBe(name);
    });
  });

  describe('of JobSets', () => {
    let trainer: FrameworkController;
    beforeAll(async () => {
      await start(await installJobSet(cluster.controlPlane, progress));
      trainer = await installTrainer(cluster.controlPlane, progress);
    });

    it('have all in `node`, beside the webhook of JobSet, and are adopted by their Jobs', async () => {
      await apply(jobSet('train'));
      const first = await untilThere('jobset.sigs.k8s.io/jobset-name=train', 4);
      for (const pod of first) {
        expectFullPod(pod);
        expectUsers(containersOf(pod, 'node'));
        expectHelper(containersOf(pod, 'dataset-initializer'));
      }
      await orphan(first[0] as StoredPod);
      const active = () => field('jobset/train', '.status.replicatedJobsStatus[0].active');
      await expect.poll(active, soon).toBe('2');
      expect(uids(await podsOf('jobset.sigs.k8s.io/jobset-name=train')).toSorted()).toEqual(uids(first).toSorted());
    });

    it("that Kubeflow's Trainer makes have all in `node`, and stay when it starts again", async () => {
      const process = await start(trainer);
      await apply(trainJob('llama', 'torch-distributed'));
      const first = await untilThere('jobset.sigs.k8s.io/jobset-name=llama', 2);
      for (const pod of first) {
        expectFullPod(pod);
        expectUsers(containersOf(pod, 'node'));
      }
      const generation = await field('jobset/llama', '.metadata.generation');
      await process.stop();
      await start(trainer);
      // It makes what this asks for once it has looked at all that is there.
      await apply(trainJob('tune', 'torchtune-llama3.2-1b'));
      const [initializer] = await untilThere('jobset.sigs.k8s.io/jobset-name=tune', 1);
      expectFullPod(initializer as StoredPod);
      expectHelper(containersOf(initializer as StoredPod, 'dataset-initializer'));
      expect(uids(await podsOf('jobset.sigs.k8s.io/jobset-name=llama')).toSorted()).toEqual(uids(first).toSorted());
      expect(await field('jobset/llama', '.metadata.generation')).toBe(generation);
    });
  });

  describe("of Kubeflow's training-operator", () => {
    beforeAll(async () => {
      await start(await installTrainingOperator(cluster.controlPlane, progress));
    });

    it('of a PyTorchJob have all in `pytorch`, and stay when more are asked for', async () => {
      await apply(pytorchJob('mnist'));
      const selector = 'training.kubeflow.org/job-name=mnist';
      const first = await untilThere(selector, 3);
      for (const pod of first) {
        expectFullPod(pod);
        expectUsers(containersOf(pod, 'pytorch'));
      }
      const helpers = first.flatMap((pod) => containersOf(pod, 'init-pytorch') ?? []);
      expect(helpers).toHaveLength(2);
      for (const helper of helpers) expectHelper(helper);
      const more = [{ op: 'replace', path: '/spec/pytorchReplicaSpecs/Worker/replicas', value: 3 }];
      await inJobs('patch', 'pytorchjob', 'mnist', '--type=json', '-p', JSON.stringify(more));
      const second = await untilThere(selector, 4);
      expect(uids(second)).toEqual(expect.arrayContaining([...uids(first)]));
    });
  });

  it.each([
    { object: notebook('ada'), selector: 'notebook-name=ada', scaled: 'statefulset/ada' },
    { object: dask('geo'), selector: 'dask.org/cluster-name=geo', scaled: 'deployment/geo' },
  ])('of a $scaled are adopted, and no others are made for them', async ({ object, selector, scaled }) => {
    await apply(object);
    const first = await untilThere(selector, 2);
    for (const pod of first) {
      expectFullPod(pod);
      expectUsers(pod.spec?.containers?.[0]);
    }
    await orphan(first[0] as StoredPod);
    // The notebook controller compares its template, which nothing of ours is in.
    expect(await field(scaled, '.metadata.generation')).toBe('1');
    await inJobs('scale', scaled, '--replicas=3');
    const second = await untilThere(selector, 3);
    expect(uids(second)).toEqual(expect.arrayContaining([...uids(first)]));
    await expect.poll(() => field(scaled, '.status.replicas'), soon).toBe('3');
  });

  it("of Flink's own client and JobManager have all where Flink runs, and are kept by one that starts again", async () => {
    const flink = await installFlink(cluster.controlPlane, { namespace: 'jobs', name: 'clicks' }, progress);
    await flink.deploy();
    const [jobManager] = await untilThere('app=clicks,component=jobmanager', 1);
    const process = flink.startJobManager();
    running.push(process);
    const workers = 'app=clicks,component=taskmanager';
    const first = await untilThere(workers, 2, onceStarted);
    for (const pod of [jobManager as StoredPod, ...first]) {
      expectFullPod(pod);
      expectUsers(containersOf(pod, 'flink-main-container'));
    }
    for (const pod of first) await bindToNode(pod);
    await process.stop();
    running.push(flink.startJobManager());
    // None of the first ever says that it works, so two more are asked for: numbered after those that were found, which are kept.
    const second = await untilThere(workers, 4, onceStarted);
    expect(uids(second)).toEqual(expect.arrayContaining([...uids(first)]));
    const numbers = second.map(({ metadata: { name = '' } }) => name.replace('clicks-taskmanager-', ''));
    expect(numbers.toSorted()).toEqual(['1-1', '1-2', '2-1', '2-2']);
    for (const { metadata } of second) expect(metadata).not.toHaveProperty('deletionTimestamp');
    expect(uids(await podsOf('app=clicks,component=jobmanager'))).toEqual(uids([jobManager as StoredPod]));
  });

  describe("of Flink's operator", () => {
    let operator: FlinkOperator;
    let process: Daemon;
    beforeAll(async () => {
      const wanted = { namespace: 'jobs', sessionCluster: 'sessions' };
      operator = await installFlinkOperator(cluster.controlPlane, wanted, progress);
      process = await start(operator);
    });

    const expectAll = (pod: StoredPod): void => {
      expectFullPod(pod);
      expectUsers(containersOf(pod, 'flink-main-container'));
      expectHelper(containersOf(pod, 'history'));
    };
    /** What is asked for in an object, by whoever: not what becomes of it. */
    const askedFor = async (object: string): Promise<object> => {
      const stored = JSON.parse(await inJobs('get', object, '-o', 'json')) as KubeObject & { readonly spec: unknown };
      const { metadata, spec } = stored;
      const { uid, generation, labels, annotations } = metadata;
      return { uid, generation, labels, annotations, spec };
    };
    const newPods = async (labelSelector: string, known: readonly StoredPod[]): Promise<readonly StoredPod[]> =>
      (await podsOf(labelSelector)).filter(({ metadata: { uid } }) => !uids(known).includes(uid ?? ''));
    /** As a kubelet does of a pod that works. */
    const sayReady = async ({ metadata: { name = '' } }: StoredPod): Promise<void> => {
      const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
      await inJobs('patch', 'pod', name, '--subresource=status', '-p', JSON.stringify({ status }));
    };

    it('have all where Flink runs, and stay when it starts again, until a FlinkDeployment differs', async () => {
      const deployments = [
        flinkSession('sessions', { flinkConfiguration: operator.configuration }),
        flinkApplication('per-minute'),
        flinkStandalone('standalone'),
      ];
      const names = deployments.map(({ metadata }) => metadata.name);
      for (const deployment of deployments) {
        // What the operator compares: none of it is ours.
        const create = ['create', '--dry-run=server', '-o', 'json', '-f', '-'];
        const stored = await kubectl(cluster.controlPlane, ['-n', 'jobs', ...create], { input: stringify(deployment) });
        expect(JSON.parse(stored)).toHaveProperty('spec', deployment.spec);
        await apply(deployment);
      }
      const [jobManager] = await untilThere('app=sessions', 1, onceStarted);
      await untilThere('app=per-minute', 1);
      await untilThere('app=standalone', 3);
      const all = `app in (${names.join()})`;
      const first = await podsOf(all);
      for (const pod of first) expectAll(pod);

      running.push(await operator.startJobManager());
      await sayReady(jobManager as StoredPod);
      await expect.poll(() => field('flinkdeployment/sessions', '.status.lifecycleState'), onceStarted).toBe('STABLE');

      const objects = names.flatMap((name) => [`flinkdeployment/${name}`, `deployment/${name}`]);
      objects.push('deployment/standalone-taskmanager');
      const before = await Promise.all(objects.map(askedFor));
      await process.stop();
      process = await start(operator);
      for (const name of names) await expect.poll(() => operator.timesReconciled(name), onceStarted).toBeGreaterThan(1);
      expect(await Promise.all(objects.map(askedFor))).toEqual(before);
      expect(uids(await podsOf(all)).toSorted()).toEqual(uids(first).toSorted());

      const taskManagers = 'app=standalone,component=taskmanager';
      await apply(flinkStandalone('standalone', '2g'));
      await expect.poll(async () => (await newPods(taskManagers, first)).length, soon).toBe(2);
      for (const pod of await newPods(taskManagers, first)) expectAll(pod);
      const differing = ['--field-selector=reason=SpecChanged', '-o', 'jsonpath={..involvedObject.name}'];
      expect(await inJobs('get', 'events', ...differing)).toBe('standalone');
    });
  });

  describe("of Spark's own client", () => {
    let client: SparkClient;
    beforeAll(async () => {
      client = await installSparkClient(cluster.controlPlane, 'jobs', progress);
    });

    it('have all where the driver runs, and are found by its Service', async () => {
      await client.submit();
      const [driver] = await untilThere('spark-role=driver', 1);
      expectFullPod(driver as StoredPod);
      expectUsers(containersOf(driver as StoredPod, 'spark-kubernetes-driver'));
      const services = JSON.parse(await inJobs('get', 'services', '-o', 'json')) as {
        readonly items: readonly { readonly spec: { readonly selector?: Readonly<Record<string, string>> } }[];
      };
      const selector = services.items.find(({ spec }) => spec.selector?.['spark-role'] === 'driver')?.spec.selector;
      expect(driver?.metadata.labels).toMatchObject(selector ?? { there: 'is no Service' });
    });

    it('have all where executors run that a driver in client mode asks for, one for each', async () => {
      running.push(client.startDriver());
      const executors = await untilThere('spark-role=executor', 2);
      for (const pod of executors) {
        expectFullPod(pod);
        expectUsers(containersOf(pod, 'spark-kubernetes-executor'));
      }
      expect(executors.map(({ metadata }) => metadata.labels?.['spark-exec-id']).toSorted()).toEqual(['1', '2']);
    });
  });
});
