import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { type Assets, ensureAssets } from '../../dev/control-plane/assets.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { installObjects, kustomizeTree } from '../../src/install/manifests.ts';
import { type InstallOptions, NFS_NAMESPACE, readOptions } from '../../src/install/options.ts';
import { byName, optionSets } from '../fixtures/install-values.ts';

interface Deployment {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
}

interface Container {
  readonly env: readonly { readonly name: string }[];
  readonly volumeMounts?: readonly { readonly mountPath: string }[];
}

let assets: Assets;

beforeAll(async () => {
  assets = await ensureAssets({});
});

const read = (path: string): Promise<string> => readFile(`manifests/${path}`, 'utf8');
/** By kubectl's own merge, which is kustomize's as well; asks no cluster. */
const patched = async (path: string, patch: string): Promise<Deployment> => {
  const merge = ['patch', '--local', '--type=strategic', '-f', `manifests/${path}`, '-p', patch, '-o', 'yaml'];
  return parse(await kubectl({ assets, directory: tmpdir(), kubeconfig: '' }, merge)) as Deployment;
};

describe('the component for cert-manager', () => {
  it('adds certificates from files to the Deployment, and takes nothing from it', async () => {
    const patch = JSON.stringify(parse(await read('components/cert-manager/deployment.yaml')));
    const plain = parse(await read('base/deployment.yaml')) as Deployment;
    const merged = await patched('base/deployment.yaml', patch);
    const [before, after] = [plain, merged].map(({ spec }) => spec.template.spec.containers[0]);
    const namesIn = (container: Container | undefined) => container?.env.map(({ name }) => name) ?? [];
    const files = ['TLS_CERT_FILE', 'TLS_KEY_FILE', 'TLS_CA_FILE'];
    expect(namesIn(after).toSorted()).toEqual([...namesIn(before), ...files].toSorted());
    expect(after).toMatchObject({ ...before, env: expect.any(Array) as unknown });
    expect(after?.volumeMounts?.map(({ mountPath }) => mountPath)).toEqual(['/certificates']);
  });
});

/** What kubectl's own kustomize makes of a folder. */
const built = async (folder: string): Promise<Readonly<Record<string, unknown>>> => {
  const text = await kubectl({ assets, directory: tmpdir(), kubeconfig: '' }, ['kustomize', folder]);
  return byName(parseAllDocuments(text).map((document) => document.toJS() as never));
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quartermaster-kustomize-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const write = async (name: string, files: Readonly<Record<string, string>>): Promise<string> => {
  for (const [path, text] of Object.entries(files)) {
    const target = join(folder, name, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text);
  }
  return join(folder, name);
};

interface Renamed extends KubeObject {
  readonly spec?: object;
  readonly subjects?: readonly object[];
}

const isPolicy = ({ kind }: Pick<KubeObject, 'kind'>): boolean => kind.startsWith('ValidatingAdmissionPolicy');

describe('kubectl kustomize', () => {
  it.each(optionSets)('makes of manifests/ what the command prints: %s', async (name, values) => {
    const options = readOptions(values);
    expect(await built(await write(name, kustomizeTree(options)))).toEqual(byName(installObjects(options)));
  });

  it.each<[string, Partial<InstallOptions>]>([
    ['cert-manager', { certManager: true }],
    ['prometheus', { monitoring: true }],
    ['cert-manager-and-prometheus', { certManager: true, monitoring: true }],
  ])('makes of the overlay %s what the command prints with its values', async (overlay, values) => {
    expect(await built(`manifests/overlays/${overlay}`)).toEqual(byName(installObjects(readOptions(values))));
  });

  it('moves the install into another namespace', async () => {
    const tree = kustomizeTree(readOptions({}));
    const moved = await write('moved', {
      ...tree,
      'inner/kustomization.yaml': [
        'apiVersion: kustomize.config.k8s.io/v1beta1',
        'kind: Kustomization',
        'namespace: elsewhere',
        'sortOptions: { order: fifo }',
        'resources: [../base]',
        'components: [../components/network-policy, ../components/prometheus]',
      ].join('\n'),
      'kustomization.yaml': [
        'apiVersion: kustomize.config.k8s.io/v1beta1',
        'kind: Kustomization',
        'sortOptions: { order: fifo }',
        'resources: [inner]',
        'components: [components/nfs, components/namespace]',
      ].join('\n'),
    });
    const printed = installObjects(readOptions({ namespace: 'elsewhere', monitoring: true }));
    const objects = Object.values(await built(moved)) as readonly KubeObject[];
    // Kustomize does not know that policies have no namespace; the API server drops it there.
    const stored = objects.map(({ metadata: { namespace, ...metadata }, ...rest }) => ({
      ...rest,
      metadata: { ...metadata, ...(namespace !== undefined && !isPolicy(rest) && { namespace }) },
    }));
    expect(byName(stored as never)).toEqual(byName(printed));
  });

  it('names the serving certificate for the Service of another namespace, prefix and suffix', async () => {
    const renamed = await write('renamed', {
      ...kustomizeTree(readOptions({})),
      'inner/kustomization.yaml': [
        'apiVersion: kustomize.config.k8s.io/v1beta1',
        'kind: Kustomization',
        'namespace: elsewhere',
        'namePrefix: team-',
        'nameSuffix: -blue',
        'resources: [../base]',
        'components: [../components/cert-manager]',
      ].join('\n'),
      'kustomization.yaml': [
        'apiVersion: kustomize.config.k8s.io/v1beta1',
        'kind: Kustomization',
        'resources: [inner]',
        'components: [components/nfs, components/namespace]',
      ].join('\n'),
    });
    const objects = Object.values(await built(renamed)) as readonly Renamed[];
    const named = (kind: string, name: string) =>
      objects.find((one) => one.kind === kind && one.metadata.name === `team-${name}-blue`);
    expect(named('Certificate', 'quartermaster-serving')?.spec).toMatchObject({
      dnsNames: ['team-quartermaster-blue.elsewhere.svc', 'team-quartermaster-blue.elsewhere.svc.cluster.local'],
      issuerRef: { name: 'team-quartermaster-authority-blue' },
    });
    const nfs = objects.find(({ kind, metadata }) => kind === 'RoleBinding' && metadata.namespace === NFS_NAMESPACE);
    expect(nfs?.subjects).toEqual([
      { kind: 'ServiceAccount', name: 'team-quartermaster-blue', namespace: 'elsewhere' },
    ]);
  });
});
