import { describe, expect, it } from 'vitest';
import type { ObjectMeta } from '../../src/api/kubernetes.ts';
import {
  type ObjectStoreSpec,
  type ObjectStoreStatus,
  objectStoreCrd,
  objectStoreFact,
} from '../../src/api/object-store.ts';
import type { JsonSchema } from '../../src/api/schema.ts';
import { objectStore } from '../fixtures/object-store.ts';

const ready: ObjectStoreStatus = {
  bucketName: 'spark-history',
  provider: 'gcs',
  url: 'gs://spark-history',
  conditions: [{ type: 'Ready', status: 'True', reason: 'Created', message: '', lastTransitionTime: '' }],
};

describe('what admission may rely on', () => {
  const fact = (spec: Partial<ObjectStoreSpec>, metadata: ObjectMeta = {}, status?: ObjectStoreStatus) =>
    objectStoreFact(objectStore(spec, metadata, status));

  it('is a bucket that is Ready and stays', () => {
    expect(fact({}, {}, { ...ready, endpoint: 'https://s3.example.org' })).toEqual({
      ready: true,
      bucket: 'spark-history',
      url: 'gs://spark-history',
      provider: 'gcs',
      endpoint: 'https://s3.example.org',
    });
  });

  it('has the Secret with keys for its workload once there are some', () => {
    const access = { user: 'quartermaster-uid' };
    expect(fact({}, {}, { ...ready, access }).keysSecret).toBeUndefined();
    const issued = { ...access, secretName: 'keys', keyId: 'AKIA' };
    expect(fact({}, {}, { ...ready, access: issued }).keysSecret).toBe('keys');
  });

  it.each<readonly [string, ObjectMeta, ObjectStoreStatus | undefined]>([
    ['is going', { deletionTimestamp: '2026-11-20T00:00:00Z' }, ready],
    ['has no status', {}, undefined],
    ['has no URL yet', {}, { ...ready, url: undefined } as unknown as ObjectStoreStatus],
    ['is not Ready', {}, { ...ready, conditions: [] }],
  ])('is not one that %s', (_, metadata, status) => {
    expect(fact({ provider: 'azure' }, metadata, status).ready).toBe(false);
  });
});

describe('the CRD', () => {
  const [version] = objectStoreCrd.spec.versions;
  const { openAPIV3Schema: schema } = (version?.['schema'] ?? {}) as { readonly openAPIV3Schema: JsonSchema };

  const walk = (at: JsonSchema, path: string): readonly (readonly [string, JsonSchema])[] => [
    [path, at],
    ...Object.entries(at.properties ?? {}).flatMap(([name, field]) => walk(field, `${path}.${name}`)),
    ...(at.items ? walk(at.items, `${path}[]`) : []),
    ...(at.additionalProperties ? walk(at.additionalProperties, `${path}{}`) : []),
  ];

  it('describes every field, takes no unknown ones and defaults none', () => {
    const fields = walk(schema, '').filter(([path]) => path !== '.metadata');
    expect(fields.length).toBeGreaterThan(40);
    expect(fields.filter(([, { description }]) => !description).map(([path]) => path)).toEqual([]);
    expect(JSON.stringify(schema)).not.toMatch(/"default"|preserve-unknown-fields/);
  });

  it('asks for spec.name and nothing else', () => {
    expect(schema.required).toEqual(['spec']);
    expect(schema.properties?.['spec']?.required).toEqual(['name']);
  });

  it('shows provider, bucket, readiness with its reason, and age', () => {
    const columns = version?.['additionalPrinterColumns'] as readonly {
      readonly name: string;
      readonly priority?: number;
    }[];
    expect(columns.filter(({ priority = 0 }) => priority === 0).map(({ name }) => name)).toEqual([
      'Provider',
      'Bucket',
      'Ready',
      'Reason',
      'Age',
    ]);
  });
});
