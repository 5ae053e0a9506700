import { KubeConfig, VersionApi } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { minorOf, wantedVersion } from '../../dev/control-plane/versions.ts';

const soon = { timeout: 20_000, interval: 100 };

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

  it('is used through its kubeconfig by kubectl and by client-node, and both see its version', async () => {
    const { KUBERNETES_VERSION } = process.env;
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(controlPlane.kubeconfig);
    const { gitVersion } = await kubeConfig.makeApiClient(VersionApi).getCode();
    const said = await kubectl(controlPlane, ['version', '-o', 'json']);
    expect(gitVersion).toContain(`v${KUBERNETES_VERSION ? minorOf(wantedVersion(process.env)) : '1'}.`);
    expect(said).toContain(`"gitVersion": "${gitVersion}"`);
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
