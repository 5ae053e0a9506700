import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, holdsAt, valuesAt } from '../../injection/edit.ts';
import { type HostPlaces, hostConflicts } from '../../injection/fields/hosts.ts';
import { isReadOnlyIn, overlapIn } from '../../injection/fields/read-only.ts';
import { memoize } from '../../injection/memo.ts';
import { childOf, isRecord, listAt, textAt } from '../../injection/path.ts';
import { hasContainer, isTaken, TAKEN } from '../../injection/profiles/added-containers.ts';
import { isReservedLabel, isReservedPath, isReservedSparkConf, isReservedVolume } from '../../injection/reserved.ts';
import type { Rules } from '../../injection/settlement.ts';
import {
  type DesiredVolumes,
  desiredVolumes,
  hidesAny,
  mountBelow,
  mountedVolumeRefusal,
  mountIndex,
} from '../../injection/volumes.ts';
import { configMapSetting, confMountFields, confMountWithin, confVolume, sparkConflicts } from './conflicts.ts';
import { CONTAINER_NAMES, inTemplateContainer, MOUNT_LISTS, ROLES } from './fields.ts';
import {
  confSecret,
  generatedVolumeRefusal,
  isGenerated,
  otherMounts,
  rivalRefusal,
  unmountedRefusal,
  type VolumeGivers,
  volumeGivers,
} from './generated-volumes.ts';
import {
  isNeedlessTemplate,
  placementRefusal,
  roleKeyConflicts,
  securityRefusal,
  supersededInTemplate,
  templateRefusal,
} from './placement.ts';
import { isWrittenOver, WRITTEN_OVER } from './spark-operator.ts';

const KIND = 'SparkApplication';
const LEAST_PORT = 1024;
const GREATEST_PORT = 49_151;

/**
 * What must not be injected into a SparkApplication: what Spark or its operator would reject it for, or reject its pods for, or
 * what would lose what the user said. `edits` are all that is to be injected.
 */
export const sparkRules = (edits: readonly Edit[]): Rules => memoize(edits, sparkRules, '', () => makeRules(edits));

/** The same for one that is made. What is stored keeps what it was given: a volume may hold the mount point. */
export const rulesOfNew = (edits: readonly Edit[]): Rules =>
  memoize(edits, rulesOfNew, '', () => {
    const rules = sparkRules(edits);
    const desired = desiredVolumes(edits);
    const isMount = ({ at }: Edit): boolean => MOUNT_LISTS.includes(at.at(-1) ?? '');
    return {
      ...rules,
      refusalOf: (app, edit) =>
        rules.refusalOf(app, edit) ?? (isMount(edit) ? readOnlyRefusal(app, edit, desired) : undefined),
    };
  });

const makeRules = (edits: readonly Edit[]): Rules => {
  const desired = desiredVolumes(edits);
  const conf = new Map(edits.filter(({ at }) => at.at(-1) === 'sparkConf').map(({ key, value }) => [key, value]));
  const givers = volumeGivers(edits);
  const ofHosts = hostConflicts(edits, HOSTS);
  const ofRoleKeys = roleKeyConflicts(edits);
  return {
    conflictsOf: (app, edit) => [
      ...sparkConflicts(app, edit, conf),
      ...ofHosts(app, edit),
      ...ofRoleKeys(app, edit).filter((path) => holdsAt(app, path)),
      ...(edit.needs === undefined ? [] : otherMounts(app, edit, (now, mount) => sparkConflicts(now, mount, conf))),
    ],
    supersededBy: supersededInTemplate,
    // What a chart renders as `value: null` arrives as a name alone; an empty value that is meant arrives as `value: ""`.
    isBlank: ({ at }, value) => at.at(-1) === 'env' && !hasAny(value, ['value', 'valueFrom']),
    isUnused: (app, edit) => (edit.at.at(-1) === 'volumes' ? isUnusedVolume(app, edit) : isNeedlessTemplate(app, edit)),
    refusalOf: (app, edit) => {
      switch (edit.at.at(-1) ?? '') {
        case 'volumes':
          return volumeRefusal(app, edit, givers);
        case 'volumeMounts':
          return mountRefusal(app, edit, { desired, givers });
        case 'initContainers':
          return containerRefusal(app, edit);
        case 'configMaps':
        case 'secrets':
          return fileRefusal(app, edit, givers);
        default:
          return fieldRefusal(app, edit, givers);
      }
    },
  };
};

const HOSTS: HostPlaces = {
  podOf: ([, role = '']) => role,
  aliasLists: (at) => [at, [...at.slice(0, 2), 'template', 'spec', 'hostAliases']],
  mountsAt: (app, [, name], path) => {
    const role = name === 'driver' ? 'driver' : 'executor';
    return [
      ...MOUNT_LISTS.map((list) => ({ at: ['spec', role, list], key: path })),
      ...inTemplateContainer(app, role, 'volumeMounts', path),
      ...confMountFields(app, role, path, { mode: 'Enforce' }),
    ];
  },
};

const fieldRefusal = (app: KubeObject, edit: Edit, givers: VolumeGivers): string | undefined => {
  const { key, value, mode } = edit;
  switch (edit.at.at(-1) ?? '') {
    case 'sparkConf':
      return (
        confRefusal(app, key, givers) ?? (mode === 'Default' && isWrittenOver(app, edit) ? WRITTEN_OVER : undefined)
      );
    case 'env':
      return variableRefusal(app, key) ?? unmountedRefusal(app, edit);
    case 'labels':
    case 'annotations':
      return isReservedLabel(KIND, key) ? 'the key is kept for Spark, its operator or Quartermaster' : undefined;
    case 'nodeSelector':
      return selectorRefusal(app, edit);
    case 'prometheus':
      return key === 'port' && !isPort(value) ? `the port must be ${LEAST_PORT} to ${GREATEST_PORT}` : undefined;
    case 'driver':
    case 'executor':
      return placementRefusal(app, edit);
    case 'securityContext':
    case 'podSecurityContext':
      return securityRefusal(app, edit);
    case 'spec':
    case 'topologySpreadConstraints':
      return templateRefusal(app, edit);
    default:
      return undefined;
  }
};

const variableRefusal = (app: KubeObject, name: string): string | undefined => {
  const field = configMapSetting(name);
  return field !== undefined && textAt(app, ['spec', field]) !== undefined
    ? `spark-operator sets it for spec.${field}, after all others`
    : undefined;
};

const hasAny = (value: unknown, fields: readonly string[]): boolean =>
  fields.some((field) => (childOf(value, field) ?? undefined) !== undefined);

const isPort = (port: unknown): boolean => typeof port === 'number' && port >= LEAST_PORT && port <= GREATEST_PORT;

const confRefusal = (app: KubeObject, key: string, givers: VolumeGivers): string | undefined => {
  const label = /^spark\.kubernetes\.(?:driver|executor)\.label\.(.+)$/.exec(key)?.[1];
  if (isReservedSparkConf(key) || (label !== undefined && isReservedLabel(KIND, label))) {
    return 'spark-operator refuses an app that sets this key';
  }
  const volume = confVolume(key);
  const rival = rivalRefusal(givers, volume, 'sparkConf');
  if (rival !== undefined) return rival;
  const secret = confSecret(key);
  const owner = key.startsWith('spark.kubernetes.driver.') ? 'driver' : 'executor';
  if (volume !== undefined && isGenerated(app, owner, volume)) return GENERATED;
  if (secret !== undefined) return generatedVolumeRefusal(app, owner, 'secrets', secret, givers);
  // A log directory that is not there, or whose connector is not in the image, kills the driver: the user knows better.
  const isTheirs = key === 'spark.eventLog.dir' && textAt(app, ['spec', 'sparkConf', key]) !== undefined;
  return isTheirs ? 'the app has an event log directory of its own' : undefined;
};

/** Even an empty selector counts: the operator rejects an app that has both kinds. */
const selectorRefusal = (app: KubeObject, { at }: Edit): string | undefined => {
  const others = at.length === 2 ? ROLES.map((role) => ['spec', role]) : [['spec']];
  const other = others.find((path) => isRecord(valuesAt(app, { at: path, key: 'nodeSelector' })[0]));
  return other && `spark-operator refuses ${at.join('.')} beside ${other.join('.')}.nodeSelector`;
};

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
const NO_CONF = new Map<string, unknown>();

/** Why nothing of ours may be mounted at a path. */
const pathRefusal = (path: string): string | undefined =>
  isReservedPath(KIND, path) || hidesAny(path, MOUNTED) ? 'Spark or its operator mounts that path itself' : undefined;

/** Why a volume cannot be injected: the operator, or Spark, makes one of that name. */
const volumeRefusal = (app: KubeObject, { key }: Edit, givers: VolumeGivers): string | undefined => {
  if (isReservedVolume(KIND, key)) return 'the volume name is kept for Spark or its operator';
  const rival = rivalRefusal(givers, key, 'volumes');
  if (rival !== undefined) return rival;
  return ROLES.some((role) => isGenerated(app, role, key)) ? GENERATED : undefined;
};

const GENERATED = 'Spark or its operator makes a volume of that name for a ConfigMap or Secret of the app';

interface Giving {
  readonly desired: DesiredVolumes;
  readonly givers: VolumeGivers;
}

/** Why a mount cannot be injected: the operator passes over mounts without a volume in silence. */
const mountRefusal = (app: KubeObject, mount: Edit, { desired, givers }: Giving): string | undefined =>
  pathRefusal(mount.key) ??
  hiddenRefusal(app, mount) ??
  rivalRefusal(givers, textAt(mount.value, ['name']), 'volumes') ??
  mountedVolumeRefusal(app, mount, VOLUMES, desired, (volume) =>
    volume.mode === 'Default' && sparkConflicts(app, volume, NO_CONF).length > 0
      ? `there is another volume named ${volume.key}`
      : volumeRefusal(app, volume, givers),
  );

/** Why a ConfigMap or Secret cannot be mounted: a volume is made of it, by a name that follows from its own. */
const fileRefusal = (app: KubeObject, edit: Edit, givers: VolumeGivers): string | undefined => {
  const { at, key, value } = edit;
  const list = at.at(-1) === 'secrets' ? 'secrets' : 'configMaps';
  const role = at[1] === 'driver' ? 'driver' : 'executor';
  return (
    pathRefusal(key) ??
    hiddenRefusal(app, edit) ??
    generatedVolumeRefusal(app, role, list, textAt(value, ['name']) ?? '', givers)
  );
};

/** Why what is enforced would not be what is there: the application mounts something within it. */
const hiddenRefusal = (app: KubeObject, { at, key, mode }: Edit): string | undefined => {
  if (mode === 'Default') return undefined;
  const role = at[1] === 'driver' ? 'driver' : 'executor';
  const lists = [
    ...MOUNT_LISTS.map((list) => ['spec', role, list]),
    ...inTemplateContainer(app, role, 'volumeMounts', key).map((place) => place.at),
  ];
  const within =
    firstOf(lists, (list) => mountBelow(mountIndex(listAt(app, list)), key)) ?? confMountWithin(app, role, key);
  return within && `the ${role} mounts something at ${within}, within it`;
};

/** Why a role's container would not start: it has lists of its own, and those of its template. */
const readOnlyRefusal = (app: KubeObject, { at, key, value }: Edit, desired: DesiredVolumes): string | undefined => {
  const role = at[1] === 'driver' ? 'driver' : 'executor';
  const isReadOnlyMount = isReadOnlyIn(app, [VOLUMES, ['spec', role, 'template', ...VOLUMES]], desired);
  const isReadOnlyOf = (list: string | undefined) => (list === 'volumeMounts' ? isReadOnlyMount : always);
  const lists = [
    ...MOUNT_LISTS.map((list) => ({ at: ['spec', role, list], isReadOnly: isReadOnlyOf(list) })),
    ...inTemplateContainer(app, role, 'volumeMounts', key).map((place) => ({ ...place, isReadOnly: isReadOnlyMount })),
  ];
  return overlapIn(app, lists, key, () => isReadOnlyOf(at.at(-1))(value));
};

const always = (): boolean => true;

const firstOf = <T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined => {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** True for a volume that no role mounts: it would not reach any pod. */
const isUnusedVolume = (app: KubeObject, { key }: Edit): boolean =>
  !ROLES.some((role) => mountIndex(listAt(app, ['spec', role, 'volumeMounts'])).mounts(key));

/** Lists of a role whose containers are in its pods besides its init containers. */
const OTHERS = ['sidecars', 'template/spec/containers', 'template/spec/initContainers'].map((path) => path.split('/'));

/**
 * Why a container must not be added to a role: spark-operator's webhook takes one of another image for another container, and puts in a
 * volume only where the role itself mounts it (sparkpod_defaulter.go).
 */
const containerRefusal = (app: KubeObject, edit: Edit): string | undefined => {
  const role = edit.at[1] === 'driver' ? 'driver' : 'executor';
  if (edit.key === CONTAINER_NAMES[role]) return 'Spark’s own container is called so';
  const isThere = OTHERS.some((path) => hasContainer(listAt(app, ['spec', role, ...path]), edit.key));
  if (isThere || isTaken(app, edit)) return TAKEN;
  const mounted = mountIndex(listAt(app, ['spec', role, 'volumeMounts']));
  const lacking = listAt(edit.value, ['volumeMounts'])
    .map((mount) => textAt(mount, ['name']) ?? '')
    .find((volume) => !mounted.mounts(volume));
  return lacking === undefined
    ? undefined
    : `the ${role} does not mount volume ${lacking}, and spark-operator gives its pod no other`;
};
