import type { AdmissionRequest } from '../../../src/api/admission.ts';
import type { Facts } from '../../../src/api/facts.ts';
import type { Mode } from '../../../src/api/injection.ts';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../../../src/api/names.ts';
import { isPodKind, TARGET_KINDS, type TargetKind } from '../../../src/api/target-kinds.ts';
import { indexDefaults } from '../../../src/defaults/entries-index.ts';
import { isRecord, listAt, type Path, readAt, setAt } from '../../../src/injection/path.ts';
import { system } from '../../fixtures/defaults.ts';
import type { Seed } from '../../fixtures/fuzz-seeds.ts';
import { defaultsGiving, type Growing } from './defaults.ts';
import { grown, type Shape } from './entries.ts';

/** What grows: lists and maps of an object, and with them what PlatformDefaults of the tenant give. Plain JSON. */
export interface CostCase {
  readonly seed: string;
  readonly paths: readonly Path[];
  readonly shape: Shape;
  readonly mode: Mode;
  readonly operation: 'CREATE' | 'UPDATE';
  /** Undefined where the seed's own defaults are all there is. */
  readonly giving: Growing | undefined;
  /** The labels of the namespace grow with the object. */
  readonly ofNamespace?: boolean;
  /** Which containers it is given to; those of the kind where nothing is said. */
  readonly containers?: readonly string[];
  /** So many entries of each path, and so many values, at the most: within the bounds, where all of it is given. */
  readonly most?: { readonly entries: number; readonly values: number };
}

/** Every kind of PlatformDefaults, by the folder of its golden cases. */
export const KINDS: Readonly<Record<string, TargetKind>> = Object.fromEntries(
  TARGET_KINDS.map((kind) => [kind.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase(), kind]),
);

const METADATA = ['labels', 'annotations', 'ownerReferences'].map((field) => ['metadata', field]);
const CONTAINER = ['env', 'envFrom', 'volumeMounts', 'ports'];
const SPARK_ROLE = [
  ...['env', 'envFrom', 'volumeMounts', 'configMaps', 'secrets', 'tolerations', 'hostAliases', 'sidecars', 'ports'],
  ...['labels', 'annotations', 'envVars', 'envSecretKeyRefs', 'nodeSelector'],
];
const POD: readonly Path[] = [
  ...['volumes', 'containers', 'initContainers', 'tolerations', 'imagePullSecrets', 'hostAliases', 'nodeSelector'].map(
    (field) => ['spec', field],
  ),
  ...CONTAINER.map((field) => ['spec', 'containers', '0', field]),
];
const SPARK: readonly Path[] = [
  ...['volumes', 'sparkConf', 'hadoopConf', 'nodeSelector', 'imagePullSecrets'].map((field) => ['spec', field]),
  ...SPARK_ROLE.map((field) => ['spec', 'driver', field]),
  ...SPARK_ROLE.map((field) => ['spec', 'executor', field]),
  ...['containers', 'volumes', 'tolerations'].map((field) => ['spec', 'driver', 'template', 'spec', field]),
];
const APACHE: readonly Path[] = [
  ['spec', 'sparkConf'],
  ...['driverSpec', 'executorSpec'].flatMap((role) => POD.map((path) => ['spec', role, 'podTemplateSpec', ...path])),
];
const CONF = ['sparkConf', 'hadoopConf'].map((field) => ['spec', field]);

const KNOWN: Partial<Readonly<Record<TargetKind, readonly Path[]>>> = {
  SparkApplication: SPARK,
  ApacheSparkApplication: APACHE,
  SparkConnect: CONF,
  SparkCluster: CONF,
};

const knownPaths = (kind: TargetKind | undefined): readonly Path[] => {
  if (kind === undefined) return [];
  return isPodKind(kind) ? POD : (KNOWN[kind] ?? []);
};

const kindOf = (seed: string): TargetKind | undefined => KINDS[seed.split('/')[0] ?? ''];

/** Every list and map that the author of an object can make as long as they like. */
export const growablePaths = ({ name, request }: Seed): readonly Path[] => {
  const all = [...METADATA, ...knownPaths(kindOf(name)), ...pathsWithin(request.object, [])];
  return [...new Map(all.map((path) => [path.join('/'), path])).values()];
};

const MAPS = /(labels|annotations|nodeSelector|Conf|envVars|envSecretKeyRefs|parameters|matchLabels)$/i;
const isMap = (path: Path): boolean => MAPS.test(path.at(-1) ?? '');

const pathsWithin = (node: unknown, at: Path): readonly Path[] => {
  if (Array.isArray(node)) return [at, ...pathsWithin(node[0], [...at, '0'])];
  if (!isRecord(node)) return [];
  const own = isMap(at) ? [at] : [];
  return [...own, ...Object.entries(node).flatMap(([key, child]) => pathsWithin(child, [...at, key]))];
};

const LARGEST_OBJECT = 1_400_000;
const MAX_ENTRIES = 40_000;
/** All PlatformDefaults together give an object so many values. */
const MAX_VALUES = 1_000;
/** What counts as two values each. */
const IN_PAIRS: ReadonlySet<Growing> = new Set(['volumes', 'volumeMounts', 'resources', 'dnsConfig', 'forExecutors']);

/** How many entries each path may have for the object to be as large as the API server takes. */
const sizeFor = (given: CostCase, { request }: Seed): number => {
  const probe = 64;
  const bytes = JSON.stringify(grow(request.object, given, probe)).length - JSON.stringify(request.object).length;
  const perEntry = Math.max(1, bytes / probe);
  return Math.min(given.most?.entries ?? MAX_ENTRIES, Math.floor(LARGEST_OBJECT / perEntry));
};

const grow = (object: KubeObject, { paths, shape }: CostCase, count: number): KubeObject =>
  paths.reduce((grownSoFar, path) => {
    const field = path.at(-1) ?? '';
    const [sample] = isMap(path)
      ? Object.values((readAt(object, path) as object | undefined) ?? {})
      : listAt(object, path);
    // Ours stays: it says what an earlier admission put there.
    const kept = field === 'annotations' ? readAt(object, [...path, INJECTED_ANNOTATION]) : undefined;
    const value = grown(field, !isMap(path), sample, count, shape);
    const entries = kept === undefined ? value : { ...(value as object), [INJECTED_ANNOTATION]: kept };
    return setAt(
      grownSoFar,
      path,
      Array.isArray(entries) ? [...listAt(object, path), ...(entries as readonly unknown[])] : entries,
    );
  }, object);

export interface Grown {
  readonly request: AdmissionRequest;
  readonly facts: Facts;
}

/** The review and its cluster, at `share` of the largest there may be. */
export const grownTo = (given: CostCase, seed: Seed, share: number): Grown => {
  const count = Math.floor(sizeFor(given, seed) * share);
  const object = grow(seed.request.object, given, count);
  const oldObject = seed.request.oldObject ?? seed.request.object;
  const isUpdate = given.operation === 'UPDATE';
  const { seed: name, giving, mode, shape, containers } = given;
  const kind = kindOf(name);
  const labels = Object.fromEntries(Array.from({ length: given.ofNamespace ? count : 0 }, (_, at) => [`n${at}`, 'y']));
  const most = given.most?.values ?? MAX_VALUES;
  const values = Math.floor((most * share) / (giving === undefined || !IN_PAIRS.has(giving) ? 1 : 2));
  const defaults =
    giving === undefined || kind === undefined
      ? undefined
      : defaultsGiving(kind, giving, values, { mode, shape, ...(containers && { containers }) });
  return {
    request: {
      ...seed.request,
      operation: given.operation,
      namespace: 'team-a',
      object: { ...object, metadata: { ...object.metadata, namespace: 'team-a' } },
      oldObject: isUpdate ? { ...oldObject, metadata: { ...oldObject.metadata, namespace: 'team-a' } } : undefined,
    },
    facts: {
      ...seed.facts,
      ...(defaults && { defaults: indexDefaults(defaults, system) }),
      ...(kind === 'CalrissianPod' || given.ofNamespace
        ? { namespaceLabels: () => ({ ...labels, 'quartermaster.dev/calrissian': 'enabled' }) }
        : {}),
    },
  };
};
