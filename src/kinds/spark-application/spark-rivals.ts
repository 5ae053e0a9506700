import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, keyOf, type Spot } from '../../injection/edit.ts';
import { isBranch, listAt, type Path } from '../../injection/path.ts';
import { valuesAt } from '../../injection/spot.ts';
import { confMounts, confRivals, confVolumes, type WantedConf } from './conflicts.ts';
import { conf, inTemplateContainers, MOUNT_LISTS, ROLES, type Role, variableSpots } from './fields.ts';

/**
 * Where else a SparkApplication says what an edit would say. Spark and its operator put all of these into the same
 * pod: the operator's own fields, their deprecated forms, sparkConf keys and the pod template.
 */
export const sparkRivals = (app: KubeObject, edit: Edit, wanted: WantedConf): readonly Spot[] =>
  spotsOf(app, edit, wanted).filter((spot) => valuesAt(app, spot).length > 0);

const spotsOf = (app: KubeObject, edit: Edit, wanted: WantedConf): readonly Spot[] => {
  const field = edit.at.at(-1) ?? '';
  const role = ROLES.find((name) => name === edit.at[1]);
  if (field === 'sparkConf') return confRivals(app, edit, wanted);
  if (field === 'volumes') return volumeSpots(app, edit.key);
  if (MOUNT_LISTS.includes(field) && role !== undefined) return mountSpots(app, edit, role);
  return [
    ...(role === undefined ? appSpots(field, edit.key) : roleSpots(field, edit, role)),
    ...(role === undefined ? ROLES : [role]).flatMap((name) => templateSpots(app, field, edit.key, name)),
  ];
};

const appSpots = (field: string, key: string): readonly Spot[] => {
  if (field === 'hadoopConf') return [conf(`spark.hadoop.${key}`)];
  if (field === 'nodeSelector') {
    return ['', 'driver.', 'executor.'].map((role) => conf(`spark.kubernetes.${role}node.selector.${key}`));
  }
  return field === 'imagePullSecrets' ? [conf('spark.kubernetes.container.image.pullSecrets')] : [];
};

const roleSpots = (field: string, { key, mode }: Edit, role: Role): readonly Spot[] => {
  const own = `spark.kubernetes.${role}`;
  if (field === 'env') return variableSpots(key, role);
  if (field === 'annotations') return [conf(`${own}.annotation.${key}`)];
  if (field === 'nodeSelector')
    return [conf(`spark.kubernetes.node.selector.${key}`), conf(`${own}.node.selector.${key}`)];
  if (field === role && key === 'serviceAccount')
    return [conf(`spark.kubernetes.authenticate.${role}.serviceAccountName`)];
  if (field !== 'labels') return [];
  // The operator copies the app's own labels to its pods, below the role's: what is enforced need not take them away.
  const copied = mode === 'Default' ? [{ at: ['metadata', 'labels'], key }] : [];
  return [conf(`${own}.label.${key}`), ...copied];
};

/** Fields of a pod template that hold the same by the same name. */
const templateSpots = (app: KubeObject, field: string, key: string, role: Role): readonly Spot[] => {
  const template = ['spec', role, 'template'];
  if (field === 'labels' || field === 'annotations') return [{ at: [...template, 'metadata', field], key }];
  if (field === 'nodeSelector' || field === 'tolerations' || field === 'imagePullSecrets') {
    return [{ at: [...template, 'spec', field], key }];
  }
  if (key === 'serviceAccount') return [{ at: [...template, 'spec'], key: 'serviceAccountName' }];
  return field === 'env' ? inTemplateContainers(app, role, field, key) : [];
};

/** One path, one mount; and a ConfigMap or Secret is mounted once in its list. */
const mountSpots = (app: KubeObject, { at, key, value, mode }: Edit, role: Role): readonly Spot[] => [
  ...MOUNT_LISTS.filter((list) => list !== at.at(-1)).map((list) => ({ at: ['spec', role, list], key })),
  ...inTemplateContainers(app, role, 'volumeMounts', key),
  ...confMounts(app, role, key, { mode }).map(conf),
  ...sameName(app, at, key, value),
];

const sameName = (app: KubeObject, at: Path, key: string, value: unknown): readonly Spot[] => {
  if (at.at(-1) === 'volumeMounts' || !isBranch(value)) return [];
  const isSame = (item: unknown): boolean => isBranch(item) && item['name'] === value['name'];
  const keys = listAt(app, at)
    .filter(isSame)
    .flatMap((item) => keyOf(at, item) ?? []);
  return keys.filter((other) => other !== key).map((other) => ({ at, key: other }));
};

/** Volumes of this name besides those of spec.volumes. */
const volumeSpots = (app: KubeObject, name: string): readonly Spot[] => [
  ...ROLES.map((role) => ({ at: ['spec', role, 'template', 'spec', 'volumes'], key: name })),
  ...confVolumes(app, name).map(conf),
];
