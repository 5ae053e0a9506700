import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as allOf } from 'node:stream/consumers';
import { setTimeout as later } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { parseObjects, readObjects } from '../../src/cli/documents.ts';
import { growthOf, MAX_RATIO } from '../fixtures/cost.ts';

const folder = mkdtempSync(join(tmpdir(), 'quartermaster-documents-'));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe('manifests that can be read', () => {
  it('give one object a document, with the line it starts on', () => {
    const objects = parseObjects('two.yaml', '# a note\napiVersion: v1\nkind: A\n---\n---\napiVersion: v1\nkind: B\n');
    expect(objects.map(({ source, object }) => [object.kind, source.document, source.line])).toEqual([
      ['A', 1, 2],
      ['B', 3, 6],
    ]);
  });

  it('give the items of a List one by one', () => {
    const text =
      'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: A\n- apiVersion: apps/v1\n  kind: Deployment\n';
    expect(parseObjects('list.yaml', text).map(({ object, source }) => [object.kind, source.line])).toEqual([
      ['A', 4],
      ['Deployment', 6],
    ]);
  });

  it.each([
    ['of a kind, as the API server has them', 'kind: PodList', 'metadata: { name: a }', 'Pod'],
    ['that name their kinds all the same', 'kind: PodList', 'apiVersion: v2\n  kind: Other', 'Other'],
  ])('give the items of a List %s', (_title, kind, item, expected) => {
    const [only] = parseObjects('list.yaml', `apiVersion: v1\n${kind}\nitems:\n- ${item}\n`);
    expect(only?.object.kind).toBe(expected);
    expect(only?.object.apiVersion).toBe(expected === 'Pod' ? 'v1' : 'v2');
  });

  it('may have nothing in a List, as Go writes it', () => {
    expect(parseObjects('list.yaml', 'apiVersion: v1\nkind: PodList\nitems: null\n')).toEqual([]);
    expect(parseObjects('list.yaml', 'apiVersion: v1\nkind: List\nitems:\n')).toEqual([]);
  });

  it('may be of a kind that is called a list, and is none', () => {
    const text = 'apiVersion: example.org/v1\nkind: AllowList\nspec: {}\n';
    expect(parseObjects('a.yaml', text)).toHaveLength(1);
  });

  it('may stand beside a folder that is called like a file', () => {
    const path = join(folder, 'beside');
    mkdirSync(join(path, 'old.yaml'), { recursive: true });
    file('beside/a.yaml', 'apiVersion: v1\nkind: A\n');
    expect(readObjects([path])).toHaveLength(1);
    expect(readObjects([path], { isRecursive: true })).toHaveLength(1);
  });

  it('may be JSON', () => {
    expect(parseObjects('a.json', '{"apiVersion":"v1","kind":"A","metadata":{"name":"a"}}')).toHaveLength(1);
  });

  it('are read as kubectl reads them: yes is true, 1:30 and a date are text', () => {
    const [first] = parseObjects(
      'a.yaml',
      'apiVersion: v1\nkind: A\nmetadata: {}\na: yes\nb: 1:30\nc: 2026-11-20\nd: 0x10\n',
    );
    expect(first?.object).toMatchObject({ a: true, b: '1:30', c: '2026-11-20', d: 16 });
  });

  it('may be a folder, whose files are taken in order', () => {
    const path = join(folder, 'many');
    mkdirSync(path);
    file('many/b.yml', 'apiVersion: v1\nkind: B\n');
    file('many/a.yaml', 'apiVersion: v1\nkind: A\n');
    file('many/notes.txt', 'not a manifest');
    expect(readObjects([path]).map(({ object }) => object.kind)).toEqual(['A', 'B']);
  });

  it('are what a folder has besides policy tests; a file that is named is read whatever it is called', () => {
    const path = join(folder, 'tested');
    mkdirSync(path);
    file('tested/geo.test.yaml', 'tests: []\n');
    file('tested/geo.snapshot.yaml', 'a: []\n');
    expect(() => readObjects([path])).toThrow('tested: the folder holds policy tests alone');
    const named = file('tested/a.test.yml', 'apiVersion: v1\nkind: A\n');
    file('tested/b.yaml', 'apiVersion: v1\nkind: B\n');
    expect(readObjects([path]).map(({ object }) => object.kind)).toEqual(['B']);
    expect(readObjects([named]).map(({ object }) => object.kind)).toEqual(['A']);
  });
});

describe('what kubectl reads', () => {
  const pvc = (name: string) => ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name } });
  const names = (objects: ReturnType<typeof parseObjects>) =>
    objects.map(({ object, source }) => [object.metadata.name, source.document, source.line]);

  it('JSON objects back to back, as jq writes them', () => {
    const pretty = `${JSON.stringify(pvc('one'), null, 1)}\n${JSON.stringify(pvc('{"}'), null, 1)}\n`;
    const lines = JSON.stringify(pvc('one'), null, 1).split('\n').length;
    expect(names(parseObjects('a.json', pretty))).toEqual([
      ['one', 1, 1],
      ['{"}', 2, lines + 1],
    ]);
    const dense = `${JSON.stringify(pvc('one'))}${JSON.stringify(pvc('two'))} \n---\n${JSON.stringify(pvc('three'))}`;
    expect(names(parseObjects('a.json', dense))).toEqual([
      ['one', 1, 1],
      ['two', 2, 1],
      ['three', 3, 3],
    ]);
  });

  it('tells the line of what is wrong in one of them', () => {
    const text = `${JSON.stringify(pvc('one'), null, 1)}\n{"apiVersion": "v1",\n"metadata": {}}`;
    expect(() => parseObjects('a.json', text)).toThrow('a.json: document 2, line 8: the object has no kind.');
  });

  it('a List of JSON, with the line of each item', () => {
    const list = { apiVersion: 'v1', kind: 'List', items: [pvc('one'), pvc('two')] };
    const text = `${JSON.stringify(pvc('zero'))}\n${JSON.stringify(list, null, 1)}`;
    expect(names(parseObjects('a.json', text)).map(([name]) => name)).toEqual(['zero', 'one', 'two']);
  });

  it('a flow mapping of YAML, which is no JSON', () => {
    expect(names(parseObjects('a.yaml', '{apiVersion: v1, kind: A, metadata: {name: a}} # so\n'))).toEqual([
      ['a', 1, 1],
    ]);
  });

  it('more than 100 aliases', () => {
    const keys = Array.from({ length: 500 }, (_, index) => `  k${index}: *l\n`).join('');
    const [first] = parseObjects('a.yaml', `apiVersion: v1\nkind: ConfigMap\nx: &l a\ndata:\n${keys}`);
    expect(Object.entries(first?.object ?? {}).find(([name]) => name === 'data')?.[1]).toMatchObject({
      k0: 'a',
      k499: 'a',
    });
  });

  it('byte order marks, at the start of a file and where files were joined', () => {
    const text = '\uFEFFapiVersion: v1\nkind: A\n---\n\uFEFFapiVersion: v1\nkind: B\nmetadata: { name: "x\uFEFF" }\n';
    const objects = readObjects([file('marked.yaml', text)]);
    expect(objects.map(({ object }) => [object.kind, object.metadata.name])).toEqual([
      ['A', undefined],
      ['B', 'x\uFEFF'],
    ]);
  });

  it.each(['utf-16le', 'utf-16be'])('%s with a mark, as PowerShell writes it', (encoding) => {
    const bytes = Buffer.from('\uFEFFapiVersion: v1\r\nkind: Ä\r\n', 'utf16le');
    const path = join(folder, `${encoding}.yaml`);
    writeFileSync(path, encoding === 'utf-16be' ? bytes.swap16() : bytes);
    expect(readObjects([path]).map(({ object }) => object.kind)).toEqual(['Ä']);
  });

  it('several files joined by commas, and folders within folders', () => {
    mkdirSync(join(folder, 'deep/er'), { recursive: true });
    const top = file('deep/z.yaml', 'apiVersion: v1\nkind: Z\n');
    const inner = file('deep/er/a.json', '{"apiVersion":"v1","kind":"A"}');
    const kinds = (objects: ReturnType<typeof readObjects>) => objects.map(({ object }) => object.kind);
    expect(kinds(readObjects([`${top},${inner}`]))).toEqual(['Z', 'A']);
    expect(kinds(readObjects([join(folder, 'deep')]))).toEqual(['Z']);
    expect(kinds(readObjects([join(folder, 'deep')], { isRecursive: true }))).toEqual(['A', 'Z']);
  });

  it('separators with comments', () => {
    const text = '# head\n--- # first\napiVersion: v1\nkind: A\n---   \n# none\n--- # last\napiVersion: v1\nkind: B\n';
    expect(parseObjects('a.yaml', text).map(({ object, source }) => [object.kind, source.line])).toEqual([
      ['A', 3],
      ['B', 8],
    ]);
  });
});

describe('a map of many keys', () => {
  it('costs as much as they are', async () => {
    const keysOf = (size: number) => Array.from({ length: size }, (_, index) => `  key-${index}: value\n`).join('');
    const workOf = (size: number) => {
      const text = `apiVersion: v1\nkind: ConfigMap\ndata:\n${keysOf(size)}`;
      return () => void parseObjects('many.yaml', text);
    };
    expect((await growthOf(workOf, 15_000)).ratio).toBeLessThan(MAX_RATIO);
  });
});

describe('manifests that cannot be read', () => {
  it.each([
    ['malformed YAML', 'apiVersion: v1\nkind: A\n---\na: [1\nb: 2\n', /bad\.yaml: document 2, line \d+: .+/],
    [
      'a key given twice',
      'apiVersion: v1\nkind: A\nkind: B\n',
      /bad\.yaml: document 1, line 3: the key kind stands twice\./,
    ],
    [
      'a key given twice in JSON',
      '{"apiVersion": "v1", "kind": "A",\n"metadata": {"name": "a", "name": "b"}}',
      /line 2: the key name stands twice\./,
    ],
    [
      'a kind without apiVersion',
      'apiVersion: v1\nkind: A\n---\nkind: Pod\n',
      /bad\.yaml: document 2, line 4: the Pod has no apiVersion\./,
    ],
    [
      'an alias within what it names',
      'apiVersion: v1\nkind: A\nspec: &a { b: *a }\n',
      /bad\.yaml: document 1, line 1: an alias stands within what it names/,
    ],
    [
      'a template that was not rendered',
      'apiVersion: v1\nkind: A\nmetadata:\n  name: {{ .Release.Name }}\n',
      /bad\.yaml: document 1, line 4: a key is no text, as in a template that was not rendered\./,
    ],
    ['an alias of nothing', 'apiVersion: v1\nkind: A\nspec: *a\n', /bad\.yaml: document 1, line 1: Unresolved alias/],
    ['a List without items', 'apiVersion: v1\nkind: List\n', /line 1: the List has no items\./],
    [
      'a List that holds one',
      'apiVersion: v1\nkind: List\nitems: { a: 1 }\n',
      /line 1: items of the List is no list\./,
    ],
    [
      'what nests too deeply',
      `{"apiVersion": "v1", "kind": "A", "data": ${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
      /bad\.yaml: document 1, line 1: it nests too deeply\./,
    ],
    ['no kind', 'apiVersion: v1\n', /bad\.yaml: document 1, line 1: the object has no kind\./],
    ['a scalar', 'hello\n', /bad\.yaml: document 1, line 1: this is not an object/],
    ['metadata that is text', 'apiVersion: v1\nkind: A\nmetadata: x\n', /line 1: metadata of the A is not an object\./],
    ['an empty file', '', /bad\.yaml: document 1, line 1: the file holds no object\./],
    ['a file of comments', '# nothing\n---\n', /bad\.yaml: document 1, line 1: the file holds no object\./],
    [
      'an alias bomb',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
        .split('')
        .map((name, index) => `${name}: &${name} [${`*${'abcdefg'[index]},`.repeat(9)}1]`)
        .join('\n')}\n`,
      /document 1, line 1: .*alias/i,
    ],
  ])('name file, document and line: %s', (_what, text, message) => {
    expect(() => readObjects([file('bad.yaml', text)])).toThrow(message);
  });

  it.each(['spec: { sparkConf: { "__proto__": x } }', '"__proto__": {}', 'spec: [{ a: [{ "__proto__": 1 }] }]'])(
    'refuse a key that could not be shown: %s',
    (fields) => {
      const text = `apiVersion: v1\nkind: A\n${fields}\n`;
      expect(() => parseObjects('a.yaml', text)).toThrow(
        'a.yaml: document 1, line 1: a key of the A is __proto__, which cannot be previewed; rename it.',
      );
    },
  );

  it('take __proto__ in a text', () => {
    const text = 'apiVersion: v1\nkind: A\nspec: { a: \'{"__proto__":1}\' }\n';
    expect(parseObjects('a.yaml', text)).toHaveLength(1);
  });

  it('name a file that is no text', () => {
    const path = join(folder, 'binary.yaml');
    writeFileSync(path, Buffer.from([0xc3, 0x28, 0xff]));
    expect(() => readObjects([path])).toThrow(/binary\.yaml: is neither UTF-8 nor UTF-16/);
  });

  it('name an address, which is not read', () => {
    expect(() => readObjects(['https://example.org/a.yaml'])).toThrow(/addresses are not read: download it/);
  });

  it('name a file that is not there', () => {
    expect(() => readObjects([join(folder, 'none.yaml')])).toThrow(/none\.yaml: there is no such file or folder\./);
  });

  it.each(['', ','])('tell a path that is empty, as that of a variable without a value: "%s"', (path) => {
    expect(() => readObjects([path])).toThrow(`"${path}" names no file and no folder.`);
  });

  it('tell why a file cannot be read', () => {
    mkdirSync(join(folder, 'named'));
    symlinkSync('nowhere', join(folder, 'named/like.yaml'));
    expect(() => readObjects([join(folder, 'named')])).toThrow(/like\.yaml: cannot be read: ENOENT/);
  });

  it('name a folder without manifests', () => {
    const path = join(folder, 'empty');
    mkdirSync(path);
    expect(() => readObjects([path])).toThrow(/holds no \.yaml, \.yml or \.json file/);
  });
});

describe('standard input', () => {
  it('is waited for to its end', async () => {
    const child = spawn(process.execPath, ['src/main.ts', 'preview', '-f', '-'], { stdio: 'pipe' });
    const said = Promise.all([allOf(child.stdout), allOf(child.stderr)]);
    // What writes it is slower than the program is to start, as kubectl and kustomize are.
    child.stdin.write('apiVersion: v1\n');
    await Promise.race([once(child, 'exit'), later(2_000)]);
    child.stdin.end('kind: ConfigMap\nmetadata: { name: late }\n');
    const [out, err] = await said;
    expect(err).toBe('1 object: 0 changed, 1 unchanged, 0 refused; 0 warnings.\n');
    expect(out).toContain('name: late');
  });
});
