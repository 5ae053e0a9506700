import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import type { PreviewedDocument } from '../../src/cli/preview/session.ts';
import { createFiles, quartermaster } from '../fixtures/command-line.ts';

const file = createFiles();

const documentsOf = async (text: string, ...args: readonly string[]): Promise<readonly PreviewedDocument[]> => {
  const { out } = await quartermaster('preview', '-o', 'json', '-f', file('it.yaml', text), '--cloud', 'aws', ...args);
  return (JSON.parse(out) as { readonly documents: readonly PreviewedDocument[] }).documents;
};

const claim = (name: string, modes = 'ReadWriteOnce'): string =>
  `apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${name} }
spec: { storageClassName: data, accessModes: [${modes}], resources: { requests: { storage: 1Gi } } }
`;
const volume =
  'apiVersion: v1\nkind: PersistentVolume\nmetadata: { name: pv }\nspec: { storageClassName: data, capacity: { storage: 1Gi }, accessModes: [ReadWriteOnce], hostPath: { path: /x } }\n';
const app = (driver: string, name = 'pi', kind = 'SparkApplication'): string =>
  `apiVersion: sparkoperator.k8s.io/v1beta2\nkind: ${kind}\nmetadata: { name: ${name} }\nspec: ${driver}\n`;
/** Of a kind with one rule. */
const jobDefinition = (rule: string): string => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: jobs.example.org }
spec:
  group: example.org
  names: { kind: Job }
  versions:
    - name: v1
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties: { size: { type: integer, maximum: 3 }, owner: { type: string } }
              x-kubernetes-validations: [{ rule: "${rule}", message: needs an owner }]
`;

const labels = (kinds: string): string =>
  `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: labels, namespace: quartermaster-system }
spec: { match: { kinds: [${kinds}] }, inject: { labels: { given: "yes" } } }
`;

const made = (documents: readonly PreviewedDocument[]) =>
  documents.map(({ companions }) => companions.map(({ kind, metadata }) => `${kind} ${metadata.name}`));

describe('the documents of a file are admitted in order', () => {
  it('a class that one claim brings is there for the next', async () => {
    expect(made(await documentsOf([claim('one'), claim('two')].join('---\n')))).toEqual([['StorageClass data'], []]);
  });

  it('a volume counts for the claims after it', async () => {
    expect(made(await documentsOf([claim('one'), volume].join('---\n')))).toEqual([['StorageClass data'], []]);
    expect(made(await documentsOf([volume, claim('one')].join('---\n')))).toEqual([[], []]);
  });

  it('a namespace has its labels, and its own name, from where it stands', async () => {
    const namespace =
      'apiVersion: v1\nkind: Namespace\nmetadata: { name: a, labels: { quartermaster.dev/inject: disabled } }\n';
    const text = [app('{ driver: {} }'), namespace, app('{ driver: {} }', 'later')].join('---\n');
    const documents = await documentsOf(text, '-n', 'a', '--defaults', file('labels.yaml', labels('SparkApplication')));
    expect(documents.map(({ patch }) => patch.length > 0)).toEqual([true, false, false]);
    const named = labels('SparkApplication').replace(
      '[SparkApplication]',
      '[SparkApplication], namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: b } }',
    );
    const [inB] = await documentsOf(app('{ driver: {} }'), '-n', 'b', '--defaults', file('named.yaml', named));
    expect(inB?.patch.length).toBeGreaterThan(0);
  });
});

describe('an object that is there already is updated', () => {
  const defaults = () => file('labels.yaml', labels('SparkApplication'));
  const first = app('{ sparkConf: { spark.a: b }, driver: { cores: 1 } }');

  it('where an earlier document made it: it is given again what it was given', async () => {
    const documents = await documentsOf([first, first].join('---\n'), '--defaults', defaults());
    expect(documents.map(({ operation }) => operation)).toEqual(['CREATE', 'UPDATE']);
    expect(documents[1]?.object).toEqual(documents[0]?.object);
  });

  it('where --old has it: newer defaults are not for it', async () => {
    const old = file(
      'old.yaml',
      `${first.replace('name: pi', 'name: pi, namespace: default')}status: { applicationState: { state: RUNNING } }\n`,
    );
    const [document] = await documentsOf(first, '--old', old, '--defaults', defaults());
    expect(document).toMatchObject({ operation: 'UPDATE', patch: [] });
  });

  describe('and is a pod: its lists are merged by the keys that kubectl knows', () => {
    const pod = (spec: object, last?: object): string =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          ...{ name: 'p', namespace: 'default' },
          ...(last !== undefined && {
            annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ spec: last }) },
          }),
        },
        spec,
      });
    const updated = async (last: object, stored: object, manifest: object) => {
      const [document] = await documentsOf(pod(manifest), '--old', file('old.yaml', pod(stored, last)));
      return (document?.object as { readonly spec?: unknown } | undefined)?.spec;
    };
    const env = (...names: readonly string[]) => ({
      containers: [{ name: 'c', image: 'i', env: names.map((name) => ({ name, value: name })) }],
    });

    it('what others put between is kept at its place, and what was said before and no longer is goes', async () => {
      expect(await updated(env('MINE', 'GONE'), env('FIRST', 'MINE', 'GONE', 'LAST'), env('NEW', 'MINE'))).toEqual(
        env('NEW', 'FIRST', 'MINE', 'LAST'),
      );
    });

    it('a container that others added is kept', async () => {
      const [c] = env('A').containers;
      const mesh = { name: 'mesh', image: 'mesh' };
      expect(await updated({ containers: [c] }, { containers: [mesh, c] }, { containers: [c] })).toEqual({
        containers: [mesh, c],
      });
    });

    it('a volume has the one source that is said', async () => {
      const volume = (source: object) => ({ ...env(), volumes: [{ name: 'v', ...source }] });
      const secret = { secret: { secretName: 's' } };
      expect(await updated(volume({ emptyDir: {} }), volume({ emptyDir: {} }), volume(secret))).toEqual(volume(secret));
    });

    it('tolerations have no key, and are replaced', async () => {
      const tolerations = (...keys: readonly string[]) => ({ ...env(), tolerations: keys.map((key) => ({ key })) });
      expect(await updated(tolerations('a'), tolerations('a', 'b'), tolerations('a'))).toEqual(tolerations('a'));
    });

    it('and keeps what it was given, without a warning', async () => {
      const given = labels('Pod').replace('labels: { given: "yes" }', 'env: [{ name: A, value: "2" }]');
      const stored = `apiVersion: v1
kind: Pod
metadata:
  name: p
  namespace: default
  annotations:
    quartermaster.dev/injected: "quartermaster-system/labels@0 gives:\\n  spec.containers.0.env [\\"A\\"]"
    kubectl.kubernetes.io/last-applied-configuration: '{"spec":{"containers":[{"name":"c","image":"i"}]}}'
spec: { containers: [{ name: c, image: i, env: [{ name: A, value: "2" }] }] }
`;
      const [document] = await documentsOf(
        pod({ containers: [{ name: 'c', image: 'i' }] }),
        ...['--old', file('old.yaml', stored), '--defaults', file('given.yaml', given)],
      );
      expect(document).toMatchObject({ operation: 'UPDATE', patch: [], warnings: [] });
      expect(document?.object).toHaveProperty('spec.containers.0.env', [{ name: 'A', value: '2' }]);
    });
  });

  it('keeps what cannot be changed', async () => {
    const store = (name: string) =>
      `apiVersion: banzaicloud.com/v1alpha1\nkind: ObjectStore\nmetadata: { name: s }\nspec: { name: ${name}, provider: s3, location: eu-west-1 }\n`;
    const [document] = await documentsOf(store('bucket-two'), '--old', file('old.yaml', store('bucket-one')));
    expect(document?.denied).toContain('spec.name is "bucket-one" and cannot be changed');
  });
});

it('prints no patch for what would be refused', async () => {
  const text = [app('{ driver: {} }'), labels('SparkApplications')].join('---\n');
  const args = ['--defaults', file('labels.yaml', labels('SparkApplication')), '-o', 'patch'];
  const { code, out, err } = await quartermaster('preview', '-f', file('two.yaml', text), ...args);
  const [first = '', ...rest] = out.trimEnd().split('\n');
  expect(JSON.parse(first)).toContainEqual({ op: 'add', path: '/spec/driver/labels', value: { given: 'yes' } });
  expect(rest).toEqual(['null']);
  expect(err).toMatch(/document 2, line 6: refused: PlatformDefaults\.quartermaster\.dev "labels" is invalid: /);
  expect(code).toBe(1);
});

describe('of what would be refused', () => {
  const refusedOnly = app('{ driver: {} }', 'a/b');
  const previewed = (text: string, output: string) =>
    quartermaster('preview', '-f', file('refused.yaml', text), '--cloud', 'aws', '-o', output);

  it.each(['yaml', 'diff'])('-o %s prints the refusal and no object', async (output) => {
    const { code, out } = await previewed(refusedOnly, output);
    expect(out).toMatch(
      /^# .*refused\.yaml: document 1, line 1: .*would be refused: SparkApplication\.sparkoperator\.k8s\.io "a\/b" is invalid: /,
    );
    expect(
      out
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('#')),
    ).toEqual([]);
    expect(code).toBe(1);
  });

  it.each(['yaml', 'diff', 'patch'])('-o %s makes nothing for it, and goes on with the next', async (output) => {
    const bad = claim('one').replace('name: one', 'name: one, labels: { "a b": c }');
    const { code, out, err } = await previewed([bad, claim('two').replaceAll('data', 'other')].join('---\n'), output);
    expect(out + err).not.toMatch(/StorageClass data/);
    expect(out).not.toMatch(/name: (one|data)$/m);
    expect(out + err).toContain('other');
    expect(code).toBe(1);
  });

  it('every line of the refusal is a comment', async () => {
    const rule = 'x-kubernetes-validations: [{ rule: "self.a == 1", message: "one\\n\\ntwo" }]';
    const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: jobs.example.org }
spec:
  group: example.org
  names: { kind: Job }
  versions: [{ name: v1, schema: { openAPIV3Schema: { properties: { spec: { type: object, properties: { a: { type: integer } }, ${rule} } } } } }]
`;
    const job = 'apiVersion: example.org/v1\nkind: Job\nmetadata: { name: j }\nspec: { a: 2 }\n';
    const { out } = await previewed([definition, job].join('---\n'), 'yaml');
    const documents = parseAllDocuments(out).map((document) => document.toJS() as unknown);
    expect(documents).toEqual([expect.objectContaining({ kind: 'CustomResourceDefinition' }), null]);
  });
});

describe('the schema of a kind', () => {
  it('is read first: what it does not know is dropped with a warning', async () => {
    const [document] = await documentsOf(
      'apiVersion: banzaicloud.com/v1alpha1\nkind: ObjectStore\nmetadata: { name: s }\nspec: { name: my-bucket, colour: blue }\n',
    );
    expect(document?.warnings).toContain('unknown field "spec.colour"');
    expect(document?.object).not.toHaveProperty('spec.colour');
  });

  it('refuses what it does not take, ours and those of files alike', async () => {
    const [defaults] = await documentsOf(labels('SparkApplications'));
    expect(defaults?.denied).toMatch(
      /^PlatformDefaults\.quartermaster\.dev "labels" is invalid: \[spec\.match\.kinds\[0\]: Unsupported value: "SparkApplications": supported values: "PersistentVolumeClaim", /,
    );
    expect(defaults?.denied).toMatch(/, <nil>: Invalid value: null: some validation rules were not checked /);
    const [rule] = await documentsOf(labels('SparkConnect'));
    expect(rule?.denied).toContain('inject.labels is taken by');
    const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: sparkapplications.sparkoperator.k8s.io }
spec:
  group: sparkoperator.k8s.io
  names: { kind: SparkApplication }
  versions:
    - name: v1beta2
      schema:
        openAPIV3Schema:
          properties:
            spec: { type: object, required: [type], properties: { driver: { type: object }, type: { type: string, default: Java } } }
`;
    const documents = await documentsOf([definition, app('{ driver: {} }'), app('{ driver: 3 }', 'bad')].join('---\n'));
    expect(documents[1]?.object).toHaveProperty('spec.type', 'Java');
    expect(documents[2]?.denied).toBe(
      'SparkApplication.sparkoperator.k8s.io "bad" is invalid: spec.driver: Invalid value: "integer": spec.driver in body must be of type object: "integer"',
    );
  });

  it('lets through on an UPDATE what was wrong before, and warns of its rules alone', async () => {
    const job = (spec: string, more = '') =>
      `apiVersion: example.org/v1\nkind: Job\nmetadata: { name: j, namespace: default, finalizers: [${more}] }\nspec: ${spec}\n`;
    const update = (before: string, after: string) =>
      documentsOf([jobDefinition('has(self.owner)'), after].join('---\n'), '--old', file('old.yaml', before));
    const [, same] = await update(job('{ size: 9 }'), job('{ size: 9 }', 'mine'));
    expect(same?.allowed).toBe(true);
    expect(same?.warnings).toEqual([
      'spec: Invalid value: needs an owner',
      'metadata.finalizers: "mine": prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers',
    ]);
    const [, misnamed] = await update(job('{ owner: me }'), job('{ owner: me }', '"a b"'));
    expect(misnamed?.denied).toContain('metadata.finalizers: Invalid value: "a b": name part must consist of ');
    const [, other] = await update(job('{ size: 9 }'), job('{ size: 8 }'));
    expect(other?.denied).toBe(
      'Job.example.org "j" is invalid: [spec.size: Invalid value: 8: spec.size in body should be less than or equal to 3, spec: Invalid value: needs an owner]',
    );
  });

  it('warns of a rule that asks for what is not here, and asks the others', async () => {
    const job = 'apiVersion: example.org/v1\nkind: Job\nmetadata: { name: j }\nspec: { size: 3 }\n';
    const under = async (rule: string) => (await documentsOf([jobDefinition(rule), job].join('---\n')))[1];
    expect((await under('self.size % 2 == 1'))?.allowed).toBe(true);
    expect((await under('self.size + 1 < 4'))?.denied).toContain('spec: Invalid value: needs an owner');
    const unread = await under("ip('10.0.0.1').family() == 6");
    expect(unread?.allowed).toBe(true);
    expect(unread?.warnings).toEqual([
      "spec: its rule was not checked: preview has no ip, family: ip('10.0.0.1').family() == 6",
    ]);
    expect((await under('self.?size.orValue(1) == 2'))?.warnings).toEqual([
      'spec: its rule was not checked: preview cannot read it: self.?size.orValue(1) == 2',
    ]);
  });

  it('says that a PlatformDefaults would be stored and not be in force', async () => {
    const text = labels('SparkApplication').replace('given: "yes"', 'quartermaster.dev/x: "yes"');
    const { code, err } = await quartermaster('preview', '-f', file('pd.yaml', text));
    expect(code).toBe(1);
    expect(err).toContain('would not be in force: spec.inject.labels: "quartermaster.dev/x" is reserved');
  });
});

describe('requests of a pod', () => {
  const defaults = `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: requests, namespace: quartermaster-system }
spec: { match: { kinds: [Pod] }, inject: { resources: { requests: { cpu: 250m, memory: 512Mi } } } }
`;

  it('are what the API server has made of its limits before webhooks are asked', async () => {
    const resources = '{ limits: { memory: 256Mi } }';
    const pod = `apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec: { containers: [{ name: c, image: i, resources: ${resources} }] }\n`;
    const [document] = await documentsOf(pod, '--defaults', file('requests.yaml', defaults));
    expect(document?.warnings).toEqual([]);
    expect(document?.object).toHaveProperty('spec.containers.0.resources', {
      limits: { memory: '256Mi' },
      requests: { memory: '256Mi', cpu: '250m' },
    });
  });
});

describe('the service account of a pod', () => {
  const accounts = `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: accounts, namespace: quartermaster-system }
spec: { match: { kinds: [Pod, SparkApplication] }, mode: Enforce, inject: { env: [{ name: SA, value: "\${serviceAccount}" }] } }
`;
  const pod = (spec: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec: { ${spec}containers: [{ name: c, image: nginx }] }\n`;
  const previewed = (text: string) => documentsOf(text, '--defaults', file('accounts.yaml', accounts));

  it.each([
    ['', 'default'],
    ['serviceAccountName: "", ', 'default'],
    ['serviceAccountName: mine, ', 'mine'],
    ['serviceAccount: older, ', 'older'],
  ])('is what the API server has named before webhooks are asked: %s', async (spec, name) => {
    const [document] = await previewed(pod(spec));
    expect(document?.allowed).toBe(true);
    expect(document?.object).toHaveProperty('spec.containers.0.env', [{ name: 'SA', value: name }]);
  });

  it('is not shown, as nothing is that the API server fills in', async () => {
    const [document] = await previewed(pod(''));
    expect(document?.object).not.toHaveProperty('spec.serviceAccountName');
  });

  it('is not known of what is no pod', async () => {
    const [document] = await previewed(app('{ driver: {} }'));
    expect(document?.denied).toContain('${serviceAccount} is not known for this object');
  });
});

describe('what an object makes by itself', () => {
  it('is previewed where it is sent, and never printed to be applied', async () => {
    const scheduled = app(
      '{ schedule: "@daily", template: { driver: { cores: 1 } } }',
      'nightly',
      'ScheduledSparkApplication',
    );
    const args = ['--defaults', file('labels.yaml', labels('SparkApplication'))];
    const documents = await documentsOf(scheduled, ...args);
    expect(documents.map(({ kind, createdBy }) => [kind, createdBy])).toEqual([
      ['ScheduledSparkApplication', undefined],
      ['SparkApplication', 'ScheduledSparkApplication nightly, spec.template'],
    ]);
    expect(documents[1]?.object).toHaveProperty('spec.driver.labels.given', 'yes');
    const { out } = await quartermaster('preview', '-f', file('s.yaml', scheduled), ...args);
    expect(out).toMatch(
      /^# .*: the SparkApplication made by ScheduledSparkApplication nightly, spec\.template\n# apiVersion/m,
    );
    expect(out.match(/^kind: /gm)).toHaveLength(1);
  });

  it('is a pod for each step of a workflow', async () => {
    const workflow = `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: { generateName: hello- }
spec:
  entrypoint: main
  templates:
    - { name: main, steps: [[{ name: a, template: say }]] }
    - { name: say, container: { image: busybox, command: [echo] } }
`;
    const documents = await documentsOf(workflow, '--defaults', file('labels.yaml', labels('WorkflowPod')));
    expect(documents.map(({ kind, createdBy }) => [kind, createdBy])).toEqual([
      ['Workflow', undefined],
      ['Pod', 'Workflow hello-*, spec.templates.1'],
    ]);
    expect(documents[1]?.object.metadata.labels).toMatchObject({ given: 'yes' });
  });

  describe('is a pod with its owner, and the labels that its controller puts on it', () => {
    const pod = '{ containers: [{ name: c, image: i }] }';
    const podOf = async (apiVersion: string, kind: string, spec: string) => {
      const text = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: one }\nspec: ${spec}\n`;
      const documents = await documentsOf(text, '--defaults', file('labels.yaml', labels('Pod')));
      return documents.find((document) => document.kind === 'Pod')?.object;
    };
    const template = `template: { metadata: { labels: { own: "yes" } }, spec: ${pod} }`;

    it.each([
      ['batch/v1', 'Job', `{ ${template} }`, 'batch/v1 Job one', { 'job-name': 'one' }],
      [
        'batch/v1',
        'CronJob',
        `{ jobTemplate: { spec: { completionMode: Indexed, ${template} } } }`,
        'batch/v1 Job one-xxxxxxxx',
        { 'batch.kubernetes.io/job-name': 'one-xxxxxxxx', 'batch.kubernetes.io/job-completion-index': '0' },
      ],
      [
        'apps/v1',
        'Deployment',
        `{ ${template} }`,
        'apps/v1 ReplicaSet one-xxxxxxxxxx',
        { 'pod-template-hash': 'xxxxxxxxxx' },
      ],
      [
        'apps/v1',
        'StatefulSet',
        `{ ordinals: { start: 3 }, ${template} }`,
        'apps/v1 StatefulSet one',
        { 'statefulset.kubernetes.io/pod-name': 'one-3', 'apps.kubernetes.io/pod-index': '3' },
      ],
      ['apps/v1', 'DaemonSet', `{ ${template} }`, 'apps/v1 DaemonSet one', { 'pod-template-generation': '1' }],
      [
        'argoproj.io/v1alpha1',
        'Workflow',
        '{ templates: [{ name: a, container: { image: i } }] }',
        'argoproj.io/v1alpha1 Workflow one',
        { 'workflows.argoproj.io/workflow': 'one' },
      ],
    ])('%s %s', async (group, kind, spec, owner, put) => {
      const { metadata } = (await podOf(group, kind, spec)) ?? {};
      const references = metadata?.ownerReferences as readonly KubeObject[] | undefined;
      expect(references?.map((one) => `${one.apiVersion} ${one.kind} ${String(Reflect.get(one, 'name'))}`)).toEqual([
        owner,
      ]);
      expect(references?.[0]).toMatchObject({ controller: true });
      expect(metadata?.labels).toMatchObject({ ...put, given: 'yes', ...(kind !== 'Workflow' && { own: 'yes' }) });
    });

    it('a job whose selector is its own has no labels but those of its template', async () => {
      const job = await podOf('batch/v1', 'Job', `{ manualSelector: true, ${template} }`);
      expect(job?.metadata.labels).toEqual({ own: 'yes', given: 'yes' });
    });

    it('is matched by its owner, and as the pod of a job', async () => {
      const job = `apiVersion: batch/v1\nkind: Job\nmetadata: { name: j }\nspec: { template: { spec: ${pod} } }\n`;
      const jobPods = await documentsOf(job, '--defaults', file('jobs.yaml', labels('JobPod')));
      expect(jobPods[1]?.object.metadata.labels).toMatchObject({ given: 'yes' });
      const owned = labels('Pod').replace('[Pod]', '[Pod], owner: { kind: ReplicaSet, group: apps }');
      const deployment = job.replace('batch/v1', 'apps/v1').replace('kind: Job', 'kind: Deployment');
      const pods = await documentsOf([job, deployment].join('---\n'), '--defaults', file('owned.yaml', owned));
      expect(pods.filter(({ kind }) => kind === 'Pod').map(({ object }) => object.metadata.labels?.['given'])).toEqual([
        undefined,
        'yes',
      ]);
    });
  });

  describe('is a pod as Argo makes it', () => {
    const workflow = (spec: string, kind = 'Workflow') =>
      `apiVersion: argoproj.io/v1alpha1\nkind: ${kind}\nmetadata: { name: wf }\nspec: ${spec}\n`;
    const podsOf = async (spec: string, kind?: string) => {
      const documents = await documentsOf(workflow(spec, kind));
      return documents
        .filter((document) => document.kind === 'Pod')
        .map(({ object, createdBy, allowed }) => ({ ...object, from: createdBy?.split(', ')[1], allowed }));
    };

    it('with what the workflow says, and before it what the template or its caller says', async () => {
      const pods = await podsOf(`
  serviceAccountName: theirs
  nodeSelector: { pool: theirs }
  tolerations: [{ key: theirs }]
  schedulerName: volcano
  priorityClassName: none
  podPriorityClassName: high
  securityContext: { runAsUser: 7 }
  hostAliases: [{ ip: 10.0.0.1, hostnames: [a] }]
  imagePullSecrets: [{ name: pull }]
  dnsConfig: { nameservers: [10.0.0.2] }
  hostNetwork: true
  entrypoint: main
  templates:
    - { name: main, nodeSelector: { zone: main }, steps: [[{ name: a, template: one }], [{ name: b, inline: { container: { image: i } } }]] }
    - { name: one, serviceAccountName: own, tolerations: [{ key: own }], securityContext: { runAsUser: 8 }, container: { image: i } }
    - { name: other, hostAliases: [{ ip: 10.0.0.3, hostnames: [b] }], script: { image: i, source: x } }`);
      const shared = {
        ...{ schedulerName: 'volcano', priorityClassName: 'high', imagePullSecrets: [{ name: 'pull' }] },
        ...{ dnsConfig: { nameservers: ['10.0.0.2'] }, hostNetwork: true, restartPolicy: 'Never' },
      };
      expect(pods.map(({ from }) => from)).toEqual([
        'spec.templates.0.steps.1.0.inline',
        'spec.templates.1',
        'spec.templates.2',
      ]);
      expect(pods).toMatchObject([
        { spec: { ...shared, serviceAccountName: 'theirs', nodeSelector: { zone: 'main' } } },
        {
          spec: {
            ...{ ...shared, serviceAccountName: 'own', nodeSelector: { zone: 'main' } },
            ...{ tolerations: [{ key: 'own' }], securityContext: { runAsUser: 8 } },
          },
        },
        {
          spec: {
            ...{ ...shared, nodeSelector: { pool: 'theirs' }, securityContext: { runAsUser: 7 } },
            hostAliases: [{ ip: '10.0.0.1' }, { ip: '10.0.0.3' }],
          },
        },
      ]);
    });

    it('with templateDefaults of its type, merged by keys', async () => {
      const [one, two] = await podsOf(`
  templateDefaults: { nodeSelector: { a: b }, container: { image: theirs, env: [{ name: A, value: theirs }, { name: B, value: theirs }] } }
  templates:
    - { name: one, container: { image: own, env: [{ name: A, value: own }] } }
    - { name: two, script: { image: own } }`);
      expect(one).toHaveProperty('spec.containers.1', {
        name: 'main',
        image: 'own',
        env: [
          { name: 'A', value: 'own' },
          { name: 'B', value: 'theirs' },
        ],
      });
      expect(two).toMatchObject({
        spec: { nodeSelector: { a: 'b' }, containers: [{}, { name: 'main', image: 'own' }] },
      });
      expect(two).not.toHaveProperty('spec.containers.1.env');
    });

    it('with its podSpecPatch, unless that needs a parameter', async () => {
      const [one, two] = await podsOf(`
  podSpecPatch: '{ "containers": [{ "name": "main", "resources": { "limits": { "cpu": 1 } } }] }'
  templates:
    - { name: one, podSpecPatch: "nodeSelector: { a: b }", container: { image: i } }
    - { name: two, podSpecPatch: "nodeSelector: { a: '{{inputs.parameters.a}}' }", container: { image: i } }`);
      const containers = [{ name: 'wait' }, { name: 'main', image: 'i', resources: { limits: { cpu: 1 } } }];
      expect(one).toMatchObject({ spec: { nodeSelector: { a: 'b' }, containers } });
      expect(two).not.toHaveProperty('spec.nodeSelector');
    });

    it('with the volumes that are mounted, those of claims and of mirrored mounts too', async () => {
      const [one] = await podsOf(`
  volumes: [{ name: used, emptyDir: {} }, { name: unused, emptyDir: {} }]
  volumeClaimTemplates: [{ metadata: { name: work }, spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } } }]
  templates:
    - name: one
      container: { image: i, volumeMounts: [{ name: used, mountPath: /u }, { name: work, mountPath: /w }] }
      sidecars: [{ name: s, image: i, mirrorVolumeMounts: true }]`);
      expect(one).toHaveProperty('spec.volumes', [
        { name: 'used', emptyDir: {} },
        { name: 'work', persistentVolumeClaim: { claimName: 'wf-work' } },
      ]);
      expect(one).toHaveProperty('spec.containers.2.volumeMounts.length', 2);
      expect(one).not.toHaveProperty('spec.containers.2.mirrorVolumeMounts');
    });

    it('of a container set, of resources and data, and one agent for all calls', async () => {
      const pods = await podsOf(`
  serviceAccountName: theirs
  templates:
    - { name: set, containerSet: { volumeMounts: [], containers: [{ name: a, image: i }, { name: b, image: i, dependencies: [a] }] } }
    - { name: get, resource: { action: get } }
    - { name: call, http: { url: "http://x" } }
    - { name: more, dag: { tasks: [{ name: a, inline: { http: { url: "http://y" } } }] } }
    - { name: wait, suspend: {} }`);
      expect(pods.map(({ from, metadata }) => [metadata.name, from])).toEqual([
        ['wf-set-xxxxxxxxxx', 'spec.templates.0'],
        ['wf-get-xxxxxxxxxx', 'spec.templates.1'],
        ['wf-xxxxxxxxxx-agent', 'spec.templates.2'],
      ]);
      const names = pods.map((pod) => (pod as unknown as { spec: { containers: { name: string }[] } }).spec.containers);
      expect(names.map((containers) => containers.map(({ name }) => name))).toEqual([
        ['wait', 'a', 'b'],
        ['main'],
        ['main'],
      ]);
      expect(pods[0]).not.toHaveProperty('spec.containers.2.dependencies');
      expect(pods[2]).toMatchObject({
        metadata: { labels: { 'workflows.argoproj.io/component': 'agent' } },
        spec: { serviceAccountName: 'theirs', automountServiceAccountToken: false },
      });
    });

    it('named after the workflow that a schedule makes, with labels that parameters fill', async () => {
      const template =
        '{ name: a, metadata: { labels: { of: "{{workflow.name}}", by: "{{inputs.parameters.x}}" } }, container: { image: i } }';
      const [pod] = await podsOf(`{ workflowSpec: { entrypoint: a, templates: [${template}] } }`, 'CronWorkflow');
      expect(pod).toMatchObject({
        allowed: true,
        metadata: { name: 'wf-xxxxxxxxxx', labels: { of: 'wf-xxxxxxxxxx', by: 'xxxxx' } },
      });
    });
  });

  it('is a note where no webhook is sent it', async () => {
    const job =
      'apiVersion: batch/v1\nkind: Job\nmetadata: { name: j }\nspec: { template: { spec: { containers: [{ name: a, image: b }] } } }\n';
    const { err, code } = await quartermaster('preview', '--explain', '-f', file('job.yaml', job), '-n', 'cwl');
    expect(code).toBe(0);
    expect(err).toContain(
      'note: Its Pod (Job j, spec.template): No PlatformDefaults is for such pods: no webhook is sent it.\n',
    );
  });
});

it('ends with a line that counts, and with 1 for warnings where they are to count', async () => {
  const text =
    'apiVersion: banzaicloud.com/v1alpha1\nkind: ObjectStore\nmetadata: { name: s }\nspec: { name: my-bucket, provider: s3, colour: blue }\n';
  const path = file('store.yaml', text);
  const lenient = await quartermaster('preview', '-f', path, '--cloud', 'aws', '--fact', 'region=eu-west-1');
  expect(lenient.err).toMatch(/\n1 object: 1 changed, 0 unchanged, 0 refused; 1 warning\.\n$/);
  expect(lenient.code).toBe(0);
  const strict = await quartermaster('preview', '--strict', '-f', path, '--cloud', 'aws', '--fact', 'region=eu-west-1');
  expect(strict.code).toBe(1);
});

it('takes nothing but PlatformDefaults of our version as --defaults, in the namespace kubectl would put them', async () => {
  const wrong = labels('SparkApplication').replace('v1alpha1', 'v1');
  const { code, err } = await quartermaster(
    'preview',
    '-f',
    file('app.yaml', app('{}')),
    '--defaults',
    file('wrong.yaml', wrong),
  );
  expect(code).toBe(2);
  expect(err).toContain(
    'PlatformDefaults of quartermaster.dev/v1 is no PlatformDefaults of quartermaster.dev/v1alpha1',
  );
  const unplaced = labels('SparkApplication').replace(', namespace: quartermaster-system', '');
  const [document] = await documentsOf(app('{ driver: {} }'), '-n', 'a', '--defaults', file('a.yaml', unplaced));
  expect(document?.explanation.defaults[0]?.source).toBe('a/labels@0');
});

it('a provisioned claim brings what the same claim in a file brings, with its warnings', async () => {
  const shared = claim('data', 'ReadWriteMany').replace('storageClassName: data', 'storageClassName: shared');
  const provisioning = `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: claims, namespace: quartermaster-system }
spec:
  match: { kinds: [Pod], namespaceSelector: { matchLabels: { team: a } } }
  provision:
    persistentVolumeClaims:
      - name: data
        spec: { storageClassName: shared, accessModes: [ReadWriteMany], resources: { requests: { storage: 1Gi } } }
`;
  const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: geo, labels: { team: a } }\n';
  const [ordinary] = await documentsOf(shared, '-n', 'geo');
  const [provisioned] = await documentsOf(namespace, '--defaults', file('claims.yaml', provisioning));
  expect(ordinary?.companions.map(({ kind }) => kind)).toContain('Deployment');
  expect(provisioned?.companions.slice(0, -1)).toEqual(ordinary?.companions);
  expect(provisioned?.warnings).toEqual(ordinary?.warnings);
});

describe('claims that other objects bring', () => {
  const set = `apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  template: { spec: { containers: [{ name: db, image: db }] } }
  volumeClaimTemplates:
    - metadata: { name: data }
      spec: { storageClassName: team-nfs, accessModes: [ReadWriteMany], resources: { requests: { storage: 5Gi } } }
`;
  const pod = `apiVersion: v1
kind: Pod
metadata: { name: scratch }
spec:
  containers: [{ name: c, image: c }]
  volumes:
    - name: s
      ephemeral: { volumeClaimTemplate: { spec: { storageClassName: gp3, accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } } } }
`;
  const workflow = `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: { generateName: etl- }
spec:
  entrypoint: a
  volumeClaimTemplates:
    - metadata: { name: work }
      spec: { storageClassName: gp3-retain, accessModes: [ReadWriteOnce], resources: { requests: { storage: 5Gi } } }
  templates: [{ name: a, container: { image: x } }]
`;
  const claims = async (text: string) =>
    (await documentsOf(text))
      .filter(({ kind }) => kind === 'PersistentVolumeClaim')
      .map(({ name, createdBy, companions }) => [name, createdBy, companions.at(-1)?.metadata.name]);

  it('are admitted with the classes and servers they need, by the names they will have', async () => {
    expect(await claims([set, pod, workflow].join('---\n'))).toEqual([
      ['data-db-0', 'StatefulSet db, spec.volumeClaimTemplates.0', 'team-nfs'],
      ['scratch-s', 'Pod scratch, spec.volumes.0', 'gp3'],
      ['etl-*', 'Workflow etl-*, spec.volumeClaimTemplates.0', 'gp3-retain'],
    ]);
    const documents = await documentsOf([set, pod, workflow].join('---\n'));
    expect(documents.filter(({ allowed }) => !allowed)).toEqual([]);
  });

  it('have the labels that the controller gives them', async () => {
    const selected = set.replace('template:', 'selector: { matchLabels: { app: db } }\n  template:');
    const documents = await documentsOf([selected, workflow].join('---\n'));
    const found = documents.filter(({ kind }) => kind === 'PersistentVolumeClaim');
    expect(found.map(({ object }) => object.metadata.labels)).toEqual([
      { app: 'db' },
      { 'workflows.argoproj.io/workflow': 'etl-xxxxx' },
    ]);
  });

  it('count for those after them', async () => {
    const later = claim('later').replace('storageClassName: data', 'storageClassName: gp3');
    expect(made(await documentsOf([pod, later].join('---\n'))).at(-1)).toEqual([]);
  });
});

describe('what stands after the claim that would have needed it', () => {
  const warnings = async (text: string) => (await documentsOf(text)).flatMap((document) => document.warnings);

  it('is told: a volume that names the class, or the class itself', async () => {
    expect(await warnings([claim('one'), volume].join('---\n'))).toEqual([
      expect.stringMatching(
        /data is made here, since PersistentVolume pv, which names it, comes later \(.*document 2, line 6\)/,
      ),
    ]);
    const storageClass =
      'apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: { name: data }\nprovisioner: x.org/y\n';
    expect(await warnings([claim('one'), storageClass].join('---\n'))).toEqual([
      expect.stringMatching(/and the one in .*document 2, line 6 comes too late/),
    ]);
    expect(await warnings([volume, claim('one')].join('---\n'))).toEqual([]);
  });

  it('two claims of one class: the second is told that the first one’s class does not serve it', async () => {
    expect(await warnings([claim('one'), claim('two', 'ReadWriteMany')].join('---\n'))).toEqual([
      expect.stringMatching(/data was made for aws ReadWriteOnce.*serves no ReadWriteMany/),
    ]);
  });
});

describe('a kind that there is not', () => {
  const warningsOf = async (apiVersion: string, kind: string, ...before: readonly string[]) => {
    const text = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: x }\nspec: {}\n`;
    return (await documentsOf([...before, text].join('---\n'))).at(-1)?.warnings;
  };

  it.each([
    [
      'sparkoperator.k8s.io/v1beta2',
      'SparkAplication',
      'no kind SparkAplication is known in sparkoperator.k8s.io/v1beta2 (did you mean SparkApplication?)',
    ],
    [
      'v1',
      'persistentvolumeclaim',
      'no kind persistentvolumeclaim is known in v1 (did you mean PersistentVolumeClaim?)',
    ],
    [
      'sparkoperator.k8s.io/v1beta9',
      'SparkApplication',
      'no SparkApplication is known in sparkoperator.k8s.io/v1beta9 (did you mean sparkoperator.k8s.io/v1beta2?)',
    ],
    ['v2', 'Pod', 'no Pod is known in v2 (did you mean v1?)'],
    ['batch/v1beta1', 'CronJob', 'no CronJob is known in batch/v1beta1 (did you mean batch/v1?)'],
    [
      'argoproj.io/v1alpha1',
      'Workflows',
      'no kind Workflows is known in argoproj.io/v1alpha1 (did you mean Workflow?)',
    ],
  ])('is told where it is like one that there is: %s %s', async (apiVersion, kind, warning) => {
    expect(await warningsOf(apiVersion, kind)).toEqual([warning]);
  });

  it.each([
    ['argoproj.io/v1alpha1', 'Rollout'],
    ['batch.volcano.sh/v1alpha1', 'Job'],
    ['events.k8s.io/v1', 'Event'],
    ['serving.knative.dev/v1', 'Service'],
    ['policy/v1', 'PodDisruptionBudget'],
  ])('is not told where it may well be one of others: %s %s', async (apiVersion, kind) => {
    expect(await warningsOf(apiVersion, kind)).toEqual([]);
  });

  it('is one that a definition of the file has', async () => {
    const definition = jobDefinition('true').replaceAll('example.org', 'batc').replace('kind: Job', 'kind: Jobs');
    expect(await warningsOf('batc/v1', 'Jobs', definition)).toEqual([]);
  });
});

it.each(['x', '[x]', '7'])('annotations that are no map, %s, are refused in an update too', async (annotations) => {
  const stored = app('{}').replace(
    'name: pi',
    "name: pi, annotations: { kubectl.kubernetes.io/last-applied-configuration: '{}' }",
  );
  const changed = app('{}').replace('name: pi', `name: pi, annotations: ${annotations}`);
  const [document] = await documentsOf(changed, '--old', file('old.yaml', stored));
  expect(document).toMatchObject({ operation: 'UPDATE', allowed: false });
});
