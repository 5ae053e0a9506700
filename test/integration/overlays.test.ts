import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Assets, ensureAssets } from '../../dev/control-plane/assets.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';

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
