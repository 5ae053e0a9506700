import { mountKey } from '../../api/identity.ts';
import type { Mode } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, keyOf, type Spot, spotId } from '../../injection/edit.ts';
import { type Growing, remember } from '../../injection/memo.ts';
import { type Branch, childOf, listAt, mapAt, textAt } from '../../injection/path.ts';
import { conf, inTemplateContainers, MOUNT_LISTS, ROLES, type Role, SPARK_CONF, variableSpots } from './fields.ts';

/** The sparkConf values that are to be given, by key: the keys of one volume stand or fall together. */
export type WantedConf = ReadonlyMap<string, unknown>;

interface Asked {
  readonly app: KubeObject;
  readonly edit: Edit;
  readonly wanted: WantedConf;
}

/**
 * Where an app says in a field of its own what a key of sparkConf would say; the operator would put both into a pod.
 * Of two places that are rivals each must name the other: `spark-rivals.ts` is the other half.
 */
export const confRivals = (app: KubeObject, edit: Edit, wanted: WantedConf): readonly Spot[] => {
  for (const [pattern, spotsOf] of families) {
    const match = pattern.exec(edit.key);
    if (match !== null) return spotsOf(match.slice(1), { app, edit, wanted });
  }
  return [];
};

type SpotsOf = (parts: readonly string[], asked: Asked) => readonly Spot[];

const families: readonly (readonly [RegExp, SpotsOf])[] = [
  [/^spark\.hadoop\.(.+)$/, ([key = '']) => [{ at: ['spec', 'hadoopConf'], key }]],
  [/^spark\.kubernetes\.driverEnv\.(.+)$/, ([name = ''], asked) => variableRivals('driver', name, asked)],
  [/^spark\.executorEnv\.(.+)$/, ([name = ''], asked) => variableRivals('executor', name, asked)],
  [
    /^spark\.kubernetes\.(.+)\.secretKeyRef\.(.+)$/,
    ([role, name = ''], asked) => variableRivals(asRole(role), name, asked),
  ],
  [/^spark\.kubernetes\.(?:.+\.)?node\.selector\.(.+)$/, ([key = '']) => selectorSpots(key)],
  [/^spark\.kubernetes\.container\.image\.pullSecrets$/, (_, { app }) => pullSecretSpots(app)],
  [
    /^spark\.kubernetes\.(driver|executor)\.(label|annotation)\.(.+)$/,
    ([role = '', what = '', key = '']) => [{ at: ['spec', role, `${what}s`], key }],
  ],
  [
    /^spark\.kubernetes\.(driver|executor)\.secrets\./,
    ([role], asked) => pathRivals(asRole(role), String(asked.edit.value), asked.edit.key, asked),
  ],
  [
    /^(spark\.kubernetes\.(driver|executor)\.volumes\.[^.]+\.[^.]+)\./,
    ([prefix = '', role], asked) => volumeRivals(asRole(role), prefix, asked),
  ],
];

const MOUNTS: Readonly<Record<Role, RegExp>> = {
  driver: /^spark\.kubernetes\.driver\.(volumes\..+\.mount\.path|secrets\..+)$/,
  executor: /^spark\.kubernetes\.executor\.(volumes\..+\.mount\.path|secrets\..+)$/,
};

/** Keys of sparkConf besides `own` that mount something at a path of a role: one of them is enough to keep a default away. */
export const confMounts = (
  app: KubeObject,
  role: Role,
  path: string,
  { mode, own }: { readonly mode: Mode; readonly own?: string },
): readonly string[] => {
  const conf = mapAt(app, SPARK_CONF);
  const found: string[] = [];
  for (const key of keysFiled(app, mountDrawer(role, path))) {
    if (key !== own && pathIn(conf, key) === path) found.push(key);
    if (mode === 'Default' && found.length > 0) break;
  }
  return found;
};

/** Keys of sparkConf that say something of a volume. */
export const confVolumes = (app: KubeObject, volume: string): readonly string[] => [
  ...keysFiled(app, `volume ${volume}`),
];

/** Keys are filed by what they say: there can be ten thousands of them, and as many questions. */
const keysFiled = (app: KubeObject, drawer: string): Iterable<string> => {
  const conf = mapAt(app, SPARK_CONF);
  return remember(conf, keysFiled, '', () => fileKeys(conf)).drawers.get(drawer) ?? [];
};

interface FiledKeys extends Growing {
  readonly drawers: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A key stays where it was filed before: whoever opens a drawer looks at the value. */
const fileKeys = (conf: Branch): FiledKeys => {
  const drawers = new Map<string, Set<string>>();
  const file = (key: string): void => {
    if (!key.startsWith('spark.kubernetes.')) return;
    for (const name of drawersOf(conf, key)) drawers.set(name, (drawers.get(name) ?? new Set()).add(key));
  };
  for (const key of Object.keys(conf)) file(key);
  return { drawers, isChanged: file };
};

const drawersOf = (conf: Branch, key: string): readonly string[] => {
  const volume = confVolume(key);
  const path = pathIn(conf, key);
  const roles = path === undefined ? [] : ROLES.filter((role) => MOUNTS[role].test(key));
  return [...(volume === undefined ? [] : [`volume ${volume}`]), ...roles.map((role) => mountDrawer(role, path ?? ''))];
};

const mountDrawer = (role: Role, path: string): string => `${role} ${path}`;

const pathIn = (conf: Branch, key: string): string | undefined => {
  const value = childOf(conf, key);
  return typeof value === 'string' ? mountKey(value) : undefined;
};

/** The volume that a key of sparkConf says something of; undefined for other keys. */
export const confVolume = (key: string): string | undefined =>
  /^spark\.kubernetes\.(?:driver|executor)\.volumes\.[^.]+\.([^.]+)\./.exec(key)?.[1];

const asRole = (text: string | undefined): Role => (text === 'driver' ? 'driver' : 'executor');

const variableRivals = (role: Role, name: string, { app, edit }: Asked): readonly Spot[] =>
  [
    { at: ['spec', role, 'env'], key: name },
    ...variableSpots(name, role),
    ...inTemplateContainers(app, role, 'env', name),
  ].filter((spot) => spotId(spot) !== spotId(edit));

const selectorSpots = (key: string): readonly Spot[] =>
  [['spec'], ...ROLES.map((role) => ['spec', role])].map((owner) => ({ at: [...owner, 'nodeSelector'], key }));

const pullSecretSpots = (app: KubeObject): readonly Spot[] => {
  const at = ['spec', 'imagePullSecrets'];
  return listAt(app, at)
    .flatMap((item) => keyOf(at, item) ?? [])
    .map((key) => ({ at, key }));
};

const pathRivals = (role: Role, path: string, own: string, { app, edit }: Asked): readonly Spot[] => [
  ...MOUNT_LISTS.map((list) => ({ at: ['spec', role, list], key: mountKey(path) })),
  ...inTemplateContainers(app, role, 'volumeMounts', mountKey(path)),
  ...confMounts(app, role, mountKey(path), { mode: edit.mode, own }).map(conf),
];

/** A volume of which only some keys were given would keep the app from being submitted. */
const volumeRivals = (role: Role, prefix: string, asked: Asked): readonly Spot[] => {
  const { app, wanted } = asked;
  const key = confVolume(`${prefix}.`) ?? '';
  const pathKey = `${prefix}.mount.path`;
  const path = wanted.get(pathKey);
  const isTheirs = textAt(app, [...SPARK_CONF, pathKey]) !== undefined;
  return [
    { at: ['spec', 'volumes'], key },
    { at: ['spec', role, 'template', 'spec', 'volumes'], key },
    ...(typeof path === 'string' && !isTheirs ? pathRivals(role, path, pathKey, asked) : []),
  ];
};
