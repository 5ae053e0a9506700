import type { KubeObject } from '../../api/kubernetes.ts';
import type { Edit } from '../../injection/edit.ts';
import { memoize } from '../../injection/memo.ts';
import { hidesAny } from '../../injection/mount-paths.ts';
import { type DesiredVolumes, mountedVolumeRefusal } from '../../injection/mounted-volumes.ts';
import { listAt, textAt } from '../../injection/path.ts';
import { isReservedPath, isReservedVolume } from '../../injection/reserved.ts';
import { valuesAt } from '../../injection/spot.ts';
import { ROLES } from './fields.ts';
import { sparkConflicts } from './spark-rivals.ts';

const TARGET_KIND = 'SparkApplication';
const VOLUMES = ['spec', 'volumes'];
/** What Spark and its operator mount themselves. */
const MOUNTED = [
  '/etc/metrics/conf',
  '/etc/spark/conf',
  '/etc/hadoop/conf',
  '/opt/spark/conf',
  '/opt/spark/pod-template',
  '/var/data/spark-',
];
/** A DNS label that leaves room for the `-vol` which the operator adds. */
const CONFIG_MAP_NAME = /^[a-z0-9]([-a-z0-9]{0,57}[a-z0-9])?$/;

const NO_CONF = new Map<string, unknown>();

/** Why nothing of ours may be mounted at a path. */
export const pathRefusal = (path: string): string | undefined =>
  isReservedPath(TARGET_KIND, path) || hidesAny(path, MOUNTED)
    ? 'Spark or its operator mounts that path itself'
    : undefined;

/** Why a volume cannot be injected: the operator, or Spark, makes one of that name. */
export const volumeRefusal = (app: KubeObject, { key }: Edit): string | undefined => {
  if (isReservedVolume(TARGET_KIND, key)) return 'the volume name is kept for Spark or its operator';
  const isTaken = ROLES.some((role) => {
    const configMaps = listAt(app, ['spec', role, 'configMaps']);
    return volumesMadeFor(configMaps).has(key) && configMaps.some((item) => volumeOf(item).includes(key));
  });
  return isTaken ? 'the operator makes a volume of that name for a ConfigMap of the app' : undefined;
};

/** Why a mount cannot be injected: the operator passes over mounts without a volume in silence. */
export const mountRefusal = (app: KubeObject, mount: Edit, desired: DesiredVolumes): string | undefined =>
  pathRefusal(mount.key) ??
  mountedVolumeRefusal(app, mount, VOLUMES, desired, (volume) =>
    volume.mode === 'Default' && sparkConflicts(app, volume, NO_CONF).length > 0
      ? `there is another volume named ${volume.key}`
      : volumeRefusal(app, volume),
  );

/** Why a ConfigMap cannot be mounted: the operator makes a volume `<name>-vol` of it. */
export const configMapRefusal = (
  app: KubeObject,
  { key, value }: Edit,
  desired: DesiredVolumes,
): string | undefined => {
  const name = textAt(value, ['name']) ?? '';
  if (!CONFIG_MAP_NAME.test(name)) return `${name} must have at most 59 characters and no dots to become a volume`;
  const volume = `${name}-vol`;
  const isTaken = desired.has(volume) || valuesAt(app, { at: VOLUMES, key: volume }).length > 0;
  return pathRefusal(key) ?? (isTaken ? `there is a volume ${volume}, as the operator would name this one` : undefined);
};

/** True for a volume that no role mounts: it would not reach any pod. */
export const isUnusedVolume = (app: KubeObject, { key }: Edit): boolean =>
  !ROLES.some((role) => listAt(app, ['spec', role, 'volumeMounts']).some((mount) => textAt(mount, ['name']) === key));

/** The volumes the operator makes for the entries of `configMaps`, and maybe for some that were taken out since. */
const volumesMadeFor = (configMaps: readonly unknown[]): ReadonlySet<string> =>
  configMaps.length === 0
    ? NO_VOLUMES
    : memoize(configMaps, volumesMadeFor, '', () => new Set(configMaps.flatMap(volumeOf)));

const volumeOf = (item: unknown): readonly string[] => {
  const name = textAt(item, ['name']);
  return name === undefined ? [] : [`${name}-vol`];
};

const NO_VOLUMES: ReadonlySet<string> = new Set();
