import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import type { KubeObject, PersistentVolumeClaim, StorageClass } from '../../src/api/kubernetes.ts';
import { SETTINGS_CONFIG_MAP } from '../../src/api/names.ts';
import { resources } from '../../src/kube/api-server.ts';
import { csiDriver, eventsAbout } from '../fixtures/controller-runs.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { claim } from '../fixtures/storage.ts';

// Names that tenants give StorageClasses, by one replica and the API server that asks it.

const UNUSED_SECONDS = 4;
const soon = { timeout: 60_000, interval: 50 };

let cluster: ShippedCluster;
let replica: ServeProcess;

beforeAll(async () => {
  cluster = await startShippedCluster();
  await cluster.admin.create<KubeObject>(resources.csiDrivers, csiDriver('ebs.csi.aws.com'));
  await make('longhorn', 'driver.longhorn.io');
  // Stored before anybody is asked about it: the controller alone decides.
  await submit('stored-before', 'longhrn');
  replica = await startReplica(cluster, {
    environment: { CLOUD: 'aws', UNKNOWN_CLASS: 'warn', UNUSED_CLASS_SECONDS: String(UNUSED_SECONDS) },
  });
  await untilReady(replica);
  await vi.waitFor(async () => expect(await toldOf('asked', 'longhron')).toContain('UNKNOWN_CLASS'), soon);
});

afterAll(async () => {
  await replica?.stop();
  await cluster?.controlPlane.stop();
});

const make = (name: string, provisioner: string) =>
  cluster.admin.create<StorageClass>(resources.storageClasses, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name },
    provisioner,
  });
const submit = (name: string, className: string) =>
  cluster.admin.create(resources.persistentVolumeClaims, claim(name, className));
/** What whoever submits such a claim is told. */
const toldOf = (name: string, className: string): Promise<string> =>
  kubectl(cluster.controlPlane, ['create', '--dry-run=server', '--warnings-as-errors', '-f', '-'], {
    input: JSON.stringify(claim(name, className)),
  }).catch(String);
const stored = (name: string) =>
  cluster.admin.get<PersistentVolumeClaim>(resources.persistentVolumeClaims, { namespace: 'default', name });
const classNamed = (name: string) => cluster.admin.get<StorageClass>(resources.storageClasses, { namespace: '', name });
const eventsOf = async (name: string) =>
  (await eventsAbout(cluster, { namespace: 'default', name })).map(({ message }) => message);
const setTo = (unknownClass: string) =>
  cluster.admin.apply(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'quartermaster-system', name: SETTINGS_CONFIG_MAP },
    data: { UNKNOWN_CLASS: unknownClass },
  } as never);

const WHY = /^StorageClass (longhron|longhrn) is not there, and nothing is made of a name that does not say what it is/;

describe('a claim of a missing class in whose name nothing is read', () => {
  it('is stored where UNKNOWN_CLASS is warn, is told what was meant, and gets no class by anybody', async () => {
    expect(await toldOf('misspelt', 'longhron')).toContain('Did you mean longhorn, which is there?');
    await submit('misspelt', 'longhron');
    for (const name of ['misspelt', 'stored-before'])
      await expect.poll(() => eventsOf(name), soon).toEqual([expect.stringMatching(WHY)]);
    expect([await classNamed('longhron'), await classNamed('longhrn')]).toEqual([undefined, undefined]);
  });

  it('is refused where UNKNOWN_CLASS is deny, and one whose name says what it is to be gets its class', async () => {
    await setTo('deny');
    const submitted = () =>
      cluster.admin
        .create(resources.persistentVolumeClaims, claim('refused', 'longhron'), { dryRun: true })
        .then(() => 'stored', String);
    await expect
      .poll(submitted, soon)
      .toContain('nothing is made of a name that does not say what it is to be (UNKNOWN_CLASS)');
    await expect(submit('refused', 'longhron')).rejects.toThrow('Did you mean longhorn, which is there?');
    expect(await stored('refused')).toBeUndefined();
    await submit('spoken', 'fast-retain');
    expect((await classNamed('fast-retain'))?.provisioner).toBe('ebs.csi.aws.com');
    expect(await classNamed('longhron')).toBeUndefined();
  });

  it('gets its class by the controller once UNKNOWN_CLASS is make again', async () => {
    await setTo('make');
    await expect.poll(async () => (await classNamed('longhron'))?.provisioner, soon).toBe('ebs.csi.aws.com');
  });
});

describe('a class that was made from the name in a claim', () => {
  it('goes once nobody has used it for UNUSED_CLASS_SECONDS, which one that is used or somebody else’s never does', async () => {
    // It is made before the claim is stored, and nobody uses it until then.
    const askedAt = performance.now();
    await submit('passing', 'fast');
    const made = await classNamed('fast');
    expect(made).toBeDefined();
    const key = { namespace: 'default', name: 'passing' };
    await cluster.admin.remove(resources.persistentVolumeClaims, key);
    // What the controller of Kubernetes takes off once no pod uses it.
    await cluster.admin.mergePatch(resources.persistentVolumeClaims, key, { metadata: { finalizers: null } });
    expect(await stored('passing')).toBeUndefined();
    await expect.poll(() => classNamed('fast'), { timeout: 60_000, interval: 50 }).toBeUndefined();
    expect(performance.now() - askedAt).toBeGreaterThan(UNUSED_SECONDS * 1_000);
    const removed = () => replica.lines().filter((line) => line.includes('unused StorageClass removed'));
    await expect.poll(removed, soon).toHaveLength(1);
    expect(await classNamed('fast-retain')).toBeDefined();
    expect(await classNamed('longhorn')).toBeDefined();
    await submit('again', 'fast');
    expect((await classNamed('fast'))?.metadata.uid).not.toBe(made?.metadata.uid);
  });
});
