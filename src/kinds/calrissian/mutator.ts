import type { Facts } from '../../api/facts.ts';
import { mountKey } from '../../api/identity.ts';
import type { KubeObject, VolumeMount } from '../../api/kubernetes.ts';
import type { Edit } from '../../injection/edit.ts';
import { hidesAny, isNested } from '../../injection/mount-paths.ts';
import type { DesiredVolumes } from '../../injection/mounted-volumes.ts';
import { listAt, type Path, textAt } from '../../injection/path.ts';
import type { CalrissianPod } from '../../injection/profiles/calrissian.ts';
import { valuesAt } from '../../injection/spot.ts';
import { canManyAttach, claimOf, POD_VOLUMES } from '../../injection/volumes.ts';

/** A step pod names the volume of each claim after the claim. */
const VOLUME_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * Why a mount would break a CWL run. Calrissian copies every claim that its own container mounts into every step pod, and
 * finds the claim of a file by comparing how paths begin, in the order of the mounts.
 */
export const calrissianMountRefusal = (
  pod: KubeObject,
  mount: Edit,
  { role, container, namespace }: CalrissianPod,
  desired: DesiredVolumes,
  facts: Facts,
): string | undefined => {
  const present = listAt(pod, [...container, 'volumeMounts']);
  const paths = present.flatMap((item) => textAt(item, ['mountPath']) ?? []).map(mountKey);
  const over = paths.find((path) => isNested(path, mount.key));
  if (over !== undefined) return `it would lie over or under the mount at ${over}`;
  if (hidesAny(mount.key, ['/tmp'])) return 'it would hide /tmp';
  const claim = claimMountedBy(pod, mount.value, desired);
  if (claim === undefined) return undefined;
  const like = paths.find((path) => path.startsWith(mount.key) || mount.key.startsWith(path));
  if (like !== undefined)
    return `its path begins like the mount at ${like}, and Calrissian would take one claim for the other`;
  const isMounted = role === 'runner' && present.some((item) => claimMountedBy(pod, item, desired) === claim);
  return isMounted ? `claim ${claim} is mounted already` : claimRefusal(claim, namespace, facts);
};

const claimRefusal = (claim: string, namespace: string, facts: Facts): string | undefined => {
  if (!VOLUME_NAME.test(claim)) return `claim ${claim} needs a name that can be the name of a volume: a DNS label`;
  const modes = facts.claimModes(namespace, claim);
  return modes === undefined || canManyAttach(modes)
    ? undefined
    : `claim ${claim} is ${modes.join(', ')}: every step pod attaches it, so it must be ReadWriteMany or ReadOnlyMany`;
};

/** The claims that are to be mounted and of which the access mode is not known. */
export const unknownClaims = (desired: readonly unknown[], namespace: string, facts: Facts): readonly string[] =>
  desired
    .flatMap((volume) => claimOf(volume) ?? [])
    .filter((claim) => facts.claimModes(namespace, claim) === undefined);

const claimMountedBy = (pod: KubeObject, mount: unknown, desired: DesiredVolumes): string | undefined => {
  const name = textAt(mount, ['name']) ?? '';
  const given = desired.get(name);
  const present = given?.mode === 'Enforce' ? undefined : valuesAt(pod, { at: POD_VOLUMES, key: name })[0];
  return claimOf(present ?? given?.value);
};

/** Where HOME is in Calrissian's images. */
const HOME = '/home/calrissian';
const DEFAULTS = '/.calrissian/default.json';

/** A ConfigMap for Calrissian's defaults is mounted as that one file, in the home directory that the container has. */
export const placeDefaults = (pod: KubeObject, container: Path, mount: VolumeMount): VolumeMount => {
  const variable = listAt(pod, [...container, 'env']).find((item) => textAt(item, ['name']) === 'HOME');
  const home = variable === undefined ? HOME : textAt(variable, ['value']);
  return {
    ...mount,
    mountPath: home === undefined ? mount.mountPath : `${mountKey(home)}${DEFAULTS}`,
    subPath: 'default.json',
  };
};

export const isForDefaults = ({ mountPath }: VolumeMount): boolean => mountPath.endsWith(DEFAULTS);
