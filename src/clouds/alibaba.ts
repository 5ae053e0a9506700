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
      tiers: {
        standard: { parameters: { type: 'cloud_essd,cloud_ssd,cloud_efficiency' } },
        fast: { parameters: { type: 'cloud_essd,cloud_ssd' } },
        slow: { parameters: { type: 'cloud_efficiency' } },
      },
    }),
    share({
      provisioner: 'nasplugin.csi.alibabacloud.com',
      tiers: { standard: { parameters: { volumeAs: 'subpath', server: '${nasServer}' } } },
      mountOptions,
      requires: ['nasServer'],
    }),
    share({
      provisioner: 'nasplugin.csi.alibabacloud.com',
      tiers: {
        standard: { parameters: { volumeAs: 'filesystem', vpcId: '${vpcId}', vSwitchId: '${vSwitchId}' } },
      },
      mountOptions,
      requires: ['vpcId', 'vSwitchId'],
    }),
  ],
  usualDrivers: ['diskplugin.csi.alibabacloud.com', 'nasplugin.csi.alibabacloud.com'],
};
