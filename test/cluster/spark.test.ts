import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { installSpark } from '../../dev/cluster/engines/spark.ts';
import { inNamespace, onCluster } from './on-cluster.ts';

const examples = join(import.meta.dirname, '../../examples');
const namespace = 'analytics';

/** What the operator's chart makes in each namespace for drivers. */
const driverAccount = `
apiVersion: v1
kind: ServiceAccount
metadata: { name: spark, namespace: ${namespace} }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: spark, namespace: ${namespace} }
rules:
  - apiGroups: [""]
    resources: [pods, configmaps, persistentvolumeclaims, services]
    verbs: [get, list, watch, create, update, patch, delete, deletecollection]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: spark, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: spark }
subjects: [{ kind: ServiceAccount, name: spark, namespace: ${namespace} }]
`;

/** Three whole cores are more than the node has: the platform says what is asked for, the example says nothing of it. */
const smallNode = `
apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: small-node, namespace: quartermaster-system }
spec:
  match: { kinds: [SparkApplication] }
  inject:
    sparkConf:
      spark.kubernetes.driver.request.cores: 100m
      spark.kubernetes.executor.request.cores: 100m
`;

interface Pod {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

onCluster("Kubeflow's spark-operator and Spark", (join_) => {
  beforeAll(async () => installSpark(await join_(), (line) => process.stderr.write(`cluster: ${line}\n`)));

  test('examples/spark-pi runs to COMPLETED, and both roles have what was injected', async () => {
    const cluster = await join_();
    const { kubectl } = cluster;
    await cluster.apply(await readFile(join(examples, 'spark-pi/defaults.yaml'), 'utf8'));
    await cluster.apply(smallNode);
    await inNamespace(cluster, { name: namespace }, async () => {
      await cluster.apply(driverAccount);
      const manifest = await readFile(join(examples, 'spark-pi/spark-pi.yaml'), 'utf8');
      await kubectl.withInput(manifest, '-n', namespace, 'create', '-f', '-');
      const seen = new Map<string, Pod>();
      const state = async (): Promise<string> => {
        const { items } = parse(await kubectl('-n', namespace, 'get', 'pods', '-o', 'json')) as {
          readonly items: readonly Pod[];
        };
        for (const pod of items) seen.set(pod.metadata.labels['spark-role'] ?? '', pod);
        const status = 'jsonpath={.status.applicationState.state}{.status.applicationState.errorMessage}';
        return kubectl('-n', namespace, 'get', 'sparkapplication', 'spark-pi', '-o', status);
      };
      await expect.poll(state, { timeout: 300_000 }).toMatch(/^(COMPLETED|FAILED.*|SUBMISSION_FAILED.*)$/);
      expect(await state()).toBe('COMPLETED');
      expect(await kubectl('-n', namespace, 'logs', 'spark-pi-driver')).toMatch(/^Pi is roughly 3\.1/m);
      for (const role of ['driver', 'executor'])
        expect(seen.get(role)?.metadata).toMatchObject({
          labels: { 'platform.example.org/cloud': 'local' },
          annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/path': '/metrics/prometheus' },
        });
    });
  });
});
