import { expect, test } from 'vitest';
import { toolsReference } from '../../dev/cluster/images/node-images.ts';
import { inNamespace, onCluster } from './on-cluster.ts';

const claim = (name: string, className: string, mode: string): string => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${name} }
spec:
  storageClassName: ${className}
  accessModes: [${mode}]
  resources: { requests: { storage: 64Mi } }
`;

/** A pod that does nothing with a claim mounted at /data, as a user without rights. */
const pod = (name: string, claimName: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { claim: ${claimName} } }
spec:
  terminationGracePeriodSeconds: 0
  securityContext: { runAsUser: 1000, runAsGroup: 1000 }
  containers:
    - name: main
      image: ${toolsReference}
      command: [sleep, infinity]
      volumeMounts: [{ name: data, mountPath: /data }]
  volumes: [{ name: data, persistentVolumeClaim: { claimName: ${claimName} } }]
`;

/**
 * The class of the servers' disks, as a platform has it where disks can grow. Folders of the node have no size, and nobody makes them
 * larger: that one is, the test says in its driver's place.
 */
const growingDisk = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: quartermaster-disk }
provisioner: rancher.io/local-path
volumeBindingMode: WaitForFirstConsumer
reclaimPolicy: Delete
allowVolumeExpansion: true
`;

/** A volume of the class by hand, as somebody makes it who wants back what a volume that was removed had. */
const recovered = (nfs: object): string => `
apiVersion: v1
kind: PersistentVolume
metadata: { name: recovered }
spec:
  capacity: { storage: 1Gi }
  accessModes: [ReadWriteMany]
  storageClassName: kept-nfs
  nfs: ${JSON.stringify(nfs)}
`;

const together = (...manifests: readonly string[]): string => manifests.join('\n---\n');

onCluster('volumes', (join) => {
  test('of an unknown class are folders on the node that a pod writes to', async () => {
    const cluster = await join();
    const { kubectl } = cluster;
    await inNamespace(cluster, { name: 'folders' }, async () => {
      const manifests = together(claim('work', 'quick-work', 'ReadWriteOnce'), pod('worker', 'work'));
      await kubectl.withInput(manifests, '-n', 'folders', 'create', '-f', '-');
      await kubectl('-n', 'folders', 'wait', '--for=condition=Ready', 'pod/worker', '--timeout=120s');
      const written = await kubectl(
        '-n',
        'folders',
        'exec',
        'worker',
        '--',
        'sh',
        '-c',
        'echo here > /data/file; cat /data/file',
      );
      expect(written).toBe('here\n');
    });
  });

  test('of an nfs class are shared: two pods read what each other wrote, and find it again when the server was killed', async () => {
    const cluster = await join();
    const { kubectl } = cluster;
    const name = 'sharing';
    const inPod = (podName: string, script: string) => kubectl('-n', name, 'exec', podName, '--', 'sh', '-c', script);
    await inNamespace(cluster, { name }, async () => {
      const manifests = together(
        claim('files', 'shared-nfs', 'ReadWriteMany'),
        pod('one', 'files'),
        pod('two', 'files'),
      );
      await kubectl.withInput(manifests, '-n', name, 'create', '-f', '-');
      await kubectl('-n', name, 'wait', '--for=condition=Ready', 'pod', '-l', 'claim=files', '--timeout=180s');
      expect(await inPod('one', 'mount | grep " /data " | cut -d " " -f 5')).toBe('fuse.nfs\n');
      await inPod('one', 'echo from one > /data/one');
      expect(await inPod('two', 'cat /data/one; echo from two > /data/two')).toBe('from one\n');
      expect(await inPod('one', 'cat /data/two')).toBe('from two\n');

      const server = ['-n', 'quartermaster-nfs', 'pod', '-l', 'app.kubernetes.io/instance=shared-nfs-nfs'];
      await kubectl('delete', ...server, '--grace-period=0', '--force');
      await kubectl('-n', 'quartermaster-nfs', 'rollout', 'status', 'deployment/shared-nfs-nfs', '--timeout=120s');
      await expect.poll(() => inPod('two', 'cat /data/one /data/two').catch(String)).toBe('from one\nfrom two\n');

      await kubectl('-n', name, 'delete', 'pod', 'one', 'two', '--now');
    });
  });

  test('of an nfs class make its disk grow, take the server with them when the last is gone, and are kept on that disk', async () => {
    const cluster = await join();
    const { kubectl } = cluster;
    const name = 'growing';
    const inNamespaceOf =
      (namespace: string) =>
      (...args: readonly string[]) =>
        kubectl('-n', namespace, ...args);
    const [within, servers] = [inNamespaceOf(name), inNamespaceOf('quartermaster-nfs')];
    const disk = ['get', 'pvc', 'kept-nfs-nfs', '-o', 'jsonpath={.spec.resources.requests.storage}'];
    const create = (claimName: string, size: string) => {
      const manifest = claim(claimName, 'kept-nfs', 'ReadWriteMany').replace('64Mi', size);
      return kubectl.withInput(manifest, '-n', name, 'create', '-f', '-');
    };
    const bound = (claimName: string) =>
      within('wait', '--for=jsonpath={.status.phase}=Bound', `pvc/${claimName}`, '--timeout=180s');
    await cluster.apply(growingDisk);
    await inNamespace(cluster, { name }, async () => {
      await create('first', '1Gi');
      await bound('first');
      await kubectl.withInput(pod('writer', 'first'), '-n', name, 'create', '-f', '-');
      await within('wait', '--for=condition=Ready', 'pod/writer', '--timeout=120s');
      await within('exec', 'writer', '--', 'sh', '-c', 'echo kept > /data/file');
      expect(await servers(...disk)).toBe('3Gi');
      await create('second', '4Gi');
      await expect.poll(() => servers(...disk)).toBe('7Gi');
      const reasons = () => servers('get', 'events', '-o', 'jsonpath={.items[*].reason}');
      await expect.poll(reasons).toContain('NfsDiskExpanded');
      await expect.poll(() => within('get', 'events', '-o', 'jsonpath={.items[*].reason}')).toContain('NfsDiskGrowing');
      expect(await within('get', 'pvc', 'second', '-o', 'jsonpath={.status.phase}')).toBe('Pending');
      const grown = JSON.stringify({ status: { capacity: { storage: '7Gi' } } });
      await servers('patch', 'pvc', 'kept-nfs-nfs', '--subresource=status', '--type=merge', '-p', grown);
      await bound('second');

      await within('delete', 'pod', 'writer', '--now');
      const volume = '{.items[?(@.spec.storageClassName=="kept-nfs")].metadata.name}';
      const volumes = (await kubectl('get', 'pv', '-o', `jsonpath=${volume}`)).split(' ');
      const first = await within('get', 'pvc', 'first', '-o', 'jsonpath={.spec.volumeName}');
      const nfs = await kubectl('get', 'pv', first, '-o', 'jsonpath={.spec.nfs}');
      await within('delete', 'pvc', '--all');
      await kubectl('delete', 'pv', ...volumes);
      await kubectl('wait', '--for=delete', 'storageclass/kept-nfs', '--timeout=120s');
      await servers('wait', '--for=delete', 'deployment/kept-nfs-nfs', '--timeout=120s');
      await expect.poll(reasons).toContain('NfsDiskKept');

      await kubectl.withInput(recovered(JSON.parse(nfs) as object), 'create', '-f', '-');
      const again = claim('again', 'kept-nfs', 'ReadWriteMany').replace('spec:', 'spec:\n  volumeName: recovered');
      await kubectl.withInput(together(again, pod('reader', 'again')), '-n', name, 'create', '-f', '-');
      await within('wait', '--for=condition=Ready', 'pod/reader', '--timeout=240s');
      expect(await within('exec', 'reader', '--', 'cat', '/data/file')).toBe('kept\n');
      await within('delete', 'pod', 'reader', '--now');
      await within('delete', 'pvc', '--all');
      await kubectl('delete', 'pv', 'recovered');
      await kubectl('wait', '--for=delete', 'storageclass/kept-nfs', '--timeout=120s');
    });
    await servers('delete', 'pvc', 'kept-nfs-nfs');
    await kubectl('delete', 'storageclass', 'quartermaster-disk');
  });
});
