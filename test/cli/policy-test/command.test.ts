import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { jsonSchemas } from '../../../dev/bundle/json-schemas.ts';
import { runOnChange } from '../../../src/cli/policy-test/watch.ts';
import { quartermaster } from '../../fixtures/command-line.ts';

/** A folder with these files. */
const folderOf = (files: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'quartermaster-policy-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
};

const defaults = `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: geo, namespace: quartermaster-system }
spec:
  match: { kinds: [SparkPod], selector: { matchLabels: { team: geo } } }
  variables: { proxy: http://proxy.example.org:3128 }
  inject:
    env: [{ name: HTTP_PROXY, value: "\${proxy}" }, { name: WHO, value: "\${user}" }]
    nodeSelector: { pool: geo, region: "\${region}" }
    labels: { cost: geo }
---
apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: nobody, namespace: quartermaster-system }
spec: { match: { kinds: [RayNode] }, inject: { labels: { a: b } } }
`;
const pod = (team: string): string => `apiVersion: v1
kind: Pod
metadata: { name: driver, labels: { team: ${team}, spark-role: driver, spark-app-selector: a } }
spec: { containers: [{ name: spark-kubernetes-driver, image: spark }] }
`;
const suite = (then: string, when = 'object: pod.yaml, user: ada, namespace: team-a', more = ''): string => `given:
  cloud: aws
  facts: { region: eu-west-1 }
  defaults: [defaults.yaml]
  namespaces: { team-a: {} }
tests:
  - name: a driver of geo
    when: { ${when} }
    then: ${then}
${more}`;
const proxied = `{ fields: { "spec.containers[name=spark-kubernetes-driver].env[name=HTTP_PROXY].value": "http://proxy.example.org:3128", "spec.containers[0].env[name=WHO].value": ada, spec.nodeSelector.region: eu-west-1 }, absent: [spec.hostAliases], warnings: [], makes: [] }`;

describe('test', () => {
  it('passes where all is as the test says', async () => {
    const folder = folderOf({ 'defaults.yaml': defaults, 'pod.yaml': pod('geo'), 'geo.test.yaml': suite(proxied) });
    expect(await quartermaster('test', folder)).toEqual({
      code: 0,
      out: `${join(folder, 'geo.test.yaml')}\n  pass  a driver of geo\n`,
      err: '1 test in 1 file: 1 passed, 0 failed.\n',
    });
  });

  it('tells what is otherwise, and what became of every default', async () => {
    const folder = folderOf({ 'defaults.yaml': defaults, 'pod.yaml': pod('ml'), 'geo.test.yaml': suite(proxied) });
    const { code, out, err } = await quartermaster('test', folder);
    expect(code).toBe(1);
    expect(out).toContain('  FAIL  a driver of geo\n');
    expect(out).toContain('spec.nodeSelector.region: expected "eu-west-1", found nothing\n');
    expect(out).toContain('is not sent the object: objectSelector team=geo; the object has team=ml;');
    expect(err).toBe('1 test in 1 file: 0 passed, 1 failed.\n');
  });

  it.each([
    ['{ absent: [spec.nodeSelector.pool] }', 'spec.nodeSelector.pool: expected nothing, found "geo"'],
    ['{ unchanged: true }', 'unchanged: add /'],
    ['{ refused: because }', 'refused: expected "because", found it was taken'],
    ['{ allowed: false }', 'allowed: expected it to be refused, and it was taken'],
    ['{ warnings: [some] }', 'warnings: expected "some", which was not told'],
    ['{ makes: [{ kind: StorageClass, name: a }] }', 'makes: expected StorageClass/a, which is not made'],
    ['{ snapshot: true }', 'snapshot: is not written yet; run with --update'],
  ])('fails %s with a sentence', async (then, sentence) => {
    const folder = folderOf({ 'defaults.yaml': defaults, 'pod.yaml': pod('geo'), 'geo.test.yaml': suite(then) });
    expect((await quartermaster('test', folder)).out).toContain(`        ${sentence}`);
  });

  it('applies several objects in order, updates what is stored, refuses, and looks at what they make', async () => {
    const claim = `{ apiVersion: v1, kind: PersistentVolumeClaim, metadata: { name: a }, spec: { storageClassName: gp3, accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } } }`;
    const job = `{ apiVersion: batch/v1, kind: Job, metadata: { name: j }, spec: { template: { metadata: { labels: { team: geo, spark-role: driver, spark-app-selector: a } }, spec: { containers: [{ name: spark-kubernetes-driver, image: a }] } } } }`;
    const store = (name: string): string =>
      `{ apiVersion: banzaicloud.com/v1alpha1, kind: ObjectStore, metadata: { name: s }, spec: { name: ${name} } }`;
    const more = `  - name: two claims, one class
    when: { objects: [${claim}, ${claim.replace('name: a', 'name: b')}] }
    then: { makes: [] }
    also: [{ of: PersistentVolumeClaim/a, makes: [{ kind: StorageClass, name: gp3, fields: { provisioner: ebs.csi.aws.com } }] }]
  - name: a pod that a Job makes
    when: { object: ${job} }
    then: { unchanged: true }
    also: [{ of: Pod, fields: { metadata.labels.cost: geo } }]
  - name: the name of a bucket stays
    when: { object: ${store('bucket-b')}, old: ${store('bucket-a')}, operation: UPDATE }
    then: { refused: spec.name }
  - name: a PlatformDefaults that would not be in force
    when: { object: { apiVersion: quartermaster.dev/v1alpha1, kind: PlatformDefaults, metadata: { name: x }, spec: { match: { kinds: [Pod] } } } }
    then: { notInForce: gives nothing }
  - name: a class that is there already
    given: { objects: [{ apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: { name: gp3 }, provisioner: p }] }
    when: { object: ${claim}, operation: CREATE }
    then: { makes: [] }
`;
    const folder = folderOf({
      'defaults.yaml': defaults,
      'pod.yaml': pod('geo'),
      'geo.test.yaml': suite(proxied, undefined, more),
    });
    const { out, err } = await quartermaster('test', folder);
    expect(err, out).toBe('6 tests in 1 file: 6 passed, 0 failed.\n');
  });

  it('tells with --coverage which keys no test would fail without', async () => {
    const folder = folderOf({ 'defaults.yaml': defaults, 'pod.yaml': pod('geo'), 'geo.test.yaml': suite(proxied) });
    expect((await quartermaster('test', folder, '--coverage')).err).toBe(
      `Coverage: 1 of 2 PlatformDefaults, 3 of 5 keys; no test fails without:
  quartermaster-system/geo: inject.labels
  quartermaster-system/nobody: inject.labels
1 test in 1 file: 1 passed, 0 failed.
`,
    );
  });

  it('writes snapshots with --update, and tells how an object differs from its own', async () => {
    const folder = folderOf({
      'defaults.yaml': defaults,
      'pod.yaml': pod('geo'),
      'geo.test.yaml': suite('{ snapshot: true }'),
    });
    const updated = await quartermaster('test', folder, '--update');
    expect(updated.err).toBe('1 test in 1 file: 1 passed, 0 failed; snapshots of 1 file written.\n');
    const path = join(folder, 'geo.snapshot.yaml');
    expect(parse(readFileSync(path, 'utf8'))).toMatchObject({
      'a driver of geo': [{ object: { spec: { nodeSelector: { pool: 'geo' } } } }],
    });
    expect((await quartermaster('test', folder)).code).toBe(0);
    writeFileSync(join(folder, 'defaults.yaml'), defaults.replace('pool: geo', 'pool: hydro'));
    const { code, out } = await quartermaster('test', folder);
    expect(code).toBe(1);
    expect(out).toContain('-        pool: geo\n');
    expect(out).toContain('+        pool: hydro\n');
  });

  it('prints JUnit and JSON', async () => {
    const folder = folderOf({
      'defaults.yaml': defaults,
      'pod.yaml': pod('geo'),
      'geo.test.yaml': suite('{ unchanged: true }'),
    });
    const { out } = await quartermaster('test', folder, '-o', 'junit');
    expect(out).toContain('<testsuites name="quartermaster" tests="1" failures="1">');
    expect(out).toMatch(/<testcase name="a driver of geo" classname="[^"]*geo\.test\.yaml" time="\d+\.\d{3}">/);
    const json = JSON.parse((await quartermaster('test', folder, '-o', 'json', '--coverage')).out) as {
      readonly tests: readonly object[];
      readonly coverage: readonly object[];
    };
    expect(json.tests).toMatchObject([{ name: 'a driver of geo', failures: [expect.stringMatching(/^unchanged: /)] }]);
    expect(json.coverage).toHaveLength(5);
  });

  it('tells every mistake of a file of tests with its place', async () => {
    const folder = folderOf({ 'a.test.yaml': 'given: { cloud: asw }\ntests:\n  - name: a\n    when: { objct: a }\n' });
    const { code, err } = await quartermaster('test', folder);
    expect(code).toBe(2);
    const path = join(folder, 'a.test.yaml');
    expect(err).toContain(`${path}:1:17: given.cloud: "asw" is not one of`);
    expect(err).toContain(`${path}:3:5: tests[0].then: is required\n`);
    expect(err).toContain(`${path}:4:13: tests[0].when.objct: there is no such field (did you mean object?)\n`);
    expect((await quartermaster('test', folderOf({ 'a.yaml': 'a: b' }))).err).toContain(
      'holds no file named *.test.yaml.',
    );
  });

  it.each([
    [
      'settings: { RWX_FALBACK: none }',
      /geo\.test\.yaml: given\.settings\.RWX_FALBACK is no setting \(did you mean RWX_FALLBACK\?\)\./,
    ],
    ['settings: { RWX_FALLBACK: foo }', /geo\.test\.yaml: given\.settings: .*RWX_FALLBACK="foo" is not one of/],
    ['facts: { region: a }, namespaces: { "A b": {} }', /given\.namespaces: "A b" is not a DNS label/],
    ['facts: { region: a }, namespaces: { a: { x: "y z" } }', /given\.namespaces\.a: x: "y z" is not a label value/],
    ['facts: { regoin: a }', /geo\.test\.yaml: given\.facts\.regoin is not known; .*\(did you mean region\?\)\./],
  ])('names the file whose given cannot be: %s', async (given, message) => {
    const text = suite('{ unchanged: true }').replace(
      '  facts: { region: eu-west-1 }\n  defaults: [defaults.yaml]\n  namespaces: { team-a: {} }',
      `  ${given.replace(/, (?=namespaces)/, '\n  ')}`,
    );
    const folder = folderOf({ 'defaults.yaml': defaults, 'pod.yaml': pod('ml'), 'geo.test.yaml': text });
    const { code, err } = await quartermaster('test', folder);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  it.each(['', '---\n---\n', 'null\n', '# nothing\n'])('takes a file with %j for a mistake', async (text) => {
    const { code, err } = await quartermaster('test', folderOf({ 'geo.test.yaml': text }));
    expect(code).toBe(2);
    expect(err).toMatch(/geo\.test\.yaml: holds no tests\.\n$/);
  });

  it('runs the tests of every document, each with what its own gives', async () => {
    const other = `---\n---\n${suite('{ unchanged: true }').replace('a driver', 'another').replace('cloud: aws', 'cloud: gcp')}`;
    const folder = folderOf({
      'defaults.yaml': defaults,
      'pod.yaml': pod('geo'),
      'geo.test.yaml': suite(proxied) + other,
    });
    const { code, out } = await quartermaster('test', folder);
    expect(code).toBe(1);
    expect(out).toContain('  pass  a driver of geo\n  FAIL  another of geo\n');
  });

  it('refuses two tests of one name in two documents, and tells a mistake in any by its line', async () => {
    const files = { 'defaults.yaml': defaults, 'pod.yaml': pod('geo') };
    const twice = folderOf({ ...files, 'geo.test.yaml': `${suite(proxied)}---\n${suite(proxied)}` });
    expect((await quartermaster('test', twice)).err).toContain('two tests are called "a driver of geo".');
    const wrong = folderOf({ ...files, 'geo.test.yaml': `${suite(proxied)}---\ntests: 5\n` });
    expect((await quartermaster('test', wrong)).err).toMatch(/geo\.test\.yaml:\d+:8: tests: must be a list\n$/);
  });

  it('refuses a file of snapshots that holds none', async () => {
    const files = { 'defaults.yaml': defaults, 'pod.yaml': pod('geo'), 'geo.test.yaml': suite('{ snapshot: true }') };
    for (const [text, reason] of [
      ['[a', 'geo.snapshot.yaml: cannot be read: '],
      ['[a]', 'geo.snapshot.yaml: holds no snapshots'],
    ] as const) {
      const { code, err } = await quartermaster('test', folderOf({ ...files, 'geo.snapshot.yaml': text }));
      expect(code).toBe(2);
      expect(err).toContain(reason);
    }
  });

  it.each([
    ['object: pod.yaml, namespace: "A b"', /test "a driver of geo": when\.namespace: "A b" is not a DNS label/],
    [
      'object: pod.yaml, old: { apiVersion: v1, kind: Pod, metadata: { name: other } }',
      /when\.old: Pod default\/other is none of what is applied \(Pod default\/driver\), so that nothing is updated\./,
    ],
    [
      'object: pod.yaml, old: { apiVersion: v1, kind: Pod, metadata: { name: driver, namespace: b } }',
      /when\.old: Pod b\/driver is none of what is applied/,
    ],
  ])('refuses what comes to another test than is meant: %s', async (when, message) => {
    const text = suite('{ unchanged: true }', when);
    const folder = folderOf({ 'defaults.yaml': defaults, 'pod.yaml': pod('ml'), 'geo.test.yaml': text });
    const { code, err } = await quartermaster('test', folder);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  it('takes a file whose list of tests is empty for a mistake', async () => {
    const { code, err } = await quartermaster('test', folderOf({ 'geo.test.yaml': 'tests: []\n' }));
    expect(code).toBe(2);
    expect(err).toMatch(/geo\.test\.yaml:1:8: tests: holds no tests\n$/);
  });

  it('runs the examples', async () => {
    const { err } = await quartermaster('test', 'examples', '--coverage');
    expect(err).toBe('Coverage: 1 of 1 PlatformDefaults, 2 of 2 keys.\n3 tests in 1 file: 3 passed, 0 failed.\n');
  });
});

describe('--watch', () => {
  it('runs again after a change, also deep within a folder', async () => {
    const folder = folderOf({ 'a.test.yaml': '' });
    mkdirSync(join(folder, 'deep'));
    const ended = new AbortController();
    const firstRun = Promise.withResolvers<undefined>();
    let runs = 0;
    const watching = runOnChange(() => {
      runs += 1;
      if (runs === 1) firstRun.resolve(undefined);
      if (runs === 2) ended.abort();
      return Promise.resolve([folder]);
    }, ended.signal);
    await firstRun.promise;
    await expect
      .poll(() => {
        writeFileSync(join(folder, 'deep/defaults.yaml'), String(Math.random()));
        return runs;
      })
      .toBe(2);
    await watching;
    rmSync(folder, { recursive: true });
  });
});

describe('schemas/', () => {
  it.each(Object.entries(jsonSchemas()))(
    '%s is what the sources say: write it anew with npm run docs',
    (name, text) => {
      expect(readFileSync(join(import.meta.dirname, '../../../schemas', name), 'utf8')).toBe(text);
    },
  );
});
