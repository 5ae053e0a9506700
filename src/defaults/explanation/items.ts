import { envFromKey, type FileMount, type InjectSpec, mountKey } from '../../api/inject-spec.ts';
import type { Injection, Resolved } from '../../api/injection.ts';
import { bundlePathOf, networkVariables } from '../../api/network.ts';

/** One value of an injection. */
export interface Item {
  readonly key: keyof Injection;
  /** What tells it apart there; empty for a value that is whole. */
  readonly id: string;
  readonly resolved: Resolved<unknown>;
}

/** Every value of an injection, by its key and what tells it apart there. What helpers are given is there as everybody's. */
export const itemsOf = (injection: Injection): ReadonlyMap<string, Item> =>
  new Map(
    (Object.entries(injection) as readonly (readonly [keyof Injection, unknown])[]).flatMap(([key, items]) => {
      if (FOR_HELPERS.has(key)) return [];
      if (items instanceof Map)
        return [...(items as ReadonlyMap<string, Resolved<unknown>>)].map(
          ([id, resolved]) => [`${key} ${id}`, { key, id, resolved }] as const,
        );
      return isResolved(items) ? [[`${key} `, { key, id: '', resolved: items }] as const] : [];
    }),
  );

const FOR_HELPERS: ReadonlySet<string> = new Set(['helperEnv', 'helperConfigMaps']);

const isResolved = (value: unknown): value is Resolved<unknown> =>
  typeof value === 'object' && value !== null && 'source' in value;

/** Where whoever wrote `inject` finds a value of it: `spec.inject.containerSecurityContext runAsNonRoot`. */
export const placeInSpec = ({ key, id }: Pick<Item, 'key' | 'id'>, inject: InjectSpec): string =>
  `spec.inject.${(NAMES[key] ?? plainly)({ key, id }, inject)}`.trim();

type NameIn = (item: Pick<Item, 'key' | 'id'>, inject: InjectSpec) => string;

const plainly: NameIn = ({ key, id }) => `${key} ${id}`;

const NAMES: Partial<Record<keyof Injection, NameIn>> = {
  env: ({ id }, inject) => {
    if (inject.env?.some(({ name }) => name === id)) return `env ${id}`;
    const { proxy } = inject;
    const isOfProxy = proxy !== undefined && networkVariables({ proxy }).some(({ name }) => name === id);
    return `${isOfProxy ? 'proxy' : 'caBundle'} ${id}`;
  },
  envFrom: ({ id }, { envFrom = [], objectStore }) =>
    objectStore !== undefined && !envFrom.some((source) => envFromKey(source) === id)
      ? `objectStore ${id}`
      : `envFrom ${id}`,
  configMaps: ({ id }, { configMaps = [], caBundle }) => {
    const isBundle = caBundle !== undefined && mountKey(bundlePathOf(caBundle)) === id;
    return isBundle && !configMaps.some(({ mountPath }) => mountKey(mountPath) === id)
      ? `caBundle ${id}`
      : `configMaps ${id}`;
  },
  addedContainers: ({ id }, { sidecars = [] }) =>
    `${sidecars.some(({ name }) => name === id) ? 'sidecars' : 'initContainers'} ${id}`,
  // `spec/affinity nodeAffinity` and `spec priorityClassName`.
  podFields: ({ id }) => id.replace(/^spec[/ ]/, ''),
  // `securityContext runAsNonRoot`, `resources/limits cpu` and ` imagePullPolicy`.
  containerFields: ({ id }) =>
    id
      .replace(/^securityContext/, 'containerSecurityContext')
      .replace('/', '.')
      .trim(),
};

/** As it was written: whether a mount is waited for nobody did. */
export const valueIn = ({ key, resolved: { value } }: Item): unknown => {
  if (key !== 'configMaps') return value;
  const { isAwaited: _, ...mount } = value as FileMount;
  return mount;
};

/** True where a value that an object has, or does not have for a reason, comes of an item. */
export const comesOf = (item: Item, { field, value }: { readonly field: string; readonly value: unknown }): boolean => {
  const key = field.slice(field.indexOf(' ') + 1);
  // Its parts come to java options, annotations and files together.
  if (item.key === 'prometheus') return /prometheus|jmx|metrics/i.test(`${field} ${JSON.stringify(value)}`);
  const whole = MARKS[item.key]?.(String(item.resolved.value));
  if (whole !== undefined) return key.includes(whole) || (JSON.stringify(value) ?? '').includes(whole);
  const mark = IN_PATHS.has(item.key) ? item.id.slice(item.id.indexOf(' ') + 1) : item.id;
  return (
    key === mark ||
    key.endsWith(`.${mark}`) ||
    key.includes(`.${mark}.`) ||
    (JSON.stringify(value) ?? '').includes(JSON.stringify(mark))
  );
};

const IN_PATHS: ReadonlySet<string> = new Set(['podFields', 'containerFields']);

/** What stands in whatever becomes of a value that goes by another name in the object. */
const MARKS: Partial<Record<keyof Injection, (value: string) => string>> = {
  imageRegistries: (to) => to,
  objectStore: (store) => store,
  eventLog: () => 'eventLog',
  s3aCommitter: () => 'committer',
  serviceAccountName: (name) => name,
  storageClass: () => 'spec.inject.storageClass',
};

/** What a container alone can be given. */
export const IN_CONTAINERS: ReadonlySet<string> = new Set([
  ...['env', 'envFrom', 'volumeMounts', 'configMaps', 'secrets', 'containerFields'],
]);
