/** How the entries of what grows are told apart, and what their paths are like. */
export const SHAPES = ['distinct', 'same', 'deep', 'prefix'] as const;
export type Shape = (typeof SHAPES)[number];

/** The `index`th name; `same` gives the same each time, as an object that the API server would refuse may. */
export const nameOf = (shape: Shape, index: number): string => (shape === 'same' ? 'n' : `n${index}`);

/** The `index`th path: side by side, in one another, or beginning alike. */
export const pathOf = (shape: Shape, index: number): string => {
  switch (shape) {
    case 'distinct':
      return `/n/${index}`;
    case 'same':
      return '/n';
    case 'deep':
      return `${'/n'.repeat(index % 500)}/n${index}`;
    case 'prefix':
      return `/${'n'.repeat(index % 900)}-${index}`;
  }
};

type EntryOf = (shape: Shape, index: number) => unknown;

const named: EntryOf = (shape, index) => ({ name: nameOf(shape, index) });
const valued: EntryOf = (shape, index) => ({ name: nameOf(shape, index), value: 'x' });
const mounted: EntryOf = (shape, index) => ({
  name: nameOf(shape === 'same' ? 'distinct' : shape, index),
  mountPath: pathOf(shape, index),
});
const filed: EntryOf = (shape, index) => ({ name: nameOf('distinct', index), path: pathOf(shape, index) });

const VOLUMES: readonly EntryOf[] = [
  (shape, index) => ({ name: nameOf(shape, index), emptyDir: {} }),
  (shape, index) => ({ name: nameOf(shape, index), configMap: { name: 'c' } }),
  (shape, index) => ({ name: nameOf(shape, index), persistentVolumeClaim: { claimName: `c${index}` } }),
];

const container: EntryOf = (shape, index) => ({
  name: nameOf(shape, index),
  image: 'i',
  env: [{ name: 'ARGO_CONTAINER_NAME', value: 'x' }, valued(shape, index)],
  ports: [{ name: nameOf(shape, index), containerPort: 8_000 + (index % 2_000) }],
  volumeMounts: [mounted(shape, index)],
});

const ENTRIES: Readonly<Record<string, EntryOf>> = {
  env: valued,
  envFrom: (shape, index) => ({ configMapRef: { name: nameOf(shape, index) } }),
  volumeMounts: mounted,
  volumes: (shape, index) => VOLUMES[index % VOLUMES.length]?.(shape, index),
  containers: container,
  initContainers: container,
  sidecars: container,
  configMaps: filed,
  secrets: (shape, index) => ({ ...(filed(shape, index) as object), secretType: 'Generic' }),
  tolerations: (shape, index) => ({ key: nameOf(shape, index), operator: 'Exists' }),
  hostAliases: (shape, index) => ({
    ip: shape === 'same' ? '10.0.0.1' : `10.${index >> 16}.${(index >> 8) % 256}.${index % 256}`,
    hostnames: ['h'],
  }),
  imagePullSecrets: named,
  ports: (shape, index) => ({ name: nameOf(shape, index), containerPort: 8_000 + (index % 2_000) }),
  ownerReferences: (shape, index) => ({ apiVersion: 'v1', kind: 'Pod', name: nameOf(shape, index), uid: `u${index}` }),
};

/** Keys of sparkConf that say something of a pod. */
const CONF: readonly ((shape: Shape, index: number) => readonly [string, string])[] = [
  (_, index) => [`spark.n${index}`, 'x'],
  (shape, index) => [
    `spark.kubernetes.driver.volumes.persistentVolumeClaim.n${index}.mount.path`,
    pathOf(shape, index),
  ],
  (shape, index) => [`spark.kubernetes.executor.secrets.n${index}`, pathOf(shape, index)],
  (_, index) => [`spark.executorEnv.n${index}`, 'x'],
  (_, index) => [`spark.kubernetes.driver.label.n${index}`, 'x'],
  (_, index) => [`spark.hadoop.n${index}`, 'x'],
  (_, index) => [`spark.kubernetes.driver.node.selector.n${index}`, 'x'],
];

export const confOf = (count: number, shape: Shape): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => CONF[index % CONF.length]?.(shape, index) ?? ['', '']),
  );

/** What a list or map called `field` holds when it has so many entries; `sample` is one that is there. */
export const grown = (field: string, isList: boolean, sample: unknown, count: number, shape: Shape): unknown => {
  const made = Object.hasOwn(ENTRIES, field) ? ENTRIES[field] : undefined;
  if (field === 'sparkConf') return confOf(count, shape);
  if (isList) return Array.from({ length: count }, (_, index) => made?.(shape, index) ?? varied(sample, shape, index));
  const value = sample ?? 'x';
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${index}`, value]));
};

/** A copy of an entry with its texts made its own. */
const varied = (sample: unknown, shape: Shape, index: number): unknown => {
  if (typeof sample === 'string')
    return sample.startsWith('/') ? pathOf(shape, index) : `${sample}-${nameOf(shape, index)}`;
  if (typeof sample !== 'object' || sample === null) return sample ?? nameOf(shape, index);
  if (Array.isArray(sample)) return sample.map((item) => varied(item, shape, index));
  return Object.fromEntries(Object.entries(sample).map(([key, item]) => [key, varied(item, shape, index)]));
};
