import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import jsonpatch from 'jsonpatch';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { PatchOperation } from '../../src/api/admission.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { EXAMPLES } from '../../src/cli/examples.ts';
import { run } from '../../src/cli/program.ts';
import { createTerminal, type OutputStream, wrapped } from '../../src/cli/terminal.ts';
import { NO_METADATA, noServers, type Ran } from '../fixtures/command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'quartermaster-terminal-'));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

/** As the program runs, on these streams. */
const shown = async (
  args: readonly string[],
  look: Partial<OutputStream> = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<Ran> => {
  const texts = { out: '', err: '' };
  const stream = (name: keyof typeof texts): OutputStream => ({
    ...look,
    write: (text) => {
      texts[name] += text;
    },
  });
  const terminal = createTerminal(stream('out'), stream('err'), environment);
  return { code: await run(args, { ...NO_METADATA, ...environment }, terminal, noServers), ...texts };
};

const widest = (text: string): number =>
  Math.max(...text.split(/[\n\r]/).map((line) => stripVTControlCharacters(line).length));

const LONG = `${'very-long-name-'.repeat(12)}of-a-job`;
const NAMESPACE = `${'team-of-the-'.repeat(4)}north`;
const DEFAULTS = `${'defaults-of-everything-'.repeat(8)}proxy`;

const defaults = (match: string, mode = 'Enforce'): string => `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: ${DEFAULTS}, namespace: quartermaster-system, generation: 1, creationTimestamp: "2026-10-01T10:00:00Z" }
spec: { match: { kinds: [${match}] }, mode: ${mode}, inject: { labels: { team: geo }, annotations: { a: b } } }
`;
const claim = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${LONG}, namespace: ${NAMESPACE}, uid: u, creationTimestamp: "2026-11-01T10:00:00Z" }
spec: { storageClassName: fast, accessModes: [ReadWriteMany], resources: { requests: { storage: 1Gi } } }
`;
const app = `apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: { name: spark-pi, labels: { own: "1" } }
spec: { driver: { env: [{ name: A, value: b }] }, executor: {} }
`;

const paths = {
  'app.yaml': file('app.yaml', app),
  'defaults.yaml': file('defaults.yaml', defaults('SparkApplication')),
  'policy.yaml': file(
    'policy.yaml',
    `apiVersion: mutations.gatekeeper.sh/v1
kind: AssignMetadata
metadata: { name: owner }
spec:
  match: { kinds: [{ apiGroups: [""], kinds: [Pod] }] }
  location: metadata.labels.owner
  parameters: { assign: { value: admin } }
`,
  ),
  'values.yaml': file('values.yaml', 'replicas: 1\n'),
};
mkdirSync(join(folder, 'policies'));
const policyTests = file(
  'policies/geo.test.yaml',
  `given: { defaults: [../defaults.yaml] }
tests: [{ name: ${LONG}, when: { object: ../app.yaml }, then: { snapshot: true } }]
`,
);

const commands = Object.keys(EXAMPLES) as (keyof typeof EXAMPLES)[];

describe('--help', () => {
  it.each(commands)('%s fits, and ends with its examples', async (command) => {
    for (const look of [{}, { isTTY: true, columns: 200 }]) {
      const { code, out } = await shown([...(command === '' ? [] : [command]), '--help'], look);
      expect(code).toBe(0);
      const [, examples = ''] = out.split(/^Examples?:\n/m);
      expect(widest(out)).toBeLessThanOrEqual(100);
      expect(examples.trimEnd().split('\n')).toEqual(EXAMPLES[command].map((line) => `  ${line}`));
    }
  });

  it('is there for every command', async () => {
    const { out } = await shown(['--help']);
    const [, list = ''] = out.split('Commands:\n');
    const named = [...list.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name);
    expect(named.slice(0, named.indexOf('help'))).toEqual(commands.filter((command) => command !== ''));
  });
});

describe('an example of --help', () => {
  /** What its files and standard input would be. */
  const argumentsOf = (line: string): readonly string[] => {
    const part = line.split(' | ').find((one) => one.startsWith('quartermaster ')) ?? '';
    const [command = ''] = part.split(' > ');
    return command
      .split(' ')
      .slice(1)
      .map((word) => {
        if (word === '-') return line.includes('clusterpolicies') ? paths['policy.yaml'] : paths['app.yaml'];
        return paths[word as keyof typeof paths] ?? (word.startsWith('policies/') ? join(folder, word) : word);
      });
  };
  const lines = commands.flatMap((command): readonly string[] => EXAMPLES[command]);
  const isOfCluster = (line: string): boolean => / (why|check|detect) ?| --live/.test(line);

  it.each(lines.filter((line) => !isOfCluster(line)))('works: %s', async (line) => {
    if (line.includes(' test ')) await shown(['test', policyTests, '--update']);
    const { code, err } = await shown(argumentsOf(line));
    expect([code, err]).toEqual([0, err]);
  });

  it.each(lines.filter(isOfCluster))('asks a cluster: %s', async (line) => {
    // Of no cluster here: that it is missed shows that the line was read to its end.
    const environment = { KUBECONFIG: join(folder, 'none') };
    const { code, out, err } = await shown(argumentsOf(line), {}, environment);
    expect(`${out}${err}`.replaceAll(/\s+/g, ' ')).toMatch(/none|cluster/);
    expect(code).toBe(line.includes('detect') ? 0 : 2);
  });
});

const worded = file('worded.yaml', `${defaults('PersistentVolumeClaim')}---\n${claim}---\n${app}`);
const wrong = file('wrong.yaml', defaults('PersistentVolumeClaims'));

describe('what people read fits 100 columns whatever is named', () => {
  const explained = ['preview', '-f', worded, '--defaults', file('of-claims.yaml', defaults('PersistentVolumeClaim'))];
  it.each([
    ['explanations and warnings', [...explained, '--explain', '-o', 'json'], 'err'],
    ['what is made besides patches', [...explained, '-o', 'patch', '--cloud', 'aws'], 'err'],
    ['a report', ['report', worded], 'out'],
    ['the last line of a report', ['report', worded], 'err'],
    ['mistakes of lint', ['lint', wrong], 'out'],
    ['results of tests', ['test', policyTests], 'out'],
    ['what convert leaves out', ['convert', paths['policy.yaml']], 'err'],
  ] as const)('%s', async (_what, args, stream) => {
    const text = (await shown(args))[stream];
    expect(text).not.toBe('');
    expect(widest(text)).toBeLessThanOrEqual(100);
    const narrow = (await shown(args, { isTTY: true, columns: 60 }))[stream];
    expect(widest(narrow)).toBeLessThanOrEqual(60);
  });

  it('but for an error in a pipe, which is one line for what collects logs', async () => {
    const args = ['preview', '-f', join(folder, `${LONG}.yaml`)];
    expect((await shown(args)).err).toMatch(/^quartermaster: .{100,}\n$/);
    expect(widest((await shown(args, { isTTY: true, columns: 60 })).err)).toBeLessThanOrEqual(60);
  });

  it('and data is left whole', async () => {
    const { out } = await shown(['preview', '-f', worded]);
    expect(out).toContain(`name: ${LONG}\n`);
    expect(JSON.parse((await shown(['report', worded, '-o', 'json'])).out)).toBeTypeOf('object');
  });

  it('a table puts what has no room below, in its own column', async () => {
    const { out } = await shown(['report', worded]);
    const [head = '', first = '', second = ''] = out.split('\n');
    expect(head).toMatch(/^NAMESPACE {3,}PLATFORMDEFAULTS {3,}HAS {2}LACKS/);
    expect(first).toMatch(/^team-of-the-/);
    expect(second.slice(head.indexOf('PLATFORMDEFAULTS'))).toMatch(/^\S/);
  });
});

it.each([
  [{ isTTY: true }, {}, true],
  [{ isTTY: true }, { NO_COLOR: '1' }, false],
  // no-color.org: "when present and not an empty string".
  [{ isTTY: true }, { NO_COLOR: '' }, true],
  [{}, {}, false],
] as const)('on a stream that is %j with %j colours are %j', async (look, environment, isColoured) => {
  const { out } = await shown(['lint', wrong], look, environment);
  expect(out.includes('\u001B[31merror')).toBe(isColoured);
  const diff = await shown(
    ['preview', '-f', paths['app.yaml'], '--defaults', paths['defaults.yaml'], '-o', 'diff'],
    look,
    environment,
  );
  expect(diff.out.includes('\u001B[32m+')).toBe(isColoured);
});

describe('a run ends with a line that sums it up', () => {
  it.each([
    [['preview', '-f', paths['app.yaml']], /^1 object: 0 changed, 1 unchanged, 0 refused; 0 warnings\.$/],
    [['report', worded], /^2 objects: .*1 PlatformDefaults: .*\.$/],
    [['lint', paths['defaults.yaml']], /^1 file, 1 object checked: 0 mistakes, 0 warnings\.$/],
    [['test', policyTests], /^1 test in 1 file: \d passed, \d failed\.$/],
    [['convert', paths['policy.yaml']], /^1 PlatformDefaults; 0 left out\.$/],
  ] as const)('%j', async (args, sentence) => {
    const { err } = await shown(args);
    expect(
      err
        .trimEnd()
        .split(/\n(?! )/)
        .at(-1)
        ?.replaceAll(/\n +/g, ' '),
    ).toMatch(sentence);
  });
});

describe('--strict gives a warning an exit code', () => {
  const warned = file('warned.yaml', claim.replace('storageClassName: fast, ', 'storageClassName: fast, x: y, '));
  const unknown = file('unknown.yaml', defaults('SparkApplication').replace('a: b', 'a: "${someVariable}"'));
  const tests = file(
    'warned.test.yaml',
    `given: { cloud: hetzner, settings: { RWX_FALLBACK: none } }\ntests: [{ name: a, when: { object: warned.yaml }, then: { allowed: true } }]\n`,
  );
  it.each([
    ['preview', ['preview', '-f', warned, '--cloud', 'hetzner', '--rwx-fallback', 'none']],
    ['report', ['report', worded]],
    ['lint', ['lint', unknown]],
    ['test', ['test', tests]],
  ] as const)('in %s', async (_command, args) => {
    const lenient = await shown(args);
    expect([lenient.code, lenient.err]).toEqual([0, lenient.err]);
    expect((await shown([...args, '--strict'])).code).toBe(1);
  });

  it('but none that a test expects', async () => {
    const expecting = readFileSync(tests, 'utf8').replace('allowed: true', 'warnings: ["fast"]');
    expect((await shown(['test', file('told.test.yaml', expecting), '--strict'])).code).toBe(0);
  });
});

describe('preview -o patch', () => {
  const stored = file('old.yaml', app.replace('own: "1"', 'own: "2", kept: a'));
  it.each([
    ['an object', [], { spec: { driver: { labels: { team: 'geo' } } } }],
    ['an update of what is stored', ['--old', stored], { metadata: { labels: { own: '1', kept: 'a' } } }],
  ] as const)('is a JSON Patch for %s, which jsonpatch applies to it', async (_what, more, changed) => {
    const args = ['preview', '-f', paths['app.yaml'], '--defaults', paths['defaults.yaml'], ...more];
    const { out } = await shown([...args, '-o', 'patch']);
    const patch = JSON.parse(out) as readonly PatchOperation[];
    const patched = jsonpatch.apply_patch(parse(app), [...patch]) as KubeObject;
    expect(patched).toMatchObject(changed);
    expect(patched).toEqual(parse((await shown(args)).out));
  });

  it('has a line for each object of the files, and tells what else would be made', async () => {
    const { out, err } = await shown(['preview', '-f', worded, '--cloud', 'aws', '-o', 'patch']);
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => Array.isArray(JSON.parse(line))),
    ).toEqual([true, true, true]);
    expect(err.replaceAll(/\n +/g, ' ')).toMatch(/worded\.yaml: document 2, line \d+: also made: \w+ /);
  });
});

describe('a Secret that is made with a token drawn by chance', () => {
  const shares = file(
    'shares.yaml',
    ['a', 'b']
      .map(
        (name) =>
          `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: ${name} }\nspec: { storageClassName: team-nfs, accessModes: [ReadWriteMany], resources: { requests: { storage: 5Gi } } }\n`,
      )
      .join('---\n'),
  );
  const told = 'Secret quartermaster-nfs/team-nfs-nfs is made too, by Quartermaster: its token is drawn by chance.';
  const printed = (...args: readonly string[]) => shown(['preview', '-f', shares, '--cloud', 'hetzner', ...args]);

  it('is named before what needs it, once', async () => {
    const { out } = await printed();
    expect(out.split(told)).toHaveLength(2);
    expect(parse(out.split('---\n').find((document) => document.includes(told)) ?? '')).toMatchObject({
      kind: 'Deployment',
    });
  });

  it('is named by every other output', async () => {
    expect((await printed('-o', 'diff')).out).toContain(`# ${told}\n`);
    expect((await printed('-o', 'patch')).err.replaceAll(/\n +/g, ' ')).toContain(told);
    const { documents } = JSON.parse((await printed('-o', 'json')).out) as {
      readonly documents: readonly { readonly unshown?: readonly string[] }[];
    };
    expect(documents[0]?.unshown).toEqual([told]);
  });

  it('is not told of where there is none', async () => {
    const { out } = await shown(['preview', '-f', paths['app.yaml'], '-o', 'json']);
    expect(out).not.toContain('unshown');
  });
});

it('breaks lines at spaces, long words behind their punctuation, and sets in what goes on', () => {
  expect(wrapped(['  one two three', `  ${'x'.repeat(8)}-${'x'.repeat(12)}`], 14)).toEqual([
    '  one two',
    '      three',
    '  xxxxxxxx',
    '      -xxxxxxx',
    '      xxxxx',
  ]);
});

describe('a disk that is full', () => {
  const full = openSync('/dev/full', 'w');
  const args = ['src/main.ts', 'preview', '-f', 'examples/nfs/team-files.yaml', '--cloud', 'aws'];

  it('under standard output is told in one line, and ends with 2', () => {
    const { status, stderr } = spawnSync(process.execPath, args, { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toContain('quartermaster: standard output cannot be written: ENOSPC: ');
    expect(stderr).not.toContain('    at ');
  });

  it('under standard error changes nothing of what it ends with', () => {
    const { status, stdout } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', full], encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stdout).toContain('kind: PersistentVolumeClaim');
  });
});
