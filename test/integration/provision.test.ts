import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject, Secret, StringMap } from '../../src/api/kubernetes.ts';
import {
  MANAGED_BY_LABEL,
  PROVISION_LEDGER_LABEL,
  PROVISIONED_BY_ANNOTATION,
  PROVISIONED_LABEL,
} from '../../src/api/names.ts';
import type { PlatformDefaults, PlatformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import { provision } from '../../src/defaults/provisioning/apply.ts';
import { observedObject } from '../../src/defaults/provisioning/observed.ts';
import { type DesiredItem, type ObservedObject, ownerOf } from '../../src/defaults/provisioning/plan.ts';
import { type Resource, resources } from '../../src/kube/api-server.ts';
import { keyOf } from '../../src/kube/store.ts';
import { platformDefaults, system } from '../fixtures/defaults.ts';
import {
  type Cluster,
  type Running,
  runPlatformDefaults,
  startCluster,
} from '../fixtures/platform-defaults-cluster.ts';

const { systemNamespace } = system;
const soon = { timeout: 30_000, interval: 20 };

type Provision = NonNullable<PlatformDefaultsSpec['provision']>;

let cluster: Cluster;
let running: Running;
let count = 0;
/** Unique to each test: a namespace, and the label that selects it. */
let team = '';

beforeAll(async () => {
  cluster = await startCluster();
});

afterAll(() => cluster?.stop());

beforeEach(async () => {
  team = `team-${count++}`;
  await cluster.addNamespace(team, { team });
  running = await runPlatformDefaults(cluster.ours);
});

afterEach(async () => {
  const { items } = await cluster.kube.list(resources.platformDefaults, {});
  for (const { metadata } of items) await removeDefaults(metadata.name ?? '');
  await running.stop();
});

const putDefaults = (provision: Provision, spec: Parameters<typeof platformDefaults>[1] = {}, name = 'it') => {
  const match = { namespaceSelector: { matchLabels: { team } } };
  const { metadata, ...defaults } = platformDefaults(name, { match, provision, ...spec });
  const { uid: _, generation: __, ...identity } = metadata;
  return cluster.kube.apply(resources.platformDefaults, { ...defaults, metadata: identity });
};

const removeDefaults = (name = 'it') =>
  cluster.kube.remove(resources.platformDefaults, { namespace: systemNamespace, name });

const put = (kind: 'ConfigMap' | 'Secret', namespace: string, name: string, data: StringMap, type?: string) =>
  cluster.kube.apply<Secret>(kind === 'Secret' ? resources.secrets : resources.configMaps, {
    apiVersion: 'v1',
    kind,
    metadata: { namespace, name },
    data,
    ...(type && { type }),
  });

const find = (resource: Resource, name: string, namespace = team) =>
  cluster.kube.get<Secret>(resource, { namespace, name });
const dataOf = async (resource: Resource, name: string, namespace = team) =>
  (await find(resource, name, namespace))?.data;

const provisioned = async (name = 'it') => {
  const key = { namespace: systemNamespace, name };
  const found = await cluster.kube.get<PlatformDefaults>(resources.platformDefaults, key);
  const condition = found?.status?.conditions?.find(({ type }) => type === 'Provisioned');
  return { ...condition, namespaces: found?.status?.provisionedNamespaces };
};

const eventsOf = async (name: string, namespace: string) => {
  const { items } = await cluster.kube.list<KubeObject & { reason: string; involvedObject: { name: string } }>(
    resources.events,
    { namespace },
  );
  return items.filter(({ involvedObject }) => involvedObject.name === name).map(({ reason }) => reason);
};

const claim = {
  name: 'work',
  spec: { accessModes: ['ReadWriteOnce' as const], resources: { requests: { storage: '1Gi' } } },
};

describe('provision', () => {
  it('puts ConfigMaps, copies of Secrets and claims into each matching namespace and no other', async () => {
    await put('Secret', systemNamespace, 's3', { key: 'c2VjcmV0' }, 'example.org/s3');
    await putDefaults({
      configMaps: [{ name: 'proxy', data: { NO_PROXY: '.${namespace}.svc,${cloud}', RAW: '$${HOME}' } }],
      secrets: [{ name: 's3-copy', copyFrom: 's3' }],
      persistentVolumeClaims: [claim],
    });
    await expect
      .poll(() => provisioned(), soon)
      .toMatchObject({
        status: 'True',
        reason: 'Provisioned',
        message: '3 objects in 1 namespaces.',
        namespaces: 1,
      });
    expect(await dataOf(resources.configMaps, 'proxy')).toEqual({ NO_PROXY: `.${team}.svc,aws`, RAW: '${HOME}' });
    expect(await find(resources.secrets, 's3-copy')).toMatchObject({
      type: 'example.org/s3',
      data: { key: 'c2VjcmV0' },
      metadata: { annotations: { [PROVISIONED_BY_ANNOTATION]: `${systemNamespace}/it` } },
    });
    expect(await find(resources.persistentVolumeClaims, 'work')).toBeDefined();
    expect(await find(resources.configMaps, 'proxy', 'default')).toBeUndefined();
  });

  it('follows the source of a copy, keys that go included', async () => {
    await put('ConfigMap', systemNamespace, 'jmx', { a: '1', b: '1' });
    await putDefaults({ configMaps: [{ name: 'jmx-copy', copyFrom: 'jmx' }] });
    await expect.poll(() => dataOf(resources.configMaps, 'jmx-copy'), soon).toEqual({ a: '1', b: '1' });
    await put('ConfigMap', systemNamespace, 'jmx', { a: '2' });
    await expect.poll(() => dataOf(resources.configMaps, 'jmx-copy'), soon).toEqual({ a: '2' });
  });

  it('does the same for Secrets, which it may not watch', async () => {
    await put('Secret', systemNamespace, 'polled', { key: 'YQ==' });
    await putDefaults({ secrets: [{ name: 'polled', copyFrom: 'polled' }] });
    await expect.poll(() => dataOf(resources.secrets, 'polled'), soon).toEqual({ key: 'YQ==' });
    await put('Secret', systemNamespace, 'polled', { key: 'Yg==' });
    await expect.poll(() => dataOf(resources.secrets, 'polled'), soon).toEqual({ key: 'Yg==' });
    const copy = { namespace: team, name: 'polled' };
    await cluster.kube.mergePatch(resources.secrets, copy, { data: { theirs: 'eA==' } });
    await expect.poll(() => dataOf(resources.secrets, 'polled'), soon).toEqual({ key: 'Yg==' });
    await cluster.kube.remove(resources.secrets, copy);
    await expect.poll(() => dataOf(resources.secrets, 'polled'), soon).toEqual({ key: 'Yg==' });
  });

  it('replaces a Secret whose type changed', async () => {
    await put('Secret', systemNamespace, 'typed', { key: 'YQ==' }, 'example.org/a');
    await putDefaults({ secrets: [{ name: 'typed', copyFrom: 'typed' }] });
    await expect.poll(() => find(resources.secrets, 'typed'), soon).toMatchObject({ type: 'example.org/a' });
    await cluster.kube.remove(resources.secrets, { namespace: systemNamespace, name: 'typed' });
    await put('Secret', systemNamespace, 'typed', { key: 'Yg==' }, 'example.org/b');
    await expect
      .poll(() => find(resources.secrets, 'typed'), soon)
      .toMatchObject({ type: 'example.org/b', data: { key: 'Yg==' } });
  });

  it('puts right what others change, and puts back what others delete', async () => {
    await putDefaults({ configMaps: [{ name: 'proxy', data: { a: '1' } }] });
    await expect.poll(() => dataOf(resources.configMaps, 'proxy'), soon).toEqual({ a: '1' });
    await cluster.kube.mergePatch(
      resources.configMaps,
      { namespace: team, name: 'proxy' },
      { data: { a: '2', b: 'x' } },
    );
    await expect.poll(() => dataOf(resources.configMaps, 'proxy'), soon).toEqual({ a: '1' });
    await cluster.kube.remove(resources.configMaps, { namespace: team, name: 'proxy' });
    await expect.poll(() => dataOf(resources.configMaps, 'proxy'), soon).toEqual({ a: '1' });
  });

  it('comes to namespaces that match later and leaves those that no longer do', async () => {
    await putDefaults({ configMaps: [{ name: 'proxy', data: { a: '1' } }] });
    await expect.poll(() => dataOf(resources.configMaps, 'proxy'), soon).toEqual({ a: '1' });
    const later = `${team}-later`;
    await cluster.addNamespace(later, { team });
    await expect.poll(() => dataOf(resources.configMaps, 'proxy', later), soon).toEqual({ a: '1' });
    await cluster.kube.mergePatch(
      resources.namespaces,
      { namespace: '', name: team },
      { metadata: { labels: { team: null } } },
    );
    await expect.poll(() => find(resources.configMaps, 'proxy'), soon).toBeUndefined();
    expect(await dataOf(resources.configMaps, 'proxy', later)).toEqual({ a: '1' });
  });

  it('removes what it made when the rule goes, and keeps claims without its marks', async () => {
    await putDefaults({ configMaps: [{ name: 'proxy', data: { a: '1' } }], persistentVolumeClaims: [claim] });
    await expect.poll(() => provisioned(), soon).toMatchObject({ status: 'True' });
    await removeDefaults();
    await expect.poll(() => find(resources.configMaps, 'proxy'), soon).toBeUndefined();
    await expect
      .poll(() => find(resources.persistentVolumeClaims, 'work'), soon)
      .toSatisfy((found: Secret | undefined) => {
        const { labels = {}, annotations = {} } = found?.metadata ?? {};
        return (
          found !== undefined &&
          !labels?.[MANAGED_BY_LABEL] &&
          !labels?.[PROVISIONED_LABEL] &&
          !annotations?.[PROVISIONED_BY_ANNOTATION]
        );
      });
    await expect.poll(() => eventsOf('work', team), soon).toEqual(['Released']);
  });

  it('removes what a rule made that went while nobody looked, Secrets too', async () => {
    await put('Secret', systemNamespace, 'orphan', { key: 'YQ==' });
    await putDefaults({
      configMaps: [{ name: 'proxy', data: { a: '1' } }],
      secrets: [{ name: 'orphan', copyFrom: 'orphan' }],
    });
    await expect
      .poll(() => provisioned(), soon)
      .toMatchObject({ status: 'True', message: '2 objects in 1 namespaces.' });
    await running.stop();
    await removeDefaults();
    running = await runPlatformDefaults(cluster.ours);
    await expect.poll(() => find(resources.configMaps, 'proxy'), soon).toBeUndefined();
    await expect.poll(() => find(resources.secrets, 'orphan'), soon).toBeUndefined();
    expect(await find(resources.secrets, 'orphan', systemNamespace)).toBeDefined();
    const ledgers = () => cluster.kube.list(resources.configMaps, { labelSelector: PROVISION_LEDGER_LABEL });
    await expect.poll(async () => (await ledgers()).items, soon).toEqual([]);
  });

  it('leaves a Secret alone that somebody put in the place of a copy', async () => {
    await put('Secret', systemNamespace, 'swapped', { key: 'YQ==' });
    await putDefaults({ secrets: [{ name: 'swapped', copyFrom: 'swapped' }] });
    await expect.poll(() => provisioned(), soon).toMatchObject({ status: 'True' });
    await running.stop();
    await cluster.kube.remove(resources.secrets, { namespace: team, name: 'swapped' });
    await put('Secret', team, 'swapped', { theirs: 'eA==' });
    running = await runPlatformDefaults(cluster.ours);
    await expect.poll(() => provisioned(), soon).toMatchObject({ status: 'False', reason: 'NotOurs' });
    await removeDefaults();
    await putDefaults({ configMaps: [{ name: 'marker', data: {} }] }, {}, 'marker');
    await expect.poll(() => provisioned('marker'), soon).toMatchObject({ status: 'True' });
    expect(await dataOf(resources.secrets, 'swapped')).toEqual({ theirs: 'eA==' });
  });

  it('never changes what it did not make, and says what is in the way', async () => {
    await put('ConfigMap', team, 'proxy', { theirs: 'yes' });
    await putDefaults({
      configMaps: [
        { name: 'proxy', data: { ours: 'yes' } },
        { name: 'other', data: { a: '1' } },
      ],
    });
    await expect
      .poll(() => provisioned(), soon)
      .toMatchObject({
        status: 'False',
        reason: 'NotOurs',
        message: `ConfigMap proxy in namespace ${team} was not made by Quartermaster and is left as it is; delete it, or rename the one in spec.provision.`,
      });
    expect(await dataOf(resources.configMaps, 'proxy')).toEqual({ theirs: 'yes' });
    expect(await dataOf(resources.configMaps, 'other')).toEqual({ a: '1' });
    await expect.poll(() => eventsOf('it', systemNamespace), soon).toContain('NotOurs');
    await removeDefaults();
    await expect.poll(() => find(resources.configMaps, 'other'), soon).toBeUndefined();
    expect(await dataOf(resources.configMaps, 'proxy')).toEqual({ theirs: 'yes' });
  });

  it('waits for a source that is not there, and keeps the copy of one that went', async () => {
    await putDefaults({ configMaps: [{ name: 'late', copyFrom: 'late-source' }] });
    await expect.poll(() => provisioned(), soon).toMatchObject({ status: 'False', reason: 'SourceMissing' });
    await put('ConfigMap', systemNamespace, 'late-source', { a: '1' });
    await expect.poll(() => provisioned(), soon).toMatchObject({ status: 'True' });
    await cluster.kube.remove(resources.configMaps, { namespace: systemNamespace, name: 'late-source' });
    await expect.poll(() => provisioned(), soon).toMatchObject({ status: 'False', reason: 'SourceMissing' });
    expect(await dataOf(resources.configMaps, 'late')).toEqual({ a: '1' });
  });

  it('does not copy Quartermaster’s own keys', async () => {
    const metadata = { namespace: systemNamespace, name: 'our-keys', labels: { [MANAGED_BY_LABEL]: 'quartermaster' } };
    await cluster.kube.create(resources.secrets, { apiVersion: 'v1', kind: 'Secret', metadata });
    await putDefaults({ secrets: [{ name: 'stolen', copyFrom: 'our-keys' }] });
    await expect.poll(() => provisioned(), soon).toMatchObject({ status: 'False', reason: 'SourceRefused' });
    expect(await find(resources.secrets, 'stolen')).toBeUndefined();
  });

  it('lets the more specific of two rules provide, and the other when that goes', async () => {
    await putDefaults({ configMaps: [{ name: 'proxy', data: { from: 'general' } }] });
    await expect.poll(() => dataOf(resources.configMaps, 'proxy'), soon).toEqual({ from: 'general' });
    await putDefaults({ configMaps: [{ name: 'proxy', data: { from: 'special' } }] }, { priority: 1 }, 'special');
    await expect.poll(() => dataOf(resources.configMaps, 'proxy'), soon).toEqual({ from: 'special' });
    await removeDefaults('special');
    await expect.poll(() => dataOf(resources.configMaps, 'proxy'), soon).toEqual({ from: 'general' });
  });

  it('takes nothing away that another rule took over since it was looked at', async () => {
    await running.stop();
    const special = keyOf({ namespace: systemNamespace, name: 'special' });
    const general = keyOf({ namespace: systemNamespace, name: 'general' });
    const wanted: DesiredItem = { kind: 'ConfigMap', namespace: team, name: 'proxy', data: { from: 'either' } };
    const as = (owner: string, desired: readonly DesiredItem[] = [], observed: readonly ObservedObject[] = []) => {
      const looking = { observed: () => observed, hasLedger: () => false, events: { record: () => undefined } };
      const tools = { ...looking, kube: cluster.kube, systemNamespace };
      return provision(owner, { desired, problems: [] }, tools, AbortSignal.timeout(30_000));
    };
    const look = async () => observedObject('ConfigMap')((await find(resources.configMaps, 'proxy')) as ObservedObject);
    await as(special, [wanted]);
    const earlier = await look();
    await as(general, [wanted], [earlier]);
    expect((await as(special, [], [earlier])).failure).toMatchObject({ reason: 'Conflict' });
    expect(ownerOf(await look())).toBe(general);
    expect((await as(general, [], [await look()])).failure).toBeUndefined();
    expect(await find(resources.configMaps, 'proxy')).toBeUndefined();
    running = await runPlatformDefaults(cluster.ours);
  });

  it('stays as it was while the rule is invalid', async () => {
    await putDefaults({ configMaps: [{ name: 'proxy', data: { a: '1' } }] });
    await expect.poll(() => provisioned(), soon).toMatchObject({ status: 'True' });
    await putDefaults({ configMaps: [{ name: 'Proxy', data: { a: '2' } }] });
    const isInvalid = async () => {
      const found = await cluster.kube.get<PlatformDefaults>(resources.platformDefaults, {
        namespace: systemNamespace,
        name: 'it',
      });
      return found?.status?.conditions?.some(({ reason }) => reason === 'Invalid');
    };
    await expect.poll(isInvalid, soon).toBe(true);
    expect(await dataOf(resources.configMaps, 'proxy')).toEqual({ a: '1' });
  });

  it('removes nothing while it is not known which cloud this is', async () => {
    const match = { namespaceSelector: { matchLabels: { team } }, clouds: ['aws'] };
    await putDefaults({ configMaps: [{ name: 'proxy', data: { a: '1' } }] }, { match });
    await expect.poll(() => provisioned(), soon).toMatchObject({ status: 'True' });
    await running.stop();
    running = await runPlatformDefaults(cluster.ours, { name: 'unknown' });
    await putDefaults({ configMaps: [{ name: 'marker', data: {} }] }, {}, 'marker');
    await expect.poll(() => provisioned('marker'), soon).toMatchObject({ status: 'True' });
    expect(await dataOf(resources.configMaps, 'proxy')).toEqual({ a: '1' });
    expect(await provisioned()).toMatchObject({ status: 'True', namespaces: 1 });
  });

  it('leaves namespaces alone that opted out, unless it is enforced', async () => {
    await cluster.kube.mergePatch(
      resources.namespaces,
      { namespace: '', name: team },
      { metadata: { labels: { 'quartermaster.dev/inject': 'disabled' } } },
    );
    await putDefaults({ configMaps: [{ name: 'proxy', data: { a: '1' } }] });
    await expect.poll(() => provisioned(), soon).toMatchObject({ status: 'True', namespaces: 0 });
    expect(await find(resources.configMaps, 'proxy')).toBeUndefined();
    await putDefaults({ configMaps: [{ name: 'proxy', data: { a: '1' } }] }, { mode: 'Enforce' });
    await expect.poll(() => dataOf(resources.configMaps, 'proxy'), soon).toEqual({ a: '1' });
  });
});
