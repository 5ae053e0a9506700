import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { type ServeProcess, startServe } from '../../dev/serve-process.ts';
import { FAIL_CLOSED_BINDING } from '../../src/api/names.ts';
import { resources } from '../../src/kube/api-server.ts';
import { firsts, KINDS, type Removal, SERVICE, SYSTEM, soon, startRemoval } from '../fixtures/removal.ts';
import { startSteadyLoad } from '../fixtures/steady-load.ts';

const EACH = 100;
const PER_SECOND = 100;
let removal: Removal;

beforeAll(async () => {
  removal = await startRemoval();
});
afterAll(() => removal?.controlPlane.stop());
/** The kubelet's part: the pods are told to end when their Deployment is gone. */
const untilNoPods = () =>
  expect
    .poll(() => removal.admin.get(resources.deployments, { namespace: SYSTEM, name: 'quartermaster' }), soon)
    .toBeUndefined();
const isBound = async () =>
  (await removal.admin.get(resources.roleBindings, { namespace: SYSTEM, name: FAIL_CLOSED_BINDING })) !== undefined;
const failsClosed = (refused: readonly string[]): boolean => refused.some((text) => text.includes('fail-closed'));

const startReplica = async (): Promise<ServeProcess> => {
  const [opsPort = 0] = await freePorts(1);
  const replica = startServe({
    kubeconfig: await removal.controlPlane.serviceAccountKubeconfig(SYSTEM, 'quartermaster'),
    webhookPort: SERVICE.port,
    opsPort,
    environment: { CLOUD: 'local', WEBHOOK_HOST: SERVICE.address, WEBHOOK_URL: '', DRAIN_SECONDS: '1' },
  });
  await expect.poll(isBound, soon).toBe(true);
  return replica;
};

/** Deletes one, then the rest, and ends the replica as the kubelet would, under a load all the while. */
const removeUnderLoad = async (args: readonly string[]): Promise<readonly string[]> => {
  const replica = await startReplica();
  const load = startSteadyLoad(PER_SECOND / KINDS, removal.makeOneOfEach);
  await removal.deleteFirst(args);
  const refused = await removal.refusedOf(EACH);
  await Promise.all([removal.deleteRest(), untilNoPods().then(() => replica.stop())]);
  await expect.poll(removal.isGone, soon).toBe(true);
  const { failures, sent } = await load.stop();
  expect(sent).toBeGreaterThan(EACH / 2);
  return [...refused, ...failures];
};

describe('kubectl apply -k manifests, on a bare API server', () => {
  it('refuses nothing while its image never starts', async () => {
    const applied = await kubectl(removal.controlPlane, ['apply', '-k', 'manifests']);
    expect(applied).toContain('mutatingwebhookconfiguration.admissionregistration.k8s.io/quartermaster created');
    expect(await removal.refusedOf(EACH)).toEqual([]);
    await removal.deleteRest();
    await expect.poll(removal.isGone, soon).toBe(true);
  });
});

describe('an install of which no replica was ever ready', () => {
  beforeEach(() => removal.install());

  it.each(firsts)('refuses nothing, nor once its %s is deleted, and leaves nothing behind', async (_, args) => {
    expect(await removal.refusedOf(EACH)).toEqual([]);
    await removal.deleteFirst(args);
    expect(await removal.refusedOf(EACH)).toEqual([]);
    await removal.deleteRest();
    await expect.poll(removal.isGone, soon).toBe(true);
  });
});

describe.skipIf(process.getuid?.() !== 0)('an install that answers, taken away (as root, for port 443)', () => {
  beforeEach(() => removal.install());

  it.each(firsts.filter(([what]) => what !== 'Service'))('%s first: refuses nothing at any moment', async (_, args) => {
    expect(await removeUnderLoad(args)).toEqual([]);
  });

  it.each(firsts.filter(([what]) => what === 'Service'))('%s first: refuses for a second at most', async (_, args) => {
    // It is gone before anybody can know of it.
    expect((await removeUnderLoad(args)).length).toBeLessThan(PER_SECOND);
    expect(await removal.refusedOf(EACH)).toEqual([]);
  });

  it.each(firsts.slice(0, 2))('killed, then its %s deleted: jobs are stored again', async (_, args) => {
    const replica = await startReplica();
    replica.kill('SIGKILL');
    await replica.ended;
    await expect.poll(async () => failsClosed(await removal.refusedOf(1)), soon).toBe(true);
    await removal.deleteFirst(args);
    await expect.poll(() => removal.refusedOf(1), soon).toEqual([]);
    expect(await removal.refusedOf(EACH)).toEqual([]);
    await removal.deleteRest();
    await expect.poll(removal.isGone, soon).toBe(true);
  });
});
