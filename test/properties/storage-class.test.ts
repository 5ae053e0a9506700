import { describe, expect, it } from 'vitest';
import type { CloudName } from '../../src/api/facts.ts';
import type { PersistentVolumeClaim } from '../../src/api/kubernetes.ts';
import { FACT_NAMES } from '../../src/clouds/cloud.ts';
import { clouds } from '../../src/clouds/index.ts';
import { allTypes } from '../../src/storage-classes/volume-type.ts';
import { fc } from '../fixtures/fast-check.ts';
import { choose, pvc } from '../fixtures/storage.ts';

const junk = fc.oneof(fc.constant(null), fc.constant(undefined), fc.jsonValue());
const mostly = <T>(wanted: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: wanted, weight: 9 }, { arbitrary: junk, weight: 1 });
const ZONES = ['zone-1', 'zone-2'];
const word = fc.constantFrom(
  ...['fast', 'hdd', 's3', 'ceph', 'nfs', 'local', 'posix', 'regional', 'zrs', 'calrissian', 'x1', ...ZONES],
);
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

  it('keeps in one zone no volumes that have copies in several, and none that are made in another', () => {
    const replicated = clouds.flatMap(({ classOptions }) =>
      classOptions.flatMap((option) =>
        allTypes(option).flatMap(({ replicated: copies }) =>
          copies === undefined || option.zoneLabel === undefined ? [] : [copies.parameters],
        ),
      ),
    );
    expect(replicated.length).toBeGreaterThan(5);
    const typed = fc
      .record({
        cloud: fc.constantFrom(...clouds),
        words: fc.array(word, { maxLength: 3 }),
        zone: fc.constantFrom(...ZONES),
        facts: fc.dictionary(fc.constantFrom(...Object.keys(FACT_NAMES)), fc.constantFrom(...ZONES, 'nova')),
      })
      .chain(({ cloud: { name, classOptions }, words, zone, facts }) =>
        fc
          .constantFrom('data', ...classOptions.flatMap(({ types = {} }) => Object.keys(types)))
          .map((type) => ({ cloud: name, storageClassName: [type, ...words, zone].join('-'), zone, facts })),
      );
    let placed = 0;
    fc.assert(
      fc.property(typed, ({ cloud, storageClassName, zone, facts }) => {
        const storage = { zoneCalled: (text: string) => ZONES.find((name) => name === text) };
        const choice = choose(pvc({ storageClassName }), { cloud, facts, storage, drivers: allDrivers });
        if (choice.kind !== 'make' || !choice.storageClass.allowedTopologies) return;
        placed += 1;
        const { parameters = {} } = choice.storageClass;
        for (const copies of replicated) expect(parameters).not.toMatchObject(copies);
        const [inZone] = choice.storageClass.allowedTopologies.flatMap(
          ({ matchLabelExpressions }) => matchLabelExpressions?.flatMap(({ values }) => values) ?? [],
        );
        expect(ZONES).toContain(inZone);
        const others = ZONES.filter((name) => name !== inZone);
        expect(Object.values(parameters ?? {}).filter((value) => others.includes(value))).toEqual([]);
        expect(storageClassName).toContain(zone);
      }),
      { numRuns: 2_000 },
    );
    expect(placed).toBeGreaterThan(20);
  });
});
