import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { installArgo } from '../../../dev/cluster/engines/argo.ts';
import { heraImage, heraReference } from '../../../dev/cluster/engines/hera.ts';
import { toolsReference } from '../../../dev/cluster/images/node-images.ts';
import { type ObjectStorage, startObjectStorage } from '../../../dev/cluster/install/object-storage.ts';
import { onCluster, progress } from '../on-cluster.ts';
import { bucket, giveBucket } from './bucket.ts';
import { namespace, prepareExperiments } from './experiments.ts';

const proxy = 'http://proxy.example.org:3128';

/** Two steps that share nothing but the volume that the platform gives each of them. */
const tiles = `
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

/** Who submits: may do with workflows what Hera does, and runs it in a pod. */
const researcher = `
apiVersion: v1
kind: ServiceAccount
metadata: { name: researcher }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: researcher }
rules: [{ apiGroups: [argoproj.io], resources: [workflows], verbs: [create, get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: researcher }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: researcher }
subjects: [{ kind: ServiceAccount, name: researcher, namespace: ${namespace} }]
---
apiVersion: v1
kind: Pod
metadata: { name: researcher }
spec:
  serviceAccountName: researcher
  restartPolicy: Never
  containers:
    - name: hera
      image: ${heraReference}
      command: [python3, /scripts/survey.py]
      env:
        - { name: PYTHONWARNINGS, value: ignore }
        - { name: IMAGE, value: "${toolsReference}" }
        - { name: NAMESPACE, value: ${namespace} }
        - { name: GATEWAY, value: GATEWAY_URL }
      volumeMounts: [{ name: scripts, mountPath: /scripts }]
  volumes: [{ name: scripts, configMap: { name: scripts } }]
`;

/** Shows files of the volume that the platform gives. */
const reader = (files: readonly string[]): string => `
apiVersion: v1
kind: Pod
metadata: { name: reader }
spec:
  restartPolicy: Never
  containers:
    - name: main
      image: ${toolsReference}
      command: [cat, ${files.map((file) => `/data/${file}`).join(', ')}]
      volumeMounts: [{ name: data, mountPath: /data }]
  volumes: [{ name: data, persistentVolumeClaim: { claimName: experiment-data } }]
`;

interface Container {
  readonly name: string;
  readonly envFrom?: readonly object[];
}

interface Pod {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly containers: readonly Container[]; readonly initContainers?: readonly Container[] };
}

/** Keeps what was seen of a workflow's pods, which are gone soon. */
const watchPods = (inNamespace: (...args: readonly string[]) => Promise<string>) => {
  const pods = new Map<string, Pod>();
  const look = async (): Promise<void> => {
    const ofWorkflow = ['get', 'pods', '-l', 'workflows.argoproj.io/workflow=survey', '-o', 'json'];
    const { items } = parse(await inNamespace(...ofWorkflow)) as { readonly items: readonly Pod[] };
    for (const pod of items) pods.set(pod.metadata.name, pod);
  };
  const withoutProxy = (): readonly string[] =>
    [...pods.values()].flatMap(({ metadata, spec: { initContainers = [], containers } }) =>
      [...initContainers, ...containers]
        .filter(({ envFrom = [] }) => !JSON.stringify(envFrom).includes('hera-utils-proxy-environment'))
        .map(({ name }) => `${name} of ${metadata.name}`),
    );
  return { look, withoutProxy, names: () => [...pods.keys()] };
};

onCluster('Argo Workflows', (join) => {
  let storage: ObjectStorage | undefined;

  beforeAll(async () => {
    const cluster = await join();
    await installArgo(cluster, progress);
    await cluster.load(await heraImage(progress));
    storage = await startObjectStorage(cluster, progress);
    await prepareExperiments(cluster);
    await giveBucket(cluster, storage);
  });

  afterAll(async () => {
    const { kubectl } = await join();
    // The last thing that a workflow makes is the pod that deletes its artifacts, for which a namespace at its end has no room.
    await kubectl('-n', namespace, 'delete', 'workflows', '--all');
    const defaults = ['workflow-environment', 'workflow-namespaces', 'workflow-buckets'];
    await kubectl('-n', 'quartermaster-system', 'delete', 'platformdefaults', '--ignore-not-found', ...defaults);
    await kubectl('delete', 'namespace', namespace, '--ignore-not-found');
    await storage?.stop();
  });

  const inNamespace = async (...args: readonly string[]) => (await join()).kubectl('-n', namespace, ...args);
  const ended = /^(Succeeded|Failed|Error)/;

  test('runs the steps of a workflow with the proxy and the volume of examples/hera', async () => {
    const { kubectl } = await join();
    await kubectl.withInput(tiles, 'create', '-f', '-');
    const phase = () => inNamespace('get', 'workflow', 'tiles', '-o', 'jsonpath={.status.phase}{.status.message}');
    await expect.poll(phase, { timeout: 240_000 }).toMatch(ended);
    expect(await phase()).toBe('Succeeded');
    expect(await inNamespace('logs', '-l', 'workflows.argoproj.io/workflow=tiles', '-c', 'main')).toContain(proxy);
  });

  test("runs all that Hera submits: steps, retries, hooks, sidecars, container sets, HTTP, artifacts in an ObjectStore's bucket", async () => {
    const { kubectl } = await join();
    const gateway = storage?.endpoint ?? '';
    await inNamespace('create', 'configmap', 'scripts', '--from-file', path.join(import.meta.dirname, 'survey.py'));
    await kubectl.withInput(researcher.replace('GATEWAY_URL', gateway), '-n', namespace, 'create', '-f', '-');
    const seen = watchPods(inNamespace);
    const outcome = async () => {
      await seen.look();
      return inNamespace('get', 'pod', 'researcher', '-o', 'jsonpath={.status.phase}');
    };
    await expect.poll(outcome, { timeout: 240_000 }).toMatch(ended);
    expect((await inNamespace('logs', 'researcher')).trim()).toBe('Succeeded');
    const files = ['prepared', 'beside', 'left', 'right', 'hooked', 'closed'];
    await kubectl.withInput(reader(files), '-n', namespace, 'create', '-f', '-');
    await inNamespace('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/reader', '--timeout=120s');
    const read = (await inNamespace('logs', 'reader')).trimEnd().split('\n');
    expect(read).toEqual([proxy, proxy, proxy, proxy, proxy, `Succeeded ${proxy}`]);

    expect(await storage?.objectsOf(bucket)).toEqual([expect.stringMatching(/^survey\/survey-fetch-\d+\/tile\.tgz$/)]);
    await inNamespace('delete', 'workflow', 'survey', '--wait=false');
    const remaining = async () => {
      await seen.look();
      return inNamespace('get', 'workflows', '-o', 'name');
    };
    await expect.poll(remaining).not.toContain('survey');
    expect(await storage?.objectsOf(bucket)).toEqual([]);
    expect(seen.withoutProxy()).toEqual([]);
    expect(seen.names().join(' ')).toMatch(/-agent .*artgc/);
  });
});
