import { isDeepStrictEqual } from 'node:util';
import type { Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type FieldPath, valuesAt } from '../../injection/edit.ts';
import { saidBy } from '../../injection/fields/spelling.ts';
import { type Incremental, memoizePassing } from '../../injection/memo.ts';
import { listAt, mapAt, type Path, textAt } from '../../injection/path.ts';

export type Role = 'driver' | 'executor';
export const ROLES: readonly Role[] = ['driver', 'executor'];

export const SPARK_CONF: Path = ['spec', 'sparkConf'];
/** The lists of a role that mount something: one path, one mount, whichever of them names it. */
export const MOUNT_LISTS = ['volumeMounts', 'configMaps', 'secrets'];

/** The operator cuts the name of a volume off here. */
const LONGEST_NAME = 63;

export type FileList = 'configMaps' | 'secrets';

/** What the volume of a ConfigMap is called by spark-operator (sparkpod_defaulter.go), that of a Secret by Spark (MountSecretsFeatureStep). */
const SUFFIX: Readonly<Record<FileList, string>> = { configMaps: '-vol', secrets: '-volume' };

export const generatedVolume = (list: FileList, name: string): string =>
  `${name}${SUFFIX[list]}`.slice(0, LONGEST_NAME);

/** A key of sparkConf. */
export const sparkConfField = (key: string): FieldPath => ({ at: SPARK_CONF, key });

/** An entry of a list, or a field, in that container of a role's pod template which becomes Spark's. */
export const inTemplateContainer = (
  app: KubeObject,
  role: Role,
  list: string | undefined,
  key: string,
): readonly FieldPath[] => {
  const at = ['spec', role, 'template', 'spec', 'containers'];
  const containers = listAt(app, at);
  if (containers.length === 0) return [];
  const { index } = memoizePassing(containers, CONTAINERS_OF[role], () => sparkContainer(containers, role));
  return [{ at: [...at, String(index), ...(list === undefined ? [] : [list])], key }];
};

/** What is found for each is kept apart: two roles may share one list. */
const CONTAINERS_OF: Readonly<Record<Role, object>> = { driver: {}, executor: {} };
export const CONTAINER_NAMES: Readonly<Record<Role, string>> = {
  driver: 'spark-kubernetes-driver',
  executor: 'spark-kubernetes-executor',
};

/** The operator names it (submission.go); where there is none of that name Spark takes the first (KubernetesUtils.selectSparkContainer). */
const sparkContainer = (containers: readonly unknown[], role: Role): Incremental & { readonly index: number } => {
  const named = containers.findIndex((container) => textAt(container, ['name']) === CONTAINER_NAMES[role]);
  // Nothing is put into templates that would be another container.
  return { index: Math.max(named, 0), onChange: () => undefined };
};

/** Every field but `env` that gives a variable to a role's pod. */
export const variableFields = (name: string, role: Role): readonly FieldPath[] => [
  { at: ['spec', role, 'envVars'], key: name },
  { at: ['spec', role, 'envSecretKeyRefs'], key: name },
  sparkConfField(role === 'driver' ? `spark.kubernetes.driverEnv.${name}` : `spark.executorEnv.${name}`),
  sparkConfField(`spark.kubernetes.${role}.secretKeyRef.${name}`),
];

/** Of the fields of a variable's other spelling those that say something else: the user's word on both. */
export const otherwiseIn = (app: KubeObject, fields: readonly FieldPath[], value: unknown): readonly FieldPath[] =>
  fields.filter((path) =>
    valuesAt(app, path)
      .map((present) => (path.at.at(-1) === 'env' ? saidBy(present) : present))
      .some((said) => said !== undefined && !isDeepStrictEqual(said, saidBy(value))),
  );

/**
 * A sparkConf value as it will be: what is enforced, else the app's, else the default. What is decided from it comes out
 * the same for an app that was injected before.
 */
export const confOf = (app: KubeObject, injection: Injection | undefined, key: string): string | undefined => {
  const given = injection?.sparkConf.get(key);
  return given?.mode === 'Enforce' ? given.value : (textAt(app, [...SPARK_CONF, key]) ?? given?.value);
};

/** Every key of Hadoop's configuration that the app has or is to get, from either of its two fields. */
export const hadoopKeys = (app: KubeObject, injection: Injection): readonly string[] => [
  ...Object.keys(mapAt(app, ['spec', 'hadoopConf'])),
  ...injection.hadoopConf.keys(),
  ...[...Object.keys(mapAt(app, SPARK_CONF)), ...injection.sparkConf.keys()].map((key) =>
    key.replace(/^spark\.hadoop\./, ''),
  ),
];

/** The major version of an app's Spark; NaN where it says none. */
export const sparkVersionOf = (app: KubeObject): number =>
  Number.parseInt(
    textAt(app, ['spec', 'sparkVersion']) ?? textAt(app, ['spec', 'runtimeVersions', 'sparkVersion']) ?? '',
    10,
  );
