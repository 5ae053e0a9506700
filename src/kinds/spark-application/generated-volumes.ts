import { mountKey } from '../../api/inject-spec.ts';
import type { FileMount, Injection, Resolved } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, type FieldPath, holdsAt, valuesAt } from '../../injection/edit.ts';
import { notMounted } from '../../injection/fields/bundle.ts';
import { memoize } from '../../injection/memo.ts';
import { listAt, type Path, textAt } from '../../injection/path.ts';
import { isReservedVolume } from '../../injection/reserved.ts';
import type { Rules } from '../../injection/settlement.ts';
import { fileVolume, fileVolumeName } from '../../injection/volumes.ts';
import { confSecretsMaking, confVolume, confVolumes } from './conflicts.ts';
import { type FileList, generatedVolume, ROLES, type Role } from './fields.ts';
import { keysWith, type TextOf } from './indexed-entries.ts';

const VOLUMES: Path = ['spec', 'volumes'];
/** A DNS label that leaves room for the suffix. */
const NAMES: Readonly<Record<FileList, RegExp>> = {
  configMaps: /^[a-z0-9]([-a-z0-9]{0,57}[a-z0-9])?$/,
  secrets: /^[a-z0-9]([-a-z0-9]{0,54}[a-z0-9])?$/,
};

/** How a volume is to be given, and by whom: by itself, by sparkConf, or as what is made of a ConfigMap or Secret. */
export interface VolumeGiver {
  readonly field: 'volumes' | 'sparkConf' | 'file';
  readonly by: string;
}

/** Who is first to give each volume, of edits that come best first. Another of that name, by another field, is not given. */
export type VolumeGivers = ReadonlyMap<string, VolumeGiver>;

export const volumeGivers = (edits: readonly Edit[]): VolumeGivers => {
  const givers = new Map<string, VolumeGiver>();
  for (const edit of edits) {
    const [volume, field] = volumeBy(edit);
    if (volume !== undefined && !givers.has(volume)) givers.set(volume, { field, by: edit.by });
  }
  return givers;
};

const volumeBy = ({ at, key, value }: Edit): readonly [string | undefined, VolumeGiver['field']] => {
  const field = at.at(-1);
  if (field === 'volumes') return [key, field];
  if (field === 'configMaps' || field === 'secrets') return [generatedVolume(field, textAt(value, NAME) ?? ''), 'file'];
  if (field !== 'sparkConf') return [undefined, 'file'];
  const secret = confSecret(key);
  return secret === undefined ? [confVolume(key), field] : [generatedVolume('secrets', secret), 'file'];
};

const NAME = ['name'];

/** Why a volume is not given beside one of its name; undefined where `field` is the first to give it. */
export const rivalRefusal = (
  givers: VolumeGivers,
  volume: string | undefined,
  field: VolumeGiver['field'],
): string | undefined => {
  const giver = givers.get(volume ?? '');
  if (giver === undefined || giver.field === field) return undefined;
  return giver.field === 'file'
    ? `${giver.by} gives a ConfigMap or Secret that becomes a volume ${volume}`
    : `${giver.by} gives a volume ${volume} by ${giver.field}`;
};

/** The Secret that a key of sparkConf mounts; undefined for other keys. */
export const confSecret = (key: string): string | undefined =>
  /^spark\.kubernetes\.(?:driver|executor)\.secrets\.(.+)$/.exec(key)?.[1];

/** Why no volume can be made of a ConfigMap or Secret in a role's pod: its name is none for a volume, or is taken. */
export const generatedVolumeRefusal = (
  app: KubeObject,
  role: Role,
  list: FileList,
  name: string,
  givers: VolumeGivers,
): string | undefined => {
  if (!NAMES[list].test(name))
    return `${name} must have at most ${list === 'configMaps' ? 59 : 56} characters and no dots to become a volume`;
  const volume = generatedVolume(list, name);
  const maker = list === 'configMaps' ? 'the operator' : 'Spark';
  if (isReservedVolume('SparkApplication', volume)) return `${maker} would name its volume ${volume}, which is kept`;
  const rival = rivalRefusal(givers, volume, 'file');
  if (rival !== undefined) return rival;
  const isTaken =
    [VOLUMES, ['spec', role, 'template', 'spec', 'volumes']].some((at) => holdsAt(app, { at, key: volume })) ||
    confVolumes(app, volume).some((key) => key.startsWith(`spark.kubernetes.${role}.`));
  return isTaken ? `there is a volume ${volume}, as ${maker} would name this one` : undefined;
};

/** What of an injection is mounted as files: the first of each name as spark-operator takes it, and others of that name as volumes. */
type Files = Pick<Injection, 'configMaps' | 'secrets' | 'volumes' | 'volumeMounts'>;

export const filesOf = (injection: Injection): Files =>
  memoize(injection, filesOf, '', () => {
    const [configMaps, otherConfigMaps] = byName(injection.configMaps);
    const [secrets, otherSecrets] = byName(injection.secrets);
    const others = [
      ...[...otherConfigMaps.values()].map((file) => fileVolume(file, 'configmap')),
      ...[...otherSecrets.values()].map((file) => fileVolume(file, 'secret')),
    ];
    return {
      configMaps,
      secrets,
      volumes: new Map(others.map(({ volume }) => [volume.value.name, volume])),
      volumeMounts: new Map(
        others.flatMap(({ mounts }) => mounts.map((mount) => [mountKey(mount.value.mountPath), mount])),
      ),
    };
  });

type Mounted = Injection['configMaps'];

/** The first of each name, and all others. */
const byName = (files: Mounted): readonly [Mounted, Mounted] => {
  const firsts = new Map([...files].toReversed().map(([path, { value }]) => [value.name, path]));
  const isFirst = ([path, { value }]: readonly [string, Resolved<FileMount>]): boolean =>
    firsts.get(value.name) === path;
  if (firsts.size === files.size) return [files, NO_FILES];
  const all = [...files];
  return [new Map(all.filter(isFirst)), new Map(all.filter((one) => !isFirst(one)))];
};

const NO_FILES: Mounted = new Map();

/** Where an application says something else than a default of a bundle in the place of its mount: its user's word on the whole of it. */
export const otherMounts = (app: KubeObject, edit: Edit, conflictsOf: Rules['conflictsOf']): readonly FieldPath[] => {
  const { at, mode, needs } = edit;
  const role = ROLES.find((one) => one === at[1]);
  if (needs === undefined || mode === 'Enforce' || role === undefined || isMounted(app, role, needs)) return [];
  const mount = {
    ...edit,
    at: ['spec', role, 'configMaps'],
    key: mountKey(needs.mountPath),
    value: { name: needs.name },
  };
  return [...(holdsAt(app, mount) ? [mount] : []), ...conflictsOf(app, mount)];
};

/** Why a variable of a bundle must not be given to a role: what it names is not there. */
export const unmountedRefusal = (app: KubeObject, { at, needs }: Edit): string | undefined =>
  needs === undefined || isMounted(app, at[1] === 'driver' ? 'driver' : 'executor', needs)
    ? undefined
    : notMounted(needs);

/** As a ConfigMap of a role, or as a volume, which is put last. */
const isMounted = (app: KubeObject, role: Role, { name, mountPath }: FileMount): boolean => {
  const key = mountKey(mountPath);
  const [file] = valuesAt(app, { at: LISTS[role].configMaps, key });
  if (file !== undefined) return textAt(file, ['name']) === name;
  const [mount] = valuesAt(app, { at: ['spec', role, 'volumeMounts'], key });
  if (mount === undefined || textAt(mount, ['subPath']) !== undefined) return false;
  const volume = textAt(mount, ['name']) ?? '';
  const [there] = valuesAt(app, { at: VOLUMES, key: volume });
  return there === undefined
    ? volume === fileVolumeName('configmap', name)
    : textAt(there, ['configMap', 'name']) === name;
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
