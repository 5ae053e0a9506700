import type { VolumeType } from '../api/facts.ts';
import type { StringMap } from '../api/kubernetes.ts';
import {
  bodyOf,
  type Cloud,
  disk,
  knownFacts,
  type MetadataClient,
  type ProbeResult,
  share,
  tokenOf,
} from './cloud.ts';

const ROOT = '/latest/meta-data';
const leaves = {
  region: `${ROOT}/region-id`,
  zone: `${ROOT}/zone-id`,
  account: `${ROOT}/owner-account-id`,
  vpcId: `${ROOT}/vpc-id`,
  vSwitchId: `${ROOT}/vswitch-id`,
} as const;
const TYPE_PATH = `${ROOT}/instance/instance-type`;

/** The signature is an instance type of the family `ecs` beside a region. */
const probe = async (client: MetadataClient): Promise<ProbeResult> => {
  const token = tokenOf(await client.put('/latest/api/token', { 'X-aliyun-ecs-metadata-token-ttl-seconds': '21600' }));
  const headers: StringMap = token ? { 'X-aliyun-ecs-metadata-token': token } : {};
  const ask = async (path: string): Promise<string | undefined> => bodyOf(await client.get(path, headers));
  const [type, ...values] = await Promise.all([TYPE_PATH, ...Object.values(leaves)].map(ask));
  if (!type?.startsWith('ecs.') || !/^[a-z]{2}-[a-z0-9-]+$/.test(values[0] ?? '')) return { kind: 'no' };
  const facts = Object.entries(leaves).flatMap(([name, path], at) =>
    Object.entries(knownFacts(`metadata ${path}`, { [name]: values[at] })),
  );
  return { kind: 'match', facts: Object.fromEntries(facts) };
};

/** The driver makes smaller claims that large where it is told to (`volumeSizeAutoAvailable`). */
const LEAST_GI = 20;
const LARGEST_GI = 65_536;

const disks = (type: string, cost: number): VolumeType => ({
  name: type,
  cost,
  parameters: { type, volumeSizeAutoAvailable: 'true' },
  sizes: { leastGi: LEAST_GI, greatestGi: LARGEST_GI, isRaised: true },
});

/** An ESSD of a performance level, with the least size of that level. */
const essd = (performanceLevel: string, cost: number, leastGi: number): VolumeType => ({
  name: `cloud_essd ${performanceLevel}`,
  cost,
  parameters: { type: 'cloud_essd', performanceLevel },
  sizes: { leastGi, greatestGi: LARGEST_GI },
});

const efficiency = disks('cloud_efficiency', 0);
const entry: VolumeType = {
  ...disks('cloud_essd_entry', 1),
  sizes: { leastGi: LEAST_GI, greatestGi: 32_768, isRaised: true },
};
const ssd: VolumeType = { ...disks('cloud_ssd', 3), sizes: { leastGi: LEAST_GI, greatestGi: 32_768, isRaised: true } };
/** ESSD of level PL1, at the price of an SSD. */
const essdPl1 = disks('cloud_essd', 3);
const auto = disks('cloud_auto', 3);
const pl0 = essd('PL0', 2, 40);
const pl2 = essd('PL2', 4, 461);
const pl3 = essd('PL3', 5, 1_261);
/** The first of these that the zone and the node's type take; all cost the same or less. */
const anySsd: VolumeType = disks('cloud_essd,cloud_ssd', 3);
const any: VolumeType = disks('cloud_essd,cloud_ssd,cloud_efficiency', 3);

const mountOptions = ['nolock,tcp,noresvport', 'vers=3'];

export const alibaba: Cloud = {
  name: 'alibaba',
  probe,
  metadataAddress: 'http://100.100.100.200',
  isProbedOnHintOnly: true,
  alsoAnswersAs: ['aws'],
  fromProviderId: (providerId) => {
    const match = /^(?:alicloud:\/\/)?(?<region>[a-z]{2}-[a-z0-9-]+)\.i-/.exec(providerId);
    if (match === null) return providerId.startsWith('alicloud://') ? {} : undefined;
    return { ...match.groups };
  },
  classOptions: [
    disk({
      provisioner: 'diskplugin.csi.alibabacloud.com',
      zoneLabel: 'topology.diskplugin.csi.alibabacloud.com/zone',
      tiers: { standard: any, ssd: anySsd, fast: anySsd, slow: efficiency, cold: efficiency },
      types: {
        efficiency,
        'cloud-efficiency': efficiency,
        'alicloud-disk-efficiency': efficiency,
        'cloud-ssd': ssd,
        'alicloud-disk-ssd': ssd,
        essd: essdPl1,
        'cloud-essd': essdPl1,
        'alicloud-disk-essd': essdPl1,
        'essd-entry': entry,
        'essd-pl0': pl0,
        'essd-pl1': essdPl1,
        'essd-pl2': pl2,
        'essd-pl3': pl3,
        'cloud-auto': auto,
        'disk-auto': auto,
        'essd-autopl': auto,
        'alicloud-disk-available': any,
        'alicloud-disk-topology-alltype': any,
      },
      encryption: { encrypted: 'true' },
    }),
    share({
      provisioner: 'nasplugin.csi.alibabacloud.com',
      tiers: { standard: { parameters: { volumeAs: 'subpath', server: '${nasServer}' } } },
      words: ['nas'],
      mountOptions,
      requires: ['nasServer'],
    }),
    share({
      provisioner: 'nasplugin.csi.alibabacloud.com',
      tiers: {
        standard: { parameters: { volumeAs: 'filesystem', vpcId: '${vpcId}', vSwitchId: '${vSwitchId}' } },
      },
      words: ['nas'],
      mountOptions,
      requires: ['vpcId', 'vSwitchId'],
    }),
  ],
  words: ['alibaba', 'aliyun', 'alicloud', 'ack', 'nas', 'topology', 'alltype', 'available'],
  usualDrivers: ['diskplugin.csi.alibabacloud.com', 'nasplugin.csi.alibabacloud.com'],
};
