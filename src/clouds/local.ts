import type { ClassOption } from '../api/facts.ts';
import { type Cloud, disk } from './cloud.ts';

/** Provisioners that make a folder on the node: no CSIDriver object, no raw devices, no sizes. */
const folder = (provisioner: string, overrides: Partial<ClassOption> = {}): ClassOption =>
  disk({
    provisioner,
    volumeModes: ['Filesystem'],
    tiers: { standard: { parameters: {} } },
    allowVolumeExpansion: false,
    isCsi: false,
    ...overrides,
  });

/** kind, k3s and Rancher bring it along. */
export const localPath = folder('rancher.io/local-path');

export const local: Cloud = {
  name: 'local',
  alsoAnswersAs: [],
  fromProviderId: (providerId) => (/^(kind|k3s):\/\//.test(providerId) ? {} : undefined),
  // minikube, MicroK8s and Docker Desktop are known by their default class, which is preferred to all of these.
  classOptions: [
    localPath,
    folder('k8s.io/minikube-hostpath', { volumeBindingMode: 'Immediate' }),
    folder('microk8s.io/hostpath', { volumeBindingMode: 'Immediate' }),
    folder('docker.io/hostpath', { volumeBindingMode: 'Immediate' }),
  ],
  words: ['local', 'path', 'hostpath', 'rancher', 'k3s', 'kind', 'minikube', 'microk8s'],
  usualDrivers: [],
};
