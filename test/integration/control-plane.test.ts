import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { KubeConfig, VersionApi } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';

const soon = { timeout: 20_000, interval: 100 };

/** The processes whose command line names the control plane's directory. */
async function processesOf(directory: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
  return stdout.split('\n').filter((line) => line.includes(directory));
}

describe('a control plane', () => {
  let controlPlane: ControlPlane;

  beforeAll(async () => {
    controlPlane = await startControlPlane();
  });

  afterAll(() => controlPlane?.stop());

  it('is used through its kubeconfig by kubectl and by client-node, and both see its version', async () => {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(controlPlane.kubeconfig);
    const { gitVersion } = await kubeConfig.makeApiClient(VersionApi).getCode();
    const said = await kubectl(controlPlane, ['version', '-o', 'json']);
    expect(gitVersion).toMatch(/^v1\.\d+\.\d+/);
    expect(said).toContain(`"gitVersion": "${gitVersion}"`);
  });

  it('keeps its data and its address when the API server is killed and comes back', async () => {
    const { url } = controlPlane;
    await kubectl(controlPlane, ['create', 'namespace', 'kept-through-kill']);
    await controlPlane.killApiServer();
    await expect(fetch(`${url}/livez`)).rejects.toThrow('fetch failed');
    await controlPlane.startApiServer();
    expect(await kubectl(controlPlane, ['get', 'namespace', '-o', 'name'])).toContain('namespace/kept-through-kill');
    expect(controlPlane.url).toBe(url);
  });

  it('keeps its data when the API server is stopped in order and comes back', async () => {
    await kubectl(controlPlane, ['create', 'namespace', 'kept-through-stop']);
    await controlPlane.stopApiServer();
    await controlPlane.startApiServer();
    expect(await kubectl(controlPlane, ['get', 'namespace', '-o', 'name'])).toContain('namespace/kept-through-stop');
  });

  it('lets a service account do what its role says and nothing else', async () => {
    const kubeconfig = await controlPlane.serviceAccountKubeconfig('default', 'reader');
    const asReader = (...args: readonly string[]) => kubectl(controlPlane, args, { kubeconfig });
    await expect(asReader('get', 'configmaps')).rejects.toThrow('system:serviceaccount:default:reader');
    await kubectl(controlPlane, ['create', 'role', 'reader', '--verb=list', '--resource=configmaps']);
    await kubectl(controlPlane, [
      'create',
      'rolebinding',
      'readers',
      '--role=reader',
      '--group=system:serviceaccounts:default',
    ]);
    await vi.waitFor(() => asReader('get', 'configmaps'), soon);
    await expect(asReader('get', 'secrets')).rejects.toThrow('Forbidden');
  });

  it('leaves no process and no file when it is stopped', async () => {
    expect((await processesOf(controlPlane.directory)).length).toBe(2);
    await controlPlane.stop();
    expect(await processesOf(controlPlane.directory)).toEqual([]);
    expect(existsSync(controlPlane.directory)).toBe(false);
  });
});

it('does not outlive the process that started it, even one killed with -9', async () => {
  const script = `
    import { startControlPlane } from ${JSON.stringify(new URL('../../dev/control-plane/control-plane.ts', import.meta.url).href)};
    console.log((await startControlPlane()).directory);
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = (await once(owner.stdout, 'data')) as [Buffer];
  const directory = output.toString().trim();
  expect((await processesOf(directory)).length).toBe(2);
  owner.kill('SIGKILL');
  await vi.waitFor(async () => expect(await processesOf(directory)).toEqual([]), soon);
});

describe('a control plane with its controller manager', () => {
  const volume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'volume' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'by-hand',
      hostPath: { path: '/nowhere' },
    },
  };
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'claim', namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'by-hand', resources: { requests: { storage: '1Gi' } } },
  };
  let controlPlane: ControlPlane;

  beforeAll(async () => {
    controlPlane = await startControlPlane({ controllerManager: true });
  });

  afterAll(() => controlPlane?.stop());

  function create(...items: readonly object[]): Promise<string> {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    return kubectl(controlPlane, ['create', '-f', '-'], { input });
  }

  it('binds a claim to the volume that fits it', async () => {
    await create(volume, claim);
    const phase = () => kubectl(controlPlane, ['get', 'pvc', 'claim', '-o', 'jsonpath={.status.phase}']);
    await vi.waitFor(async () => expect(await phase()).toBe('Bound'), soon);
  });

  it('deletes what a deleted object owned', async () => {
    await kubectl(controlPlane, ['create', 'configmap', 'owner']);
    const uid = await kubectl(controlPlane, ['get', 'configmap', 'owner', '-o', 'jsonpath={.metadata.uid}']);
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }];
    await create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'owned', ownerReferences } });
    await kubectl(controlPlane, ['delete', 'configmap', 'owner']);
    const names = () => kubectl(controlPlane, ['get', 'configmap', '-o', 'name']);
    await vi.waitFor(async () => expect(await names()).not.toContain('configmap/owned'), soon);
  });
});
