import { globSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { argoModule } from '../../dev/cluster/engines/argo.ts';
import { operatorModule } from '../../dev/cluster/engines/spark.ts';
import { moduleFolder } from '../../dev/cluster/go-program.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { onCluster } from './on-cluster.ts';

const root = path.join(import.meta.dirname, '../..');
const examples = path.join(root, 'examples');

/** Where to look for what the README and the pages say of an example, and what is to be there: resource, jsonpath, text. */
type Sight = readonly [resource: string, path: string, text: string];

const ready = '{.status.conditions[?(@.type=="Ready")].status}';
const systemDefaults = (name: string): Sight => [`platformdefaults/${name} -n quartermaster-system`, ready, 'True'];

/** What platform teams apply, before anything else. */
const byPlatform: Readonly<Record<string, readonly Sight[]>> = {
  'calrissian/defaults.yaml': [systemDefaults('calrissian'), systemDefaults('calrissian-namespaces')],
  'domains/defaults.yaml': [systemDefaults('domain'), systemDefaults('domain-prod')],
  'enforced/defaults.yaml': [systemDefaults('geo-nodes')],
  'hera/defaults.yaml': [systemDefaults('workflow-environment'), systemDefaults('workflow-namespaces')],
  'openeo/defaults.yaml': [systemDefaults('openeo-namespaces')],
  'spark-pi/defaults.yaml': [systemDefaults('spark-prometheus')],
  'calrissian/namespace.yaml': [
    ['rolebinding/quartermaster-pod-manager-default -n cwl', '{.roleRef.name}', 'quartermaster-calrissian-pod-manager'],
  ],
  'hera/namespace.yaml': [
    ['configmap/hera-utils-proxy-environment -n experiments', '{.data.http_proxy}', 'http://proxy.example.org:3128'],
  ],
};

/** What users submit, by namespace. */
const byUsers: Readonly<Record<string, Readonly<Record<string, readonly Sight[]>>>> = {
  examples: {
    'volumes/fast-scratch.yaml': [['storageclass/scratch-ssd', '{.provisioner}', 'rancher.io/local-path']],
    'volumes/shared-results.yaml': [
      ['storageclass/shared-results', '{.provisioner}', 'quartermaster.dev/shared-results-nfs'],
      ['deployment/shared-results-nfs -n quartermaster-nfs', '{.status.readyReplicas}', '1'],
    ],
    'volumes/spark-checkpoint.yaml': [['storageclass/sparkcheckpoint', '{.provisioner}', 'rancher.io/local-path']],
    'nfs/team-files.yaml': [
      ['storageclass/team-nfs', '{.provisioner}', 'quartermaster.dev/team-nfs-nfs'],
      ['deployment/team-nfs-nfs -n quartermaster-nfs', '{.status.readyReplicas}', '1'],
    ],
    'buckets/spark-history.yaml': [
      ['objectstore/sparkhistory', '{.status.conditions[?(@.type=="Ready")].reason}', 'ProviderUnknown'],
    ],
    'calrissian/volumes.yaml': [['storageclass/csi-s3-calrissian', '{.provisioner}', 'ru.yandex.s3.csi']],
    'domains/applications.yaml': [
      ['sparkapplication/pipeline-prod', '{.spec.sparkConf.spark\\.ui\\.reverseProxyUrl}', 'https://example.org'],
      ['sparkapplication/pipeline-trial', '{.spec.sparkConf.spark\\.ui\\.reverseProxyUrl}', 'https://example.com'],
    ],
    'spark-pi/spark-pi.yaml': [
      ['sparkapplication/spark-pi', '{.spec.driver.labels.platform\\.example\\.org/cloud}', 'local'],
    ],
    'enforced/job.yaml': [
      ['sparkapplication/tiles', '{.spec.nodeSelector.pool}', 'geo'],
      ['sparkapplication/tiles', '{.spec.sparkConf.spark\\.eventLog\\.enabled}', 'true'],
      ['sparkapplication/tiles', '{.spec.sparkConf.spark\\.sql\\.shuffle\\.partitions}', '64'],
    ],
    'opt-out/spark-pi.yaml': [
      ['sparkapplication/spark-pi-as-it-is', '{.spec.driver.labels}', ''],
      ['sparkapplication/spark-pi-as-it-is', '{.spec.sparkConf}', ''],
    ],
    // A cluster of this cloud has no region, which the rest of these defaults name: it is left out, as the page says.
    'openeo/batch-job.yaml': [
      ['sparkapplication/job-2403041030084c9e', '{.spec.executor.tolerations[0].value}', 'batch'],
    ],
    'openeo/web-app.yaml': [['sparkapplication/openeo-web-app', '{.spec.driver.tolerations}', '']],
  },
  cwl: {
    'calrissian/runner.yaml': [
      ['pod/water-bodies-cwl', '{.spec.containers[0].env[?(@.name=="RETRY_ATTEMPTS")].value}', '5'],
    ],
  },
  experiments: {
    'hera/pod.yaml': [
      ['pod/fetch-tiles-x7k2p', '{.spec.containers[0].envFrom[0].configMapRef.name}', 'hera-utils-proxy-environment'],
      ['pod/fetch-tiles-x7k2p', '{.spec.containers[1].volumeMounts[?(@.mountPath=="/data")].name}', 'experiment-data'],
    ],
    'hera/workflow.yaml': [['workflows', '{.items[*].spec.templates[0].container.envFrom}', '']],
  },
};

onCluster('examples', (join) => {
  beforeAll(async () => {
    const { kubectl } = await join();
    const spark = path.join(await moduleFolder(operatorModule), 'config/crd/bases');
    const argo = path.join(await moduleFolder(argoModule), 'manifests/base/crds/minimal');
    for (const definitions of [
      ['-f', spark],
      ['-k', argo],
    ])
      await kubectl('apply', '--server-side', '--force-conflicts', ...definitions);
    await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
    await kubectl('create', 'namespace', 'examples');
  });

  afterAll(async () => {
    const { kubectl } = await join();
    const files = Object.keys(byPlatform).flatMap((file) => ['-f', path.join(examples, file)]);
    await kubectl('delete', '--ignore-not-found', ...files);
    await kubectl('delete', 'namespace', 'examples', '--ignore-not-found');
  });

  const see = async (namespace: string, sights: readonly Sight[]): Promise<void> => {
    const { kubectl } = await join();
    for (const [resource, at, text] of sights) {
      const found = () => kubectl('-n', namespace, 'get', ...resource.split(' '), '-o', `jsonpath=${at}`).catch(String);
      await expect.poll(found, { message: `${resource} ${at}` }).toBe(text);
    }
  };

  test('are all here', () => {
    const there = globSync('**/*.yaml', { cwd: examples }).filter((file) => !file.startsWith('policy-tests/'));
    const told = [byPlatform, ...Object.values(byUsers)].flatMap((files) => Object.keys(files));
    expect(told.toSorted()).toEqual(there.toSorted());
  });

  test.for(Object.entries(byPlatform))(
    '%s is taken by the cluster and does what is said of it',
    async ([file, sights]) => {
      await (await join()).apply(await readFile(path.join(examples, file), 'utf8'));
      await see('default', sights);
    },
  );

  const submitted = Object.entries(byUsers).flatMap(([namespace, files]) =>
    Object.entries(files).map(([file, sights]) => [file, namespace, sights] as const),
  );
  test.for(submitted)(
    '%s is taken in the namespace %s and does what is said of it',
    async ([file, namespace, sights]) => {
      const { kubectl } = await join();
      await kubectl('-n', namespace, 'create', '-f', path.join(examples, file));
      await see(namespace, sights);
    },
  );

  const pageBlocks = (): readonly string[] =>
    globSync('{README.md,docs/*.md}', { cwd: root })
      // Kinds of Argo CD, Flux and Kyverno, which are not on this cluster; recipes have a test that looks at what they do.
      .filter((page) => !['docs/gitops.md', 'docs/migrate.md', 'docs/recipes.md'].includes(page))
      .flatMap((page) =>
        [...readFileSync(path.join(root, page), 'utf8').matchAll(/^```ya?ml\n([\s\S]*?)^```$/gm)].map(
          ([, text = '']) => text,
        ),
      );
  /** Files of kubectl and of the API server are no objects. */
  const isManifest = (text: string): boolean => /^kind: (?!Kustomization|AdmissionConfiguration)/m.test(text);
  const isWhole = (text: string): boolean => text.includes('name: everything');

  test('the cluster knows each field of the whole resource, though no object takes all of it', async () => {
    const [whole = '', ...more] = pageBlocks().filter(isWhole);
    expect(more).toEqual([]);
    const { kubectl } = await join();
    const [head = '', ...refusals] = await kubectl
      .withInput(whole, 'create', '--dry-run=server', '--validate=strict', '-f', '-')
      .then(String, ({ message }: Error) => message.split('\n').filter((line) => line !== ''));
    expect(head).toContain('The PlatformDefaults "everything" is invalid');
    for (const refusal of refusals) expect(refusal).toMatch(/^\* spec: Invalid value: inject\.\w+ is taken by /);
  });

  test.for(pageBlocks().filter((text) => isManifest(text) && !isWhole(text)))(
    'the cluster takes what a page shows: %#',
    async (text) => {
      const { kubectl } = await join();
      for (const document of parseAllDocuments(text)) {
        const { metadata } = document.toJS() as KubeObject;
        const namespace = metadata.namespace ?? 'examples';
        const around = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
        await kubectl.withInput(around, 'apply', '--server-side', '-f', '-');
        const answer = await kubectl.withInput(
          document.toString(),
          '-n',
          namespace,
          'apply',
          '--dry-run=server',
          '-f',
          '-',
        );
        expect(answer.trim().split('\n')).toHaveLength(1);
      }
    },
  );

  test("the kustomizations of one's own that install.md shows build, with the image and namespace they name", async () => {
    const [kustomization = '', around = '', ...more] = pageBlocks().filter((text) =>
      text.includes('kind: Kustomization'),
    );
    expect(more).toEqual([]);
    const folder = await mkdtemp(path.join(tmpdir(), 'kustomization-'));
    try {
      await writeFile(path.join(folder, 'kustomization.yaml'), kustomization);
      await symlink(root, path.join(folder, 'quartermaster'));
      const built = await (await join()).kubectl('kustomize', folder);
      expect(built).toContain('image: registry.example.org/quartermaster:0.1.0');
      for (const kind of ['MutatingWebhookConfiguration', 'NetworkPolicy', 'ServiceMonitor'])
        expect(built).toContain(`kind: ${kind}\n`);
      const inner = kustomization
        .replace('quartermaster/manifests/components/nfs, ', '')
        .concat('namespace: elsewhere\n');
      await mkdir(path.join(folder, 'moved'));
      await symlink(root, path.join(folder, 'moved/quartermaster'));
      await writeFile(path.join(folder, 'moved/kustomization.yaml'), inner);
      await writeFile(path.join(folder, 'kustomization.yaml'), around);
      const moved = await (await join()).kubectl('kustomize', folder);
      expect(moved).toContain('kind: MutatingWebhookConfiguration');
      expect(moved).not.toContain('quartermaster-system');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
