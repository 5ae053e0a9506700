import { describe, expect, it } from 'vitest';
import type { CloudName } from '../../src/api/facts.ts';
import type { PersistentVolumeClaim } from '../../src/api/kubernetes.ts';
import { FACT_NAMES } from '../../src/clouds/cloud.ts';
import { clouds } from '../../src/clouds/index.ts';
import { fc } from '../fixtures/fast-check.ts';
import { choose, pvc } from '../fixtures/storage.ts';

const junk = fc.oneof(fc.constant(null), fc.constant(undefined), fc.jsonValue());
const mostly = <T>(wanted: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: wanted, weight: 9 }, { arbitrary: junk, weight: 1 });
const word = fc.constantFrom('fast', 'hdd', 's3', 'ceph', 'nfs', 'local', 'posix', 'regional', 'calrissian', 'x1');
const mode = fc.constantFrom('ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod');

const claims = fc
  .record(
    {
      accessModes: mostly(fc.array(mode, { minLength: 1, maxLength: 2 })),
      volumeMode: mostly(fc.constantFrom('Filesystem', 'Block')),
      storageClassName: mostly(
        fc.oneof(
          fc.array(word, { minLength: 1 }).map((words) => words.join('-')),
          fc.string(),
        ),
      ),
      volumeName: mostly(fc.constant(undefined)),
      resources: mostly(fc.record({ requests: mostly(fc.dictionary(fc.constant('storage'), mostly(fc.string()))) })),
    },
    { requiredKeys: ['accessModes', 'storageClassName'] },
  )
  .map((spec): PersistentVolumeClaim => ({ ...pvc({}), spec: spec as PersistentVolumeClaim['spec'] }));

const allDrivers = [
  ...new Set(clouds.flatMap(({ classOptions: offers }) => offers.map(({ provisioner }) => provisioner))),
];
const settings = fc.record({
  cloud: fc.constantFrom<CloudName>('unknown', ...clouds.map(({ name }) => name)),
  facts: fc.dictionary(fc.constantFrom(...Object.keys(FACT_NAMES)), fc.string({ minLength: 1 })),
  drivers: fc.oneof(fc.constant(allDrivers), fc.subarray(allDrivers)),
});

describe('chooseStorageClass, for any claim on any cluster', () => {
  it('never throws, leaves the claim as it is, and decides the same twice', () => {
    fc.assert(
      fc.property(claims, settings, (claim, setting) => {
        const before = structuredClone(claim);
        const choice = choose(claim, setting);
        expect(claim).toEqual(before);
        expect(choose(claim, setting)).toEqual(choice);
      }),
    );
  });

  it('makes only classes whose driver is there, which serve the claim, and whose every parameter is filled in', () => {
    let made = 0;
    fc.assert(
      fc.property(claims, settings, (claim, setting) => {
        const choice = choose(claim, setting);
        if (choice.kind !== 'make') return;
        made += 1;
        const { provisioner, parameters, metadata } = choice.storageClass;
        const offers = clouds.flatMap((cloud) =>
          cloud.classOptions.filter((offer) => offer.provisioner === provisioner),
        );
        expect(offers.some(({ isCsi }) => !isCsi) || setting.drivers.includes(provisioner)).toBe(true);
        expect(metadata.name).toBe(claim.spec?.storageClassName);
        const facts = Object.values(setting.facts);
        const texts = Object.values(parameters ?? {}).filter((text) => !facts.some((fact) => text.includes(fact)));
        expect(texts.join()).not.toContain('${');
      }),
      { numRuns: 2_000 },
    );
    expect(made).toBeGreaterThan(20);
  });
});
