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

const cinder = disk({
  provisioner: 'cinder.csi.openstack.org',
  tiers: { standard: { parameters: { type: '${cinderType}', availability: '${cinderAvailability}' } } },
});

const multiAttach = disk({
  provisioner: 'cinder.csi.openstack.org',
  modes: ['ReadWriteMany'],
  volumeModes: ['Block'],
  tiers: { standard: { parameters: { type: '${cinderMultiattachType}', availability: '${cinderAvailability}' } } },
  requires: ['cinderMultiattachType'],
});

const manila = (provisioner: string) =>
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
    manila('cephfs.manila.csi.openstack.org'),
  ],
  usualDrivers: ['cinder.csi.openstack.org', 'nfs.manila.csi.openstack.org'],
};
