import { afterAll, expect, test } from 'vitest';
import type { Cluster } from '../../dev/cluster/cluster.ts';
import { toolsReference } from '../../dev/cluster/images/node-images.ts';
import { inNamespace, onCluster } from './on-cluster.ts';

const claim = (name: string, className: string, size = '64Mi'): string => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${name} }
spec:
  storageClassName: ${className}
  accessModes: [ReadWriteMany]
  resources: { requests: { storage: ${size} } }
`;

/** A pod with a claim mounted at /data. */
const pod = (name: string, claimName: string, user: number, script = 'sleep infinity'): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  terminationGracePeriodSeconds: 0
  securityContext: { runAsUser: ${user}, runAsGroup: ${user} }
  containers:
    - name: main
      image: ${toolsReference}
      command: [sh, -c, ${JSON.stringify(script)}]
      volumeMounts: [{ name: data, mountPath: /data }]
  volumes: [{ name: data, persistentVolumeClaim: { claimName: ${claimName} } }]
`;

const together = (...manifests: readonly string[]): string => manifests.join('\n---\n');

/** Writes a numbered line, again and again until it is written, then the next. */
const writer = `n=0
while true; do
  if echo "line $n" >> /data/lines; then n=$((n + 1)); echo $n > /tmp/written; fi
  sleep 0.1
done`;

/** A line may be there twice where the answer to a write was lost; one that was written is never missing. */
const missing = (written: number, text: string): readonly number[] => {
  const lines = new Set(text.split('\n'));
  return Array.from({ length: written }, (_, at) => at).filter((at) => !lines.has(`line ${at}`));
};

/** What it has in `work` and not afterwards. */
const withSetting = async ({ kubectl }: Cluster, setting: string, work: () => Promise<void>): Promise<void> => {
  const product = ['-n', 'quartermaster-system'];
  const [name, value] = setting.split('=');
  const shipped = await kubectl(
    ...product,
    'get',
    'deployment/quartermaster',
    '-o',
    `jsonpath={.spec.template.spec.containers[0].env[?(@.name=="${name}")].value}`,
  );
  const give = async (given: string): Promise<void> => {
    await kubectl(...product, 'set', 'env', 'deployment/quartermaster', given);
    await kubectl(...product, 'rollout', 'status', 'deployment/quartermaster', '--timeout=180s');
  };
  await give(`${name}=${value}`);
  try {
    await work();
  } finally {
    await give(shipped === '' ? `${name}-` : `${name}=${shipped}`);
  }
};

const servers = 'quartermaster-nfs';
const serverOf = (className: string): string => `deployment/${className}-nfs`;

const namespaces = ['unprivileged', 'tenant-a', 'tenant-b', 'writing', 'deleting', 'clients', 'moving'];

/** A server stays while there is a volume of it, kept by its class or not: the node has no room for all of them and what comes next. */
const removeServers = async ({ kubectl }: Cluster): Promise<void> => {
  await kubectl('wait', '--for=delete', ...namespaces.map((name) => `namespace/${name}`), '--timeout=240s');
  const kept = 'jsonpath={.items[?(@.status.phase=="Released")].metadata.name}';
  const volumes = (await kubectl('get', 'pv', '-o', kept)).split(' ').filter((name) => name !== '');
  if (volumes.length > 0) await kubectl('delete', 'pv', ...volumes);
  await kubectl('-n', servers, 'wait', '--for=delete', 'deployment', '--all', '--timeout=240s');
};

onCluster('NFS servers', (join) => {
  afterAll(async () => removeServers(await join()));

  test('run without privileges on a root file system that nobody writes to, and with no token of the API server', async () => {
    const cluster = await join();
    const { kubectl } = cluster;
    const name = 'unprivileged';
    await inNamespace(cluster, { name }, async () => {
      await kubectl.withInput(claim('files', 'unprivileged-nfs'), '-n', name, 'create', '-f', '-');
      await kubectl('-n', name, 'wait', '--for=jsonpath={.status.phase}=Bound', 'pvc/files', '--timeout=180s');
      const inServer = (script: string) =>
        kubectl('-n', servers, 'exec', serverOf('unprivileged-nfs'), '--', 'sh', '-c', script);
      expect(await inServer('grep CapBnd /proc/1/status')).toBe('CapBnd:\t00000000000000df\n');
      expect(await inServer('touch /here 2>&1 || true')).toContain('Read-only file system');
      expect(await inServer('ls /var/run/secrets 2>&1 || true')).toContain('No such file');
      const account = `system:serviceaccount:${servers}:unprivileged-nfs-nfs`;
      expect(await kubectl('auth', 'can-i', '--list', '--as', account)).not.toMatch(/secrets|services |endpoints/);
    });
  });

  test('serve two tenants at once, who see nothing of each other and are no root there', async () => {
    const cluster = await join();
    const { kubectl } = cluster;
    const paths = ['get', 'pv', '-o', 'jsonpath={range .items[*]}{.spec.nfs.path}{"\\n"}{end}'];
    const work = async (namespace: string, className: string): Promise<void> => {
      const within = (...args: readonly string[]) => kubectl('-n', namespace, ...args);
      const inPod = (script: string) => within('exec', 'work', '--', 'sh', '-c', script);
      const manifests = together(claim('files', className), claim('more', 'a-nfs'), pod('work', 'files', 0));
      await kubectl.withInput(manifests, '-n', namespace, 'create', '-f', '-');
      await within('wait', '--for=condition=Ready', 'pod/work', '--timeout=180s');
      await within('wait', '--for=jsonpath={.status.phase}=Bound', 'pvc', '--all', '--timeout=180s');
      await inPod(`echo ${namespace} > /data/mine`);
      expect(await inPod('cat /data/*; stat -c %u /data/mine')).toBe(`${namespace}\n65534\n`);
      expect((await kubectl(...paths)).split(`/export/volumes/${namespace}/pvc-`)).toHaveLength(3);
      await within('delete', 'pod', 'work', '--now');
    };
    const tenants = { 'tenant-a': 'a-nfs', 'tenant-b': 'b-nfs' };
    await Promise.all(
      Object.entries(tenants).map(([name, className]) => inNamespace(cluster, { name }, () => work(name, className))),
    );
  });

  test('keep every line of a writer while they are killed under it, and let its claim grow meanwhile', async () => {
    const cluster = await join();
    const { kubectl } = cluster;
    const name = 'writing';
    const within = (...args: readonly string[]) => kubectl('-n', name, ...args);
    const inPod = (script: string) => within('exec', 'writer', '--', 'sh', '-c', script);
    const written = async (): Promise<number> => Number(await inPod('cat /tmp/written'));
    await inNamespace(cluster, { name }, async () => {
      const manifests = together(claim('files', 'writing-nfs'), pod('writer', 'files', 1000, writer));
      await kubectl.withInput(manifests, '-n', name, 'create', '-f', '-');
      await within('wait', '--for=condition=Ready', 'pod/writer', '--timeout=180s');
      await expect.poll(written).toBeGreaterThan(5);

      const pods = ['-n', servers, 'pod', '-l', 'app.kubernetes.io/instance=writing-nfs-nfs'];
      await kubectl('delete', ...pods, '--grace-period=0', '--force');
      await kubectl('-n', servers, 'rollout', 'status', serverOf('writing-nfs'), '--timeout=120s');
      const atRestart = await written();
      await expect.poll(written).toBeGreaterThan(atRestart + 5);

      const larger = JSON.stringify({ spec: { resources: { requests: { storage: '1Gi' } } } });
      await within('patch', 'pvc', 'files', '-p', larger);
      await within('wait', '--for=jsonpath={.status.capacity.storage}=1Gi', 'pvc/files', '--timeout=60s');

      const count = await written();
      expect(missing(count, await inPod('cat /data/lines'))).toEqual([]);
      await within('delete', 'pod', 'writer', '--now');
    });
  });

  test('delete what a volume held where the class says Delete', async () => {
    const cluster = await join();
    const { kubectl } = cluster;
    const name = 'deleting';
    const within = (...args: readonly string[]) => kubectl('-n', name, ...args);
    await inNamespace(cluster, { name }, async () => {
      const className = 'scratch-nfs-delete';
      const manifests = together(claim('stays', className), claim('goes', className), pod('work', 'goes', 1000));
      await kubectl.withInput(manifests, '-n', name, 'create', '-f', '-');
      await within('wait', '--for=condition=Ready', 'pod/work', '--timeout=180s');
      await within('exec', 'work', '--', 'sh', '-c', 'mkdir /data/folder; echo here > /data/folder/file');
      const volume = await within('get', 'pvc', 'goes', '-o', 'jsonpath={.spec.volumeName}');
      const onDisk = () =>
        kubectl(
          '-n',
          servers,
          'exec',
          serverOf(className),
          '--',
          'find',
          '/export',
          '-name',
          'file',
          '-o',
          '-name',
          volume,
        );
      expect((await onDisk()).trim().split('\n')).toHaveLength(2);
      await within('delete', 'pod', 'work', '--now');
      await within('delete', 'pvc', 'goes');
      await kubectl('wait', '--for=delete', `pv/${volume}`, '--timeout=60s');
      await expect.poll(onDisk).toBe('');
    });
  });

  test('let in nobody but the nodes, where these are named', async () => {
    const cluster = await join();
    const { kubectl } = cluster;
    const name = 'clients';
    const within = (...args: readonly string[]) => kubectl('-n', name, ...args);
    await inNamespace(cluster, { name }, async () => {
      await withSetting(cluster, 'NFS_CLIENTS=203.0.113.0/24', async () => {
        const manifests = together(claim('files', 'clients-nfs'), pod('work', 'files', 1000));
        await kubectl.withInput(manifests, '-n', name, 'create', '-f', '-');
        const messages = () => within('get', 'events', '-o', 'jsonpath={.items[*].message}');
        await expect.poll(messages).toMatch(/mount failed[\s\S]*(ACCES|ccess)/);
      });
      await withSetting(cluster, 'NFS_CLIENTS=10.240.0.0/16', () =>
        within('wait', '--for=condition=Ready', 'pod/work', '--timeout=240s').then(() => undefined),
      );
      await within('delete', 'pod', 'work', '--now');
    });
  });

  test('that nfs-provisioner ran are moved without losing a file, and serve old and new volumes', async () => {
    const cluster = await join();
    const { kubectl } = cluster;
    const name = 'moving';
    const within = (...args: readonly string[]) => kubectl('-n', name, ...args);
    const image = () =>
      kubectl('-n', servers, 'get', serverOf('old-nfs'), '-o', 'jsonpath={.spec.template.spec.containers[0].image}');
    const inPod = (podName: string, script: string) => within('exec', podName, '--', 'sh', '-c', script);
    const sums = (podName: string) => inPod(podName, 'cd /data && find . -type f | sort | xargs sha256sum');
    await inNamespace(cluster, { name }, async () => {
      await withSetting(cluster, 'NFS_SERVER_IMAGE=', async () => {
        const manifests = together(claim('old', 'old-nfs'), pod('before', 'old', 1000));
        await kubectl.withInput(manifests, '-n', name, 'create', '-f', '-');
        await within('wait', '--for=condition=Ready', 'pod/before', '--timeout=180s');
        await inPod(
          'before',
          'for n in $(seq 50); do mkdir -p /data/d$n; head -c 20000 /dev/urandom > /data/d$n/f; done',
        );
      });
      expect(await image()).toBe('registry.k8s.io/sig-storage/nfs-provisioner:v4.0.8');
      const before = await sums('before');
      await within('delete', 'pod', 'before', '--now');

      await kubectl('-n', servers, 'annotate', 'pvc', 'old-nfs-nfs', 'quartermaster.dev/nfs-server=quartermaster');
      await expect.poll(image).toBe('quartermaster-nfs-server:0.1.0');
      await kubectl('-n', servers, 'rollout', 'status', serverOf('old-nfs'), '--timeout=120s');
      const next = together(pod('after', 'old', 1000), claim('new', 'old-nfs'), pod('other', 'new', 1000));
      await kubectl.withInput(next, '-n', name, 'create', '-f', '-');
      await within('wait', '--for=condition=Ready', 'pod/after', 'pod/other', '--timeout=240s');
      expect(await sums('after')).toBe(before);
      await inPod('after', 'echo more >> /data/d1/f && echo new > /data/new');
      expect(await inPod('other', 'ls /data; echo here > /data/file; cat /data/file')).toBe('here\n');
      await within('delete', 'pod', 'after', 'other', '--now');
    });
  });
});
