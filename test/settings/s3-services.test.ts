import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../src/settings/config.ts';

const read = (yaml: string) => readSettings({ S3_SERVICES: yaml }).s3Services;

describe('S3_SERVICES', () => {
  it('reads what docs/buckets.md shows', () => {
    const [, yaml = ''] =
      /^```yaml\n(- name: archive[\s\S]*?)^```$/m.exec(readFileSync('docs/buckets.md', 'utf8')) ?? [];
    expect(read(yaml)).toEqual([
      {
        name: 'archive',
        endpoint: 'https://s3.archive.example.org',
        secretName: 's3-archive',
        forcePathStyle: true,
        namespaceLabels: {},
      },
      {
        name: 'geo',
        endpoint: 'https://s3.geo.example.org',
        secretName: 's3-geo',
        region: 'geo-1',
        forcePathStyle: false,
        namespaceLabels: { 'example.org/team': 'geo' },
      },
    ]);
  });

  it('is empty where nothing is said', () => {
    expect(read('')).toEqual([]);
    expect(read(' \n')).toEqual([]);
  });

  it.each([
    ['no YAML', '[', 'a list of services in YAML, or empty'],
    ['no list', 'name: a', 'a list of services in YAML, or empty'],
    ['an alias', '- &a {name: a, endpoint: "https://s3.example.org"}\n- *a', 'a list of services in YAML, or empty'],
    ['no address', '- {name: a}', 'services[0].endpoint'],
    ['an address with a path', '- {name: a, endpoint: "https://s3.example.org/x"}', 'services[0].endpoint'],
    ['an address with a user', '- {name: a, endpoint: "https://me@s3.example.org"}', 'services[0].endpoint'],
    ['a name that is none', '- {name: A_, endpoint: "https://s3.example.org"}', 'services[0].name'],
    ['an unknown field', '- {name: a, endpoint: "https://s3.example.org", keys: k}', 'services[0].keys'],
    [
      'a label that is none',
      '- {name: a, endpoint: "https://s3.example.org", namespaces: {a b: c}}',
      'services[0].namespaces: "a b" is not a label key',
    ],
    [
      'a value that is none',
      '- {name: a, endpoint: "https://s3.example.org", namespaces: {a: b c}}',
      '"b c" is not a label value',
    ],
    [
      'null',
      '- {name: a, endpoint: "https://s3.example.org", namespaces: }',
      'services[0].namespaces: must not be null',
    ],
    [
      'a label of null',
      '- {name: a, endpoint: "https://s3.example.org", namespaces: {a: }}',
      'services[0].namespaces.a',
    ],
    ['keys of null', '- {name: a, endpoint: "https://s3.example.org", credentials: }', 'services[0].credentials'],
    [
      'one name twice',
      '- {name: a, endpoint: "https://s3.example.org"}\n- {name: a, endpoint: "https://t.example.org"}',
      'services[1].name: a is there twice',
    ],
  ])('refuses %s, and says where', (_, yaml, message) => {
    expect(() => read(yaml)).toThrow(message);
    expect(() => read(yaml)).toThrow('S3_SERVICES');
  });
});
