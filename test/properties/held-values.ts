import { isDeepStrictEqual } from 'node:util';
import type { Injection, ResolvedMap } from '../../src/api/injection.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';

/** Enforced values that an object does not have as they are given, and that no warning names. */
export const missing = (injection: Injection, object: KubeObject, warnings: string): readonly string[] => {
  const spec = (object as { readonly spec?: unknown }).spec as Readonly<Record<string, unknown>>;
  const isOfApache = object.apiVersion.startsWith('spark.apache.org/');
  const templates = [spec?.['driverSpec'], spec?.['executorSpec']].filter(isMap).map(asRole);
  const roles = isOfApache ? templates : [spec?.['driver'], spec?.['executor']].filter(isMap);
  const mains = Array.isArray(spec?.['containers']) ? (spec['containers'] as unknown[]).slice(-1) : [];
  const owners = object.kind === 'Pod' ? [object.metadata] : roles;
  const wants = [
    ...owners.flatMap((owner) => [
      ...entries(injection.labels, owner, 'labels'),
      ...entries(injection.annotations, owner, 'annotations'),
    ]),
    ...entries(injection.sparkConf, spec, 'sparkConf'),
    ...(isOfApache
      ? entries(prefixed(injection.hadoopConf), spec, 'sparkConf')
      : entries(injection.hadoopConf, spec, 'hadoopConf')),
    ...[...roles, ...mains].flatMap((owner) =>
      [...injection.env].map(([name, { value }]) => ({ name, value, held: named(owner, name) })),
    ),
  ];
  const placed = isSpark(object) ? [...injection.podFields] : [];
  for (const [id, { value }] of placed) {
    const [path = '', name = ''] = id.split(' ');
    const field = path.slice('spec/'.length);
    const owners = name === 'runtimeClassName' && !isOfApache ? roles.map(templateSpec) : roles;
    wants.push(...owners.map((owner) => ({ name, value, held: held(owner, fieldOf(field, isOfApache), name) })));
  }
  return wants
    .filter(({ name, value, held }) => !isDeepStrictEqual(held, value) && !warnings.includes(name))
    .map(({ name }) => name);
};

/** What a role of Apache's operator holds where those of Kubeflow's have it. */
const asRole = (role: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const template = isMap(role['podTemplateSpec']) ? role['podTemplateSpec'] : {};
  const spec = isMap(template['spec']) ? template['spec'] : {};
  const [container] = Array.isArray(spec['containers']) ? (spec['containers'] as unknown[]) : [];
  const { labels, annotations } = isMap(template['metadata']) ? template['metadata'] : {};
  return { ...spec, labels, annotations, env: isMap(container) ? container['env'] : undefined };
};

/** Where a role of Kubeflow's operator has what it has no field for. */
const templateSpec = ({ template }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  isMap(template) && isMap(template['spec']) ? template['spec'] : {};

const isSpark = ({ kind }: KubeObject): boolean => kind === 'SparkApplication';

/** Kubeflow's roles have the pod's security context by another name, since theirs is the container's. */
const fieldOf = (field: string, isOfApache: boolean): string =>
  field === 'securityContext' && !isOfApache ? 'podSecurityContext' : field;

const held = (role: Readonly<Record<string, unknown>>, field: string, name: string): unknown => {
  const owner = field === '' ? role : role[field];
  return isMap(owner) ? owner[name] : undefined;
};

const prefixed = (given: ResolvedMap<unknown>): ResolvedMap<unknown> =>
  new Map([...given].map(([key, value]) => [`spark.hadoop.${key}`, value]));

const entries = (given: ResolvedMap<unknown>, owner: unknown, field: string) =>
  [...given].map(([name, { value }]) => ({
    name,
    value,
    held: (owner as Record<string, Record<string, unknown> | undefined>)[field]?.[name],
  }));

const named = (owner: unknown, name: string): unknown => {
  const env = (owner as { readonly env?: unknown }).env;
  const all = (Array.isArray(env) ? env : []).filter((item: unknown) => isMap(item) && item['name'] === name);
  return all.length === 1 ? all[0] : all;
};

/** What the first says and the second does not: values of maps, and entries of lists wherever they stand. */
export const lost = (before: unknown, after: unknown, path = ''): readonly string[] => {
  if (before === null || isDeepStrictEqual(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) {
    const isContainers = path.endsWith('ontainers');
    return before.flatMap((item: unknown, index) =>
      isContainers
        ? lost(item, after[index], `${path}/${index}`)
        : after.some((other) => isDeepStrictEqual(item, other))
          ? []
          : [`${path}/${index}`],
    );
  }
  if (!isMap(before) || !isMap(after)) return [path];
  return Object.entries(before).flatMap(([key, value]) => lost(value, after[key], `${path}/${key}`));
};

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
