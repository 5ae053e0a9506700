import { mountKey } from '../../api/inject-spec.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { otherSpellingOf } from '../../api/network.ts';
import { type Edit, type FieldPath, fieldId, holdsAt } from '../../injection/edit.ts';
import { readOnlyOverlap } from '../../injection/fields/read-only.ts';
import { memoize } from '../../injection/memo.ts';
import { childOf, listAt, readAt, textAt } from '../../injection/path.ts';
import { podRules } from '../../injection/pods.ts';
import { isReservedApacheConf, isReservedLabel } from '../../injection/reserved.ts';
import type { Rules } from '../../injection/settlement.ts';
import { desiredVolumes, mountIndex, POD_VOLUMES } from '../../injection/volumes.ts';
import { containerIn, inPod, inTemplate, podOf, roleAt, templateOf } from './apache-template.ts';
import { confMountFields, confSecretsMaking, confVolume, confVolumes } from './conflicts.ts';
import { generatedVolume, otherwiseIn, ROLES, type Role, SPARK_CONF, sparkConfField } from './fields.ts';
import { confSecret, rivalRefusal, type VolumeGivers, volumeGivers } from './generated-volumes.ts';
import { roleKeyConflicts, schedulerKeys } from './placement.ts';

const KIND = 'ApacheSparkApplication';

/** What must not be injected into an application of Apache's operator. `edits` are all that is to be injected. */
export const apacheRules = (edits: readonly Edit[]): Rules => memoize(edits, apacheRules, '', () => makeRules(edits));

const makeRules = (edits: readonly Edit[]): Rules => {
  const conf = new Map(edits.filter(({ at }) => at.at(-1) === 'sparkConf').map(({ key, value }) => [key, value]));
  const volumes = desiredVolumes(edits);
  const ofRoleKeys = roleKeyConflicts(edits);
  const givers = Object.fromEntries(ROLES.map((role) => [role, giversOf(edits, role)])) as GiversByRole;
  const ofPods = Object.fromEntries(ROLES.map((role) => [role, rulesOfPods(edits, role)])) as Record<Role, Rules>;
  return {
    conflictsOf: (app, edit) => {
      const role = roleAt(edit.at);
      const others =
        role === undefined
          ? [...confConflicts(app, edit, conf), ...ofRoleKeys(app, edit)]
          : [
              ...templateConflicts(app, edit, role),
              ...ofPods[role]
                .conflictsOf(podOf(app, role), { ...edit, at: inPod(edit.at) })
                .map(({ at, key }) => ({ at: inTemplate(role, at), key })),
            ];
      return others.filter((path) => holdsAt(app, path));
    },
    supersededBy: (edit) => {
      const role = roleAt(edit.at);
      if (role === undefined) return [];
      const superseded = ofPods[role].supersededBy?.({ ...edit, at: inPod(edit.at) }) ?? [];
      return superseded.map(({ at, key }) => ({ at: inTemplate(role, at), key }));
    },
    // What a chart renders as `value: null` arrives as a name alone; an empty value that is meant arrives as `value: ""`.
    isBlank: ({ at }, value) =>
      at.at(-1) === 'env' &&
      ['value', 'valueFrom'].every((field) => (childOf(value, field) ?? undefined) === undefined),
    isUnused: (app, { at, key }) => {
      const role = roleAt(at);
      if (role === undefined) return false;
      return at.at(-1) === 'volumes' ? !isMounted(app, role, key) : key === 'name' && readAt(app, at) === undefined;
    },
    refusalOf: (app, edit) => {
      const role = roleAt(edit.at);
      if (role === undefined) return confRefusal(edit.key, givers);
      return (
        templateRefusal(app, role) ??
        mountRefusal(app, role, edit, { givers: givers[role], volume: volumes.get(volumeOf(edit)) }) ??
        ofPods[role].refusalOf(podOf(app, role), { ...edit, at: inPod(edit.at) })
      );
    },
  };
};

/** Those of any pod, for the template as one. */
const rulesOfPods = (edits: readonly Edit[], role: Role): Rules =>
  podRules([{ kind: KIND, ofMount: readOnlyOverlap, ofEnv: () => undefined }])(
    edits.filter(({ at }) => roleAt(at) === role).map((edit) => ({ ...edit, at: inPod(edit.at) })),
  );

type GiversByRole = Readonly<Record<Role, VolumeGivers>>;

/** Each role has its own pods. */
const giversOf = (edits: readonly Edit[], role: Role): VolumeGivers =>
  volumeGivers(edits.filter(({ at, key }) => (roleAt(at) === undefined ? isOf(role)(key) : roleAt(at) === role)));

/** The operator hands Spark a file with the template, and forgets the one that sparkConf names (SparkAppResourceSpecFactory). */
const templateRefusal = (app: KubeObject, role: Role): string | undefined => {
  const key = `spark.kubernetes.${role}.podTemplateFile`;
  const isLost = readAt(app, templateOf(role)) === undefined && textAt(app, [...SPARK_CONF, key]) !== undefined;
  return isLost ? `the file that ${key} names would be lost; give it to SparkPods instead` : undefined;
};

const volumeOf = ({ at, value }: Edit): string =>
  (at.at(-1) === 'volumeMounts' ? textAt(value, ['name']) : undefined) ?? '';

interface Giving {
  readonly givers: VolumeGivers;
  /** The volume that is to be mounted. */
  readonly volume: Edit | undefined;
}

/** Of one volume, that of sparkConf stays where another is a default: nothing would be there to mount. */
const mountRefusal = (app: KubeObject, role: Role, edit: Edit, { givers, volume }: Giving): string | undefined => {
  if (volume === undefined) return undefined;
  const name = volume.key;
  const rival = rivalRefusal(givers, name, 'volumes');
  if (rival !== undefined) return rival;
  const isTheirs = [...confVolumes(app, name), ...confSecretsMaking(app, name)].some(isOf(role));
  return isTheirs && edit.mode === 'Default' ? `there is another volume named ${name}` : undefined;
};

const confRefusal = (key: string, givers: GiversByRole): string | undefined => {
  if (isReservedApacheConf(key)) return 'Apache’s operator sets this key';
  const secret = confSecret(key);
  const ofRole = givers[isOf('driver')(key) ? 'driver' : 'executor'];
  const rival =
    secret === undefined
      ? rivalRefusal(ofRole, confVolume(key), 'sparkConf')
      : rivalRefusal(ofRole, generatedVolume('secrets', secret), 'file');
  if (rival !== undefined) return rival;
  const label = /^spark\.kubernetes\.(?:driver|executor)\.label\.(.+)$/.exec(key)?.[1];
  return label !== undefined && isReservedLabel(KIND, label) ? 'the key is kept for Spark or its operator' : undefined;
};

const isMounted = (app: KubeObject, role: Role, volume: string): boolean =>
  mountIndex(listAt(app, [...inTemplate(role, containerIn(app, role)), 'volumeMounts'])).mounts(volume);

/** Keys of sparkConf that say what a template would say: Spark puts both into the pod, its own last. */
const templateConflicts = (app: KubeObject, edit: Edit, role: Role): readonly FieldPath[] => {
  const { at, key, mode } = edit;
  const own = `spark.kubernetes.${role}`;
  switch (at.at(-1) ?? '') {
    case 'env':
      return [...variableKeys(role, key).map(sparkConfField), ...otherSpelling(app, edit, role)];
    case 'labels':
      return [sparkConfField(`${own}.label.${key}`)];
    case 'annotations':
      return [sparkConfField(`${own}.annotation.${key}`)];
    case 'nodeSelector':
      return [sparkConfField(`spark.kubernetes.node.selector.${key}`), sparkConfField(`${own}.node.selector.${key}`)];
    case 'spec':
      return key === 'schedulerName' ? schedulerKeys(role).map(sparkConfField) : [];
    case 'volumes':
      return [...confVolumes(app, key), ...confSecretsMaking(app, key)].filter(isOf(role)).map(sparkConfField);
    case 'volumeMounts':
      return confMountFields(app, role, key, { mode });
    default:
      return [];
  }
};

/** Programs read a proxy's variable in either spelling; those of the template are told apart as of any pod. */
const otherSpelling = (app: KubeObject, { key, value, mode }: Edit, role: Role): readonly FieldPath[] => {
  const other = mode === 'Enforce' ? undefined : otherSpellingOf(key);
  return other === undefined ? [] : otherwiseIn(app, variableKeys(role, other).map(sparkConfField), value);
};

const isOf =
  (role: Role) =>
  (key: string): boolean =>
    key.startsWith(`spark.kubernetes.${role}.`);

const variableKeys = (role: Role, name: string): readonly string[] => [
  role === 'driver' ? `spark.kubernetes.driverEnv.${name}` : `spark.executorEnv.${name}`,
  `spark.kubernetes.${role}.secretKeyRef.${name}`,
];

interface ConfQuery {
  readonly app: KubeObject;
  readonly edit: Edit;
  /** The sparkConf values that are to be injected, by key. */
  readonly desired: ReadonlyMap<string, unknown>;
}

/** Where a template, or another key, says what a key of sparkConf would say. The other half is `templateConflicts`: each must name the other. */
const confConflicts = (app: KubeObject, edit: Edit, desired: ConfQuery['desired']): readonly FieldPath[] => {
  for (const [pattern, fieldsOf] of conflictRules) {
    const match = pattern.exec(edit.key);
    if (match !== null) return fieldsOf(match.slice(1), { app, edit, desired });
  }
  return [];
};

type FieldsOf = (parts: readonly (string | undefined)[], query: ConfQuery) => readonly FieldPath[];

const conflictRules: readonly (readonly [RegExp, FieldsOf])[] = [
  [/^spark\.kubernetes\.driverEnv\.(.+)$/, ([name = ''], query) => variableFields('driver', name, query)],
  [/^spark\.executorEnv\.(.+)$/, ([name = ''], query) => variableFields('executor', name, query)],
  [
    /^spark\.kubernetes\.(driver|executor)\.secretKeyRef\.(.+)$/,
    ([role, name = ''], query) => variableFields(asRole(role), name, query),
  ],
  [
    /^spark\.kubernetes\.(?:(driver|executor)\.)?node\.selector\.(.+)$/,
    ([role, key = '']) =>
      (role === undefined ? ROLES : [asRole(role)]).map((one) => ({
        at: inTemplate(one, ['spec', 'nodeSelector']),
        key,
      })),
  ],
  [
    /^spark\.kubernetes\.(?:(driver|executor)\.)?scheduler\.name$/,
    ([role]) =>
      (role === undefined ? ROLES : [asRole(role)]).map((one) => ({
        at: inTemplate(one, ['spec']),
        key: 'schedulerName',
      })),
  ],
  [
    /^spark\.kubernetes\.(driver|executor)\.(label|annotation)\.(.+)$/,
    ([role, what = '', key = '']) => [{ at: inTemplate(asRole(role), ['metadata', `${what}s`]), key }],
  ],
  [
    /^spark\.kubernetes\.authenticate\.(driver|executor)\.serviceAccountName$/,
    ([role]) => ACCOUNTS.map((key) => ({ at: inTemplate(asRole(role), ['spec']), key })),
  ],
  [
    /^spark\.kubernetes\.(driver|executor)\.secrets\.(.+)$/,
    ([role, name = ''], query) => [
      { at: inTemplate(asRole(role), POD_VOLUMES), key: `${name}-volume` },
      ...pathFields(asRole(role), query.edit.value, query.edit.key, query),
    ],
  ],
  [
    /^(spark\.kubernetes\.(driver|executor)\.volumes\.[^.]+\.([^.]+))\./,
    ([prefix = '', role, key = ''], query) => [
      { at: inTemplate(asRole(role), POD_VOLUMES), key },
      ...volumePathFields(asRole(role), `${prefix}.mount.path`, query),
    ],
  ],
];

const ACCOUNTS = ['serviceAccountName', 'serviceAccount'];

const asRole = (text: string | undefined): Role => (text === 'driver' ? 'driver' : 'executor');

const variableFields = (role: Role, name: string, { app, edit }: ConfQuery): readonly FieldPath[] => [
  { at: [...inTemplate(role, containerIn(app, role)), 'env'], key: name },
  ...variableKeys(role, name)
    .map(sparkConfField)
    .filter((path) => fieldId(path) !== fieldId(edit)),
];

/** Nothing of a default where the application has a volume of that name in its sparkConf: its own path stands. */
const volumePathFields = (role: Role, pathKey: string, query: ConfQuery): readonly FieldPath[] =>
  query.edit.mode === 'Enforce' || textAt(query.app, [...SPARK_CONF, pathKey]) === undefined
    ? pathFields(role, query.desired.get(pathKey), pathKey, query)
    : [];

const pathFields = (
  role: Role,
  path: unknown,
  own: string,
  { app, edit: { mode } }: ConfQuery,
): readonly FieldPath[] =>
  typeof path === 'string'
    ? [
        { at: [...inTemplate(role, containerIn(app, role)), 'volumeMounts'], key: mountKey(path) },
        ...confMountFields(app, role, mountKey(path), { mode, own }),
      ]
    : [];
