import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PreviewedDocument } from '../../src/cli/preview/session.ts';
import { createFiles, quartermaster, quartermasterWith } from '../fixtures/command-line.ts';

const file = createFiles();

const documentsOf = async (...args: readonly string[]): Promise<readonly PreviewedDocument[]> => {
  const { out } = await quartermaster('preview', '-o', 'json', ...args);
  return (JSON.parse(out) as { readonly documents: readonly PreviewedDocument[] }).documents;
};

const claim = (spec: string): string =>
  `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: data\nspec: ${spec}\n`;
const missing = '{ storageClassName: data, accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }';

describe('preview -o json', () => {
  it('tells all there is to know of a document', async () => {
    const path = file('claim.yaml', claim(missing));
    const [document] = await documentsOf('-f', path, '--cloud', 'aws');
    expect(Object.keys(document ?? {}).toSorted()).toEqual(
      [
        'allowed',
        'companions',
        'explain',
        'explanation',
        'kind',
        'name',
        'namespace',
        'object',
        'operation',
        'patch',
        'source',
        'warnings',
      ].toSorted(),
    );
    expect(document).toMatchObject({
      source: { file: path, document: 1, line: 1 },
      kind: 'PersistentVolumeClaim',
      namespace: 'default',
      name: 'data',
      allowed: true,
      patch: [],
      companions: [
        {
          kind: 'StorageClass',
          metadata: { name: 'data' },
          provisioner: 'ebs.csi.aws.com',
          parameters: { type: 'gp3' },
        },
      ],
    });
  });

  it('takes facts and drivers from flags', async () => {
    const path = file('shared.yaml', claim(missing.replace('ReadWriteOnce', 'ReadWriteMany')));
    const [document] = await documentsOf(
      '-f',
      path,
      '--cloud',
      'aws',
      '--fact',
      'efsFileSystemId=fs-1',
      '--csi-drivers',
      'efs.csi.aws.com',
    );
    expect(document?.companions).toMatchObject([
      { provisioner: 'efs.csi.aws.com', parameters: { fileSystemId: 'fs-1' } },
    ]);
  });

  it('makes no class that the manifests bring along', async () => {
    const text = `apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: { name: data }\nprovisioner: example.org/own\n---\n${claim(missing)}`;
    const documents = await documentsOf('-f', file('both.yaml', text), '--cloud', 'aws');
    expect(documents.map(({ companions, patch }) => [companions, patch])).toEqual([
      [[], []],
      [[], []],
    ]);
  });
});

describe('preview', () => {
  it('passes through what it does not handle, Lists of mixed kinds among it', async () => {
    const text =
      'apiVersion: v1\nkind: List\nitems:\n- { apiVersion: apps/v1, kind: Deployment, metadata: { name: a } }\n- { apiVersion: v1, kind: Service, metadata: { name: b } }\n';
    const { code, out } = await quartermaster('preview', '-f', file('list.yaml', text));
    expect(code).toBe(0);
    expect(out).toContain('kind: Deployment');
    expect(out).toContain('kind: Service');
  });

  it('puts companions first, each once, with no alias in them', async () => {
    const { out } = await quartermaster(
      'preview',
      '-f',
      file('two.yaml', `${claim(missing)}---\n${claim(missing).replace('name: data', 'name: more')}`),
      '--cloud',
      'gcp',
    );
    expect([...out.matchAll(/^kind: (.+)$/gm)].map(([, kind]) => kind)).toEqual([
      'StorageClass',
      'PersistentVolumeClaim',
      'PersistentVolumeClaim',
    ]);
    expect(out).not.toMatch(/[&*]a\d/);
  });

  it('takes what becomes of unknown classes and of what cannot be enforced as flags', async () => {
    const unread = file('unread.yaml', claim(missing.replace('data', 'longhron')));
    const args = ['preview', '-f', unread, '--cloud', 'aws'];
    expect((await quartermaster(...args)).code).toBe(0);
    expect((await quartermaster(...args, '--unknown-class', 'deny')).code).toBe(1);
    const defaults = file(
      'enforced.yaml',
      'apiVersion: quartermaster.dev/v1alpha1\nkind: PlatformDefaults\nmetadata: { name: e, namespace: quartermaster-system }\nspec: { mode: Enforce, match: { kinds: [PersistentVolumeClaim] }, inject: { labels: { a: "${region}", b: "${namespaceAnnotations.b}" } } }\n',
    );
    const enforced = [...args, '--defaults', defaults];
    expect((await quartermaster(...enforced)).err).toContain('${region}');
    expect((await quartermaster(...enforced)).code).toBe(1);
    expect((await quartermaster(...enforced, '--unenforced', 'warn')).code).toBe(0);
    const annotated = file(
      'annotated.yaml',
      `apiVersion: v1\nkind: Namespace\nmetadata: { name: default, annotations: { b: of-the-namespace } }\n---\n${claim(missing)}`,
    );
    const known = ['preview', '-f', annotated, '--cloud', 'aws', '--fact', 'region=eu-west-1', '--defaults', defaults];
    expect((await quartermaster(...known)).code).toBe(1);
    expect((await quartermaster(...known, '--namespace-annotations', 'b')).out).toContain('b: of-the-namespace');
  });

  it('ends with 1 and the sentence where an object would be refused', async () => {
    const text =
      'apiVersion: banzaicloud.com/v1alpha1\nkind: ObjectStore\nmetadata: { name: b }\nspec: { name: Not_A_Bucket }\n';
    const { code, err } = await quartermaster(
      'preview',
      '-f',
      file('bucket.yaml', text),
      '--cloud',
      'gcp',
      '--fact',
      'region=europe-west1',
    );
    expect(code).toBe(1);
    expect(err).toMatch(/document 1, line 1: refused: .*spec\.name.*\.\n/);
  });

  it('explains what became of each PlatformDefaults', async () => {
    const defaults = file(
      'defaults.yaml',
      'apiVersion: quartermaster.dev/v1alpha1\nkind: PlatformDefaults\nmetadata: { name: labels, namespace: quartermaster-system }\nspec:\n  match: { kinds: [PersistentVolumeClaim] }\n  inject: { labels: { team: data } }\n',
    );
    const { err } = await quartermaster(
      'preview',
      '-f',
      file('claim.yaml', claim(missing)),
      '--cloud',
      'gcp',
      '--defaults',
      defaults,
      '--explain',
    );
    expect(err).toContain('  applied: PlatformDefaults quartermaster-system/labels@0: of its values 1 applied\n');
    expect(err).toContain('    applied: metadata.labels team = "data": nothing else says it\n');
  });
});

describe('what cannot be done ends with 2 and one line', () => {
  const good = file('good.yaml', claim(missing));
  it.each([
    ['malformed YAML', ['preview', '-f', file('bad.yaml', 'a: [1\nb: 2\n')], /bad\.yaml: document 1, line \d+: /],
    ['a file that is not there', ['preview', '-f', join(tmpdir(), 'none.yaml')], /none\.yaml: there is no such file/],
    [
      'a kind without apiVersion',
      ['preview', '-f', file('kind.yaml', 'kind: Pod\n')],
      /kind\.yaml: document 1, line 1: the Pod has no apiVersion/,
    ],
    [
      'an empty file',
      ['preview', '-f', file('empty.yaml', '')],
      /empty\.yaml: document 1, line 1: the file holds no object/,
    ],
    ['an unknown cloud', ['preview', '-f', good, '--cloud', 'ovh'], /--cloud ovh is not known; use one of .*aws/],
    [
      'an unknown fact',
      ['preview', '-f', good, '--fact', 'regoin=x'],
      /--fact regoin is not known; the facts are .*region/,
    ],
    ['a fact without a value', ['preview', '-f', good, '--fact', 'region'], /--fact region is not name=value/],
    [
      'defaults that are wrong',
      [
        'preview',
        '-f',
        good,
        '--defaults',
        file(
          'pd.yaml',
          'apiVersion: quartermaster.dev/v1alpha1\nkind: PlatformDefaults\nmetadata: { name: x }\nspec: { match: { kinds: [Pods] } }\n',
        ),
      ],
      /pd\.yaml: document 1, line 1: spec\.match\.kinds/,
    ],
    ['a setting that is wrong', ['serve', '--webhook-port', 'https'], /WEBHOOK_PORT="https" is not a whole number/],
    ['a namespace that is none', ['preview', '-f', good, '-n', 'Team_A'], /--namespace "Team_A" is not a DNS label/],
    ['a namespace that is empty', ['lint', good, '-n', ''], /--namespace "" is not a DNS label/],
    [
      'a label that is none',
      ['preview', '-f', good, '--namespace-labels', 'team=a b'],
      /--namespace-labels team: "a b" is not a label value/,
    ],
    [
      'values that are none',
      ['manifests', '--values', file('values.yaml', 'replicas: 2\nimage: [\n')],
      /values\.yaml: document 1, line \d+: /,
    ],
    ['values that are a folder', ['manifests', '--values', tmpdir()], /is a folder; --values takes a file/],
    ['an empty path', ['preview', '-f', good, '--defaults', ''], /"" names no file and no folder\./],
    [
      'two defaults of one name',
      [
        'preview',
        '-f',
        good,
        '--defaults',
        ...['1', '2'].map((value) =>
          file(
            `same-${value}.yaml`,
            `apiVersion: quartermaster.dev/v1alpha1\nkind: PlatformDefaults\nmetadata: { name: a }\nspec: { match: { kinds: [Pod] }, inject: { labels: { a: b${value} } } }\n`,
          ),
        ),
      ],
      /same-2\.yaml: document 1, line 1: PlatformDefaults default\/a is in .*same-1\.yaml: document 1, line 1 too, and a cluster has one of that name: give one of them\./,
    ],
    ['files to report on and a cluster', ['report', good, '--live'], /Give files and folders or --live, not both/],
    ['nothing to report on', ['report'], /Give files and folders, or --live for the cluster/],
    [
      'what is stored of another name',
      ['preview', '-f', good, '--old', file('other.yaml', claim(missing).replace(/name: \S+/, 'name: other'))],
      /--old: PersistentVolumeClaim default\/other is none of what is applied \(PersistentVolumeClaim default\/\S+\), so that nothing is updated\./,
    ],
    [
      'something else for the defaults of a preview',
      ['preview', '-f', good, '--defaults', good],
      /good\.yaml: document 1, line 1: PersistentVolumeClaim of v1 is no PlatformDefaults of .*, which is all that is taken here\./,
    ],
    [
      'a mistyped kind beside defaults',
      [
        'preview',
        '-f',
        good,
        '--defaults',
        file(
          'mistyped.yaml',
          'apiVersion: quartermaster.dev/v1alpha1\nkind: PlatformDefaults\nmetadata: { name: a }\nspec: { match: { kinds: [Pod] }, inject: { labels: { a: b } } }\n---\napiVersion: quartermaster.de/v1alpha1\nkind: PlatformDefaults\nmetadata: { name: b }\n',
        ),
      ],
      /mistyped\.yaml: document 2, line 6: PlatformDefaults of quartermaster\.de\/v1alpha1 is no PlatformDefaults of/,
    ],
    [
      'something else for a backstop',
      ['manifests', '--backstop', good],
      /good\.yaml: document 1, line 1: PersistentVolumeClaim of v1 is no PlatformDefaults of .*, which is all that is taken here\./,
    ],
    [
      'a PlatformDefaults of another version to report on',
      [
        'report',
        file('newer.yaml', 'apiVersion: quartermaster.dev/v1\nkind: PlatformDefaults\nmetadata: { name: a }\n'),
      ],
      /newer\.yaml: document 1, line 1: PlatformDefaults of quartermaster\.dev\/v1 is no PlatformDefaults of quartermaster\.dev\/v1alpha1/,
    ],
    [
      'something else for the defaults of a report',
      ['report', good, '--defaults', good],
      /good\.yaml: document 1, line 1: PersistentVolumeClaim of v1 is no PlatformDefaults/,
    ],
    ['both halves switched off', ['serve', '--webhook-only', '--controller-only'], /leave nothing to do/],
  ])('%s', async (_what, args, message) => {
    const { code, err } = await quartermaster(...args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });

  const kubeconfig = (server: string, user: string, context = 'a'): string => `apiVersion: v1
kind: Config
clusters: [{ name: a, cluster: { server: "${server}" } }]
users: [{ name: a, user: ${user} }]
contexts: [{ name: a, context: { cluster: a, user: a } }]
current-context: ${context}
`;
  it.each([
    ['that is not there', join(tmpdir(), 'none'), /The kubeconfig .*none cannot be read: ENOENT/],
    ['that is no YAML', file('broken', 'a: ['), /The kubeconfig .*broken cannot be read: [^\n]+\.\n$/],
    [
      'without a context',
      file('context', kubeconfig('https://127.0.0.1:1', '{}', 'b')),
      /no current context that names a cluster: kubectl config use-context chooses one\./,
    ],
    ['with an address that is none', file('address', kubeconfig('kube:6443:1', '{}')), /names kube:6443:1; only https/],
    ['with half an address', file('half', kubeconfig('127.0.0.1:6443', '{}')), /names 127\.0\.0\.1:6443; only https/],
    [
      'whose certificate is gone',
      file('certificate', kubeconfig('https://127.0.0.1:1', '{ client-certificate: /none, client-key: /none }')),
      /The kubeconfig gave no credentials: ENOENT.*\/none/,
    ],
  ])('a kubeconfig %s', async (_what, path, message) => {
    const { code, err } = await quartermasterWith({ KUBECONFIG: path }, 'why', 'pod/a');
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });

  it.each([
    ['an unknown command', ['prevue']],
    ['an unknown option', ['preview', '-f', good, '--clout', 'aws']],
    ['no file', ['preview']],
  ])('%s, with the way to help', async (_what, args) => {
    const { code, err } = await quartermaster(...args);
    expect(code).toBe(2);
    expect(err).toMatch(/^error: /);
  });
});

it('serve --help lists every setting with its variable', async () => {
  const { code, out } = await quartermaster('serve', '--help');
  expect(code).toBe(0);
  for (const name of ['CLOUD', 'METADATA_ENDPOINT', 'STORAGE_CLASS_LIMIT', 'LEASE_SECONDS'])
    expect(out).toContain(name);
});

it('lint --help tells of no metadata service that is asked', async () => {
  const { out } = await quartermaster('lint', '--help');
  expect(out).toContain('--cloud <value>');
  expect(out.replace(/\s+/g, ' ')).not.toContain('metadata service');
});

it('manifests --values reads values as the chart takes them', async () => {
  const { code, out } = await quartermaster(
    'manifests',
    '--values',
    file('yaml11.yaml', 'monitoring: yes\nreplicas: 03\n'),
  );
  expect(code).toBe(0);
  expect(out).toContain('replicas: 3');
  expect(out).toContain('kind: ServiceMonitor');
});

it('manifests --backstop names what enforces nothing', async () => {
  const text = (name: string, namespace: string, mode: string) =>
    `apiVersion: quartermaster.dev/v1alpha1\nkind: PlatformDefaults\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: { mode: ${mode}, match: { kinds: [Pod] }, inject: { labels: { a: b } } }\n`;
  const path = file(
    'unenforced.yaml',
    `${text('given', 'quartermaster-system', 'Default')}---\n${text('own', 'team-a', 'Enforce')}`,
  );
  const { code, out, err } = await quartermaster('manifests', '--backstop', path);
  expect({ code, out }).toEqual({ code: 0, out: '' });
  expect(err).toBe(
    'Left out: PlatformDefaults quartermaster-system/given: enforces nothing for the whole cluster.\nLeft out: PlatformDefaults team-a/own: enforces nothing for the whole cluster.\n',
  );
});

it.each(['preview', 'why', 'report', 'lint', 'convert'])(
  '%s keeps to one kind of names for namespaces',
  async (command) => {
    const { code, err } = await quartermaster(command, 'pod/a', '-f', 'a', '-n', 'a/b');
    expect(code).toBe(2);
    expect(err).toContain('is not a DNS label');
  },
);
