import { describe, expect, it } from 'vitest';
import type { CloudName } from '../../src/api/facts.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import type { ObjectStore } from '../../src/api/object-store.ts';
import { platformDefaults } from '../fixtures/defaults.ts';
import { fc } from '../fixtures/fast-check.ts';
import { admit, objectStore } from '../fixtures/object-store.ts';

const clouds = fc.constantFrom<CloudName>('aws', 'gcp', 'azure', 'openstack', 'local', 'unknown');
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const word = fc.stringMatching(/^[a-z][a-z0-9-]{2,12}$/);

/** Specs as people write them, right and wrong. */
const spec = fc
  .record({
    name: fc.oneof(word, fc.string()),
    provider: maybe(fc.constantFrom('auto', 'gcs', 's3', 'azure', null)),
    location: maybe(fc.oneof(word, fc.constant(''))),
    versioning: maybe(fc.boolean()),
    labels: maybe(fc.dictionary(word, word, { maxKeys: 3 })),
    s3: maybe(fc.record({ endpoint: maybe(fc.constantFrom('https://s3.example.org', 'host:9000')) })),
    credentialsSecretRef: maybe(fc.record({ name: word })),
    lifecycle: maybe(fc.array(fc.record({ expireDays: maybe(fc.integer({ min: -1, max: 9 })) }), { maxLength: 2 })),
    deletionPolicy: maybe(fc.constantFrom('Retain', 'Delete')),
    forceDelete: maybe(fc.boolean()),
  })
  .map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));

const defaults = [
  platformDefaults('cost', { match: { kinds: ['ObjectStore'] }, inject: { labels: { team: 'a', 'x.org/y': 'B' } } }),
];

const storeWith = (value: unknown): KubeObject => ({ ...objectStore(), spec: value }) as KubeObject;

/** What cannot change any more. */
const settledOf = (object: KubeObject): Readonly<Record<string, unknown>> => {
  const { provider, location } = (object as ObjectStore).spec;
  return {
    ...(provider !== undefined && provider !== 'auto' && { provider }),
    ...(location !== undefined && location !== '' && { location }),
  };
};

describe('admission of an ObjectStore', () => {
  it('changes nothing the second time, nor its argument, and refuses nothing it let in', () => {
    fc.assert(
      fc.property(spec, clouds, (value, cloud) => {
        const object = storeWith(value);
        const before = structuredClone(object);
        const once = admit(object, { cloud, defaults });
        expect(object).toEqual(before);
        if (once.denied !== undefined) return;
        const twice = admit(once.object, { cloud, defaults });
        expect(twice.denied).toBeUndefined();
        expect(twice.object).toBe(once.object);
      }),
    );
  });

  it('lets in again what is stored, and keeps what cannot change wherever the cluster has gone', () => {
    fc.assert(
      fc.property(spec, clouds, clouds, (value, cloud, elsewhere) => {
        const stored = admit(storeWith(value), { cloud, defaults });
        fc.pre(stored.denied === undefined && value['provider'] !== null);
        const again = admit(storeWith(value), { cloud: elsewhere, defaults }, stored.object);
        // Where nobody knew whose bucket it would be, its name could not be held to anybody's rules.
        if (settledOf(stored.object)['provider'] !== undefined) expect(again.denied).toBeUndefined();
        expect({ ...settledOf(again.object), ...settledOf(stored.object) }).toEqual(settledOf(again.object));
      }),
      { numRuns: 1_000 },
    );
  });

  it('never throws, whatever stands in the place of the spec', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (value, old) => {
        admit(storeWith(value), { cloud: 'gcp', defaults }, storeWith(old));
      }),
    );
  });
});
