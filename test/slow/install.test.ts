import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { SHIPPED_ROLES } from '../../src/api/names.ts';
import { secretSource } from '../../src/certificates/secret-source.ts';
import { manifests } from '../../src/cli/manifests.ts';
import type { MutatingWebhookConfiguration } from '../../src/controller/webhooks/configuration.ts';
import { RECREATE_AFTER_MS, webhookPublisher } from '../../src/controller/webhooks/publisher.ts';
import { installObjects, toYaml } from '../../src/install/manifests.ts';
import { readOptions } from '../../src/install/options.ts';
import { clusterPermissions, nfsPermissions, type PolicyRule, systemPermissions } from '../../src/install/rbac.ts';
import { rulesInForce } from '../../src/kinds/index.ts';
import { type Kube, resources } from '../../src/kube/api-server.ts';
import { createKube } from '../../src/kube/client.ts';
import { findConnection } from '../../src/kube/connection.ts';
import { optionSets } from '../fixtures/install-values.ts';
import { refused } from '../fixtures/refused-permissions.ts';

const SYSTEM = 'quartermaster-system';
const NFS = 'quartermaster-nfs';
const ACCOUNT = `system:serviceaccount:${SYSTEM}:quartermaster`;
const signal = new AbortController().signal;
const webhookKey = { namespace: '', name: 'quartermaster' };

interface Deployment {
  readonly spec: { readonly template: { readonly spec: object } };
}

let controlPlane: ControlPlane;
let admin: Kube;
let self: Kube;
let nobody: Kube;

const install = manifests();
const apply = () => kubectl(controlPlane, ['apply', '-f', '-'], { input: install });

beforeAll(async () => {
  controlPlane = await startControlPlane();
  admin = createKube(await findConnection({ KUBECONFIG: controlPlane.kubeconfig }));
  const as = async (namespace: string, name: string): Promise<Kube> =>
    createKube(await findConnection({ KUBECONFIG: await controlPlane.serviceAccountKubeconfig(namespace, name) }));
  self = await as(SYSTEM, 'quartermaster');
  nobody = await as('default', 'nobody');
  await apply();
  // Only then does the API server write nothing more into them by itself.
  await kubectl(controlPlane, ['wait', '--for=condition=established', '--timeout=50s', 'crd', '--all']);
});
afterAll(() => controlPlane?.stop());

const object = (apiVersion: string, kind: string, name: string, namespace?: string): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, ...(namespace !== undefined && { namespace }) },
});
const pod = (namespace: string, spec: object = { containers: [{ name: 'main', image: 'main' }] }) => ({
  ...object('v1', 'Pod', 'from-nothing', namespace),
  spec,
});
/** As the shipped Deployment's pods are: Pod Security lets no others into our namespace. */
const ownPod = (): KubeObject => {
  const objects = parseAllDocuments(install).map((document) => document.toJS() as KubeObject);
  const deployment = objects.find(({ kind }) => kind === 'Deployment') as unknown as Deployment;
  return pod(SYSTEM, deployment.spec.template.spec);
};
const pods = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true };
const claim = (namespace: string) => ({
  ...object('v1', 'PersistentVolumeClaim', 'data', namespace),
  spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'fast', resources: { requests: { storage: '1Gi' } } },
});

describe('the install', () => {
  test('applied twice changes nothing', async () => {
    const versions = async (): Promise<readonly string[]> => {
      const columns = 'jsonpath={.items[*].metadata.resourceVersion}';
      return (await kubectl(controlPlane, ['get', '-f', '-', '-o', columns], { input: install })).split(' ');
    };
    const before = await versions();
    await apply();
    expect(before).toHaveLength(install.split('\n---\n').length);
    expect(await versions()).toEqual(before);
  });

  test('has no field that the API server does not know, whatever is chosen', async () => {
    const objects = optionSets.flatMap(([, values]) => installObjects(readOptions(values)));
    const known = objects.filter(({ apiVersion }) => !/monitoring.coreos.com|cert-manager.io/.test(apiVersion));
    // Most are the same in every set.
    const unlike = [...new Map(known.map((one) => [JSON.stringify(one), one])).values()];
    const input = toYaml(unlike);
    const said = await kubectl(controlPlane, ['apply', '--dry-run=server', '--validate=strict', '-f', '-'], { input });
    expect(said.trim().split('\n')).toHaveLength(unlike.length);
  });

  test('differs in nothing from what is printed, says kubectl diff', async () => {
    expect(await kubectl(controlPlane, ['diff', '-f', '-'], { input: install })).toBe('');
  });

  test('applied over a running one leaves the authority in the webhooks', async () => {
    const { caBundle = '' } = await secretSource({ kube: self, namespace: SYSTEM, names: ['localhost'] })(signal);
    const bundle = Buffer.from(caBundle).toString('base64');
    const bundles = async () =>
      (await admin.get<MutatingWebhookConfiguration>(resources.mutatingWebhooks, webhookKey))?.webhooks ?? [];
    const published = (await bundles()).map((webhook) => ({
      ...webhook,
      clientConfig: { ...webhook.clientConfig, caBundle: bundle },
    }));
    await admin.mergePatch(resources.mutatingWebhooks, webhookKey, { webhooks: published });
    await apply();
    expect((await bundles()).map(({ clientConfig }) => clientConfig.caBundle)).toEqual(published.map(() => bundle));
  });

  test('lets the cluster and Quartermaster start from nothing while every webhook fails', async () => {
    const live = await admin.get<MutatingWebhookConfiguration>(resources.mutatingWebhooks, webhookKey);
    const failing = live?.webhooks?.map((webhook) => ({
      ...webhook,
      failurePolicy: 'Fail',
      clientConfig: { url: 'https://127.0.0.1:1/mutate' },
    }));
    await admin.mergePatch(resources.mutatingWebhooks, webhookKey, { webhooks: failing });
    // The API server reads that a moment later: what came before would prove nothing.
    const tried = () =>
      admin.create(resources.persistentVolumeClaims, claim('default'), { dryRun: true }).then(() => 'stored', String);
    await expect.poll(tried).toContain('failed calling webhook');
    await admin.create(resources.nodes, object('v1', 'Node', 'first'));
    await admin.create(pods, pod('kube-system'));
    await expect(admin.create(pods, pod(SYSTEM))).rejects.toThrow('PodSecurity');
    await admin.create(pods, ownPod());
    await admin.create(pods, pod('default'));
    await admin.create(resources.secrets, object('v1', 'Secret', 'from-nothing', SYSTEM));
    await admin.create(resources.leases, object('coordination.k8s.io/v1', 'Lease', 'from-nothing', SYSTEM));
    await admin.create(resources.namespaces, object('v1', 'Namespace', 'from-nothing'));
    await admin.create(resources.persistentVolumeClaims, claim(NFS));
    await expect(admin.create(resources.persistentVolumeClaims, claim('default'))).rejects.toThrow(
      'failed calling webhook',
    );
  });
});

describe('the service account', () => {
  const isAllowed = async (attributes: Readonly<Record<string, string>>): Promise<boolean> => {
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user: ACCOUNT, resourceAttributes: attributes },
    };
    const answer = await admin.post('/apis/authorization.k8s.io/v1/subjectaccessreviews', review);
    return (answer as { readonly status: { readonly allowed: boolean } }).status.allowed;
  };
  const attributesOf = (namespace: string) => (rule: PolicyRule) =>
    rule.apiGroups.flatMap((group) =>
      rule.resources.flatMap((path) =>
        rule.verbs.flatMap((verb) =>
          (rule.resourceNames ?? ['']).map((name) => {
            const [resource = '', subresource = ''] = path.split('/');
            return { group, resource, subresource, verb, name, namespace };
          }),
        ),
      ),
    );

  test('may do everything in the list', async () => {
    const wanted = [
      ...clusterPermissions.flatMap(attributesOf('')),
      ...systemPermissions.flatMap(attributesOf(SYSTEM)),
      ...nfsPermissions.flatMap(attributesOf(NFS)),
    ];
    expect(wanted.length).toBeGreaterThan(80);
    const answers = await Promise.all(
      wanted.map(async (attributes) => [attributes, await isAllowed(attributes)] as const),
    );
    expect(answers.filter(([, allowed]) => !allowed)).toEqual([]);
  });

  const granted = async (account: Kube, namespace: string): Promise<readonly PolicyRule[]> => {
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } };
    const answer = await account.post('/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', review);
    return (answer as { readonly status: { readonly resourceRules: readonly PolicyRule[] } }).status.resourceRules;
  };
  const sentences = (rules: readonly PolicyRule[]): readonly string[] =>
    rules
      .flatMap(attributesOf(''))
      .map(({ verb, group, resource, subresource, name }) => [verb, group, resource, subresource, name].join(' '))
      .toSorted();

  test.each([
    ['default', clusterPermissions],
    [SYSTEM, [...clusterPermissions, ...systemPermissions]],
    [NFS, [...clusterPermissions, ...nfsPermissions]],
  ])('may do nothing that is not in the list, or anyone may, in the namespace %s', async (namespace, listed) => {
    const anyones = new Set(sentences(await granted(nobody, namespace)));
    const own = sentences(await granted(self, namespace)).filter((sentence) => !anyones.has(sentence));
    expect([...new Set(own)]).toEqual([...new Set(sentences(listed))]);
  });

  test.each(refused)('is refused where it %s', async (_, attributes) => {
    expect(await isAllowed(attributes)).toBe(false);
  });

  const binding = (role: string) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: role, namespace: 'cwl', labels: { 'app.kubernetes.io/managed-by': 'quartermaster' } },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: 'default' }],
  });

  test('hands out the shipped roles and no other', async () => {
    const labels = { 'quartermaster.dev/calrissian': 'enabled' };
    await admin.create(resources.namespaces, {
      ...object('v1', 'Namespace', 'cwl'),
      metadata: { name: 'cwl', labels },
    });
    await self.apply(resources.roleBindings, binding(SHIPPED_ROLES.calrissianPodManager));
    await expect(self.apply(resources.roleBindings, binding('cluster-admin'))).rejects.toMatchObject({
      reason: 'Forbidden',
    });
  });

  test('keeps its certificate and its webhook configuration, and what is printed still differs in nothing', async () => {
    await admin.remove(resources.mutatingWebhooks, webhookKey);
    await apply();
    const certificate = await secretSource({ kube: self, namespace: SYSTEM, names: ['localhost'] })(signal);
    await admin.mergePatch(
      resources.secrets,
      { namespace: SYSTEM, name: 'quartermaster-certificates' },
      { data: { 'tls.crt': null } },
    );
    const renewed = await secretSource({ kube: self, namespace: SYSTEM, names: ['localhost'] })(signal);
    expect(renewed.caBundle).toBe(certificate.caBundle);
    expect(renewed.cert).not.toBe(certificate.cert);
    const look = publisher(renewed.caBundle);
    expect(await look(signal)).toBe('published');
    expect(await look(signal)).toBe('failing closed');
    expect(await kubectl(controlPlane, ['diff', '-f', '-'], { input: install })).toBe('');
  });
});

const publisher = (caBundle: string | undefined) =>
  webhookPublisher({
    kube: self,
    name: webhookKey.name,
    installation: {
      namespace: SYSTEM,
      deployment: 'quartermaster',
      service: 'quartermaster',
      serviceAccount: 'quartermaster',
    },
    probe: () => Promise.resolve(true),
    unavailablePolicy: 'keep',
    unavailableMs: 60_000,
    recreateAfterMs: RECREATE_AFTER_MS,
    desired: () => ({
      rules: rulesInForce([]),
      target: { service: { name: 'quartermaster', namespace: SYSTEM } },
      caBundle,
      systemNamespace: SYSTEM,
      nfsNamespace: NFS,
    }),
  });

describe('the uninstall', () => {
  test('leaves no webhook behind, though Quartermaster still looks after it', async () => {
    const look = publisher('-----BEGIN CERTIFICATE-----\n');
    // Once its roles are gone it is refused: that is no failure here.
    const lookEvery = async (times: number): Promise<void> => {
      for (let looks = 0; looks < times; looks += 1) {
        await look(signal).catch(() => undefined);
        await sleep(300);
      }
    };
    const deleting = kubectl(controlPlane, ['delete', '--wait=false', '-f', '-'], { input: install });
    await Promise.all([deleting, lookEvery(6)]);
    // For longer than one that was deleted stays away.
    await lookEvery(8);
    expect(await admin.get(resources.mutatingWebhooks, webhookKey)).toBeUndefined();
    expect(await admin.create(resources.persistentVolumeClaims, claim('default'))).toMatchObject({
      kind: 'PersistentVolumeClaim',
    });
    const left = async (): Promise<readonly string[]> => {
      const names = await kubectl(controlPlane, ['get', '-f', '-', '--ignore-not-found', '-o', 'name'], {
        input: install,
      });
      // Without a controller manager nobody empties the namespaces, nor what is in them.
      return names.split('\n').filter((name) => name !== '' && !name.startsWith('namespace/'));
    };
    // A definition goes once the API server has looked for objects of it.
    await expect.poll(left, { timeout: 120_000 }).toEqual([]);
  });
});
