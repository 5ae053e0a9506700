import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import type { AdmissionRequest } from '../../src/api/admission.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import type { EventObject } from '../../src/controller/events.ts';
import { createPostman } from '../../src/defaults/admissions/mailbox.ts';
import { createTallies } from '../../src/defaults/admissions/tally.ts';
import { resources } from '../../src/kube/api-server.ts';
import { platformDefaults, system, target } from '../fixtures/defaults.ts';
import {
  type Cluster,
  type Running,
  runPlatformDefaults,
  startCluster,
} from '../fixtures/platform-defaults-cluster.ts';
import { sparkOperatorWebhook } from '../fixtures/spark-operator-webhook.ts';

const { systemNamespace } = system;
const soon = { timeout: 30_000, interval: 20 };

const create = (defaults: PlatformDefaults): PlatformDefaults => {
  const { uid: _, generation: __, ...metadata } = defaults.metadata;
  return { ...defaults, metadata };
};

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
});

afterAll(() => cluster?.stop());

const read = async (name: string): Promise<PlatformDefaults | undefined> =>
  cluster.kube.get<PlatformDefaults>(resources.platformDefaults, { namespace: systemNamespace, name });

describe('the API server', () => {
  const add = (...given: Parameters<typeof platformDefaults>) =>
    cluster.kube.create(resources.platformDefaults, create(platformDefaults(...given)));

  it('stores every field there is', async () => {
    const inject: NonNullable<PlatformDefaults['spec']['inject']> = {
      labels: { a: 'b' },
      annotations: { a: '${cloud}' },
      env: [
        { name: 'A', value: '1' },
        { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      ],
      envFrom: [{ prefix: 'P_', configMapRef: { name: 'a', optional: false } }, { secretRef: { name: 'b' } }],
      volumes: [
        { name: 'v', nfs: { server: 's', path: '/' } },
        { name: 'w', projected: { sources: [] } },
      ],
      volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 's', readOnly: true }],
      configMaps: [{ name: 'c', mountPath: '/c' }],
      secrets: [{ name: 's', mountPath: '/s' }],
      nodeSelector: { pool: 'spark' },
      tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }],
      imagePullSecrets: [{ name: 'r' }],
      hostAliases: [{ ip: '10.0.0.1', hostnames: ['archive'] }],
      serviceAccountName: 'spark',
      prometheus: {
        scrape: true,
        port: 8090,
        path: '/metrics',
        jmxExporterJar: '/j.jar',
        configFile: '/p.yaml',
        exposeDriverMetrics: true,
        exposeExecutorMetrics: false,
        fallback: 'PrometheusServlet',
      },
      sparkConf: { 'spark.a': 'b' },
      hadoopConf: { 'fs.a': 'b' },
      eventLog: { objectStore: 'history' },
      storageClass: {
        provisioner: 'p',
        parameters: { a: 'b' },
        reclaimPolicy: 'Retain',
        volumeBindingMode: 'Immediate',
        allowVolumeExpansion: true,
        mountOptions: ['tls'],
      },
    };
    const spec: PlatformDefaults['spec'] = {
      match: {
        kinds: ['SparkApplication'],
        selector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'k', operator: 'In', values: ['v'] }] },
        namespaceSelector: { matchExpressions: [{ key: 'k', operator: 'Exists' }] },
        clouds: ['aws'],
      },
      mode: 'Enforce',
      priority: 3,
      variables: { domain: 'example.org' },
      // A CEL rule refuses a StorageClass for a SparkApplication.
      inject: { ...inject, storageClass: undefined as never },
      provision: {
        configMaps: [
          { name: 'a', data: { k: 'v' } },
          { name: 'b', copyFrom: 'c' },
        ],
        secrets: [{ name: 'a', copyFrom: 'b' }],
        persistentVolumeClaims: [
          {
            name: 'p',
            spec: {
              accessModes: ['ReadWriteMany'],
              resources: { requests: { storage: '10Gi' } },
              storageClassName: 'c',
              volumeMode: 'Filesystem',
            },
          },
        ],
      },
    };
    const stored = await add('whole', spec);
    expect(stored.spec).toEqual(JSON.parse(JSON.stringify(spec)));
    const forClaims = await add('class', {
      match: { kinds: ['PersistentVolumeClaim'] },
      inject: { storageClass: inject.storageClass ?? {} },
    });
    expect(forClaims.spec.inject?.storageClass).toEqual(inject.storageClass);
  });

  const refused: readonly (readonly [string, object, string])[] = [
    ['a kind it does not know', { match: { kinds: ['Deployment'] } }, 'spec.match.kinds'],
    ['no kind', { match: { kinds: [] } }, 'spec.match.kinds'],
    ['a kind twice', { match: { kinds: ['ObjectStore', 'ObjectStore'] } }, 'spec.match.kinds'],
    [
      'a number where a string belongs',
      { inject: { sparkConf: { 'spark.executor.instances': 3 } } },
      'spark.executor.instances',
    ],
    ['an environment variable twice', { inject: { env: [{ name: 'A' }, { name: 'A' }] } }, 'spec.inject.env'],
    [
      'a path twice',
      {
        inject: {
          configMaps: [
            { name: 'a', mountPath: '/a' },
            { name: 'b', mountPath: '/a' },
          ],
        },
      },
      'spec.inject.configMaps',
    ],
    ['a path that is not absolute', { inject: { configMaps: [{ name: 'a', mountPath: 'a' }] } }, 'mountPath'],
    ['another mode', { mode: 'Force' }, 'spec.mode'],
  ];
  it.each(refused)('refuses %s', async (_, spec, field) => {
    await expect(add('refused', spec as never)).rejects.toMatchObject({ reason: 'InvalidInput' });
    await expect(add('refused', spec as never)).rejects.toThrow(field);
  });

  it('explains every field', async () => {
    const field = 'pfd.spec.inject.prometheus.jmxExporterJar';
    const explain = () => kubectl(cluster.controlPlane, ['explain', field]).catch(String);
    await expect.poll(explain, { timeout: 30_000 }).toContain('Path of the JMX exporter jar inside the image');
  });
});

describe('the controller', () => {
  let running: Running | undefined;

  afterEach(async () => {
    await running?.stop();
    const { items } = await cluster.kube.list<PlatformDefaults>(resources.platformDefaults, {});
    for (const { metadata } of items) {
      await cluster.kube.remove(resources.platformDefaults, {
        namespace: metadata.namespace ?? '',
        name: metadata.name ?? '',
      });
    }
  });

  const put = async (defaults: PlatformDefaults): Promise<PlatformDefaults> =>
    cluster.kube.apply(resources.platformDefaults, create(defaults));

  const ready = async (name: string) => {
    const status = (await read(name))?.status;
    const condition = status?.conditions?.find(({ type }) => type === 'Ready');
    return { ...condition, generation: status?.observedGeneration };
  };

  const eventsOf = async (name: string): Promise<readonly string[]> => {
    const { items } = await cluster.kube.list<EventObject>(resources.events, { namespace: systemNamespace });
    return items
      .filter(({ involvedObject }) => involvedObject['name'] === name)
      .map(({ type, reason }) => `${type} ${reason}`);
  };

  const labelled = (name: string, value: string) => platformDefaults(name, { inject: { labels: { value } } });

  it('says that a valid one is in force', async () => {
    running = await runPlatformDefaults(cluster.ours);
    await put(labelled('good', 'a'));
    await expect
      .poll(() => ready('good'), soon)
      .toMatchObject({
        status: 'True',
        reason: 'Valid',
        message: 'In force for SparkApplication.',
        generation: 1,
      });
    await expect.poll(() => eventsOf('good'), soon).toEqual(['Normal Valid']);
  });

  it('names the field of an invalid one, leaves its last version in force and says which, through a restart too', async () => {
    running = await runPlatformDefaults(cluster.ours);
    await put(labelled('edited', 'good'));
    await expect.poll(() => ready('edited'), soon).toMatchObject({ reason: 'Valid' });
    await running.stop();

    await put(labelled('edited', 'not a value'));
    running = await runPlatformDefaults(cluster.ours);
    await expect
      .poll(() => ready('edited'), soon)
      .toMatchObject({
        status: 'False',
        reason: 'Invalid',
        message:
          'spec.inject.labels[value]: "not a value" is not a label value (at most 63 letters, digits, -, _ and .). Generation 1 stays in force.',
        generation: 2,
      });
    expect(running.inForce.index().resolve(target())?.labels.get('value')).toMatchObject({
      value: 'good',
      source: { generation: 1 },
    });
    await expect
      .poll(() => eventsOf('edited'), soon)
      .toEqual(expect.arrayContaining(['Normal Valid', 'Warning Invalid']));

    await put(labelled('edited', 'better'));
    await expect.poll(() => ready('edited'), soon).toMatchObject({ status: 'True', reason: 'Valid', generation: 3 });
    expect(running.inForce.index().resolve(target())?.labels.get('value')?.value).toBe('better');
  });

  it('tells both of a tie, and both again when it ends', async () => {
    running = await runPlatformDefaults(cluster.ours);
    await put(labelled('one', 'a'));
    await expect.poll(() => ready('one'), soon).toMatchObject({ reason: 'Valid' });
    await put(labelled('two', 'b'));
    await expect.poll(() => ready('two'), soon).toMatchObject({ status: 'True', reason: 'Tied' });
    await expect.poll(() => ready('one'), soon).toMatchObject({ status: 'True', reason: 'Tied' });
    await put(platformDefaults('two', { priority: 1, inject: { labels: { value: 'b' } } }));
    await expect.poll(() => ready('two'), soon).toMatchObject({ reason: 'Valid' });
    await expect.poll(() => ready('one'), soon).toMatchObject({ reason: 'Valid' });
  });

  it('tells of a tie that ends those too who did not name it', async () => {
    running = await runPlatformDefaults(cluster.ours);
    const names = Array.from({ length: 8 }, (_, at) => `tied-${at}`);
    for (const name of names) await put(labelled(name, name));
    const told = async () => (await ready('tied-0'))?.message;
    await expect.poll(told, soon).toMatch(/ And 2 more\.$/);
    expect(await told()).not.toContain('tied-7');
    await put(platformDefaults('tied-7', { priority: 1, inject: { labels: { value: 'tied-7' } } }));
    await expect.poll(told, soon).toMatch(/ And 1 more\.$/);
  });

  it('looks again at what lacks a variable when another brings it', async () => {
    running = await runPlatformDefaults(cluster.ours);
    await put(platformDefaults('user', { inject: { annotations: { host: '${domain}' } } }));
    await expect.poll(() => ready('user'), soon).toMatchObject({ status: 'False', reason: 'Incomplete' });
    await put(platformDefaults('definer', { variables: { domain: 'example.org' } }));
    await expect.poll(() => ready('user'), soon).toMatchObject({ status: 'True', reason: 'Valid' });
  });

  it('writes no status that says nothing new', async () => {
    await put(labelled('quiet', 'a'));
    running = await runPlatformDefaults(cluster.ours);
    await expect.poll(() => ready('quiet'), soon).toMatchObject({ reason: 'Valid' });
    await running.stop();
    const written: (string | undefined)[] = [];
    const applyStatus: typeof cluster.kube.applyStatus = (resource, object, options) => {
      written.push(object.metadata.name);
      return cluster.ours.applyStatus(resource, object, options);
    };
    running = await runPlatformDefaults({ ...cluster.ours, applyStatus });
    await put(labelled('last', 'a'));
    await expect.poll(() => ready('last'), soon).toMatchObject({ reason: 'Valid' });
    await running.stop();
    expect(written).toEqual(['last']);
  });

  it('says what never reaches a Spark pod where spark-operator has no webhook for pods', async () => {
    await kubectl(cluster.controlPlane, [
      'apply',
      '-f',
      join(import.meta.dirname, '../schemas/spark-application.yaml'),
    ]);
    await expect.poll(() => cluster.kube.read('/apis/sparkoperator.k8s.io').catch(() => undefined), soon).toBeDefined();
    running = await runPlatformDefaults(cluster.ours);
    await put(platformDefaults('variables', { inject: { env: [{ name: 'A', value: '1' }] } }));
    await expect
      .poll(() => ready('variables'), soon)
      .toMatchObject({
        status: 'True',
        reason: 'Incomplete',
        message:
          'spark-operator is installed without its webhook for pods, so that nothing of spec.inject.env reaches a Spark pod: set webhook.enable in its chart.',
      });
    await cluster.kube.create(resources.mutatingWebhooks, sparkOperatorWebhook);
    await expect.poll(() => ready('variables'), soon).toMatchObject({ reason: 'Valid' });
    await cluster.kube.remove(resources.mutatingWebhooks, { namespace: '', name: sparkOperatorWebhook.metadata.name });
    await expect.poll(() => ready('variables'), soon).toMatchObject({ reason: 'Incomplete' });
  });

  it('adds up what replicas counted, each once, and shows it in kubectl get', async () => {
    await put(platformDefaults('counted', { mode: 'Enforce', inject: { labels: { region: '${region}' } } }));
    running = await runPlatformDefaults(cluster.ours);
    await expect.poll(() => ready('counted'), soon).toMatchObject({ reason: 'Valid' });
    const { signal } = new AbortController();
    const by = `${systemNamespace}/counted@1`;
    const missing = { by, field: 'label region', why: '${region} is not known for this object' };
    for (const notApplied of [[], [missing], []]) {
      const counted = createTallies(Date.now, 'quartermaster-system');
      const request = { object: { kind: 'Pod', metadata: {} }, namespace: 'team-a', name: 'x' };
      const application = { matched: [{ by, mode: 'Enforce' as const }], applied: [{ by }], notApplied };
      counted.add(request as unknown as AdmissionRequest, application, false);
      const post = createPostman({ kube: cluster.ours, namespace: systemNamespace }, counted);
      expect([await post(signal), await post(signal)]).toEqual([true, false]);
    }
    await running.admissions.collect(signal);
    await running.admissions.collect(signal);
    await expect
      .poll(async () => (await read('counted'))?.status, soon)
      .toMatchObject({
        admissions: { matched: 3, applied: 2, refused: 1 },
        conditions: [
          { type: 'Ready', status: 'True' },
          {
            type: 'Degraded',
            status: 'True',
            message: 'label region was not given to Pod team-a/x: ${region} is not known for this object.',
          },
        ],
      });
    await expect.poll(() => eventsOf('counted'), soon).toContain('Warning NotApplied');
    expect(await kubectl(cluster.controlPlane, ['get', 'pfd', '--namespace', systemNamespace])).toMatch(
      /^NAME +KINDS +MODE +PRIORITY +READY +REASON +MATCHES +LAST APPLIED +DEGRADED +AGE\ncounted +\["SparkApplication"\] +Enforce +True +Valid +3 +\d+s +True /,
    );
  });

  it('shows kinds, readiness and its reason in kubectl get', async () => {
    await put(platformDefaults('shown', { mode: 'Enforce', priority: 7, inject: { labels: { a: 'b' } } }));
    running = await runPlatformDefaults(cluster.ours);
    await expect.poll(() => ready('shown'), soon).toMatchObject({ reason: 'Valid' });
    const text = await kubectl(cluster.controlPlane, ['get', 'pfd', '--namespace', systemNamespace]);
    expect(text).toMatch(
      /^NAME +KINDS +MODE +PRIORITY +READY +REASON +MATCHES +LAST APPLIED +DEGRADED +AGE\nshown +\["SparkApplication"\] +Enforce +7 +True +Valid /,
    );
  });
});
