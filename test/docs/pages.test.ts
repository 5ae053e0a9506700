import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { objectStoreFieldsTable } from '../../dev/buckets-page.ts';
import { wholeResource } from '../../dev/platform-defaults/whole-resource.ts';
import { injectKeysTable, platformDefaultsPage } from '../../dev/platform-defaults-page.ts';
import { storageClassesPage } from '../../dev/storage-classes-page.ts';
import type { CloudName } from '../../src/api/facts.ts';
import { SYSTEM_NAMESPACE } from '../../src/api/names.ts';
import { networkVariables } from '../../src/api/network.ts';
import { type PlatformDefaults, platformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import { schemaViolations } from '../../src/api/schema-validation.ts';
import {
  INJECT_KEYS,
  type InjectKey,
  isPodKind,
  POD_KINDS,
  TARGET_KINDS,
  type TargetKind,
} from '../../src/api/target-kinds.ts';
import { parseObjects } from '../../src/cli/documents.ts';
import { validateDefaults } from '../../src/defaults/validation/spec.ts';
import { BUILT_IN_VARIABLES } from '../../src/defaults/variables.ts';
import { alerts } from '../../src/install/prometheus.ts';
import { mutators } from '../../src/kinds/index.ts';
import { retryPolicies } from '../../src/kinds/object-store/requeue.ts';
import type { BlockedReason } from '../../src/kinds/object-store/state.ts';
import { settings } from '../../src/settings/definitions.ts';
import { admit } from '../fixtures/object-store.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = join(root, 'docs');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const pages = readdirSync(folder).filter((name) => name.endsWith('.md'));

/** Cells of the rows of a page's first table, without its head. */
const rows = (page: string): readonly (readonly string[])[] =>
  (/(?:^\|.*\n)+/m.exec(page)?.[0] ?? '')
    .trimEnd()
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

describe('docs/runbook.md', () => {
  it('has a section for every alert, by its name, and for nothing else', () => {
    const sections = [...read('runbook.md').matchAll(/^## (.*)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(alerts.map(({ alert }) => alert));
  });

  it('looks in the log, and on /readyz, for nothing that is not written there', () => {
    const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.ts'),
    );
    const program = sources.map((path) => readFileSync(join(root, 'src', path), 'utf8')).join('\n');
    const sought = [...read('runbook.md').matchAll(/grep '([^']+)'|`([a-z]+(?: [a-z]+)+)[ …]*`/g)];
    const messages = sought
      .map(([, grepped, told]) => grepped ?? told ?? '')
      .filter((text) => !text.startsWith('kubectl'));
    expect(messages.length).toBeGreaterThan(5);
    expect(messages.filter((message) => !program.includes(message))).toEqual([]);
  });
});

describe('docs/storage-classes.md', () => {
  it('is what the tables say: write it anew with npm run docs', () => {
    expect(read('storage-classes.md')).toBe(storageClassesPage());
  });
});

describe('docs/failure-policy.md', () => {
  it('gives every webhook the policy it is installed with', () => {
    const told = rows(read('failure-policy.md')).map(([name, policy]) => [name, policy]);
    const installed = mutators.flatMap(({ rules }) => rules).map((rule) => [`\`${rule.name}\``, rule.failurePolicy]);
    expect(told.toSorted()).toEqual(installed.toSorted());
  });
});

describe('docs/buckets.md', () => {
  const page = read('buckets.md');
  const again = {
    rare: 'every 10 minutes, and when the spec changes',
    slow: 'every 5 minutes',
    backoff: 'after 1 second, then ever later',
  };

  it('has every field of the spec, as the schema has it (npm run docs writes it)', () => {
    expect(page).toContain(`${objectStoreFieldsTable()}\n`);
  });

  it('shows only manifests that admission takes, each under its cloud', () => {
    const blocks = [...page.matchAll(/^```yaml\n# ([a-z]+)\n([\s\S]*?)^```$/gm)];
    expect(blocks.length).toBeGreaterThanOrEqual(16);
    for (const [, cloud = '', text = ''] of blocks) {
      const objects = parseObjects('docs/buckets.md', text).filter(({ object }) => object.kind === 'ObjectStore');
      expect(objects.length, text).toBeGreaterThan(0);
      for (const { object } of objects) {
        const policy = { s3: { endpoint: 'https://s3.example.org', secretName: 's3-platform', forcePathStyle: true } };
        expect(admit(object, { cloud: cloud as CloudName, policy }).denied, text).toBeUndefined();
      }
    }
  });

  it('tells every reason, and when it is tried again', () => {
    const told = rows(page.split('## Reasons')[1] ?? '');
    expect(told.map(([reason]) => reason).toSorted()).toEqual(Object.keys(retryPolicies).toSorted());
    for (const [reason = '', , when = ''] of told) {
      const expected =
        reason === 'ProviderUnknown' ? 'every 15 seconds' : again[retryPolicies[reason as BlockedReason]];
      expect(when, reason).toContain(expected);
    }
  });

  it('names every call that providers make', () => {
    const source = globSync('src/kinds/object-store/**/*.ts', { cwd: root }).map((file) =>
      readFileSync(join(root, file), 'utf8'),
    );
    const calls = [
      ...source
        .join('')
        .matchAll(/new ([A-Z]\w+)Command\(|'(storage\.(?:buckets|objects)\.\w+)'|'Microsoft\.Storage\/([^']+)'/g),
    ].map(([, s3, google, azure]) => s3 ?? google ?? azure ?? '');
    expect(calls.length).toBeGreaterThan(40);
    // A type, not a call.
    expect(calls.filter((call) => call !== 'storageAccounts' && !page.includes(call))).toEqual([]);
  });
});

describe('docs/platform-defaults.md', () => {
  it('gives every key of inject the kinds that take it', () => {
    expect(read('platform-defaults.md')).toContain(injectKeysTable());
  });

  it('is what the schema says: write it anew with npm run docs', () => {
    expect(platformDefaultsPage(read('platform-defaults.md'))).toBe(read('platform-defaults.md'));
    expect(read('platform-defaults.md')).toContain(wholeResource());
  });

  it.each(TARGET_KINDS)('shows values that are valid in a PlatformDefaults for %s', (kind) => {
    const whole = parse(wholeResource()) as PlatformDefaults;
    const { match, inject = {}, ...spec } = whole.spec;
    expect(schemaViolations(platformDefaultsSpec.json, whole.spec, 'spec')).toEqual([]);
    const { owner: _owner, containers: _containers, ...ofAnyKind } = match;
    const taken = Object.entries(inject).filter(([key]) =>
      (INJECT_KEYS[key as InjectKey] as readonly TargetKind[]).includes(kind),
    );
    const forKind: PlatformDefaults = {
      ...whole,
      spec: {
        ...spec,
        mode: 'Enforce',
        match: { ...(isPodKind(kind) ? match : ofAnyKind), kinds: [kind] },
        inject: Object.fromEntries(taken),
      },
    };
    expect(validateDefaults(forKind, { systemNamespace: SYSTEM_NAMESPACE })).toEqual([]);
  });

  it('tells what every kind of pod is', () => {
    const page = read('platform-defaults.md');
    for (const kind of POD_KINDS) expect(page).toMatch(new RegExp(`\\b${kind}\\b`));
  });

  it('names every variable', () => {
    for (const name of BUILT_IN_VARIABLES) expect(read('platform-defaults.md')).toContain(`\${${name}}`);
  });
});

describe.each([...pages.map((page) => `docs/${page}`), 'README.md', 'CONTRIBUTING.md', 'examples/README.md'])(
  '%s',
  (page) => {
    it('names paths of this repository that are there', () => {
      const text = readFileSync(join(root, page), 'utf8');
      const rooms = 'src|test|dev|manifests|docs|bench|examples|certs';
      const named = [...text.matchAll(new RegExp(`[\`[(]((?:${rooms})/[\\w./-]+)[\`\\])]`, 'g'))].map(
        ([, path]) => path ?? '',
      );
      expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    });
  },
);

describe.each(pages)('docs/%s', (page) => {
  const text = read(page);

  it('links to pages that are there', () => {
    const links = [...text.matchAll(/\]\(([\w./-]+\.md)(?:#[^)]*)?\)/g)].map(([, path]) => path ?? '');
    expect(links.filter((path) => !existsSync(join(folder, path)))).toEqual([]);
  });

  it('names npm scripts that are there', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const named = [...text.matchAll(/npm run (?:--silent )?([a-z:-]+)/g)].map(([, name]) => name ?? '');
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  it('names settings that are there', () => {
    const known = new Set(Object.values(settings).map(({ env }) => env));
    const named = [...text.matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/g)].map(([, name]) => name ?? '');
    const given = networkVariables({ proxy: { http: 'x' }, caBundle: { configMap: 'x', trustStoreKey: 'x' } });
    const others = [
      'KUBEBUILDER_ASSETS',
      'MALLOC_ARENA_MAX',
      'NO_COLOR',
      'BUCKET_NAME',
      'BUCKET_URL',
      'KUBERNETES_SERVICE_HOST',
    ].concat(given.map(({ name }) => name));
    const keysOfSecrets = readFileSync(join(root, 'src/kinds/object-store/providers/credentials.ts'), 'utf8');
    const isKnown = (name: string) => known.has(name) || others.includes(name) || keysOfSecrets.includes(`'${name}'`);
    expect(named.filter((name) => !isKnown(name))).toEqual([]);
  });
});

describe('the ways round what is enforced', () => {
  const [, table = ''] =
    /^\| enforced \| way round it .*\n\|.*\n((?:\|.*\n)+)/m.exec(read('platform-defaults.md')) ?? [];
  const ways = table
    .trimEnd()
    .split('\n')
    .map((row) => row.split(' |').map((cell) => cell.replace(/^\| ?/, '').trim()));
  const tests = readFileSync(join(root, 'test/faults/evasion.test.ts'), 'utf8');

  it.each(ways)('are tried, of %s by %s', (_enforced, _way, stops = '', named = '') => {
    const titles = [...named.matchAll(/“([^”]+)”/g)].map(([, title = '']) => title);
    if (titles.length === 0) expect(stops).toMatch(/^nothing/);
    for (const title of titles) expect(tests).toContain(title);
  });
});
