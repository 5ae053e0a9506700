import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { toYaml } from '../../src/install/manifests.ts';
import { defaults } from '../../src/install/options.ts';
import { checkPodObject } from '../../src/install/workload.ts';
import { inNamespace, onCluster } from './on-cluster.ts';

const claim = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: scratch }
spec:
  storageClassName: fast-scratch
  accessModes: [ReadWriteOnce]
  resources: { requests: { storage: 1Gi } }
`;

const store = (name: string): string => `
apiVersion: banzaicloud.com/v1alpha1
kind: ObjectStore
metadata: { name: history, namespace: reviewed }
spec: { name: ${name}, provider: s3, location: eu-west-1 }
`;

interface Pod {
  readonly spec: { readonly nodeName: string };
  readonly status: {
    readonly containerStatuses: readonly { readonly ready: boolean; readonly restartCount: number }[];
  };
}

onCluster('what is shipped, installed on a real node', (join) => {
  test('runs in two pods that are ready and were never started again', async () => {
    const { kubectl } = await join();
    const { items } = parse(await kubectl('-n', 'quartermaster-system', 'get', 'pods', '-o', 'json')) as {
      readonly items: readonly Pod[];
    };
    expect(items.flatMap(({ status }) => status.containerStatuses)).toEqual([
      expect.objectContaining({ ready: true, restartCount: 0 }),
      expect.objectContaining({ ready: true, restartCount: 0 }),
    ]);
  });

  test('runs as nobody, with nothing to write to', async () => {
    const { kubectl } = await join();
    const pod = '{.items[0].metadata.name}';
    const name = await kubectl('-n', 'quartermaster-system', 'get', 'pods', '-o', `jsonpath=${pod}`);
    const script =
      "try { require('fs').writeFileSync('/file', '') } catch (e) { console.log(process.getuid(), e.code) }";
    expect(await kubectl('-n', 'quartermaster-system', 'exec', name, '--', '/nodejs/bin/node', '-e', script)).toBe(
      '65532 EROFS\n',
    );
  });

  test('makes the class that a claim asks for, through the webhook and before anything looks for it', async () => {
    const cluster = await join();
    const { kubectl } = cluster;
    await inNamespace(cluster, { name: 'classes' }, async () => {
      await kubectl.withInput(claim, '-n', 'classes', 'create', '-f', '-');
      const made = parse(await kubectl('get', 'storageclass', 'fast-scratch', '-o', 'json')) as object;
      expect(made).toMatchObject({ provisioner: 'rancher.io/local-path', volumeBindingMode: 'WaitForFirstConsumer' });
      const events = await kubectl('-n', 'classes', 'get', 'events', '-o', 'jsonpath={.items[*].reason}');
      expect(events).not.toContain('ProvisioningFailed');
    });
  });

  test('answers the pod that helm test runs', async () => {
    const cluster = await join();
    const system = ['-n', 'quartermaster-system'];
    await cluster.apply(toYaml([checkPodObject(defaults)]));
    await cluster.kubectl(...system, 'wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/quartermaster-check');
    expect(await cluster.kubectl(...system, 'logs', 'quartermaster-check')).toContain(
      'would be made, of the provisioner',
    );
    await cluster.kubectl(...system, 'delete', 'pod', 'quartermaster-check');
  });

  test('refuses what its provider would refuse, in a sentence that kubectl prints', async () => {
    const cluster = await join();
    await inNamespace(cluster, { name: 'reviewed' }, async () => {
      await expect(cluster.apply(store('Spark_History'))).rejects.toThrow('may hold only a-z, 0-9, "." and "-"');
      expect(await cluster.apply(store('spark-history'))).toContain('created');
    });
  });

  test('serves with no replica but one left, and has two again', async () => {
    const cluster = await join();
    const { kubectl } = cluster;
    const system = ['-n', 'quartermaster-system'];
    const first = await kubectl(...system, 'get', 'pods', '-o', 'jsonpath={.items[0].metadata.name}');
    await kubectl(...system, 'delete', 'pod', first, '--grace-period=0', '--force');
    await inNamespace(cluster, { name: 'meanwhile' }, async () => {
      const named = claim.replaceAll('fast-scratch', 'made-meanwhile');
      await kubectl.withInput(named, '-n', 'meanwhile', 'create', '-f', '-');
      // By the controller where the Service still led to the one that is gone.
      await kubectl('wait', '--for=create', 'storageclass/made-meanwhile', '--timeout=60s');
    });
    await kubectl(...system, 'rollout', 'status', 'deployment/quartermaster', '--timeout=60s');
  });

  test('makes up for what it missed when one of its processes is killed with -9, and has it again', async () => {
    const cluster = await join();
    const { kubectl } = cluster;
    const system = ['-n', 'quartermaster-system'];
    // The newest: that of the pod deleted before may still be ending.
    const pid = (await cluster.run('pgrep', ['-n', '-f', '^/nodejs/bin/node'], { timeoutMs: 10_000 })).trim();
    await cluster.run('kill', ['-KILL', pid], { timeoutMs: 10_000 });
    await inNamespace(cluster, { name: 'killed' }, async () => {
      const named = claim.replaceAll('fast-scratch', 'made-while-killed');
      await kubectl.withInput(named, '-n', 'killed', 'create', '-f', '-');
      await kubectl('wait', '--for=create', 'storageclass/made-while-killed', '--timeout=60s');
    });
    const restarts = 'jsonpath={.items[*].status.containerStatuses[0].restartCount}';
    await expect.poll(() => kubectl(...system, 'get', 'pods', '-o', restarts)).toContain('1');
    await kubectl(...system, 'rollout', 'status', 'deployment/quartermaster', '--timeout=60s');
  });
});
