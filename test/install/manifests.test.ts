import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { SHIPPED_ROLES } from '../../src/api/names.ts';
import { manifests } from '../../src/cli/manifests.ts';
import type { MutatingWebhookConfiguration } from '../../src/controller/webhooks/configuration.ts';
import { installObjects, kustomizeTree } from '../../src/install/manifests.ts';
import { defaults, type InstallOptions, readOptions, selectorLabels } from '../../src/install/options.ts';
import {
  clusterPermissions,
  nfsPermissions,
  type PolicyRule,
  shippedRoles,
  systemPermissions,
  type UrlRule,
} from '../../src/install/rbac.ts';
import { rulesInForce } from '../../src/kinds/index.ts';
import { settings } from '../../src/settings/definitions.ts';
import { impossible } from '../fixtures/install-values.ts';

const root = join(import.meta.dirname, '../..');
const tree = kustomizeTree(defaults);
const objectsOf = (text: string): readonly KubeObject[] =>
  parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
const printed = objectsOf(manifests());
const named = <T>(kind: string, name = 'quartermaster'): T => {
  const found = printed.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found as T;
};

describe('manifests/', () => {
  test('is what the command prints; node dev/write-manifests.ts makes it so', async () => {
    const directory = join(root, 'manifests');
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    const texts = await Promise.all(
      files.map(async (file) => [relative(directory, file), await readFile(file, 'utf8')] as const),
    );
    expect(Object.fromEntries(texts)).toEqual(tree);
  });

  test('lists the same objects in the same order as the command', () => {
    const { resources } = parse(tree['base/kustomization.yaml'] ?? '') as { readonly resources: readonly string[] };
    const parts = ['nfs', 'network-policy'].map((name) => `components/${name}/objects.yaml`);
    const paths = [...resources.map((file) => `base/${file}`), ...parts];
    expect(paths.flatMap((path) => objectsOf(tree[path] ?? ''))).toEqual(printed);
  });

  test('names no file that is not there', () => {
    const missing = Object.entries(tree)
      .filter(([path]) => path.endsWith('kustomization.yaml'))
      .flatMap(([path, text]) => {
        const { resources = [], components = [], patches = [] } = parse(text) as Kustomization;
        const names = [...resources, ...components, ...patches.map((patch) => patch.path)];
        return names.map((name) => join(path, '..', name));
      })
      .filter((path) => tree[path] === undefined && tree[join(path, 'kustomization.yaml')] === undefined);
    expect(missing).toEqual([]);
  });

  test('is taken apart from the webhook configuration down, by kustomize as well', () => {
    expect(printed[0]?.kind).toBe('MutatingWebhookConfiguration');
    for (const [path, text] of Object.entries(tree).filter(([, text]) => text.includes('kind: Kustomization'))) {
      expect(parse(text), path).toMatchObject({ sortOptions: { order: 'fifo' } });
    }
  });
});

interface Kustomization {
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly patches?: readonly { readonly path: string }[];
}

const webhooks = () => named<MutatingWebhookConfiguration>('MutatingWebhookConfiguration').webhooks ?? [];

describe('the printed install', () => {
  test('goes into the namespace and runs the image it is given', () => {
    const text = manifests({ namespace: 'elsewhere', image: 'registry.example.org/quartermaster:9' });
    expect(text).not.toContain('quartermaster-system');
    expect(text).toContain('image: registry.example.org/quartermaster:9');
    expect(text).toContain('namespace: elsewhere');
  });

  test('asks the API server for exactly the rules the server runs while nothing is asked for', () => {
    expect(webhooks().map(({ name }) => name)).toEqual(
      rulesInForce([]).map((rule) => `${rule.name}.quartermaster.dev`),
    );
  });

  test('has no webhook that fails closed before anybody answers', () => {
    expect(new Set(webhooks().map(({ failurePolicy }) => failurePolicy))).toEqual(new Set(['Ignore']));
  });

  test('keeps every webhook away from what must work without it', () => {
    const away = {
      key: 'kubernetes.io/metadata.name',
      operator: 'NotIn',
      values: ['kube-system', 'kube-node-lease', 'quartermaster-system', 'quartermaster-nfs'],
    };
    for (const webhook of webhooks()) {
      expect(webhook, webhook.name).toMatchObject({
        sideEffects: 'NoneOnDryRun',
        reinvocationPolicy: 'IfNeeded',
        timeoutSeconds: 5,
        namespaceSelector: { matchExpressions: expect.arrayContaining([away]) as unknown },
      });
    }
  });

  test('sends no pod to the webhook that carries no mark of its own', () => {
    const pods = rulesInForce([]).filter(({ resource }) => resource === 'pods');
    expect(pods.length).toBeGreaterThan(0);
    for (const rule of pods) expect(rule.objectSelector ?? rule.namespaceSelector, rule.name).toBeDefined();
  });

  test('leaves the process more time to end than it takes', () => {
    const { spec } = named<{ readonly spec: { readonly template: { readonly spec: PodTemplateSpec } } }>('Deployment');
    const shutdown = Number(settings.shutdownSeconds.fallback);
    expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(shutdown);
  });

  test('leaves it as much more where it may take longer', () => {
    const chosen = installObjects(readOptions({ settings: { SHUTDOWN_SECONDS: '120', DRAIN_SECONDS: '60' } }));
    expect(chosen.find(({ kind }) => kind === 'Deployment')).toMatchObject({
      spec: { template: { spec: { terminationGracePeriodSeconds: 130 } } },
    });
  });

  test('runs as nobody, on a root it cannot write, with no capability', () => {
    const { spec } = named<{ readonly spec: { readonly template: { readonly spec: PodTemplateSpec } } }>('Deployment');
    expect(spec.template.spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(spec.template.spec.containers.map(({ securityContext }) => securityContext)).toEqual([
      { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    ]);
  });
});

interface PodTemplateSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: unknown;
  readonly containers: readonly { readonly securityContext: unknown }[];
}

describe('permissions', () => {
  const all = [...clusterPermissions, ...systemPermissions, ...nfsPermissions, ...Object.values(shippedRoles).flat()];

  test('hold no wildcard and none of the verbs that give more than is written', () => {
    for (const { verbs, resources, apiGroups } of all) {
      expect([...verbs, ...resources, ...apiGroups]).not.toContain('*');
      expect(verbs).not.toContain('escalate');
      expect(verbs).not.toContain('impersonate');
    }
  });

  test('bind nothing but the shipped roles, by name', () => {
    const binding = all.filter(({ verbs }) => verbs.includes('bind'));
    expect(binding).toHaveLength(1);
    const names = binding[0]?.resourceNames ?? [];
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect(Object.keys(shippedRoles)).toContain(name);
    expect(names).not.toContain(SHIPPED_ROLES.nfsProvisioner);
  });

  test('let nobody list or watch secrets', () => {
    const secrets = all.filter(({ resources }) => resources.includes('secrets'));
    for (const { verbs } of secrets) expect(verbs.filter((verb) => verb === 'list' || verb === 'watch')).toEqual([]);
  });
});

describe('options of manifests', () => {
  test.each<readonly [Partial<InstallOptions>, RegExp]>([
    [{ namespace: 'kube-system' }, /namespace kube-system is Kubernetes' own/],
    [{ namespace: 'default' }, /namespace default is Kubernetes' own/],
    [{ namespace: 'quartermaster-nfs' }, /namespace quartermaster-nfs is that of the NFS servers/],
    [{ namespace: 'Bad_NS' }, /namespace "Bad_NS" is no DNS label/],
    [{ namespace: '' }, /namespace "" is no DNS label/],
    [{ settings: { CLUOD: 'aws' } }, /settings\.CLUOD: is no setting \(did you mean CLOUD\?\)/],
    [{ nfsServerImage: 'Upper' }, /nfsServerImage: "Upper" is not an image, .* or empty/],
    [{ image: '' }, /image: "" is not an image, such as registry\.example\.org\/quartermaster:0\.1\.0/],
    [{ image: 'Registry/Upper:1' }, /image: "Registry\/Upper:1" is not an image/],
    [{ image: 'quartermaster:1 --privileged' }, /image: .* is not an image/],
    [{ image: 'quartermaster@sha256:12' }, /image: .* is not an image/],
    [{ namespace: 'Bad_NS', image: 'a b' }, /namespace .*; image: .*\.$/],
    [{ replicas: 11 }, /replicas: must be at most 10/],
    [{ logLevel: 'loud' as 'info' }, /logLevel: "loud" is not one of/],
    [
      { failurePolicy: { pods: 'Fail' as const } },
      /failurePolicy.pods: there is no such webhook \(did you mean pod\?\), only persistent-volume-claim/,
    ],
    [{ timeoutSeconds: 31 }, /timeoutSeconds: must be at most 30/],
    [{ excludedNamespaces: ['Bad_NS'] }, /excludedNamespaces\[0\]: "Bad_NS" is not a DNS label/],
    [{ settings: { LOG_LEVEL: 'debug' } }, /settings.LOG_LEVEL: is said by the value logLevel/],
    [{ settings: { SERVICE_NAME: 'other' } }, /settings.SERVICE_NAME: is fixed by what is installed/],
    [{ settings: { CLOUDS: 'aws' } }, /settings.CLOUDS: is no setting/],
    [{ settings: { CLOUD: 'mars' } }, /settings: .*CLOUD="mars" is not one of/],
    [{ replica: 2 } as object, /replica: there is no such field/],
    [{ podLabels: { 'app.kubernetes.io/name': 'x' } }, /podLabels.app.kubernetes.io\/name: is what the Service finds/],
    [{ monitoringLabels: { 'app.kubernetes.io/name': 'x' } }, /monitoringLabels.app.kubernetes.io\/name: is what the/],
    ...impossible,
  ])('are refused by name: %o', (given, sentence) => {
    expect(() => manifests(given)).toThrow(sentence);
  });

  test.each([
    'quartermaster',
    'localhost:5000/quartermaster:0.1.0',
    'registry.example.org/team/a__b/quartermaster:v1_2-rc.1',
    `ghcr.io/example/quartermaster:1@sha256:${'0a'.repeat(32)}`,
  ])('take the image %s', (image) => {
    expect(manifests({ image })).toContain(`image: ${image}\n`);
  });
});

describe('roles for people', () => {
  test('let nobody read Secrets or write what is not theirs', () => {
    const roles = printed.filter(({ metadata }) => /-(?:view|edit|platform-admin)$/.test(metadata.name ?? ''));
    expect(roles).toHaveLength(4);
    const rules = roles.flatMap(
      (role) => (role as unknown as { readonly rules: readonly Partial<PolicyRule & UrlRule>[] }).rules,
    );
    const words = rules.flatMap(({ resources = [], nonResourceURLs = [], verbs = [] }) => [
      ...resources,
      ...nonResourceURLs,
      ...verbs,
    ]);
    for (const word of ['secrets', '*', 'bind', 'escalate', 'impersonate']) expect(words).not.toContain(word);
    const writing = rules.filter(({ verbs = [] }) => verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)));
    expect(writing.flatMap(({ resources = [] }) => resources).filter((path) => path.endsWith('/status'))).toEqual([]);
  });
});

describe('the disruption budget', () => {
  test('lets the node of the only replica be drained', () => {
    expect(named<object>('PodDisruptionBudget')).toMatchObject({ spec: { maxUnavailable: 1 } });
  });

  test('lets a node be drained though a replica on it is not ready', () => {
    expect(named('PodDisruptionBudget')).toMatchObject({ spec: { unhealthyPodEvictionPolicy: 'AlwaysAllow' } });
  });
});

interface Policy extends KubeObject {
  readonly spec: {
    readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly ingress: readonly {
      readonly ports: readonly { readonly port: string }[];
      readonly from?: readonly object[];
    }[];
  };
}

/** Whom the policies of an install let through to a port of its pods: everybody where none selects them, else all that any lets in. */
const letIn = (port: string, objects: readonly KubeObject[]): 'everybody' | readonly object[] => {
  const policies = objects.filter((object): object is Policy => object.kind === 'NetworkPolicy');
  const isOfOurs = ({ spec }: Policy): boolean =>
    Object.entries(spec.podSelector.matchLabels).every(([name, value]) => selectorLabels[name] === value);
  const selecting = policies.filter(isOfOurs);
  const rules = selecting
    .flatMap(({ spec }) => spec.ingress)
    .filter(({ ports }) => ports.some((one) => one.port === port));
  const isOpen = selecting.length === 0 || rules.some(({ from }) => from === undefined);
  return isOpen ? 'everybody' : rules.flatMap(({ from = [] }) => from);
};

const SAME_NAMESPACE = { podSelector: {} };
const PROMETHEUS = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } };
const sets = [
  { networkPolicy: true, monitoring: true, ops: [SAME_NAMESPACE, PROMETHEUS] },
  { networkPolicy: true, monitoring: false, ops: [SAME_NAMESPACE] },
  { networkPolicy: false, monitoring: true, ops: 'everybody' },
  { networkPolicy: false, monitoring: false, ops: 'everybody' },
];

describe('the NetworkPolicies', () => {
  test.each(sets)('let the API server through to the webhook: %o', ({ ops, ...values }) => {
    const objects = installObjects(readOptions(values));
    expect(letIn('webhook', objects)).toBe('everybody');
    expect(letIn('ops', objects)).toEqual(ops);
  });

  test.each([[[]], [['network-policy']], [['prometheus']], [['network-policy', 'prometheus']]])(
    'of the components %o let the API server through to the webhook',
    (components) => {
      const objects = components.flatMap((name) => objectsOf(tree[`components/${name}/objects.yaml`] ?? ''));
      expect(letIn('webhook', objects)).toBe('everybody');
    },
  );
});
