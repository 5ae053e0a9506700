import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, type FieldPath, keyOf } from '../../injection/edit.ts';
import { isRecord, listAt, type Path } from '../../injection/path.ts';
import { valuesAt } from '../../injection/spot.ts';
import { confConflicts, confMounts, confVolumes, type DesiredConf } from './conflicts.ts';
import { inTemplateContainers, MOUNT_LISTS, ROLES, type Role, sparkConfField, variableFields } from './fields.ts';

/**
 * Where else a SparkApplication says what an edit would say. Spark and its operator put all of these into the same
 * pod: the operator's own fields, their deprecated forms, sparkConf keys and the pod template.
 */
export const sparkConflicts = (app: KubeObject, edit: Edit, desired: DesiredConf): readonly FieldPath[] =>
  fieldsOf(app, edit, desired).filter((path) => valuesAt(app, path).length > 0);

const fieldsOf = (app: KubeObject, edit: Edit, desired: DesiredConf): readonly FieldPath[] => {
  const field = edit.at.at(-1) ?? '';
  const role = ROLES.find((name) => name === edit.at[1]);
  if (field === 'sparkConf') return confConflicts(app, edit, desired);
  if (field === 'volumes') return volumeFields(app, edit.key);
  if (MOUNT_LISTS.includes(field) && role !== undefined) return mountFields(app, edit, role);
  return [
    ...(role === undefined ? appFields(field, edit.key) : roleFields(field, edit, role)),
    ...(role === undefined ? ROLES : [role]).flatMap((name) => templateFields(app, field, edit.key, name)),
  ];
};

const appFields = (field: string, key: string): readonly FieldPath[] => {
  if (field === 'hadoopConf') return [sparkConfField(`spark.hadoop.${key}`)];
  if (field === 'nodeSelector') {
    return ['', 'driver.', 'executor.'].map((role) => sparkConfField(`spark.kubernetes.${role}node.selector.${key}`));
  }
  return field === 'imagePullSecrets' ? [sparkConfField('spark.kubernetes.container.image.pullSecrets')] : [];
};

const roleFields = (field: string, { key, mode }: Edit, role: Role): readonly FieldPath[] => {
  const own = `spark.kubernetes.${role}`;
  if (field === 'env') return variableFields(key, role);
  if (field === 'annotations') return [sparkConfField(`${own}.annotation.${key}`)];
  if (field === 'nodeSelector')
    return [sparkConfField(`spark.kubernetes.node.selector.${key}`), sparkConfField(`${own}.node.selector.${key}`)];
  if (field === role && key === 'serviceAccount')
    return [sparkConfField(`spark.kubernetes.authenticate.${role}.serviceAccountName`)];
  if (field !== 'labels') return [];
  // The operator copies the app's own labels to its pods, below the role's: what is enforced need not take them away.
  const copied = mode === 'Default' ? [{ at: ['metadata', 'labels'], key }] : [];
  return [sparkConfField(`${own}.label.${key}`), ...copied];
};

/** Fields of a pod template that hold the same by the same name. */
const templateFields = (app: KubeObject, field: string, key: string, role: Role): readonly FieldPath[] => {
  const template = ['spec', role, 'template'];
  if (field === 'labels' || field === 'annotations') return [{ at: [...template, 'metadata', field], key }];
  if (field === 'nodeSelector' || field === 'tolerations' || field === 'imagePullSecrets') {
    return [{ at: [...template, 'spec', field], key }];
  }
  if (key === 'serviceAccount') return [{ at: [...template, 'spec'], key: 'serviceAccountName' }];
  return field === 'env' ? inTemplateContainers(app, role, field, key) : [];
};

/** One path, one mount; and a ConfigMap or Secret is mounted once in its list. */
const mountFields = (app: KubeObject, { at, key, value, mode }: Edit, role: Role): readonly FieldPath[] => [
  ...MOUNT_LISTS.filter((list) => list !== at.at(-1)).map((list) => ({ at: ['spec', role, list], key })),
  ...inTemplateContainers(app, role, 'volumeMounts', key),
  ...confMounts(app, role, key, { mode }).map(sparkConfField),
  ...sameName(app, at, key, value),
];

const sameName = (app: KubeObject, at: Path, key: string, value: unknown): readonly FieldPath[] => {
  if (at.at(-1) === 'volumeMounts' || !isRecord(value)) return [];
  const isSame = (item: unknown): boolean => isRecord(item) && item['name'] === value['name'];
  const keys = listAt(app, at)
    .filter(isSame)
    .flatMap((item) => keyOf(at, item) ?? []);
  return keys.filter((other) => other !== key).map((other) => ({ at, key: other }));
};

/** Volumes of this name besides those of spec.volumes. */
const volumeFields = (app: KubeObject, name: string): readonly FieldPath[] => [
  ...ROLES.map((role) => ({ at: ['spec', role, 'template', 'spec', 'volumes'], key: name })),
  ...confVolumes(app, name).map(sparkConfField),
];
