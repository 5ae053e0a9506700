import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parsedProvisioners } from '../../dev/csi-parsers/csi-parsers.ts';
import { parameterTables, refusalsOf } from '../../dev/csi-parsers/parameter-tables.ts';
import { wellKnownClasses } from '../../dev/well-known-classes.ts';
import type { ClassOption, CloudName } from '../../src/api/facts.ts';
import type { StorageClass, StringMap } from '../../src/api/kubernetes.ts';
import { offlineFacts } from '../../src/cli/described-cluster.ts';
import type { FactName } from '../../src/clouds/cloud.ts';
import { clouds, verdictFor } from '../../src/clouds/index.ts';
import { indexEntries } from '../../src/defaults/entries-index.ts';
import { chooseClaimStorage, classWithAccount } from '../../src/kinds/persistent-volume-claim/storage.ts';
import { policyOf, readSettings } from '../../src/settings/config.ts';
import { FIELD_WORDS, TIER_WORDS } from '../../src/storage-classes/class-name.ts';
import { choose, pvc } from '../fixtures/storage.ts';

/** What classes may need to know, as it looks there. */
const FACTS = {
  efsFileSystemId: 'fs-0123456789abcdef0',
  fsxSubnetId: 'subnet-0123456789abcdef0',
  fsxSecurityGroupId: 'sg-0123456789abcdef0',
  gcpNetwork: 'vpc-1',
  cinderType: 'ceph',
  cinderSsdType: 'ssd',
  cinderHddType: 'hdd',
  cinderAvailability: 'nova',
  cinderMultiattachType: 'multiattach',
  manilaShareType: 'default',
  manilaShareNetworkId: '6d7b3a0c-6a52-4ac1-9a0e-0f8a0d6f3a11',
  manilaSecretNamespace: 'kube-system',
  availabilityDomain: 'qIZq:PHX-AD-1',
  mountTargetOcid: 'ocid1.mounttarget.oc1.phx.aaaa',
  mountTargetSubnetOcid: 'ocid1.subnet.oc1.phx.aaaa',
  nasServer: '0cd8b4a576-grs79.cn-hangzhou.nas.aliyuncs.com:/share/',
  vpcId: 'vpc-bp1',
  vSwitchId: 'vsw-bp1',
  s3Bucket: 'volumes',
  rookPool: 'replicapool',
  rookFileSystem: 'myfs',
} as const satisfies Partial<Record<FactName, string>>;

/** Those that classes do without, or that another stands in for. */
const SPARE: ReadonlySet<string> = new Set<FactName>([
  'gcpNetwork',
  'cinderType',
  'cinderAvailability',
  'manilaShareNetworkId',
  'mountTargetOcid',
  'nasServer',
  's3Bucket',
]);

const LEAST_FACTS: StringMap = Object.fromEntries(Object.entries(FACTS).filter(([name]) => !SPARE.has(name)));

/** Names that options of their own are for. */
const BY_PATTERN = [
  'posix',
  'azurefile-nfs',
  'azureblob',
  'azureblob-nfs',
  's3',
  's3-calrissian',
  'ceph-rbd',
  'cephfs',
];

const namesFor = (cloud: CloudName, { types = {}, words = [] }: ClassOption): readonly string[] => {
  const shipped = wellKnownClasses.filter((row) => row.cloud === cloud).map(({ name }) => name);
  const names = ['data', ...Object.keys(TIER_WORDS), ...Object.keys(types), ...words, ...shipped, ...BY_PATTERN];
  return [...new Set(names)];
};

const withFieldWords = (name: string): readonly string[] => [
  name,
  ...Object.keys(FIELD_WORDS).map((word) => `${name}-${word}`),
];

/** Every class that the names of the table give of an option, where nothing else is installed. */
const madeOf = (cloud: CloudName, option: ClassOption): readonly StorageClass[] => {
  const names = namesFor(cloud, option);
  const [mode = 'ReadWriteOnce'] = option.modes;
  const madeBy = (storageClassName: string, facts: StringMap): readonly StorageClass[] =>
    option.volumeModes.flatMap((volumeMode) => {
      const resources = { requests: { storage: '4Ti' } };
      const claim = pvc({ storageClassName, accessModes: [mode], volumeMode, resources });
      const choice = choose(claim, { cloud, facts, drivers: [option.provisioner] });
      const isOf = choice.kind === 'make' && choice.storageClass.provisioner === option.provisioner;
      return isOf ? [choice.storageClass] : [];
    });
  return [
    ...names.flatMap(withFieldWords).flatMap((name) => madeBy(name, FACTS)),
    ...names.flatMap((name) => madeBy(name, LEAST_FACTS)),
  ];
};

/** Options that all clouds have stand here once. */
const options: ReadonlyMap<ClassOption, CloudName> = new Map(
  clouds.flatMap(({ name, classOptions }) => classOptions.map((option) => [option, name] as const)),
);

/** One class, by the first name that gave it, for each provisioner and set of parameters. */
const made: readonly StorageClass[] = [
  ...Map.groupBy(
    [...options].flatMap(([option, cloud]) => madeOf(cloud, option)),
    ({ provisioner, parameters }) => JSON.stringify([provisioner, parameters]),
  ).values(),
].flatMap((classes) => classes.slice(0, 1));

const parsed: readonly string[] = parsedProvisioners;
const tabled = Object.keys(parameterTables);
/** The one driver that no cloud's table has: for an NFS export that is there. */
const NFS_EXPORTS = 'nfs.csi.k8s.io';

describe('what classes say to CSI drivers whose own parser cannot be asked', () => {
  it('there is a table for every driver, and classes for every table', () => {
    const drivers = new Set([...options.keys()].filter(({ isCsi }) => isCsi).map(({ provisioner }) => provisioner));
    expect([...drivers].filter((name) => !parsed.includes(name)).sort()).toEqual(
      tabled.filter((name) => name !== NFS_EXPORTS).sort(),
    );
    expect(
      tabled.filter((name) => name !== NFS_EXPORTS && !made.some(({ provisioner }) => provisioner === name)),
    ).toEqual([]);
    expect(made.length).toBeGreaterThan(100);
  });

  it.each(tabled.filter((name) => name !== NFS_EXPORTS))(
    '%s takes every class that is made by a name',
    (provisioner) => {
      const refused = made
        .filter((storageClass) => storageClass.provisioner === provisioner)
        .flatMap(({ metadata: { name = '' }, parameters = {} }) =>
          refusalsOf({ provisioner, parameters }).map((why) => `${name}: ${why}`),
        );
      expect(refused).toEqual([]);
    },
  );

  it('a provisioner without a CSI driver is told nothing', () => {
    const plain = made.filter(({ provisioner }) => ![...parsed, ...tabled].includes(provisioner));
    expect(plain.length).toBeGreaterThan(3);
    expect(plain.filter(({ parameters }) => parameters !== undefined)).toEqual([]);
  });

  it('Azure Files take the account that Quartermaster makes', () => {
    const shares = made.filter(({ provisioner }) => provisioner === 'file.csi.azure.com');
    for (const share of shares) {
      const named = classWithAccount(share, { name: 'qm0123456789abcdef', resourceGroup: 'jobs' });
      expect(named.parameters).toMatchObject({ storageAccount: 'qm0123456789abcdef' });
      expect(refusalsOf(named)).toEqual([]);
    }
  });

  it(`${NFS_EXPORTS} takes the class for an export that is there`, () => {
    const cluster = offlineFacts({
      cloud: verdictFor('hetzner', {}, []),
      csiDrivers: [NFS_EXPORTS],
      defaults: indexEntries([]),
      policy: policyOf(readSettings({ NFS_SERVER: 'files.example.org' })),
      namespaceLabels: {},
      objects: [],
    });
    const storage = chooseClaimStorage(pvc({ storageClassName: 'team-nfs', accessModes: ['ReadWriteMany'] }), cluster);
    if (storage.kind !== 'make') throw new Error(storage.kind);
    expect(storage.storageClass.provisioner).toBe(NFS_EXPORTS);
    expect(refusalsOf(storage.storageClass)).toEqual([]);
  });
});

describe('a table of parameters', () => {
  it.each(tabled)('of %s refuses a parameter it does not have, and a class without one it must have', (provisioner) => {
    expect(refusalsOf({ provisioner, parameters: { colour: 'blue' } })).toContain('it has no parameter colour');
    const { required = [], secrets = [], fileSystems } = parameterTables[provisioner] ?? {};
    expect(refusalsOf({ provisioner, parameters: {} })).toEqual(
      expect.arrayContaining([
        ...required.map((name) => `${name} is missing`),
        ...secrets.map((operation) => `no Secret is named for ${operation}`),
      ]),
    );
    const xfs = refusalsOf({ provisioner, parameters: { 'csi.storage.k8s.io/fstype': 'xfs' } });
    expect(xfs.includes('it makes no file system xfs')).toBe(fileSystems === undefined);
  });

  it.each<readonly [string, StringMap, string]>([
    ['ebs.csi.aws.com', { type: 'gp4' }, 'type cannot be gp4'],
    ['ebs.csi.aws.com', { type: 'io2' }, 'EC2 makes no io1 and io2 without'],
    ['ebs.csi.aws.com', { type: 'st1', iops: '3000' }, 'EC2 takes a number of IOPS for'],
    ['ebs.csi.aws.com', { type: 'gp3', iops: '500' }, 'under the least'],
    ['ebs.csi.aws.com', { type: 'gp3', encrypted: 'yes' }, 'encrypted cannot be yes'],
    ['disk.csi.azure.com', { skuName: 'premium_lrs' }, 'skuname cannot be premium_lrs'],
    ['disk.csi.azure.com', { skuName: 'UltraSSD_LRS' }, 'caches no UltraSSD_LRS'],
    ['file.csi.azure.com', { skuName: 'Standard_LRS', protocol: 'nfs' }, 'NFS shares are of premium storage only'],
    ['filestore.csi.storage.gke.io', { tier: 'enterprise', multishare: 'true' }, 'want instance-storageclass-label'],
    ['filestore.csi.storage.gke.io', { tier: 'zonal', multishare: 'true' }, 'of the enterprise tier only'],
    ['filestore.csi.storage.gke.io', { tier: 'zonal', multishare: 'false' }, 'are no parameters of an instance'],
    ['fsx.csi.aws.com', { deploymentType: 'PERSISTENT_1' }, 'FSx makes PERSISTENT_1'],
    [
      'fsx.csi.aws.com',
      { deploymentType: 'SCRATCH_2', perUnitStorageThroughput: '50' },
      'no throughput for scratch file systems',
    ],
    ['blockvolume.csi.oraclecloud.com', { vpusPerGB: '130' }, 'vpusPerGB cannot be 130'],
    ['fss.csi.oraclecloud.com', { availabilityDomain: 'PHX-AD-1' }, 'it wants a mount target'],
    ['diskplugin.csi.alibabacloud.com', { type: 'cloud_essd,essd' }, 'type cannot be cloud_essd,essd'],
    ['diskplugin.csi.alibabacloud.com', { type: 'cloud_ssd', performanceLevel: 'PL1' }, 'only cloud_essd has levels'],
    ['nasplugin.csi.alibabacloud.com', { volumeAs: 'subpath' }, 'wants the server it is on'],
    ['nasplugin.csi.alibabacloud.com', { volumeAs: 'filesystem', vpcId: 'vpc-1' }, 'wants vpcId and vSwitchId'],
    ['cinder.csi.openstack.org', { Type: 'ssd' }, 'it has no parameter Type'],
    ['cinder.csi.openstack.org', { 'csi.storage.k8s.io/fsType': 'xfs' }, 'the sidecars have no parameter'],
    [
      'cinder.csi.openstack.org',
      { 'csi.storage.k8s.io/node-stage-secret-name': 'keys' },
      'the Secret for node-stage is named by half',
    ],
  ])('%s refuses %j', (provisioner, parameters, why) => {
    expect(refusalsOf({ provisioner, parameters })).toContainEqual(expect.stringContaining(why));
  });

  it('has its source on the page of what was tested', async () => {
    const page = await readFile(join(import.meta.dirname, '../../docs/compatibility.md'), 'utf8');
    const rows = page.split('\n').filter((line) => line.startsWith('| `'));
    for (const [provisioner, { source }] of Object.entries(parameterTables)) {
      expect(rows.find((row) => row.includes(`\`${provisioner}\``))).toContain(source);
    }
  });
});
