import type { KubeObject } from '../../api/kubernetes.ts';
import { holdsAt } from '../../injection/edit.ts';
import { listAt, type Path, textAt } from '../../injection/path.ts';
import { isReservedVolume } from '../../injection/reserved.ts';
import type { DesiredVolumes } from '../../injection/volumes.ts';
import { confSecretsMaking, confVolumes } from './conflicts.ts';
import { type FileList, generatedVolume, type Role } from './fields.ts';
import { keysWith, type TextOf } from './indexed-entries.ts';

const VOLUMES: Path = ['spec', 'volumes'];
/** A DNS label that leaves room for the suffix. */
const NAMES: Readonly<Record<FileList, RegExp>> = {
  configMaps: /^[a-z0-9]([-a-z0-9]{0,57}[a-z0-9])?$/,
  secrets: /^[a-z0-9]([-a-z0-9]{0,54}[a-z0-9])?$/,
};

/** Why no volume can be made of a ConfigMap or Secret in a role's pod: its name is none for a volume, or is taken. */
export const generatedVolumeRefusal = (
  app: KubeObject,
  role: Role,
  list: FileList,
  name: string,
  desired: DesiredVolumes,
): string | undefined => {
  if (!NAMES[list].test(name))
    return `${name} must have at most ${list === 'configMaps' ? 59 : 56} characters and no dots to become a volume`;
  const volume = generatedVolume(list, name);
  const maker = list === 'configMaps' ? 'the operator' : 'Spark';
  if (isReservedVolume('SparkApplication', volume)) return `${maker} would name its volume ${volume}, which is kept`;
  const isTaken =
    desired.has(volume) ||
    [VOLUMES, ['spec', role, 'template', 'spec', 'volumes']].some((at) => holdsAt(app, { at, key: volume })) ||
    confVolumes(app, volume).some((key) => key.startsWith(`spark.kubernetes.${role}.`));
  return isTaken ? `there is a volume ${volume}, as ${maker} would name this one` : undefined;
};

/** True where a role's pod gets a volume of that name for a ConfigMap or Secret of the app. */
export const isGenerated = (app: KubeObject, role: Role, volume: string): boolean =>
  isMadeOf(app, role, 'configMaps', volume) ||
  isMadeOf(app, role, 'secrets', volume) ||
  confSecretsMaking(app, volume).some((key) => key.startsWith(`spark.kubernetes.${role}.`));

const isMadeOf = (app: KubeObject, role: Role, list: FileList, volume: string): boolean => {
  const at = LISTS[role][list];
  return keysWith(listAt(app, at), at, VOLUME_OF[list], volume, 1).length > 0;
};

const LISTS: Readonly<Record<Role, Readonly<Record<FileList, Path>>>> = {
  driver: { configMaps: ['spec', 'driver', 'configMaps'], secrets: ['spec', 'driver', 'secrets'] },
  executor: { configMaps: ['spec', 'executor', 'configMaps'], secrets: ['spec', 'executor', 'secrets'] },
};

const volumeOf =
  (list: FileList): TextOf =>
  (item) => {
    const name = textAt(item, ['name']);
    return name === undefined ? undefined : generatedVolume(list, name);
  };

const VOLUME_OF: Readonly<Record<FileList, TextOf>> = {
  configMaps: volumeOf('configMaps'),
  secrets: volumeOf('secrets'),
};
