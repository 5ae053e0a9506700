import type { KubeObject } from '../../api/kubernetes.ts';
import type { Edit } from '../../injection/edit.ts';
import { memoize } from '../../injection/memo.ts';
import { type DesiredVolumes, desiredVolumes } from '../../injection/mounted-volumes.ts';
import { childOf, isRecord, textAt } from '../../injection/path.ts';
import { isReservedLabel, isReservedSparkConf } from '../../injection/reserved.ts';
import type { Rules } from '../../injection/settlement.ts';
import { valuesAt } from '../../injection/spot.ts';
import { confVolume } from './conflicts.ts';
import { ROLES } from './fields.ts';
import { sparkConflicts } from './spark-rivals.ts';
import { configMapRefusal, isUnusedVolume, mountRefusal, pathRefusal, volumeRefusal } from './spark-volume-rules.ts';

const TWO_VOLUMES = 'sparkConf and volumes are both to give a volume of that name';
const KIND = 'SparkApplication';
const LEAST_PORT = 1024;
const GREATEST_PORT = 49_151;

/**
 * What must not be injected into a SparkApplication: what Spark or its operator would reject it for, or reject its pods for, or
 * what would lose what the user said. `edits` are all that is to be injected.
 */
export const sparkRules = (edits: readonly Edit[]): Rules => memoize(edits, sparkRules, '', () => makeRules(edits));

const makeRules = (edits: readonly Edit[]): Rules => {
  const desired = desiredVolumes(edits);
  const conf = new Map(edits.filter(({ at }) => at.at(-1) === 'sparkConf').map(({ key, value }) => [key, value]));
  const volumesInConf = new Set([...conf.keys()].map(confVolume));
  return {
    conflictsOf: (app, edit) => sparkConflicts(app, edit, conf),
    // What a chart renders as `value: null` arrives as a name alone; an empty value that is meant arrives as `value: ""`.
    isBlank: ({ at }, value) => at.at(-1) === 'env' && !hasAny(value, ['value', 'valueFrom']),
    isUnused: (app, edit) => edit.at.at(-1) === 'volumes' && isUnusedVolume(app, edit),
    refusalOf: (app, edit) => {
      if (edit.at.at(-1) === 'volumeMounts' && volumesInConf.has(textAt(edit.value, ['name']) ?? ''))
        return TWO_VOLUMES;
      switch (edit.at.at(-1) ?? '') {
        case 'volumes':
          return volumeRefusal(app, edit);
        case 'volumeMounts':
          return mountRefusal(app, edit, desired);
        case 'configMaps':
          return configMapRefusal(app, edit, desired);
        case 'secrets':
          return pathRefusal(edit.key);
        default:
          return fieldRefusal(app, edit, desired);
      }
    },
  };
};

const fieldRefusal = (app: KubeObject, edit: Edit, desired: DesiredVolumes): string | undefined => {
  const { key, value } = edit;
  switch (edit.at.at(-1) ?? '') {
    case 'sparkConf':
      return confRefusal(app, key, desired);
    case 'labels':
    case 'annotations':
      return isReservedLabel(KIND, key) ? 'the key is kept for Spark, its operator or Quartermaster' : undefined;
    case 'nodeSelector':
      return selectorRefusal(app, edit);
    case 'prometheus':
      return key === 'port' && !isPort(value) ? `the port must be ${LEAST_PORT} to ${GREATEST_PORT}` : undefined;
    default:
      return undefined;
  }
};

const hasAny = (value: unknown, fields: readonly string[]): boolean =>
  fields.some((field) => (childOf(value, field) ?? undefined) !== undefined);

const isPort = (port: unknown): boolean => typeof port === 'number' && port >= LEAST_PORT && port <= GREATEST_PORT;

const confRefusal = (app: KubeObject, key: string, desired: DesiredVolumes): string | undefined => {
  const label = /^spark\.kubernetes\.(?:driver|executor)\.label\.(.+)$/.exec(key)?.[1];
  if (isReservedSparkConf(key) || (label !== undefined && isReservedLabel(KIND, label))) {
    return 'spark-operator refuses an app that sets this key';
  }
  const volume = confVolume(key);
  if (volume !== undefined && desired.has(volume)) return TWO_VOLUMES;
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
