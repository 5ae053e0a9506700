import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installOperator, installSpark } from '../../../dev/cluster/engines/spark.ts';
import { type ObjectStorage, startObjectStorage } from '../../../dev/cluster/install/object-storage.ts';
import { startPrometheus } from '../../../dev/cluster/install/prometheus.ts';
import { versions } from '../../../dev/cluster/versions.ts';
import { inNamespace, onCluster, progress } from '../on-cluster.ts';
import { driverAccount, follow, type Pi, type Pod, piApplication, scheduled, smallNode } from './applications.ts';
import { bucket, defaults, injected, prepareHistory } from './history.ts';

const examples = path.join(import.meta.dirname, '../../../examples/spark-pi');
const namespace = 'history';
const team = { team: 'history' };
const spark3: Pi = { version: versions.pyspark3, labels: team };

const sparkContainerOf = ({ spec }: Pod) => spec.containers.find(({ name }) => name.startsWith('spark-kubernetes-'));

onCluster("Kubeflow's spark-operator and Spark", (join) => {
  let storage: ObjectStorage | undefined;

  beforeAll(async () => {
    const cluster = await join();
    await installSpark(cluster, progress);
    storage = await startObjectStorage(cluster, progress);
    await cluster.apply(smallNode);
    await cluster.apply(await readFile(path.join(examples, 'defaults.yaml'), 'utf8'));
    await cluster.apply(defaults(team));
    await cluster.kubectl('create', 'namespace', namespace);
    await prepareHistory(cluster, namespace, storage);
    await cluster.kubectl.withInput(driverAccount, '-n', namespace, 'create', '-f', '-');
  });

  afterAll(async () => {
    const { kubectl } = await join();
    await kubectl('delete', 'namespace', namespace, '--ignore-not-found');
    const names = ['small-node', 'spark-prometheus', 'history'];
    await kubectl('-n', 'quartermaster-system', 'delete', 'platformdefaults', '--ignore-not-found', ...names);
    await storage?.stop();
  });

  /** examples/spark-pi to its end; its pods. */
  const runExample = async (name: string): Promise<readonly Pod[]> => {
    const cluster = await join();
    const { completes, podsOf, inNamespace: within } = follow(cluster, name);
    await cluster.kubectl.withInput(driverAccount, '-n', name, 'create', '-f', '-');
    const manifest = await readFile(path.join(examples, 'spark-pi.yaml'), 'utf8');
    await cluster.kubectl.withInput(manifest, '-n', name, 'create', '-f', '-');
    await completes('spark-pi');
    expect(await within('logs', 'spark-pi-driver')).toMatch(/^Pi is roughly 3\.1/m);
    return [...podsOf('driver'), ...podsOf('executor')];
  };
  const given = {
    labels: { 'platform.example.org/cloud': 'local' },
    annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/path': '/metrics/prometheus' },
  };

  test('examples/spark-pi runs to COMPLETED, and both roles have what was injected', async () => {
    await inNamespace(await join(), { name: 'analytics' }, async () => {
      const pods = await runExample('analytics');
      // Spark asks for one more executor where one takes long to come.
      expect(new Set(pods.map(({ metadata }) => metadata.labels['spark-role']))).toEqual(
        new Set(['driver', 'executor']),
      );
      for (const { metadata } of pods) expect(metadata).toMatchObject(given);
    });
  });

  test('Spark 3.5 has all that was injected, is scraped, is applied again while it runs, and leaves its event log in the bucket', async () => {
    const cluster = await join();
    const { kubectl } = cluster;
    const { inNamespace: within, stateOf, completes, podsOf } = follow(cluster, namespace);
    const manifest = piApplication('survey', { ...spark3, arguments: ['until', '/tmp/finish'] });
    const applyIt = () => kubectl.withInput(manifest, '-n', namespace, 'apply', '-f', '-');
    await applyIt();
    const areRunning = async () => {
      await stateOf('survey');
      return [...podsOf('driver'), ...podsOf('executor')].length;
    };
    await expect.poll(areRunning, { timeout: 480_000 }).toBe(2);
    for (const { metadata } of [...podsOf('driver'), ...podsOf('executor')]) {
      await within('wait', '--for=condition=Ready', `pod/${metadata.name}`, '--timeout=120s');
      const shell = ['sh', '-ec', injected.script];
      expect(await within('exec', metadata.name, '--', ...shell), metadata.name).toBe(injected.printed);
    }

    await stateOf('survey');
    const prometheus = await startPrometheus(cluster, [...podsOf('driver'), ...podsOf('executor')], progress);
    const scraped = async () => (await prometheus.query('jvm_threads_current')).map(({ pod }) => pod).toSorted();
    const names = [...podsOf('driver'), ...podsOf('executor')].map(({ metadata }) => metadata.name);
    try {
      await expect.poll(scraped, { timeout: 180_000 }).toEqual(names.toSorted());
    } finally {
      await prometheus.stop();
    }

    const identity = () =>
      within('get', 'sparkapplication', 'survey', '-o', 'jsonpath={.metadata.generation} {.status.submissionID}');
    const before = await identity();
    expect(before).toMatch(/^1 /);
    await applyIt();
    expect(await identity()).toBe(before);

    await within('exec', 'survey-driver', '--', 'touch', '/tmp/finish');
    await completes('survey');
    expect(podsOf('driver')).toHaveLength(1);
    expect(await storage?.objectsOf(bucket)).toContainEqual(expect.stringMatching(/^spark-[0-9a-f]+$/));
  });

  test('an application that failed, and those of a schedule, have what was injected each time anew', async () => {
    const { kubectl } = await join();
    const { inNamespace: within, stateOf, completes, podsOf } = follow(await join(), namespace);
    const restartPolicy = { type: 'OnFailure', onFailureRetries: 2, onFailureRetryInterval: 1 };
    const retried = piApplication('retried', { ...spark3, arguments: ['once', '/work/tried'], restartPolicy });
    await kubectl.withInput(retried, '-n', namespace, 'create', '-f', '-');
    await completes('retried');
    const attempts = await within('get', 'sparkapplication', 'retried', '-o', 'jsonpath={.status.executionAttempts}');
    expect(attempts).toBe('2');

    await kubectl.withInput(scheduled('nightly', spark3), '-n', namespace, 'create', '-f', '-');
    const ofSchedule = ['sparkapplications', '-l', 'sparkoperator.k8s.io/scheduled-app-name=nightly'];
    const children = () => within('get', ...ofSchedule, '-o', 'jsonpath={.items[*].metadata.name}');
    await expect.poll(children).toMatch(/^nightly-/);
    await within('patch', 'scheduledsparkapplication', 'nightly', '--type=merge', '-p', '{"spec":{"suspend":true}}');
    for (const child of (await children()).split(' ')) await completes(child);
    await stateOf('retried');

    expect(podsOf('driver').length).toBeGreaterThanOrEqual(3);
    const variable = expect.objectContaining({ name: 'PLATFORM_VAR', value: 'from local' }) as unknown;
    for (const pod of [...podsOf('driver'), ...podsOf('executor')])
      expect(sparkContainerOf(pod)?.env, pod.metadata.name).toContainEqual(variable);
  });

  test("without the operator's webhook runs too, with what needs none", async () => {
    const cluster = await join();
    const webhooks = 'mutatingwebhookconfigurations,validatingwebhookconfigurations';
    await cluster.kubectl('delete', webhooks, '-l', 'app.kubernetes.io/name=spark-operator');
    try {
      await inNamespace(cluster, { name: 'unhooked' }, async () => {
        for (const { metadata } of await runExample('unhooked')) expect(metadata).toMatchObject(given);
      });
    } finally {
      await installOperator(cluster);
    }
  });
});
