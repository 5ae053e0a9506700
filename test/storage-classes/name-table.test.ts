import { describe, expect, it } from 'vitest';
import { chosenByName } from '../../dev/storage-classes-page.ts';
import { wellKnownClasses } from '../../dev/well-known-classes.ts';
import type { CloudName, VolumeType } from '../../src/api/facts.ts';
import type { AccessMode, StorageClass } from '../../src/api/kubernetes.ts';
import { cloudNamed, clouds } from '../../src/clouds/index.ts';
import { FIELD_WORDS, TIER_WORDS } from '../../src/storage-classes/class-name.ts';
import { allTypes, typeOfClass } from '../../src/storage-classes/volume-type.ts';

const made = (cloud: CloudName, name: string, storage?: string, mode?: AccessMode): StorageClass => {
  const choice = chosenByName(cloud, name, { ...(storage && { storage }), ...(mode && { mode }) });
  if (choice.kind !== 'make') throw new Error(`${cloud} ${name}: ${choice.kind} ${'why' in choice ? choice.why : ''}`);
  return choice.storageClass;
};

describe('a class that is shipped somewhere', () => {
  it.each(wellKnownClasses)('$cloud $name is what $from ships', ({ cloud, name, isShared = false, ...shipped }) => {
    const { provisioner, parameters, reclaimPolicy } = made(
      cloud,
      name,
      '4Ti',
      isShared ? 'ReadWriteMany' : 'ReadWriteOnce',
    );
    expect(provisioner).toBe(shipped.provisioner);
    expect(parameters ?? {}).toMatchObject(shipped.parameters);
    expect(reclaimPolicy).toBe(shipped.reclaimPolicy ?? 'Delete');
  });
});

interface Named {
  readonly cloud: CloudName;
  readonly name: string;
  readonly type: VolumeType;
  readonly mode: AccessMode;
}

const types: readonly Named[] = clouds.flatMap(({ name: cloud, classOptions }) =>
  classOptions.flatMap(({ types: named = {}, modes, volumeModes }) =>
    volumeModes.includes('Filesystem')
      ? Object.entries(named).map(([name, type]) => ({ cloud, name, type, mode: modes[0] ?? 'ReadWriteOnce' }))
      : [],
  ),
);

const fill = (cloud: CloudName, { parameters }: VolumeType) => {
  const known = cloud === 'openstack' ? { availability: '<cinderAvailability>' } : {};
  return Object.fromEntries(
    Object.entries({ ...parameters, ...known }).map(([name, text]) => [name, text.replace(/\$\{(\w+)\}/, '<$1>')]),
  );
};

describe('a type by its own name', () => {
  it('there are as many as the clouds have', () => {
    expect(types.length).toBeGreaterThan(80);
  });

  it.each(types)(
    '$cloud $name is that type, whatever the size and the rest of the name',
    ({ cloud, name, type, mode }) => {
      for (const storage of ['1Gi', '10Gi', '500Gi', '4Ti', '60Ti']) {
        for (const whole of [name, `team-${name}`, `${name}-retain`, `csi-${name}-xfs-immediate`, `fast-${name}`]) {
          expect(made(cloud, whole, storage, mode).parameters).toMatchObject({
            ...fill(cloud, type),
            ...(whole.includes('-xfs') && mode === 'ReadWriteOnce' && { 'csi.storage.k8s.io/fstype': 'xfs' }),
          });
        }
      }
    },
  );
});

/** What the dearest is that each word asks for: no tier of its own is more than the cloud’s standard type. */
const DEAREST: Readonly<Record<string, Readonly<Partial<Record<CloudName, string>>>>> = {
  ssd: { aws: 'gp3', gcp: 'pd-ssd', azure: 'StandardSSD_LRS', oracle: '10 VPUs', alibaba: 'cloud_ssd' },
  fast: { aws: 'io2', gcp: 'pd-ssd', azure: 'Premium_LRS', oracle: '20 VPUs', alibaba: 'cloud_ssd' },
};
const askedBy: Readonly<Record<string, keyof typeof DEAREST | 'standard'>> = {
  ssd: 'ssd',
  nvme: 'ssd',
  fast: 'fast',
  premium: 'fast',
  performance: 'fast',
};

describe('no name gives anything dearer than it asks for', () => {
  const disks = (cloud: CloudName) =>
    cloudNamed(cloud)?.classOptions.filter(({ volumeModes, modes, namePattern }) => {
      return volumeModes.includes('Block') && modes.includes('ReadWriteOnce') && namePattern === undefined;
    }) ?? [];
  const costOf = (cloud: CloudName, storageClass: StorageClass): number =>
    typeOfClass(storageClass, disks(cloud))?.cost ?? 0;
  const most = (cloud: CloudName, word: string): number => {
    const [option] = disks(cloud);
    const name = DEAREST[askedBy[word] ?? '']?.[cloud];
    const type = option && allTypes(option).find((one) => one.name === name);
    return type?.cost ?? option?.tiers.standard.cost ?? 0;
  };
  const rest = Object.keys(FIELD_WORDS).filter(
    (word) => !['regional', 'regionalpd', 'zrs', 'shared', 'rwx'].includes(word),
  );

  it.each(clouds.map(({ name }) => name))('on %s, in any size, with any rest', (cloud) => {
    for (const word of ['data', 'some-name', ...Object.keys(TIER_WORDS)]) {
      for (const storage of ['1Gi', '3Gi', '100Gi', '200Gi', '1Ti', '20Ti', '100Ti']) {
        for (const name of [word, `team-${word}`, ...rest.map((more) => `${word}-${more}`)]) {
          expect(costOf(cloud, made(cloud, name, storage)), `${name} ${storage}`).toBeLessThanOrEqual(
            most(cloud, word),
          );
        }
      }
    }
  });

  it.each(types.filter(({ mode, name }) => mode === 'ReadWriteOnce' && !name.endsWith('zrs')))(
    'nor does $name of $cloud on any other cloud: the dearest there is what `fast` gives',
    ({ cloud: home, name }) => {
      for (const { name: cloud } of clouds) {
        if (cloud === home) continue;
        const choice = chosenByName(cloud, name);
        if (choice.kind !== 'make') throw new Error(`${cloud} ${name}`);
        const isOwn = types.some((one) => one.cloud === cloud && `-${name}-`.includes(`-${one.name}-`));
        if (!isOwn) expect(costOf(cloud, choice.storageClass), cloud).toBeLessThanOrEqual(most(cloud, 'fast'));
      }
    },
  );

  const toldDearer = (cloud: CloudName, name: string, storage: string): number => {
    const choice = chosenByName(cloud, name, { storage });
    const warnings = choice.kind === 'make' ? choice.warnings : [];
    return warnings.filter((warning) => /which costs more/.test(warning)).length;
  };
  const sizesOfWords = Object.entries(TIER_WORDS).flatMap(([word, tier]) =>
    ['1Gi', '10Gi', '124Gi', '130Gi', '20Ti'].map((storage) => ({ name: `team-${word}`, tier, storage })),
  );

  it.each(clouds.map(({ name }) => name))('on %s what is dearer than the type of its tier is told', (cloud) => {
    for (const { name, tier, storage } of sizesOfWords) {
      const asked = disks(cloud)[0]?.tiers[tier] ?? { cost: Number.POSITIVE_INFINITY };
      const isDearer = costOf(cloud, made(cloud, name, storage)) > (asked.cost ?? 0);
      expect(toldDearer(cloud, name, storage), `${name} ${storage}`).toBe(Number(isDearer));
    }
  });

  it('and what costs more than its size is told', () => {
    for (const name of ['fast', 'premium', 'performance', 'io1', 'io2', 'io2-retain']) {
      const choice = chosenByName('aws', name);
      expect(choice.kind === 'make' && choice.warnings).toEqual([expect.stringMatching(/bills the 3000 IOPS/)]);
    }
    expect(chosenByName('gcp', 'pd-extreme')).toMatchObject({ warnings: [expect.stringMatching(/bills the IOPS/)] });
  });
});
