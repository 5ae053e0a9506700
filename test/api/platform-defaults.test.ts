import { describe, expect, it } from 'vitest';
import { platformDefaultsCrd, platformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import type { JsonSchema } from '../../src/api/schema.ts';
import { schemaViolations } from '../../src/api/schema-validation.ts';

interface Version {
  readonly schema: { readonly openAPIV3Schema: JsonSchema };
}

const [version] = platformDefaultsCrd.spec.versions as unknown as readonly Version[];
const whole = version?.schema.openAPIV3Schema ?? {};

/** Every node of the schema with where it is. */
const nodes = (schema: JsonSchema, path: string): readonly (readonly [string, JsonSchema])[] => [
  [path, schema],
  ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => nodes(field, `${path}.${name}`)),
  ...(schema.items ? nodes(schema.items, `${path}[]`) : []),
  ...(schema.additionalProperties ? nodes(schema.additionalProperties, `${path}.*`) : []),
];

const all = nodes(whole, '');

describe('the schema of PlatformDefaults', () => {
  it.each(all.filter(([path]) => path !== '.metadata'))('types and describes %s', (_, schema) => {
    expect(schema.type).toMatch(/^(object|array|string|integer|boolean)$/);
    expect(schema.description).toMatch(/\S+.*\.$/s);
  });

  it('is structural and holds no default, which API servers of 1.20 would refuse', () => {
    for (const [path, schema] of all) {
      expect([path, 'default' in schema]).toEqual([path, false]);
      expect([path, schema.type === 'array']).toEqual([path, schema.items !== undefined]);
      expect([path, schema.properties !== undefined && schema.additionalProperties !== undefined]).toEqual([
        path,
        false,
      ]);
    }
  });

  it('names required fields that exist, and keys of lists that are required', () => {
    for (const [path, schema] of all) {
      for (const name of schema.required ?? [])
        expect([path, Object.keys(schema.properties ?? {})]).toEqual([path, expect.arrayContaining([name])]);
      for (const key of schema['x-kubernetes-list-map-keys'] ?? [])
        expect([path, schema.items?.required]).toEqual([path, expect.arrayContaining([key])]);
    }
  });

  it('bounds every list that a CEL rule walks', () => {
    const walked = ['volumes', 'volumeMounts'].map((name) => `.spec.inject.${name}`);
    for (const [path, schema] of all) if (walked.includes(path)) expect(schema.maxItems).toBeLessThanOrEqual(128);
  });

  it('has a CEL rule for each key of inject that not every kind takes', () => {
    const rules = platformDefaultsSpec.json['x-kubernetes-validations'] ?? [];
    expect(rules.find(({ message }) => message.startsWith('inject.sparkConf '))).toEqual({
      rule: "!has(self.inject) || !has(self.inject.sparkConf) || self.match.kinds.all(kind, kind in ['SparkApplication', 'ApacheSparkApplication', 'SparkConnect', 'SparkCluster'])",
      message: 'inject.sparkConf is taken by SparkApplication, ApacheSparkApplication, SparkConnect, SparkCluster only',
    });
  });

  it('finds nothing wrong with the least there can be', () => {
    expect(
      schemaViolations(platformDefaultsSpec.json, { match: { kinds: ['WorkflowPod'] }, inject: {} }, 'spec'),
    ).toEqual([]);
  });
});
