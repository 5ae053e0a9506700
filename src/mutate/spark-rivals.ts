import type { KubeObject } from '../api/kubernetes.ts';
import { mountKey } from '../defaults/identity.ts';
import { type Edit, keyOf, type Spot } from './edit.ts';
import { valuesAt } from './spot.ts';
import { isBranch, listAt, mapAt, type Path, textAt } from './tree.ts';

export type Role = 'driver' | 'executor';
export const ROLES: readonly Role[] = ['driver', 'executor'];

const SPARK_CONF: Path = ['spec', 'sparkConf'];
const MOUNT_LISTS = ['volumeMounts', 'configMaps', 'secrets'];

/**
 * Where else a SparkApplication can say what an edit would say. Spark and its operator put all of these into the same
 * pod: the operator's own fields, their deprecated forms, sparkConf keys and the pod template.
 */
export const sparkRivals = (app: KubeObject, edit: Edit): readonly Spot[] => {
  const field = edit.at.at(-1) ?? '';
  const role = ROLES.find((name) => name === edit.at[1]);
  if (MOUNT_LISTS.includes(field) && role !== undefined) return mountRivals(app, edit, role);
  if (field === 'volumes') return ROLES.flatMap((name) => volumeRivals(app, edit.key, name));
  const spots = role === undefined ? appSpots(field, edit.key) : roleSpots(field, edit, role);
  const inTemplates = (role === undefined ? ROLES : [role]).flatMap((name) =>
    templateSpots(app, field, edit.key, name),
  );
  return [...spots, ...inTemplates].filter((spot) => valuesAt(app, spot).length > 0);
};

const conf = (key: string): Spot => ({ at: SPARK_CONF, key });

const appSpots = (field: string, key: string): readonly Spot[] => {
  if (field === 'hadoopConf') return [conf(`spark.hadoop.${key}`)];
  if (field === 'sparkConf' && key.startsWith('spark.hadoop.')) {
    return [{ at: ['spec', 'hadoopConf'], key: key.slice('spark.hadoop.'.length) }];
  }
  if (field === 'nodeSelector') {
    return ['', 'driver.', 'executor.'].map((role) => conf(`spark.kubernetes.${role}node.selector.${key}`));
  }
  return field === 'imagePullSecrets' ? [conf('spark.kubernetes.container.image.pullSecrets')] : [];
};

const roleSpots = (field: string, { key, mode }: Edit, role: Role): readonly Spot[] => {
  const own = `spark.kubernetes.${role}`;
  if (field === 'env') return envSpots(key, role);
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

const envSpots = (name: string, role: Role): readonly Spot[] => [
  { at: ['spec', role, 'envVars'], key: name },
  { at: ['spec', role, 'envSecretKeyRefs'], key: name },
  conf(role === 'driver' ? `spark.kubernetes.driverEnv.${name}` : `spark.executorEnv.${name}`),
  conf(`spark.kubernetes.${role}.secretKeyRef.${name}`),
];

/** Fields of a pod template that hold the same by the same name. */
const templateSpots = (app: KubeObject, field: string, key: string, role: Role): readonly Spot[] => {
  const template = ['spec', role, 'template'];
  if (field === 'labels' || field === 'annotations') return [{ at: [...template, 'metadata', field], key }];
  if (field === 'nodeSelector' || field === 'tolerations' || field === 'imagePullSecrets') {
    return [{ at: [...template, 'spec', field], key }];
  }
  if (key === 'serviceAccount') return [{ at: [...template, 'spec'], key: 'serviceAccountName' }];
  return field === 'env' ? inContainers(app, role, field, key) : [];
};

const inContainers = (app: KubeObject, role: Role, field: string, key: string): readonly Spot[] => {
  const containers = ['spec', role, 'template', 'spec', 'containers'];
  return listAt(app, containers).map((_, index) => ({ at: [...containers, String(index), field], key }));
};

/** One path, one mount: whichever list, conf key or template container names it. A name is mounted once in its list. */
const mountRivals = (app: KubeObject, { at, key, value }: Edit, role: Role): readonly Spot[] => {
  const others = MOUNT_LISTS.map((list) => ['spec', role, list]).filter((list) => list.at(-1) !== at.at(-1));
  const samePath = [
    ...others.map((list) => ({ at: list, key })),
    ...inContainers(app, role, 'volumeMounts', key),
  ].filter((spot) => valuesAt(app, spot).length > 0);
  return [...samePath, ...sameName(app, at, key, value), ...confMounts(app, key, role)];
};

const sameName = (app: KubeObject, at: Path, key: string, value: unknown): readonly Spot[] => {
  if (at.at(-1) === 'volumeMounts' || !isBranch(value)) return [];
  const isSame = (item: unknown): boolean => isBranch(item) && item['name'] === value['name'];
  const keys = listAt(app, at)
    .filter(isSame)
    .map((item) => keyOf(at, item));
  return keys.filter((other) => other !== undefined && other !== key).map((other) => ({ at, key: other ?? '' }));
};

const confMounts = (app: KubeObject, path: string, role: Role): readonly Spot[] => {
  const mounts = new RegExp(`^spark\\.kubernetes\\.${role}\\.(volumes\\..+\\.mount\\.path|secrets\\..+)$`);
  return Object.keys(mapAt(app, SPARK_CONF))
    .filter((key) => mounts.test(key) && mountKey(textAt(app, [...SPARK_CONF, key]) ?? '') === path)
    .map(conf);
};

const volumeRivals = (app: KubeObject, name: string, role: Role): readonly Spot[] => {
  const inTemplate = { at: ['spec', role, 'template', 'spec', 'volumes'], key: name };
  const inConf = Object.keys(mapAt(app, SPARK_CONF)).filter((key) => {
    const [, type = '', volume = ''] =
      new RegExp(`^spark\\.kubernetes\\.${role}\\.volumes\\.([^.]+)\\.([^.]+)\\.`).exec(key) ?? [];
    return type !== '' && volume === name;
  });
  return [...(valuesAt(app, inTemplate).length > 0 ? [inTemplate] : []), ...inConf.map(conf)];
};
