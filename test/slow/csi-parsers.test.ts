import { describe, expect, it } from 'vitest';
import { type ParsedProvisioner, parsedProvisioners, parseParameters } from '../../dev/csi-parsers/csi-parsers.ts';
import { chosenByName } from '../../dev/storage-classes-page.ts';
import { wellKnownClasses } from '../../dev/well-known-classes.ts';
import type { StorageClass, StringMap } from '../../src/api/kubernetes.ts';
import { clouds } from '../../src/clouds/index.ts';
import { FIELD_WORDS, TIER_WORDS } from '../../src/storage-classes/class-name.ts';

interface Made {
  readonly name: string;
  readonly parameters: StringMap;
}

/** Every class of the table of names that this provisioner is behind: types, tiers, what is shipped, each with each word of a field. */
const madeBy = (provisioner: string): readonly Made[] => {
  const cloud = clouds.find(({ classOptions }) => classOptions.some((option) => option.provisioner === provisioner));
  if (cloud === undefined) throw new Error(`No cloud has ${provisioner}.`);
  const types = cloud.classOptions.flatMap(({ types = {} }) => Object.keys(types));
  const shipped = wellKnownClasses.filter((row) => row.cloud === cloud.name).map(({ name }) => name);
  const bare = [...new Set(['data', ...Object.keys(TIER_WORDS), ...types, ...shipped])];
  const names = bare.flatMap((name) => [name, ...Object.keys(FIELD_WORDS).map((word) => `${name}-${word}`)]);
  return names.flatMap((name) => {
    const storageClass = madeClass(cloud.name, name);
    return storageClass.provisioner === provisioner ? [{ name, parameters: storageClass.parameters ?? {} }] : [];
  });
};

const madeClass = (cloud: Parameters<typeof chosenByName>[0], name: string): StorageClass => {
  const choice = chosenByName(cloud, name);
  if (choice.kind !== 'make') throw new Error(`${cloud} ${name}: ${choice.kind}`);
  return choice.storageClass;
};

const parse = (provisioner: ParsedProvisioner, classes: readonly StringMap[]) =>
  parseParameters(provisioner, classes, (line) => process.stderr.write(`${line}\n`));

describe.each(parsedProvisioners)('the parser of parameters of %s', (provisioner) => {
  it('takes every class that is made by a name, as what it says', async () => {
    const made = madeBy(provisioner);
    expect(made.length).toBeGreaterThan(200);
    const parsed = await parse(
      provisioner,
      made.map(({ parameters }) => parameters),
    );
    expect(parsed).toEqual(
      made.map(({ parameters: { type, 'replication-type': replication = 'none' } }) => ({ type, replication })),
    );
  });

  it('refuses what it does not know', async () => {
    const [parsed] = await parse(provisioner, [{ type: 'pd-ssd', fsType: 'xfs' }]);
    expect(parsed?.error).toContain('invalid option "fsType"');
  });
});
