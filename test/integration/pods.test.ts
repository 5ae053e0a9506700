import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Quartermaster, startQuartermaster } from '../../dev/demo/quartermaster.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { startMetadataStub } from '../../dev/stubs/metadata.ts';
import type { KubeObject, Pod, StringMap } from '../../src/api/kubernetes.ts';
import { INJECT_LABEL, INJECTED_ANNOTATION } from '../../src/api/names.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { FRAMEWORK_KINDS } from '../../src/api/target-kinds.ts';
import type { MutatingWebhookConfiguration } from '../../src/controller/webhooks/configuration.ts';
import { defaults } from '../../src/install/options.ts';
import { resources } from '../../src/kube/api-server.ts';
import { priorityAndRuntime } from '../fixtures/framework-objects.ts';
import {
  expectFullPod,
  expectHelper,
  expectUntouched,
  expectUsers,
  fullDefaults,
  type SaidPod,
} from '../fixtures/full-defaults.ts';
import { caseNames, objectsIn, readCase } from '../fixtures/golden-case.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

const soon = { timeout: 30_000, interval: 50 };
const pods = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true };
const everyPod = objectsIn(
  join(import.meta.dirname, '../golden/job-pod/of-a-cron-job/defaults.yaml'),
)[0] as PlatformDefaults;

let cluster: ShippedCluster;
let quartermaster: Quartermaster;
let metadata: Awaited<ReturnType<typeof startMetadataStub>>;

const rulesForPods = async (): Promise<readonly string[]> => {
  const name = { namespace: '', name: 'quartermaster' };
  const live = await cluster.admin.get<MutatingWebhookConfiguration>(resources.mutatingWebhooks, name);
  return (live?.webhooks ?? []).map((webhook) => webhook.name).filter((webhook) => /^pod(-\d+)?\./.test(webhook));
};
const addNamespace = (name: string, labels = {}): Promise<KubeObject> =>
  cluster.admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });

beforeAll(async () => {
  cluster = await startShippedCluster();
  metadata = await startMetadataStub('gcp');
  const [webhookPort = 0, opsPort = 0] = await freePorts(2);
  await addNamespace('jobs', { team: 'geo' });
  await addNamespace('elsewhere');
  quartermaster = await startQuartermaster({
    kubeconfig: await cluster.controlPlane.serviceAccountKubeconfig(defaults.namespace, 'quartermaster'),
    metadataUrl: metadata.url,
    webhookPort,
    opsPort,
  });
  await vi.waitFor(async () => {
    const name = { namespace: '', name: 'quartermaster' };
    expect(await cluster.admin.get(resources.mutatingWebhooks, name)).toBeDefined();
  }, soon);
});

afterAll(async () => {
  await quartermaster?.stop();
  await metadata?.stop();
  await cluster?.controlPlane.stop();
});

const plain = (namespace: string, name: string): KubeObject & Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: { containers: [{ name: 'tiles', image: 'tiles:1' }] },
});

describe('pods, through the real API server', () => {
  it('are not sent while nobody gives them anything', async () => {
    expect(await rulesForPods()).toEqual([]);
    const stored = await cluster.admin.create<Pod>(pods, plain('jobs', 'before'));
    expect(stored.metadata.annotations).toBeUndefined();
  });

  it('are sent from where a PlatformDefaults asks for them, from nowhere else, and no longer than it does', async () => {
    const match = { kinds: ['Pod' as const], namespaceSelector: { matchLabels: { team: 'geo' } } };
    const given: PlatformDefaults = { ...everyPod, spec: { ...everyPod.spec, match } };
    await cluster.admin.create(resources.platformDefaults, given);
    await vi.waitFor(async () => expect(await rulesForPods()).toEqual(['pod.quartermaster.dev']), soon);
    await vi.waitFor(async () => {
      const stored = await cluster.admin.create<Pod>(pods, plain('jobs', 'with'), { dryRun: true });
      expect(stored.spec?.containers?.[0]?.env?.map(({ name }) => name)).toEqual(['S3_ENDPOINT', 'NODE_IP']);
    }, soon);
    const other = await cluster.admin.create<Pod>(pods, plain('elsewhere', 'without'));
    expect(other.metadata.annotations).toBeUndefined();
    await cluster.admin.remove(resources.platformDefaults, {
      namespace: defaults.namespace,
      name: given.metadata.name ?? '',
    });
    await vi.waitFor(async () => expect(await rulesForPods()).toEqual([]), soon);
  });

  it('get the priority of a class that is given, which the API server settles anew', async () => {
    const scheduling = { group: 'scheduling.k8s.io', version: 'v1', plural: 'priorityclasses', isNamespaced: false };
    const batch = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'batch' } };
    await cluster.admin.create<KubeObject>({ ...scheduling, kind: 'PriorityClass' }, {
      ...batch,
      value: -5,
      preemptionPolicy: 'Never',
    } as KubeObject);
    const inject = { priorityClassName: 'batch', schedulerName: 'bin-packing', terminationGracePeriodSeconds: 60 };
    const given: PlatformDefaults = {
      ...everyPod,
      metadata: { name: 'priority', namespace: defaults.namespace },
      spec: { match: { kinds: ['Pod'] }, inject },
    };
    await cluster.admin.create(resources.platformDefaults, given);
    await vi.waitFor(async () => {
      const stored = await cluster.admin.create<Pod>(pods, plain('jobs', 'low'), { dryRun: true });
      expect(stored.spec).toMatchObject({ ...inject, priority: -5, preemptionPolicy: 'Never' });
    }, soon);
    await cluster.admin.remove(resources.platformDefaults, { namespace: defaults.namespace, name: 'priority' });
    await vi.waitFor(async () => expect(await rulesForPods()).toEqual([]), soon);
  });

  it('are taken from each framework as it makes them, and stored with all that the golden case says', async () => {
    const match = { kinds: FRAMEWORK_KINDS };
    await cluster.admin.create(resources.platformDefaults, {
      ...everyPod,
      spec: { ...everyPod.spec, match },
    } as PlatformDefaults);
    await vi.waitFor(async () => expect((await rulesForPods()).length).toBeGreaterThan(10), soon);
    expect(cases.length).toBeGreaterThanOrEqual(FRAMEWORK_KINDS.length);
    for (const [kind, name] of cases) {
      const { before, afterPath } = readCase(kind, name);
      const [after] = objectsIn(afterPath) as readonly Pod[];
      const whole = { ...before, metadata: { ...before.metadata, namespace: 'jobs' } };
      const stored = await vi.waitFor(async () => {
        const created = await cluster.admin.create<Pod>(pods, whole, { dryRun: true });
        expect(created.metadata.annotations, `${kind} ${name}`).toHaveProperty([INJECTED_ANNOTATION]);
        return created;
      }, soon);
      expect(containersOf(stored), `${kind} ${name}`).toMatchObject(containersOf(after));
      expect(stored.metadata.labels).toEqual(after?.metadata.labels);
      // What a framework finds its pods by, when it adopts or counts them.
      expect(stored.metadata.labels).toMatchObject(before.metadata.labels ?? {});
    }
  });

  describe('with all that can be given', () => {
    beforeAll(async () => {
      const runtimeClasses = { group: 'node.k8s.io', version: 'v1', plural: 'runtimeclasses', isNamespaced: false };
      const sandboxed = priorityAndRuntime.find((object) => (object as KubeObject).kind === 'RuntimeClass');
      await cluster.admin.create({ ...runtimeClasses, kind: 'RuntimeClass' }, sandboxed as KubeObject);
      await cluster.admin.remove(resources.platformDefaults, { namespace: defaults.namespace, name: 'base' });
      await cluster.admin.create(resources.platformDefaults, fullDefaults(FRAMEWORK_KINDS));
    });

    it.each(cases)(
      '%s %s is valid, and has all where the program runs but what was said already',
      async (kind, name) => {
        const { before, afterPath } = readCase(kind, name);
        const [after] = objectsIn(afterPath) as readonly Pod[];
        const create = (labels: StringMap): Promise<SaidPod> => {
          const metadata = { ...before.metadata, namespace: 'jobs', labels: { ...before.metadata.labels, ...labels } };
          return cluster.admin.create<SaidPod>(pods, { ...before, metadata }, { dryRun: true });
        };
        const said = await create({ [INJECT_LABEL]: 'disabled' });
        const stored = await vi.waitFor(async () => {
          const created = await create({});
          expect(created.metadata.annotations?.[INJECTED_ANNOTATION]).toContain('everything@');
          return created;
        }, soon);
        expectFullPod(stored, said);
        for (const container of allContainers(said)) {
          const ofThatName = (pod: Pod | undefined) => allContainers(pod).find((one) => one.name === container.name);
          const role = JSON.stringify(ofThatName(after));
          if (role.includes('S3_ENDPOINT')) expectUsers(ofThatName(stored), container);
          else if (role.includes('"proxy"')) expectHelper(ofThatName(stored));
          else expectUntouched(ofThatName(stored));
        }
      },
    );
  });
});

const allContainers = (pod: Pod | undefined) => [
  ...(pod?.spec?.initContainers ?? []),
  ...(pod?.spec?.containers ?? []),
];

/** The case is about the same defaults as all others. */
const isOfAllDefaults = (kind: string, name: string): boolean => {
  const [first, ...others] = readCase(kind, name).defaults;
  return others.length === 0 && JSON.stringify(first?.spec.inject) === JSON.stringify(everyPod.spec.inject);
};
const folders = FRAMEWORK_KINDS.map((kind) => kind.replace(/(?<=.)[A-Z]/g, '-$&').toLowerCase());
const cases = caseNames().filter(([kind, name]) => folders.includes(kind) && isOfAllDefaults(kind, name));

/** What we can give a container; the API server fills in the rest. */
const containersOf = (pod: Pod | undefined) =>
  allContainers(pod).map(
    ({ name, env, envFrom, volumeMounts, command, args }) =>
      withoutZeros({ name, env, envFrom, volumeMounts, command, args }) as object,
  );

/** The API server stores no false, no null, no empty text and no empty list. */
const withoutZeros = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_key, item: unknown) =>
    item === false || item === null || item === '' || (Array.isArray(item) && item.length === 0) ? undefined : item,
  );
