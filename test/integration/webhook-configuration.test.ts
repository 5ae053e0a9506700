import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import type { AdmissionRule } from '../../src/api/admission.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { FAIL_CLOSED_BINDING, SHIPPED_ROLES } from '../../src/api/names.ts';
import {
  type MutatingWebhookConfiguration,
  type WebhookConfigurationOptions,
  webhookConfiguration,
} from '../../src/controller/webhooks/configuration.ts';
import { type WebhookPublisherOptions, webhookPublisher } from '../../src/controller/webhooks/publisher.ts';
import { askedBy, entryOf } from '../../src/defaults/entry.ts';
import { validateDefaults } from '../../src/defaults/validation/spec.ts';
import { shippedRoles } from '../../src/install/rbac.ts';
import { enforcedRules, rulesInForce } from '../../src/kinds/index.ts';
import { type Kube, resources } from '../../src/kube/api-server.ts';
import { createKube } from '../../src/kube/client.ts';
import { findConnection } from '../../src/kube/connection.ts';
import { platformDefaults, system } from '../fixtures/defaults.ts';
import { fc } from '../fixtures/fast-check.ts';

const signal = new AbortController().signal;
const webhookKey = { namespace: '', name: 'quartermaster' };
const rule: AdmissionRule = {
  name: 'configmap',
  group: '',
  versions: ['v1'],
  resource: 'configmaps',
  operations: ['CREATE'],
  failurePolicy: 'Fail',
  objectSelector: { matchLabels: { test: 'admitted' } },
};
const OPEN = 'configmap.quartermaster.dev';
const CLOSED = 'configmap-fail-closed.quartermaster.dev';
const caBundle = '-----BEGIN CERTIFICATE-----\n';

let controlPlane: ControlPlane;
let kube: Kube;
let namespace: string;
let count = 0;
/** What the Service is taken to answer, and the time it is taken to be. */
let world = { answers: true, now: 0 };

beforeAll(async () => {
  // Collects what belongs to what was deleted.
  controlPlane = await startControlPlane({ controllerManager: true });
  kube = createKube(await findConnection({ KUBECONFIG: controlPlane.kubeconfig }));
  const role = {
    ...named('rbac.authorization.k8s.io/v1', 'ClusterRole', SHIPPED_ROLES.failClosed, false),
    rules: shippedRoles[SHIPPED_ROLES.failClosed],
  };
  await kube.create(resources.clusterRoles, role);
});
afterAll(() => controlPlane?.stop());

const named = (apiVersion: string, kind: string, name: string, isNamespaced = true): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, ...(isNamespaced && { namespace }) },
});

beforeEach(async () => {
  count += 1;
  namespace = `webhooks-${count}`;
  world = { answers: true, now: 0 };
  await kube.create(resources.namespaces, named('v1', 'Namespace', namespace, false));
  await kube.remove(resources.mutatingWebhooks, webhookKey);
});

const live = () => kube.get<MutatingWebhookConfiguration>(resources.mutatingWebhooks, webhookKey);
const webhooks = async () => (await live())?.webhooks ?? [];
const policies = async () => (await webhooks()).map(({ name, failurePolicy }) => [name, failurePolicy]);
const isBound = async () =>
  (await kube.get(resources.roleBindings, { namespace, name: FAIL_CLOSED_BINDING })) !== undefined;
const edit = (patch: object, type = 'merge') =>
  kubectl(controlPlane, [
    'patch',
    'mutatingwebhookconfiguration',
    'quartermaster',
    `--type=${type}`,
    '-p',
    JSON.stringify(patch),
  ]);

const optionsFor = (target: WebhookConfigurationOptions['target'], bundle: string | undefined = caBundle) => ({
  rules: [rule],
  target,
  caBundle: bundle,
  systemNamespace: namespace,
  nfsNamespace: 'quartermaster-nfs',
});
const outside = (options: Partial<WebhookPublisherOptions> = {}) =>
  webhookPublisher({
    kube,
    name: webhookKey.name,
    desired: () => optionsFor({ url: 'https://127.0.0.1:1/mutate' }),
    probe: () => Promise.resolve(world.answers),
    unavailablePolicy: 'ignore',
    unavailableMs: 60_000,
    now: () => world.now,
    ...options,
  });
const inside = (options: Partial<WebhookPublisherOptions> = {}) => {
  const here = namespace;
  return outside({
    desired: () => optionsFor({ service: { name: 'quartermaster', namespace: here } }),
    installation: {
      namespace: here,
      deployment: 'quartermaster',
      service: 'quartermaster',
      serviceAccount: 'quartermaster',
    },
    ...options,
  });
};
const deployment = () => ({
  ...named('apps/v1', 'Deployment', 'quartermaster'),
  spec: {
    selector: { matchLabels: { app: 'quartermaster' } },
    template: {
      metadata: { labels: { app: 'quartermaster' } },
      spec: { containers: [{ name: 'quartermaster', image: 'quartermaster' }] },
    },
  },
});
const service = () => ({ ...named('v1', 'Service', 'quartermaster'), spec: { ports: [{ port: 443 }] } });
const deploymentKey = () => ({ namespace, name: 'quartermaster' });

/** As `kubectl apply` of the install leaves it, and looked at until it fails closed. */
const installed = async (options: Partial<WebhookPublisherOptions> = {}) => {
  await kube.create(resources.deployments, deployment());
  await kube.create(resources.services, service());
  const shipped = optionsFor({ service: { name: 'quartermaster', namespace } });
  const input = JSON.stringify(webhookConfiguration({ ...shipped, name: webhookKey.name, caBundle: undefined }));
  await kubectl(controlPlane, ['apply', '-f', '-'], { input });
  const look = inside(options);
  expect(await look(signal)).toBe('published');
  expect(await look(signal)).toBe('failing closed');
  return { look, input };
};

/** Whether the API server stores what a webhook that cannot be reached is asked about. */
const isStored = async (): Promise<boolean> => {
  const object = named('v1', 'ConfigMap', 'asked', false);
  const metadata = { generateName: 'asked-', namespace: 'default', labels: { test: 'admitted' } };
  return kube.create(resources.configMaps, { ...object, metadata }).then(
    () => true,
    () => false,
  );
};

describe('the webhook configuration', () => {
  it('is written once, fails closed when somebody has answered, and is not written again while it is right', async () => {
    const look = outside();
    expect(await look(signal)).toBe('published');
    expect(await policies()).toEqual([[OPEN, 'Ignore']]);
    expect(await look(signal)).toBe('failing closed');
    expect(await policies()).toEqual([[OPEN, 'Fail']]);
    const before = await live();
    expect(await look(signal)).toBe('unchanged');
    expect(await outside()(signal)).toBe('unchanged');
    expect((await live())?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
  });

  it('gets back what is ours in it, and leaves what is not', async () => {
    const { look } = await installed();
    const right = await webhooks();
    await edit({
      webhooks: right.map((webhook) => ({ ...webhook, rules: [], clientConfig: { url: 'https://127.0.0.1:1' } })),
    });
    await look(signal);
    await look(signal);
    expect(await webhooks()).toEqual(right);
    const foreign = { ...right[0], name: 'foreign.example.org' };
    await edit({ webhooks: [...right, foreign], metadata: { annotations: { theirs: 'kept' } } });
    await look(signal);
    expect((await webhooks()).map(({ name }) => name)).toEqual([OPEN, CLOSED, 'foreign.example.org']);
    expect((await live())?.metadata.annotations).toMatchObject({ theirs: 'kept' });
  });

  it('takes what a person chooses for a webhook over to the one that fails closed in its place', async () => {
    const { look } = await installed();
    const namespaceSelector = { matchLabels: { team: 'data' } };
    const matchConditions = [{ name: 'theirs', expression: "object.metadata.name != 'x'" }];
    await edit({ webhooks: [{ name: OPEN, timeoutSeconds: 9, namespaceSelector, matchConditions }] }, 'strategic');
    expect(await look(signal)).toBe('published');
    const [open, closed] = await webhooks();
    expect(open).toMatchObject({ timeoutSeconds: 9, namespaceSelector, failurePolicy: 'Ignore' });
    expect(closed).toMatchObject({ timeoutSeconds: 9, namespaceSelector, failurePolicy: 'Fail' });
    for (const { matchConditions: conditions } of [open, closed].map((webhook) => webhook ?? { matchConditions: [] }))
      expect(conditions).toContainEqual(matchConditions[0]);
    expect(await look(signal)).toBe('unchanged');
    expect(await inside()(signal)).toBe('unchanged');
  });

  it('keeps the caBundle that somebody else put there, where the certificate is somebody else’s', async () => {
    const theirs = Buffer.from(caBundle).toString('base64');
    const target = { service: { name: 'quartermaster', namespace } };
    await kube.create(resources.deployments, deployment());
    await kube.create(resources.services, service());
    const look = inside({ desired: () => ({ ...optionsFor(target), caBundle: undefined }), recreateAfterMs: 0 });
    await look(signal);
    expect(await look(signal)).toBe('published');
    await edit({ webhooks: [{ name: OPEN, clientConfig: { caBundle: theirs } }] }, 'strategic');
    expect(await look(signal)).toBe('failing closed');
    expect((await webhooks()).map(({ clientConfig }) => clientConfig.caBundle)).toEqual([theirs, theirs]);
  });

  it('comes back some time after it is deleted, and belongs to the namespace of the install', async () => {
    const { look } = await installed({ recreateAfterMs: 2_000 });
    await kube.remove(resources.mutatingWebhooks, webhookKey);
    expect(await look(signal)).toBe('absent');
    world.now = 1_999;
    expect(await look(signal)).toBe('absent');
    world.now = 2_000;
    expect(await look(signal)).toBe('published');
    expect(await look(signal)).toBe('failing closed');
    expect((await live())?.metadata.ownerReferences).toMatchObject([{ kind: 'Namespace', name: namespace }]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['the Deployment goes', () => kube.remove(resources.deployments, deploymentKey())],
    [
      'the Deployment is scaled to nothing',
      () => kube.mergePatch(resources.deployments, deploymentKey(), { spec: { replicas: 0 } }),
    ],
    ['the namespace is being deleted', () => kube.remove(resources.namespaces, { namespace: '', name: namespace })],
  ])('goes when %s, and stays away', async (_, remove) => {
    const { look } = await installed();
    await remove();
    expect(await look(signal)).toBe('withdrawn');
    expect(await live()).toBeUndefined();
    expect(await isBound()).toBe(false);
    expect(await look(signal)).toBe('unchanged');
  });

  it('does not come back where it is deleted between a look at it and the write', async () => {
    const look = outside();
    await look(signal);
    const uninstalling = outside({
      desired: () => optionsFor({ url: 'https://127.0.0.1:2/mutate' }),
      probe: async () => {
        await kube.remove(resources.mutatingWebhooks, webhookKey);
        return true;
      },
    });
    expect(await uninstalling(signal)).toBe('absent');
    expect(await live()).toBeUndefined();
  });
});

describe('failing closed', () => {
  it('begins with the first answer, and lets nothing through then', async () => {
    await kube.create(resources.deployments, deployment());
    await kube.create(resources.services, service());
    const look = inside();
    world.answers = false;
    await look(signal);
    expect(await look(signal)).toBe('published');
    expect(await look(signal)).toBe('unchanged');
    expect(await policies()).toEqual([[OPEN, 'Ignore']]);
    await expect.poll(isStored).toBe(true);
    world.answers = true;
    expect(await look(signal)).toBe('failing closed');
    await expect.poll(isStored).toBe(false);
  });

  it('ends when no review was answered for long, and begins again with the next answer', async () => {
    const { look } = await installed();
    await expect.poll(isStored).toBe(false);
    world = { answers: false, now: 60_000 };
    expect(await look(signal)).toBe('unchanged');
    world.now = 60_001;
    expect(await look(signal)).toBe('failing open');
    await expect.poll(isStored).toBe(true);
    expect(await look(signal)).toBe('unchanged');
    world.answers = true;
    expect(await look(signal)).toBe('failing closed');
    await expect.poll(isStored).toBe(false);
  });

  it('is kept without an answer where the setting says so', async () => {
    const { look } = await installed({ unavailablePolicy: 'keep' });
    world = { answers: false, now: 1_000_000 };
    expect(await look(signal)).toBe('unchanged');
    await expect.poll(isStored).toBe(false);
  });

  it('ends at once when the Service is deleted', async () => {
    const { look } = await installed({ unavailablePolicy: 'keep' });
    await kube.remove(resources.services, deploymentKey());
    expect(await look(signal)).toBe('failing open');
    await expect.poll(isStored).toBe(true);
  });

  it('survives no kubectl replace: what it wrote over it is put right, then it begins anew', async () => {
    const { look, input } = await installed();
    await expect.poll(isStored).toBe(false);
    await kubectl(controlPlane, ['replace', '-f', '-'], { input });
    await expect.poll(isStored).toBe(true);
    expect(await look(signal)).toBe('published');
    expect(await look(signal)).toBe('failing closed');
    await expect.poll(isStored).toBe(false);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['its Deployment', () => kube.remove(resources.deployments, deploymentKey())],
    ['its namespace', () => kube.remove(resources.namespaces, { namespace: '', name: namespace })],
    ['the binding', () => kube.remove(resources.roleBindings, { namespace, name: FAIL_CLOSED_BINDING })],
  ])('ends with %s, though no replica lives to see it', async (_, remove) => {
    await installed();
    await expect.poll(isStored).toBe(false);
    await remove();
    await expect.poll(isStored, { timeout: 60_000 }).toBe(true);
  });

  it('goes over to a Deployment that was made anew', async () => {
    const { look } = await installed();
    await kube.remove(resources.deployments, deploymentKey());
    await kube.create(resources.deployments, deployment());
    await look(signal);
    const { metadata } = (await kube.get(resources.deployments, deploymentKey())) ?? deployment();
    const binding = await kube.get(resources.roleBindings, { namespace, name: FAIL_CLOSED_BINDING });
    expect(binding?.metadata.ownerReferences).toMatchObject([
      { kind: 'Deployment', uid: (metadata as { uid?: string }).uid },
    ]);
  });
});

describe('kubectl apply of the install over a running one', () => {
  it.each([[['apply']], [['apply', '--server-side', '--force-conflicts']]])(
    'by %j changes nothing that works',
    async (apply) => {
      const { look, input } = await installed();
      expect(await kubectl(controlPlane, ['diff', '-f', '-'], { input })).toBe('');
      const before = await webhooks();
      await kubectl(controlPlane, [...apply, '-f', '-'], { input });
      expect(await webhooks()).toEqual(before);
      expect(await look(signal)).toMatch(/unchanged|published/);
      expect(await webhooks()).toEqual(before);
      expect(await kubectl(controlPlane, ['diff', '-f', '-'], { input })).toBe('');
    },
  );
});

describe('the webhooks that PlatformDefaults ask for', () => {
  const mostly = (usual: readonly string[], odd: readonly string[]) =>
    fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...usual) }, fc.constantFrom(...odd));
  const longDomain = `${'d.'.repeat(130)}x/team`;
  const key = mostly(['team', 'example.org/team'], ['a b', '', '/', 'x'.repeat(64), 'Ä', longDomain]);
  const value = mostly(
    ['geo', '', 'A_b.c-1', 'x'.repeat(63)],
    ['a b', '-a', 'x'.repeat(64), 'ä', 'a/b', '$' + '{user}'],
  );
  const selector = fc.record({
    matchLabels: fc.option(fc.dictionary(key, value, { maxKeys: 2 }), { nil: undefined }),
    matchExpressions: fc.option(
      fc.array(
        fc.record({
          key,
          operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'),
          values: fc.option(fc.array(value, { maxLength: 2 }), { nil: undefined }),
        }),
        { maxLength: 2 },
      ),
      { nil: undefined },
    ),
  });

  it('are taken by the API server, whatever their selectors hold that is found valid', async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(selector, selector, fc.constantFrom('Pod', 'RayNode'), async (objects, namespaces, kind) => {
        const match = { kinds: [kind], selector: objects, namespaceSelector: namespaces } as never;
        const defaults = platformDefaults('asking', { match, mode: 'Enforce', inject: { labels: { a: 'b' } } });
        if (validateDefaults(defaults, system).length > 0) return;
        const asked = askedBy(entryOf(defaults, system), 'aws');
        const rules = [...rulesInForce(asked), ...enforcedRules(asked, [])];
        const target = { url: 'https://127.0.0.1:1/mutate' };
        const options = { name: 'asked-for', rules, target, caBundle, systemNamespace: namespace };
        const made = webhookConfiguration({ ...options, nfsNamespace: 'quartermaster-nfs' } as never);
        await kube.create(resources.mutatingWebhooks, made, { dryRun: true });
        taken += 1;
      }),
      { numRuns: 300 },
    );
    expect(taken).toBeGreaterThan(20);
  });
});
