import { mountKey } from '../../api/inject-spec.ts';
import type { Mode } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { otherSpellingOf } from '../../api/network.ts';
import { type Edit, type FieldPath, fieldId, holdsAt, keyOf } from '../../injection/edit.ts';
import { type Incremental, memoize, memoizePassing } from '../../injection/memo.ts';
import { childOf, listAt, mapAt, textAt, type UnknownRecord } from '../../injection/path.ts';
import {
  generatedVolume,
  inTemplateContainer,
  MOUNT_LISTS,
  otherwiseIn,
  ROLES,
  type Role,
  SPARK_CONF,
  sparkConfField,
  variableFields,
} from './fields.ts';
import { keysWith } from './indexed-entries.ts';
import { placementConflicts } from './placement.ts';
import { fieldsLikeConf } from './spark-operator.ts';

/**
 * Where else a SparkApplication says what an edit would say. Spark and its operator put all of these into the same
 * pod: the operator's own fields, their deprecated forms, sparkConf keys and the pod template.
 */
export const sparkConflicts = (app: KubeObject, edit: Edit, desired: DesiredConf): readonly FieldPath[] =>
  fieldsOf(app, edit, desired).filter((path) => holdsAt(app, path));

const fieldsOf = (app: KubeObject, edit: Edit, desired: DesiredConf): readonly FieldPath[] => {
  const field = edit.at.at(-1) ?? '';
  const role = ROLES.find((name) => name === edit.at[1]);
  if (field === 'sparkConf') return confConflicts(app, edit, desired);
  if (field === 'volumes') return volumeFields(app, edit);
  if (MOUNT_LISTS.includes(field) && role !== undefined) return mountFields(app, edit, role);
  const named = memoize(edit, namedFields, '', () => namedFields(field, edit, role));
  return joined(named, role === undefined ? NO_FIELDS : fieldsByApp(app, field, edit, role));
};

const NO_FIELDS: readonly FieldPath[] = [];

/** What follows from the edit alone. */
const namedFields = (field: string, edit: Edit, role: Role | undefined): readonly FieldPath[] => [
  ...(role === undefined ? appFields(field, edit.key) : roleFields(field, edit, role)),
  ...(role === undefined ? ROLES : [role]).flatMap((name) => templateFields(field, edit.key, name)),
];

/** What the app itself settles. */
const fieldsByApp = (app: KubeObject, field: string, edit: Edit, role: Role): readonly FieldPath[] => {
  const { key, mode } = edit;
  if (field === 'securityContext') return inTemplateContainer(app, role, undefined, field);
  if (field !== 'env') return NO_FIELDS;
  const inTemplate = inTemplateContainer(app, role, field, key);
  return mode === 'Default'
    ? [...impliedBy(app, key, role), ...inTemplate, ...otherSpelling(app, edit, role)]
    : inTemplate;
};

/** Programs read a proxy's variable in either spelling. */
const otherSpelling = (app: KubeObject, { at, key, value }: Edit, role: Role): readonly FieldPath[] => {
  const other = otherSpellingOf(key);
  if (other === undefined) return NO_FIELDS;
  const inTemplate = inTemplateContainer(app, role, 'env', other);
  return otherwiseIn(app, [{ at, key: other }, ...variableFields(other, role), ...inTemplate], value);
};

const appFields = (field: string, key: string): readonly FieldPath[] => {
  if (field === 'hadoopConf') return [sparkConfField(`spark.hadoop.${key}`), hadoopConfField(otherHadoopKey(key))];
  if (field === 'nodeSelector') {
    return ['', 'driver.', 'executor.'].map((role) => sparkConfField(`spark.kubernetes.${role}node.selector.${key}`));
  }
  return field === 'imagePullSecrets' ? [sparkConfField('spark.kubernetes.container.image.pullSecrets')] : [];
};

const hadoopConfField = (key: string): FieldPath => ({ at: ['spec', 'hadoopConf'], key });

/** A SparkConnect may have Hadoop's keys with their prefix and without (sparkconnect/options.go). */
const otherHadoopKey = (key: string): string =>
  key.startsWith(HADOOP_PREFIX) ? key.slice(HADOOP_PREFIX.length) : `${HADOOP_PREFIX}${key}`;

const HADOOP_PREFIX = 'spark.hadoop.';

const roleFields = (field: string, edit: Edit, role: Role): readonly FieldPath[] => {
  const { key, mode } = edit;
  const own = `spark.kubernetes.${role}`;
  const placement = placementConflicts(edit, role);
  if (placement.length > 0) return placement;
  if (field === 'env') return variableFields(key, role);
  if (field === 'annotations') return [sparkConfField(`${own}.annotation.${key}`)];
  if (field === 'nodeSelector')
    return [sparkConfField(`spark.kubernetes.node.selector.${key}`), sparkConfField(`${own}.node.selector.${key}`)];
  if (field === role && key === 'serviceAccount')
    return [sparkConfField(`spark.kubernetes.authenticate.${role}.serviceAccountName`)];
  if (field !== 'labels') return [];
  // Below the role's: what is enforced need not take them away.
  const copied = mode === 'Default' ? [copiedLabel(key)] : [];
  return [sparkConfField(`${own}.label.${key}`), ...copied];
};

/** The operator copies the app's own labels to its pods. */
const copiedLabel = (key: string): FieldPath => ({ at: ['metadata', 'labels'], key });

/** Variables that the operator sets by itself for a Secret of a certain type (submission.go). */
const SECRET_VARIABLES: Readonly<Record<string, string>> = {
  GOOGLE_APPLICATION_CREDENTIALS: 'GCPServiceAccount',
  HADOOP_TOKEN_FILE_LOCATION: 'HadoopDelegationToken',
};

/** Variables that the operator sets by itself where the app names a ConfigMap (sparkpod_defaulter.go). */
const CONFIG_VARIABLES: Readonly<Record<string, string>> = {
  HADOOP_CONF_DIR: 'hadoopConfigMap',
  SPARK_CONF_DIR: 'sparkConfigMap',
};

/** The field of an app that names a ConfigMap and sets a variable by that, after all others of the pod; undefined for other variables. */
export const configMapSetting = (variable: string): string | undefined => textAt(CONFIG_VARIABLES, [variable]);

/** Fields of the app by which it gets a variable without naming it. */
const impliedBy = (app: KubeObject, variable: string, role: Role): readonly FieldPath[] => {
  const secretType = textAt(SECRET_VARIABLES, [variable]);
  const configMap = configMapSetting(variable);
  if (configMap !== undefined) return [{ at: ['spec'], key: configMap }];
  if (secretType === undefined) return [];
  const at = ['spec', role, 'secrets'];
  return listAt(app, at)
    .filter((item) => textAt(item, ['secretType']) === secretType)
    .flatMap((item) => keyOf(at, item) ?? [])
    .map((key) => ({ at, key }));
};

/** What a pod template has in its own spec, by the name that the application has it by. */
const POD_FIELDS: ReadonlySet<string> = new Set(['nodeSelector', 'tolerations', 'imagePullSecrets', 'hostAliases']);

/** Fields of a pod template that hold the same by the same name. */
const templateFields = (field: string, key: string, role: Role): readonly FieldPath[] => {
  const template = ['spec', role, 'template'];
  if (field === 'labels' || field === 'annotations') return [{ at: [...template, 'metadata', field], key }];
  if (POD_FIELDS.has(field)) return [{ at: [...template, 'spec', field], key }];
  return key === 'serviceAccount' ? [{ at: [...template, 'spec'], key: 'serviceAccountName' }] : [];
};

/** One path, one mount; and a ConfigMap or Secret is mounted once in its list. */
const mountFields = (app: KubeObject, edit: Edit, role: Role): readonly FieldPath[] => {
  const { key, mode } = edit;
  const inOtherLists = memoize(edit, mountFields, '', () => otherMountLists(edit, role));
  const inTemplate = inTemplateContainer(app, role, 'volumeMounts', key);
  const inConf = confMountFields(app, role, key, { mode });
  return joined(inOtherLists, [...inTemplate, ...inConf, ...sameName(app, edit)]);
};

const otherMountLists = ({ at, key }: Edit, role: Role): readonly FieldPath[] =>
  MOUNT_LISTS.filter((list) => list !== at.at(-1)).map((list) => ({ at: ['spec', role, list], key }));

const joined = (one: readonly FieldPath[], other: readonly FieldPath[]): readonly FieldPath[] =>
  other.length === 0 ? one : [...one, ...other];

/** One is enough to keep a default away. */
const sameName = (app: KubeObject, { at, key, value, mode }: Omit<Edit, 'by'>): readonly FieldPath[] => {
  const name = textAt(value, ['name']);
  if (at.at(-1) === 'volumeMounts' || name === undefined) return NO_FIELDS;
  const others = keysWith(listAt(app, at), at, nameOf, name, mode === 'Default' ? 2 : Infinity)
    .filter((other) => other !== key)
    .map((other) => ({ at, key: other }));
  return at.at(-1) === 'secrets' ? [...others, sparkConfField(`spark.kubernetes.${at[1]}.secrets.${name}`)] : others;
};

const nameOf = (item: unknown): string | undefined => textAt(item, ['name']);

/** Volumes of this name besides those of spec.volumes. */
const volumeFields = (app: KubeObject, edit: Edit): readonly FieldPath[] =>
  joined(
    memoize(edit, volumeFields, '', () => templateVolumes(edit.key)),
    confVolumes(app, edit.key).map(sparkConfField),
  );

const templateVolumes = (name: string): readonly FieldPath[] =>
  ROLES.map((role) => ({ at: ['spec', role, 'template', 'spec', 'volumes'], key: name }));

/** The sparkConf values that are to be injected, by key: the keys of one volume stand or fall together. */
type DesiredConf = ReadonlyMap<string, unknown>;

interface ConfQuery {
  readonly app: KubeObject;
  readonly edit: Edit;
  readonly desired: DesiredConf;
}

/**
 * Where an app says in a field of its own what a key of sparkConf would say; the operator would put both into a pod.
 * Of two fields that conflict each must name the other: `sparkConflicts` is the other half.
 */
const confConflicts = (app: KubeObject, edit: Edit, desired: DesiredConf): readonly FieldPath[] => {
  const likeConf = fieldsLikeConf(edit.key);
  if (likeConf.length > 0) return likeConf;
  for (const [pattern, fieldsOf] of conflictRules) {
    const match = pattern.exec(edit.key);
    if (match !== null) return fieldsOf(match.slice(1), { app, edit, desired });
  }
  return NO_FIELDS;
};

type FieldsOf = (parts: readonly string[], query: ConfQuery) => readonly FieldPath[];

const conflictRules: readonly (readonly [RegExp, FieldsOf])[] = [
  [/^spark\.hadoop\.(.+)$/, ([key = '']) => [hadoopConfField(key), hadoopConfField(otherHadoopKey(key))]],
  [/^spark\.kubernetes\.driverEnv\.(.+)$/, ([name = ''], query) => variableConflicts('driver', name, query)],
  [/^spark\.executorEnv\.(.+)$/, ([name = ''], query) => variableConflicts('executor', name, query)],
  [
    /^spark\.kubernetes\.(.+)\.secretKeyRef\.(.+)$/,
    ([role, name = ''], query) => variableConflicts(asRole(role), name, query),
  ],
  [/^spark\.kubernetes\.(?:.+\.)?node\.selector\.(.+)$/, ([key = '']) => selectorFields(key)],
  [
    /^spark\.kubernetes\.(?:(driver|executor)\.)?scheduler\.name$/,
    ([role]) =>
      (role === undefined ? ROLES : [asRole(role)]).map((one) => ({ at: ['spec', one], key: 'schedulerName' })),
  ],
  [/^spark\.kubernetes\.container\.image\.pullSecrets$/, (_, { app }) => pullSecretFields(app)],
  [
    /^spark\.kubernetes\.(driver|executor)\.(label|annotation)\.(.+)$/,
    ([role = '', what = '', key = ''], { edit }) => [
      { at: ['spec', role, `${what}s`], key },
      ...(what === 'label' && edit.mode === 'Default' ? [copiedLabel(key)] : []),
    ],
  ],
  [
    /^spark\.kubernetes\.(driver|executor)\.secrets\.(.+)$/,
    ([role, name = ''], query) => [
      ...pathConflicts(asRole(role), String(query.edit.value), query.edit.key, query),
      ...secretsNamed(asRole(role), name, query),
    ],
  ],
  [
    /^(spark\.kubernetes\.(driver|executor)\.volumes\.[^.]+\.[^.]+)\./,
    ([prefix = '', role], query) => volumeConflicts(asRole(role), prefix, query),
  ],
];

const MOUNTS: Readonly<Record<Role, RegExp>> = {
  driver: /^spark\.kubernetes\.driver\.(volumes\..+\.mount\.path|secrets\..+)$/,
  executor: /^spark\.kubernetes\.executor\.(volumes\..+\.mount\.path|secrets\..+)$/,
};

interface MountQuery {
  readonly mode: Mode;
  /** The key of sparkConf that is asked about. */
  readonly own?: string;
}

/** Fields of sparkConf that mount something else at a path of a role: of a volume all, since Spark submits none of which only some were left. */
export const confMountFields = (app: KubeObject, role: Role, path: string, query: MountQuery): readonly FieldPath[] =>
  confMounts(app, role, path, query).flatMap((mount) => keysOfMount(app, mount).map(sparkConfField));

const keysOfMount = (app: KubeObject, mount: string): readonly string[] => {
  const volume = volumePrefix(mount);
  return volume === undefined ? [mount] : keysStillIn(app, 'keys', volume);
};

/** `spark.kubernetes.<role>.volumes.<type>.<name>.` of a key that says something of a volume. */
const volumePrefix = (key: string): string | undefined =>
  /^spark\.kubernetes\.(?:driver|executor)\.volumes\.[^.]+\.[^.]+\./.exec(key)?.[0];

/** Keys of sparkConf besides `own` that mount something at a path of a role: one of them is enough to keep a default away. */
const confMounts = (app: KubeObject, role: Role, path: string, { mode, own }: MountQuery): readonly string[] => {
  const conf = mapAt(app, SPARK_CONF);
  const found: string[] = [];
  for (const key of indexedKeys(app, role, path) ?? NO_KEYS) {
    if (key !== own && pathIn(conf, key) === path) found.push(key);
    if (mode === 'Default' && found.length > 0) break;
  }
  return found;
};

/** The first path of a role at which sparkConf mounts something within a directory. */
export const confMountWithin = (app: KubeObject, role: Role, directory: string): string | undefined => {
  const conf = mapAt(app, SPARK_CONF);
  const { keysByTerm } = memoizePassing(conf, indexedKeys, () => indexKeys(conf));
  const within = termOf(role, `${directory}/`);
  for (const [term, keys] of keysByTerm) {
    const path = term.slice(role.length + 1);
    if (term.startsWith(within) && [...keys].some((key) => pathIn(conf, key) === path)) return path;
  }
  return undefined;
};

/** Keys of sparkConf that say something of a volume. */
export const confVolumes = (app: KubeObject, volume: string): readonly string[] => keysStillIn(app, 'volume', volume);

/** Keys of sparkConf that mount a Secret of which Spark makes a volume by that name. */
export const confSecretsMaking = (app: KubeObject, volume: string): readonly string[] =>
  keysStillIn(app, 'made', volume);

const keysStillIn = (app: KubeObject, what: Term, name: string): readonly string[] => {
  const keys = indexedKeys(app, what, name);
  if (keys === undefined) return NO_KEYS;
  const conf = mapAt(app, SPARK_CONF);
  return [...keys].filter((key) => (childOf(conf, key) ?? undefined) !== undefined);
};

/** Keys are indexed by what they say: there can be ten thousands of them, and as many lookups. */
const indexedKeys = (app: KubeObject, what: Term, name: string): ReadonlySet<string> | undefined => {
  const conf = mapAt(app, SPARK_CONF);
  const { keysByTerm } = memoizePassing(conf, indexedKeys, () => indexKeys(conf));
  return keysByTerm.size === 0 ? undefined : keysByTerm.get(termOf(what, name));
};

/** What a key says something of: the mount of a role at a path, a volume, `keys` of one by its prefix, a Secret that one is made of. */
type Term = Role | 'volume' | 'keys' | 'made';
const termOf = (what: Term, name: string): string => `${what} ${name}`;

const NO_KEYS: readonly string[] = [];

interface KeyIndex extends Incremental {
  readonly keysByTerm: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A key stays where it was indexed before: whoever looks it up checks the value. */
const indexKeys = (conf: UnknownRecord): KeyIndex => {
  const keysByTerm = new Map<string, Set<string>>();
  const add = (key: string): void => {
    if (!key.startsWith('spark.kubernetes.')) return;
    for (const name of termsOf(conf, key)) keysByTerm.set(name, (keysByTerm.get(name) ?? new Set()).add(key));
  };
  for (const key of Object.keys(conf)) add(key);
  return { keysByTerm, onChange: add };
};

const termsOf = (conf: UnknownRecord, key: string): readonly string[] => {
  const volume = confVolume(key);
  const path = pathIn(conf, key);
  const roles = path === undefined ? [] : ROLES.filter((role) => MOUNTS[role].test(key));
  const secret = /^spark\.kubernetes\.(?:driver|executor)\.secrets\.(.+)$/.exec(key)?.[1];
  return [
    ...(volume === undefined ? [] : [termOf('volume', volume), termOf('keys', volumePrefix(key) ?? '')]),
    ...(secret === undefined ? [] : [termOf('made', generatedVolume('secrets', secret))]),
    ...roles.map((role) => termOf(role, path ?? '')),
  ];
};

const pathIn = (conf: UnknownRecord, key: string): string | undefined => {
  const value = childOf(conf, key);
  return typeof value === 'string' ? mountKey(value) : undefined;
};

/** The volume that a key of sparkConf says something of; undefined for other keys. */
export const confVolume = (key: string): string | undefined =>
  /^spark\.kubernetes\.(?:driver|executor)\.volumes\.[^.]+\.([^.]+)\./.exec(key)?.[1];

const asRole = (text: string | undefined): Role => (text === 'driver' ? 'driver' : 'executor');

const variableConflicts = (role: Role, name: string, { app, edit }: ConfQuery): readonly FieldPath[] =>
  [
    { at: ['spec', role, 'env'], key: name },
    ...variableFields(name, role),
    ...inTemplateContainer(app, role, 'env', name),
  ].filter((path) => fieldId(path) !== fieldId(edit));

const selectorFields = (key: string): readonly FieldPath[] =>
  [['spec'], ...ROLES.map((role) => ['spec', role])].map((owner) => ({ at: [...owner, 'nodeSelector'], key }));

const pullSecretFields = (app: KubeObject): readonly FieldPath[] => {
  const at = ['spec', 'imagePullSecrets'];
  return listAt(app, at)
    .flatMap((item) => keyOf(at, item) ?? [])
    .map((key) => ({ at, key }));
};

const pathConflicts = (role: Role, path: string, own: string, { app, edit }: ConfQuery): readonly FieldPath[] => [
  ...MOUNT_LISTS.map((list) => ({ at: ['spec', role, list], key: mountKey(path) })),
  ...inTemplateContainer(app, role, 'volumeMounts', mountKey(path)),
  ...confMountFields(app, role, mountKey(path), { mode: edit.mode, own }),
];

/** The operator gives spark-submit a key of the same name for each. */
const secretsNamed = (role: Role, name: string, { app }: ConfQuery): readonly FieldPath[] => {
  const at = ['spec', role, 'secrets'];
  return keysWith(listAt(app, at), at, nameOf, name).map((key) => ({ at, key }));
};

/** A volume of which only some keys were given would keep the app from being submitted. */
const volumeConflicts = (role: Role, prefix: string, query: ConfQuery): readonly FieldPath[] => {
  const { app, desired } = query;
  const key = confVolume(`${prefix}.`) ?? '';
  const pathKey = `${prefix}.mount.path`;
  const path = desired.get(pathKey);
  const isTheirs = textAt(app, [...SPARK_CONF, pathKey]) !== undefined;
  return [
    { at: ['spec', 'volumes'], key },
    { at: ['spec', role, 'template', 'spec', 'volumes'], key },
    ...(typeof path === 'string' && !isTheirs ? pathConflicts(role, path, pathKey, query) : []),
  ];
};
