import type { CloudName, Tier, VolumeType } from '../src/api/facts.ts';
import type { AccessMode, PersistentVolumeClaim, StorageClass } from '../src/api/kubernetes.ts';
import { offlineFacts } from '../src/cli/described-cluster.ts';
import { FACT_NAMES } from '../src/clouds/cloud.ts';
import { cloudNamed, clouds, verdictFor } from '../src/clouds/index.ts';
import { indexEntries } from '../src/defaults/entries-index.ts';
import { chooseStorageClass, type StorageClassChoice } from '../src/kinds/persistent-volume-claim/class.ts';
import { policyOf, readSettings } from '../src/settings/config.ts';
import { FIELD_WORDS, TIER_WORDS } from '../src/storage-classes/class-name.ts';
import { typeOfClass } from '../src/storage-classes/volume-type.ts';
import { wellKnownClasses } from './well-known-classes.ts';

/** A size that every type takes which is not for large volumes alone. */
const SIZE = '4Ti';

/** What a claim that names this class comes to on a cloud where every driver is installed and every fact known, as `<fact>`. */
export const chosenByName = (
  cloud: CloudName,
  storageClassName: string,
  { storage = SIZE, mode = 'ReadWriteOnce' }: { readonly storage?: string; readonly mode?: AccessMode } = {},
): StorageClassChoice => {
  const facts = Object.keys(FACT_NAMES).map((name) => [name, { value: `<${name}>`, source: 'docs' }] as const);
  const provisioners = cloudNamed(cloud)?.classOptions.map(({ provisioner }) => provisioner) ?? [];
  const claim: PersistentVolumeClaim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', namespace: 'team' },
    spec: { storageClassName, accessModes: [mode], resources: { requests: { storage } } },
  };
  const cluster = offlineFacts({
    cloud: verdictFor(cloud, Object.fromEntries(facts), []),
    csiDrivers: provisioners.filter((name) => !name.startsWith('rook-ceph') && name !== 'ru.yandex.s3.csi'),
    defaults: indexEntries([]),
    policy: policyOf(readSettings({})),
    namespaceLabels: {},
    objects: [],
  });
  return chooseStorageClass(claim, cluster);
};

/** docs/storage-classes.md, made from the tables of `src/clouds` and the words of `src/storage-classes/class-name.ts`. */
export const storageClassesPage = (): string => `# Names of storage classes

Written by \`npm run docs\` from the tables in \`src/clouds\` and the words in \`src/storage-classes/class-name.ts\`; a test keeps them equal, and another
holds that no name gives anything dearer than it asks for without saying so.

A claim that names a class which is not there gets one made by what its name says, word by word: what stands between dashes and dots. \`preview\` shows the
class. One that is there stays as it is, whoever made it; where it cannot serve a claim, or is not what its name asks for, a warning says so. Two of those that Quartermaster made follow the cluster: a class
of an NFS server in \`mountOptions\` and \`allowVolumeExpansion\` ([shared storage](shared-storage.md#nfs-servers)), and \`csi-s3-calrissian\`, which is deleted and made again when the settings name another bucket or Secret.

1. A **type** of the cloud by its own name (\`gp3\`, \`pd-ssd\`, \`premium-lrs\`), or a class that the cloud or a distribution ships, is that. The longest that the name holds counts.
2. Else a word for a **tier** (\`fast\`, \`ssd\`, \`cold\`...) gives the cloud's type for it, or, where that is not made in the size the claim asks for, the nearest,
   with a warning where that is dearer (\`archive\` for 10Gi on AWS is gp3). So is a claim told whose class is there and was made dearer for another.
3. Else it is the cloud's standard type. A type that only another cloud has comes to the tier it is there, with a warning.
4. The **rest** of the name sets fields, on every cloud. A warning names what the provisioner cannot do, and a word that is nearly one of these (\`retian\`). Other words say whose or what for and are passed over,
   except where nothing at all is read from a name: then the warning says that it is the standard type. Either comes once, with the claim that has the class made.
5. A **zone** that nodes have (\`gp3-eu-west-1a\`) keeps the volumes in it, by \`allowedTopologies\`, on AWS (not with EKS Auto Mode's driver), Google Cloud, Azure, OpenStack and Alibaba; elsewhere, and where volumes have copies in
   more than one zone (\`regional\`), a warning says that it does not. The fact cinderAvailability is passed over for such a class where it is another zone of nodes.

A claim keeps its \`volumeAttributesClassName\` (Kubernetes 1.34). The class made is of the driver that the VolumeAttributesClass names where that driver serves the claim; where it does not, and where the class that is there
is of another driver, a warning says that the claim stays pending. None is served by an NFS server. A claim that starts from a VolumeSnapshot has its class made too, by its name, with a warning: the driver that has taken the snapshot restores it and no other.
One that starts from a claim is to name the class of that.

\`fsx\` and \`lustre\` ask for an FSx for Lustre file system for each volume, and nothing else does: it takes the facts fsxSubnetId and fsxSecurityGroupId and the driver fsx.csi.aws.com. They are made with 1200 GiB, 2400 GiB or a multiple
of that.

\`nfs\` asks for an NFS server of its own ([shared storage](shared-storage.md)), \`s3\` for a volume in a bucket, \`ceph\` for Rook, \`local\` for a folder on the node; on Azure \`blob\` for a container and \`posix\` for a share over NFS.
Where what a name asks for is not installed, or is not made for the claim's mode, the class is what it would be without the word, and a warning says so; \`s3\`, \`fsx\` and \`lustre\` get nothing else. What a PlatformDefaults says of
classes wins over all of it.

## Words for fields

| word | asks for |
|---|---|
${Object.entries(FIELD_WORDS)
  .map(([word, asks]) => `| \`${word}\` | ${asks} |`)
  .join('\n')}

## Words for tiers

What a claim for one node gets, with its place in the order of costs of the tables below. A type that bills more than its size says so in a warning.

| word | ${diskClouds.join(' | ')} |
|---|${diskClouds.map(() => '---|').join('')}
| none | ${diskClouds.map((cloud) => typeOf(cloud, 'standard')).join(' | ')} |
${Object.entries(TIER_WORDS)
  .map(([word, tier]) => `| \`${word}\` | ${diskClouds.map((cloud) => typeOf(cloud, tier)).join(' | ')} |`)
  .join('\n')}

DigitalOcean, Hetzner and local clusters have one type of disk, which every name gives.

## Types

From the cheapest per GiB to the dearest; equal numbers cost about the same. Sizes are in GiB. A claim under the least size gets it where the driver makes it larger (*made larger*), or a
warning with the figure.

${clouds.filter(hasTypes).map(typesOf).join('\n\n')}

## Classes that are shipped

What the class comes to by name, so that manifests written for one cluster mean the same on another of its cloud.

| cloud | name | shipped by | provisioner | parameters | reclaimPolicy |
|---|---|---|---|---|---|
${wellKnownClasses.map(wellKnownRow).join('\n')}
`;

const NO_TIER: Readonly<Record<Tier, string>> = {
  standard: 'data',
  basic: 'standard',
  ssd: 'ssd',
  fast: 'fast',
  slow: 'slow',
  cold: 'cold',
};

/** Those that have more than one type of disk. */
const diskClouds: readonly CloudName[] = clouds
  .filter(({ classOptions }) =>
    classOptions.some(({ tiers, volumeModes }) => volumeModes.includes('Block') && tiers.slow),
  )
  .map(({ name }) => name);

function typeOf(cloud: CloudName, tier: Tier): string {
  const choice = chosenByName(cloud, NO_TIER[tier]);
  if (choice.kind !== 'make') throw new Error(`${cloud} ${tier}: ${choice.kind}`);
  const type = typeOfClass(choice.storageClass, cloudNamed(cloud)?.classOptions ?? []);
  const { type: ofCinder = '' } = choice.storageClass.parameters ?? {};
  return type?.name === undefined ? `\`${ofCinder}\`` : `${type.name} (${type.cost ?? 0})`;
}

type Named = (typeof clouds)[number];

function hasTypes({ classOptions }: Named): boolean {
  return classOptions.some(({ types }) => types !== undefined);
}

interface TypeRow {
  readonly type: VolumeType;
  readonly names: readonly string[];
  readonly isShared: boolean;
}

function typesOf({ name, classOptions }: Named): string {
  const rows = classOptions.flatMap(({ types = {}, modes }) => {
    const byType = Map.groupBy(Object.entries(types), ([, type]) => type.name ?? '');
    return [...byType.values()].flatMap((entries) => rowsOf(entries, modes.includes('ReadWriteMany')));
  });
  rows.sort(
    (one, other) => Number(one.isShared) - Number(other.isShared) || (one.type.cost ?? 0) - (other.type.cost ?? 0),
  );
  return `### ${name}\n\n| cost | type | names | sizes |\n|---|---|---|---|\n${[...new Set(rows.map(typeRow))].join('\n')}`;
}

function rowsOf(entries: readonly (readonly [string, VolumeType])[], isShared: boolean): readonly TypeRow[] {
  const type = entries[0]?.[1];
  if (type === undefined) return [];
  const names = entries.map(([phrase]) => `\`${phrase}\``);
  const { replicated } = type;
  const isAnother = replicated !== undefined && replicated.name !== type.name;
  return [
    { type, names, isShared },
    ...(isAnother ? [{ type: replicated, names: [`${names[0] ?? ''} with \`regional\``], isShared }] : []),
  ];
}

function typeRow({ type: { name = '', cost = 0, sizes }, names, isShared }: TypeRow): string {
  const { leastGi, greatestGi, isRaised = false } = sizes ?? {};
  const least = leastGi === undefined ? '' : `from ${leastGi}${isRaised ? ' (made larger)' : ''}`;
  const greatest = greatestGi === undefined ? '' : `to ${greatestGi}`;
  const many = isShared ? ' (for many nodes)' : '';
  return `| ${cost} | ${name}${many} | ${names.join(' ')} | ${[least, greatest].filter(Boolean).join(' ')} |`;
}

function wellKnownRow({ cloud, name, from, isShared = false }: (typeof wellKnownClasses)[number]): string {
  const choice = chosenByName(cloud, name, { mode: isShared ? 'ReadWriteMany' : 'ReadWriteOnce' });
  if (choice.kind !== 'make') throw new Error(`${cloud} ${name}: ${choice.kind}`);
  const { provisioner, reclaimPolicy } = choice.storageClass;
  return `| ${[cloud, `\`${name}\``, from, provisioner, parametersOf(choice.storageClass), reclaimPolicy].join(' | ')} |`;
}

function parametersOf({ parameters }: StorageClass): string {
  return Object.entries(parameters ?? {})
    .filter(([name]) => !name.includes('secret-name'))
    .map(([name, value]) => `\`${name.replace('csi.storage.k8s.io/', '')}: ${value}\``)
    .join(', ');
}
