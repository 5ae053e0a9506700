import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readSettings } from '../../src/settings/config.ts';

const read = (yaml: string) => readSettings({ POD_PROFILES: yaml }).podProfiles;

describe('POD_PROFILES', () => {
  it('takes what docs/platform-defaults.md shows', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/platform-defaults.md'), 'utf8');
    const [, yaml = ''] = /^```yaml\n(apiVersion: v1\nkind: ConfigMap\n[\s\S]*?)^```$/m.exec(page) ?? [];
    const { data } = parse(yaml) as { readonly data: { readonly POD_PROFILES: string } };
    expect(read(data.POD_PROFILES)).toMatchObject([{ name: 'tiler', main: ['tiler', 'tiler-*'] }]);
  });

  it('is none where it is empty', () => {
    expect(read(' ')).toEqual([]);
  });

  it.each([
    ['tiler', 'a list of profiles in YAML, or empty'],
    ['[', 'a list of profiles in YAML, or empty'],
    ['[&a {b: *a}]', 'a list of profiles in YAML, or empty'],
    ['[{name: a}]', 'labels: is required'],
    ['[{name: a, labels: {}}]', 'labels'],
    ['[{name: a, labels: {b c: []}}]', 'profiles[0].labels: "b c" is not a label key'],
    ['[{name: a, labels: {b: ["c d"]}}]', '"c d" is not a label value'],
    ['[{name: a, labels: {b: []}, mains: [c]}]', 'mains: there is no such field'],
    ['[{name: a, labels: {b: []}, main: ["(a+)+"]}]', 'main[0]'],
  ])('refuses %s with a sentence', (yaml, reason) => {
    expect(() => read(yaml)).toThrow(reason);
    expect(() => read(yaml)).toThrow('POD_PROFILES');
  });

  it('has no warning of a library told on standard error', async () => {
    const warnings: Error[] = [];
    const listener = (warning: Error): void => void warnings.push(warning);
    process.on('warning', listener);
    expect(() => read('{{ x }}')).toThrow('POD_PROFILES');
    await new Promise(setImmediate);
    process.off('warning', listener);
    expect(warnings).toEqual([]);
  });
});
