import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installArgo } from '../../dev/cluster/engines/argo.ts';
import { toolsReference } from '../../dev/cluster/images/node-images.ts';
import { onCluster } from './on-cluster.ts';

const examples = join(import.meta.dirname, '../../examples/hera');
const namespace = 'experiments';

/** What Argo's documentation gives the account of workflow pods, so that the executor can report. */
const executor = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: executor, namespace: ${namespace} }
rules: [{ apiGroups: [argoproj.io], resources: [workflowtaskresults], verbs: [create, patch] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: executor, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: executor }
subjects: [{ kind: ServiceAccount, name: default, namespace: ${namespace} }]
`;

/** Two steps that share nothing but the volume that the platform gives each of them. */
const workflow = `
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: { name: tiles, namespace: ${namespace} }
spec:
  entrypoint: whole
  templates:
    - name: whole
      dag:
        tasks:
          - { name: fetch, template: fetch }
          - { name: count, template: count, depends: fetch }
    - name: fetch
      container: { image: "${toolsReference}", command: [sh, -c], args: ["echo $HTTPS_PROXY > /data/proxy"] }
    - name: count
      container: { image: "${toolsReference}", command: [cat, /data/proxy] }
`;

onCluster('Argo Workflows', (join_) => {
  beforeAll(async () => installArgo(await join_(), (line) => process.stderr.write(`cluster: ${line}\n`)));
  afterAll(async () => {
    const { kubectl } = await join_();
    await kubectl('delete', 'namespace', namespace, '--ignore-not-found');
  });

  test('runs the steps of a workflow with the proxy and the volume of examples/hera', async () => {
    const { kubectl, apply } = await join_();
    const inNamespace = (...args: readonly string[]) => kubectl('-n', namespace, ...args);
    await apply(await readFile(join(examples, 'defaults.yaml'), 'utf8'));
    await apply(await readFile(join(examples, 'namespace.yaml'), 'utf8'));
    await expect
      .poll(() => inNamespace('get', 'configmaps,persistentvolumeclaims', '-o', 'name'))
      .toContain('experiment-data');
    await apply(executor);
    await kubectl.withInput(workflow, 'create', '-f', '-');
    const phase = () => inNamespace('get', 'workflow', 'tiles', '-o', 'jsonpath={.status.phase}');
    await expect.poll(phase, { timeout: 180_000 }).toMatch(/Succeeded|Failed|Error/);
    expect(await phase()).toBe('Succeeded');
    const logs = await inNamespace('logs', '-l', 'workflows.argoproj.io/workflow=tiles', '-c', 'main');
    expect(logs).toContain('http://proxy.example.org:3128');
  });
});
