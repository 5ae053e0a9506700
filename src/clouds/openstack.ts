import type { VolumeType } from '../api/facts.ts';
import {
  type Cloud,
  disk,
  jsonOf,
  knownFacts,
  type MetadataClient,
  type ProbeResult,
  secretParameters,
  share,
  textIn,
} from './cloud.ts';

const PATH = '/openstack/latest/meta_data.json';

/** The signature is JSON with a `uuid`, cloud-provider-openstack's own rule. The region is not told here: nodes' labels have it. */
const probe = async (client: MetadataClient): Promise<ProbeResult> => {
  const data = jsonOf(await client.get(PATH));
  if (!textIn(data?.['uuid'])) return { kind: 'no' };
  const facts = knownFacts(`metadata ${PATH}`, {
    zone: textIn(data?.['availability_zone']),
    project: textIn(data?.['project_id']),
  });
  return { kind: 'match', facts };
};

const cinderType = (type: string, name?: string, cost?: number): VolumeType => ({
  ...(name !== undefined && { name }),
  ...(cost !== undefined && { cost }),
  parameters: { type, availability: '${cinderAvailability}' },
});

/** Volume types that a provider names in its classes: OVHcloud’s. What other clouds call theirs is a fact. */
const classic = cinderType('classic', 'classic', 0);
const highSpeed = cinderType('high-speed', 'high-speed', 1);
const highSpeedGen2 = cinderType('high-speed-gen2', 'high-speed-gen2', 1);

const cinder = disk({
  provisioner: 'cinder.csi.openstack.org',
  zoneLabel: 'topology.cinder.csi.openstack.org/zone',
  tiers: {
    standard: cinderType('${cinderType}'),
    ssd: { ...cinderType('${cinderSsdType}'), needs: 'cinderSsdType' },
    slow: { ...cinderType('${cinderHddType}'), needs: 'cinderHddType' },
  },
  types: { 'cinder-classic': classic, 'cinder-high-speed': highSpeed, 'cinder-high-speed-gen2': highSpeedGen2 },
});

const multiAttach = disk({
  provisioner: 'cinder.csi.openstack.org',
  zoneLabel: 'topology.cinder.csi.openstack.org/zone',
  modes: ['ReadWriteMany'],
  volumeModes: ['Block'],
  tiers: { standard: { parameters: { type: '${cinderMultiattachType}', availability: '${cinderAvailability}' } } },
  requires: ['cinderMultiattachType'],
});

const manila = (provisioner: string, ...words: readonly string[]) =>
  share({
    provisioner,
    tiers: {
      standard: {
        parameters: {
          type: '${manilaShareType}',
          shareNetworkID: '${manilaShareNetworkId}',
          ...secretParameters(
            ['provisioner', 'controller-expand', 'node-stage', 'node-publish'],
            '${manilaSecretName}',
            '${manilaSecretNamespace}',
          ),
        },
      },
    },
    words: ['manila', ...words],
    requires: ['manilaShareType', 'manilaSecretNamespace'],
    assumes: { manilaSecretName: 'csi-manila-secrets' },
  });

export const openstack: Cloud = {
  name: 'openstack',
  probe,
  alsoAnswersAs: ['aws'],
  fromProviderId: (providerId) => {
    const match = /^openstack:\/\/(?<region>[^/]*)\//.exec(providerId);
    if (match === null) return undefined;
    const region = match.groups?.['region'];
    return region ? { region } : {};
  },
  classOptions: [
    cinder,
    multiAttach,
    manila('nfs.manila.csi.openstack.org'),
    manila('cephfs.manila.csi.openstack.org', 'cephfs'),
  ],
  words: ['openstack', 'cinder', 'manila', 'ovh', 'creodias', 'cephfs'],
  usualDrivers: ['cinder.csi.openstack.org', 'nfs.manila.csi.openstack.org'],
};
