import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { calrissianImage } from '../../dev/cluster/engines/calrissian.ts';
import { toolsReference } from '../../dev/cluster/images/node-images.ts';
import { layout } from '../../dev/cluster/node/layout.ts';
import { onCluster } from './on-cluster.ts';

const examples = join(import.meta.dirname, '../../examples/calrissian');
const namespace = 'cwl';

const volumeNames = ['input-data', 'tmpout', 'output-data'];

/** What the claims of a furnished namespace bind to: folders of the node, in place of buckets that a driver of S3 would mount. */
const volumes = volumeNames.map(
  (name) => `
apiVersion: v1
kind: PersistentVolume
metadata: { name: cwl-${name} }
spec:
  capacity: { storage: 1Ti }
  accessModes: [ReadWriteOnce, ReadOnlyMany, ReadWriteMany]
  storageClassName: csi-s3-calrissian
  claimRef: { namespace: ${namespace}, name: calrissian-${name} }
  hostPath: { path: ${join(layout().root, 'cwl', name)}, type: DirectoryOrCreate }
`,
);

const greet = `cwlVersion: v1.2
class: Workflow
requirements: { ScatterFeatureRequirement: {} }
inputs: { names: "string[]" }
outputs:
  greetings: { type: "File[]", outputSource: greet/greeting }
steps:
  greet:
    scatter: name
    in: { name: names }
    out: [greeting]
    run:
      class: CommandLineTool
      requirements: { DockerRequirement: { dockerPull: "${toolsReference}" } }
      inputs: { name: { type: string, inputBinding: { position: 1 } } }
      baseCommand: [echo, hello]
      stdout: $(inputs.name).txt
      outputs: { greeting: { type: stdout } }
`;

/** Puts the workflow where the example's runner looks for it, and later shows what is there. */
const desk = `
apiVersion: v1
kind: Pod
metadata: { name: desk }
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: ${toolsReference}
      command: [sleep, infinity]
      volumeMounts: [${volumeNames.map((name) => `{ name: ${name}, mountPath: /${name} }`).join(', ')}]
  volumes: [${volumeNames.map((name) => `{ name: ${name}, persistentVolumeClaim: { claimName: calrissian-${name} } }`).join(', ')}]
`;

interface Pod {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
}

onCluster('Calrissian', (join_) => {
  beforeAll(async () => {
    const { load } = await join_();
    await load(await calrissianImage((line) => process.stderr.write(`cluster: ${line}\n`)));
  });

  afterAll(async () => {
    const { kubectl } = await join_();
    await kubectl('delete', 'namespace', namespace, '--ignore-not-found');
    await kubectl('delete', 'persistentvolume', '--ignore-not-found', ...volumeNames.map((name) => `cwl-${name}`));
  });

  test('runs the workflow of a runner like the example in a namespace that its label furnished', async () => {
    const { kubectl, apply } = await join_();
    const inNamespace = (...args: readonly string[]) => kubectl('-n', namespace, ...args);
    const write = (path: string, content: string) =>
      kubectl.withInput(content, '-n', namespace, 'exec', '-i', 'desk', '--', 'sh', '-c', `cat > ${path}`);
    await apply(await readFile(join(examples, 'defaults.yaml'), 'utf8'));
    await apply(await readFile(join(examples, 'namespace.yaml'), 'utf8'));
    const furnished = () => inNamespace('get', 'rolebindings,configmaps,persistentvolumeclaims', '-o', 'name');
    for (const name of ['configmap/calrissian-defaults', ...volumeNames.map((volume) => `calrissian-${volume}`)])
      await expect.poll(furnished).toContain(name);
    await kubectl.withInput([...volumes, desk].join('\n---\n'), '-n', namespace, 'create', '-f', '-');
    await inNamespace('wait', '--for=condition=Ready', 'pod/desk', '--timeout=180s');
    await inNamespace('exec', 'desk', '--', 'sh', '-c', 'chmod 0777 /input-data /tmpout /output-data');
    await write('/input-data/water-bodies.cwl', greet);
    await write('/input-data/params.json', JSON.stringify({ names: ['one', 'two', 'three'] }));

    const runner = await readFile(join(examples, 'runner.yaml'), 'utf8');
    await kubectl.withInput(runner, '-n', namespace, 'create', '-f', '-');
    const steps = new Map<string, Pod>();
    const phase = async (): Promise<string> => {
      const { items } = parse(await inNamespace('get', 'pods', '-o', 'json')) as { readonly items: readonly Pod[] };
      for (const pod of items) steps.set(pod.metadata.name, pod);
      return inNamespace('get', 'pod', 'water-bodies-cwl', '-o', 'jsonpath={.status.phase}');
    };
    await expect.poll(phase, { timeout: 300_000 }).toMatch(/Succeeded|Failed/);
    expect(await inNamespace('logs', 'water-bodies-cwl')).toContain('"basename": "three.txt"');
    expect(await inNamespace('exec', 'desk', '--', 'sh', '-c', 'cat /output-data/*.txt')).toBe(
      'hello one\nhello three\nhello two\n',
    );
    const ofJob = [...steps.values()].filter(({ metadata }) => metadata.name !== 'desk');
    expect(ofJob).toHaveLength(4);
    for (const { metadata } of ofJob) expect(metadata.labels).toMatchObject({ 'platform.example.org/workload': 'cwl' });
  });
});
