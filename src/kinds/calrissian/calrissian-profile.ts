import type { Facts } from '../../api/facts.ts';
import type { KubeObject, VolumeMount } from '../../api/kubernetes.ts';
import { type Edit, OURSELVES } from '../../injection/edit.ts';
import { listAt, textAt } from '../../injection/path.ts';
import { environmentEdits, podEdits } from '../../injection/pod-edits.ts';
import type { PodProfile } from '../../injection/pod-mutation.ts';
import { type CalrissianPod, POD_NAME_SOURCE, POD_NAME_VARIABLE } from '../../injection/profiles/calrissian.ts';
import { claimOf, type VolumeLayout, volumeEdits } from '../../injection/volumes.ts';
import { calrissianMountRefusal, isForDefaults, placeDefaults, unknownClaims } from './mutator.ts';

/** Of these an identity is made: half of one from the job and half from the platform is none. */
const AWS_IDENTITY = /^AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|PROFILE|ROLE_ARN|WEB_IDENTITY_TOKEN_FILE)$/;

/**
 * A runner or step of Calrissian. All is appended, into the container that calrissian or the step runs in; containers,
 * commands, working directories and what a step pod needs to be found stay as they are.
 */
export const calrissianProfile = (recognised: CalrissianPod, pod: KubeObject, facts: Facts): PodProfile => {
  const { container, namespace } = recognised;
  const names = new Set(listAt(pod, [...container, 'env']).map((item) => textAt(item, ['name']) ?? ''));
  const hasIdentity = [...names].some((name) => AWS_IDENTITY.test(name));
  return {
    kind: 'CalrissianPod',
    ownEdits: () => (recognised.role === 'runner' ? [podNameEdit(recognised)] : []),
    editsFor: (_, injection) => [
      ...podEdits(injection),
      ...environmentEdits(container, injection),
      ...volumeEdits(pod, container, injection, layoutFor(recognised, pod)),
    ],
    ofMount: (current, mount, desired) => calrissianMountRefusal(current, mount, recognised, desired, facts),
    ofEnv: (_current, { key }) => {
      if (names.has(key) && (key.startsWith('AWS_') || key === POD_NAME_VARIABLE)) return 'the job brings its own';
      return hasIdentity && AWS_IDENTITY.test(key) ? 'the job brings an AWS identity of its own' : undefined;
    },
    warningsFor: (_, { volumes }) =>
      unknownClaims(
        [...volumes.values()].map(({ value }) => value),
        namespace,
        facts,
      ).map(
        (claim) => `Claim ${claim} must be ReadWriteMany or ReadOnlyMany: Calrissian attaches it to every step pod.`,
      ),
  };
};

const podNameEdit = ({ container }: CalrissianPod): Edit => ({
  at: [...container, 'env'],
  key: POD_NAME_VARIABLE,
  value: { name: POD_NAME_VARIABLE, valueFrom: POD_NAME_SOURCE },
  mode: 'Default',
  by: OURSELVES,
  why: 'calrissian looks itself up by this name',
});

const layoutFor = ({ role, container }: CalrissianPod, pod: KubeObject): VolumeLayout => ({
  placeMount: (mount: VolumeMount, isConfigMap) => {
    if (!isConfigMap || !isForDefaults(mount)) return mount;
    return role === 'runner' ? placeDefaults(pod, container, mount) : undefined;
  },
  // Step pods are recognised by this, and calrissian names the volumes of its claims so.
  nameVolume: (volume) => (role === 'step' ? (claimOf(volume) ?? volume.name) : volume.name),
});
