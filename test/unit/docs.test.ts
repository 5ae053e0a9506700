import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { alerts } from '../../src/cli/install/alerts.ts';
import { mutators } from '../../src/mutate/index.ts';
import { settings } from '../../src/settings.ts';

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
});

describe('docs/failure-policy.md', () => {
  it('gives every webhook the policy it is installed with', () => {
    const told = rows(read('failure-policy.md')).map(([name, policy]) => [name, policy]);
    const installed = mutators.flatMap(({ rules }) => rules).map((rule) => [`\`${rule.name}\``, rule.failurePolicy]);
    expect(told.toSorted()).toEqual(installed.toSorted());
  });
});

describe('docs/security.md', () => {
  it('names a test for every attempt, and the test is there', () => {
    const attempts = rows(read('security.md').split('## What a tenant could try')[1] ?? '');
    expect(attempts.length).toBeGreaterThan(5);
    for (const [attempt, , tests = ''] of attempts) {
      const paths = [...tests.matchAll(/`([^`]+)`/g)].map(([, path]) => path ?? '');
      expect(paths.length, attempt).toBeGreaterThan(0);
      for (const path of paths) expect(existsSync(join(root, path)), path).toBe(true);
    }
  });
});

describe.each(pages)('docs/%s', (page) => {
  const text = read(page);

  it('links to pages that are there', () => {
    const links = [...text.matchAll(/\]\(([\w./-]+\.md)(?:#[^)]*)?\)/g)].map(([, path]) => path ?? '');
    expect(links.filter((path) => !existsSync(join(folder, path)))).toEqual([]);
  });

  it('names files of this repository that are there', () => {
    const paths = [...text.matchAll(/`((?:src|test|dev|manifests|docs)\/[\w./-]+)`/g)].map(([, path]) => path ?? '');
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
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
    const others = ['KUBEBUILDER_ASSETS', 'MALLOC_ARENA_MAX', 'BUCKET_NAME', 'BUCKET_URL'];
    expect(named.filter((name) => !known.has(name) && !others.includes(name))).toEqual([]);
  });
});
