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
});
