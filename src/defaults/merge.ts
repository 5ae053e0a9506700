import { isDeepStrictEqual } from 'node:util';
import {
  type AddedContainer,
  bundleMount,
  configMapsOf,
  envFromKey,
  forHelpers,
  type InjectSpec,
  mountKey,
  mountPathsOf,
  sourcesOf,
  tolerationKey,
  variablesOf,
} from '../api/inject-spec.ts';
import type { Injection, Resolved, ResolvedMap } from '../api/injection.ts';
import type { EnvFromSource, EnvVar, StringMap } from '../api/kubernetes.ts';
import { networkVariables } from '../api/network.ts';
import { compareText } from '../api/plain-text.ts';
import { spreadKey } from '../api/pod-fields.ts';
import { titleOf } from '../injection/edit.ts';
import { canShareContainers } from './containers.ts';
import { type Entry, hasEqualPrecedence, namespacedName } from './entry.ts';
import { withWholeUnits } from './layers/units.ts';

/** What one entry gives, its variables filled in. */
export interface Layer {
  readonly entry: Entry;
  readonly inject: InjectSpec;
}

/** Merges layers, best first, key by key: the first that gives a key wins it. Entries that tie on a key are told in `warnings`. */
export const mergeLayers = (
  given: readonly Layer[],
  warnings: readonly string[],
  unenforced: readonly string[] = [],
): Injection => {
  const ties: Ties = new Map();
  const layers = withWholeUnits(given, (unit, { entry: winner, inject }, { entry: loser, inject: other }) => {
    if (hasEqualPrecedence(winner, loser) && !isDeepStrictEqual(inject[unit], other[unit]))
      addTie(ties, unit, winner, loser);
  });
  const merge = <T>(what: string, read: (inject: InjectSpec, layer: Layer) => Items<T>): ResolvedMap<T> =>
    firstOfEach(layers, read, (key, winner, loser) => {
      const isTie = !IN_CONTAINERS.includes(what) || canShareContainers(containersOf(winner), containersOf(loser));
      if (isTie) addTie(ties, `${what} ${key}`.trim(), winner, loser);
    });
  const mounts = mountOwners(layers, (path, winner, loser) => addTie(ties, `mount ${path}`, winner, loser));
  const mounted = <T extends { readonly mountPath: string }>(items: readonly T[] | undefined, layer: Layer): Items<T> =>
    byKey(items, ({ mountPath }) => mountKey(mountPath)).filter(([path]) => mounts.get(path) === layer);

  return {
    labels: merge('label', ({ labels }) => pairs(labels)),
    annotations: merge('annotation', ({ annotations }) => pairs(annotations)),
    env: withNeeds(
      layers,
      merge('env', (inject) => byKey(variablesOf(inject), nameOf)),
    ),
    helperEnv: withNeeds(
      layers,
      merge('env', (inject) => byKey(variablesOf(forHelpers(inject)), nameOf)),
    ),
    envFrom: leastSpecificFirst(
      layers,
      merge('envFrom', (inject) => byKey(sourcesOf(inject).map(asOptional), envFromKey)),
    ),
    volumes: merge('volume', ({ volumes }) => byKey(volumes, nameOf)),
    volumeMounts: merge('mount', ({ volumeMounts }, layer) => mounted(volumeMounts, layer)),
    configMaps: merge('ConfigMap at', (inject, layer) => mounted(configMapsOf(inject), layer)),
    helperConfigMaps: merge('ConfigMap at', (inject, layer) => mounted(configMapsOf(forHelpers(inject)), layer)),
    secrets: merge('Secret at', ({ secrets }, layer) => mounted(secrets, layer)),
    nodeSelector: merge('nodeSelector', ({ nodeSelector }) => pairs(nodeSelector)),
    tolerations: merge('toleration', ({ tolerations }) => byKey(tolerations, tolerationKey)),
    imagePullSecrets: merge('imagePullSecret', ({ imagePullSecrets }) => byKey(imagePullSecrets?.map(nameOf), String)),
    hostAliases: merge('hostAlias', ({ hostAliases }) => byKey(hostAliases, ({ ip }) => ip)),
    addedContainers: inOrderOfSources(merge('container', addedContainersOf)),
    podFields: merge('field', podFieldsOf),
    containerFields: merge('field of containers', containerFieldsOf),
    topologySpreadConstraints: merge('topologySpreadConstraint', ({ topologySpreadConstraints }) =>
      byKey(topologySpreadConstraints, spreadKey),
    ),
    imageRegistries: merge('imageRegistry', ({ imageRegistries }) =>
      (imageRegistries ?? []).map(({ from, to }) => [from, to]),
    ),
    serviceAccountName: merge('serviceAccountName', ({ serviceAccountName }) => single(serviceAccountName)).get(''),
    prometheus: merge('prometheus', ({ prometheus }) => Object.entries(prometheus ?? {})),
    sparkConf: merge('sparkConf', ({ sparkConf }) => pairs(sparkConf)),
    hadoopConf: merge('hadoopConf', ({ hadoopConf }) => pairs(hadoopConf)),
    eventLog: merge('eventLog', ({ eventLog }) => single(eventLog?.objectStore)).get(''),
    objectStore: merge('objectStore', ({ objectStore }) => single(objectStore)).get(''),
    s3aCommitter: merge('s3aCommitter', ({ s3aCommitter }) => single(s3aCommitter)).get(''),
    storageClass: merge('storageClass', ({ storageClass }) => single(storageClass)).get(''),
    warnings: [...warnings, ...tieWarnings(ties)],
    unenforced,
    matched: layers.map(({ entry: { source, mode } }) => ({ by: titleOf(source), mode })),
    notApplied: [],
    isScoped: layers.some(({ entry }) => entry.containers !== undefined),
  };
};

/** What each container has of its own. */
const IN_CONTAINERS = ['env', 'envFrom', 'mount', 'ConfigMap at', 'Secret at', 'field of containers'];
const containersOf = ({ spec }: Entry): readonly string[] | undefined => spec.match.containers;

type Items<T> = readonly (readonly [string, T])[];

const pairs = (items: StringMap | undefined): Items<string> => Object.entries(items ?? {});

const byKey = <T>(items: readonly T[] | undefined, keyOf: (item: T) => string): Items<T> =>
  (items ?? []).map((item) => [keyOf(item), item]);

const single = <T>(item: T | undefined): Items<T> => (item === undefined ? [] : [['', item]]);

const nameOf = ({ name }: { readonly name: string }): string => name;

const firstOfEach = <T>(
  layers: readonly Layer[],
  read: (inject: InjectSpec, layer: Layer) => Items<T>,
  onTie: (key: string, winner: Entry, loser: Entry) => void,
): ResolvedMap<T> => {
  const won = new Map<string, Resolved<T>>();
  const winners = new Map<string, Entry>();
  for (const layer of layers) {
    const { entry } = layer;
    for (const [key, value] of read(layer.inject, layer)) {
      const winner = winners.get(key);
      if (winner === undefined) {
        won.set(key, { value, mode: entry.mode, source: entry.source });
        winners.set(key, entry);
      } else if (hasEqualPrecedence(winner, entry) && !isDeepStrictEqual(won.get(key)?.value, value)) {
        onTie(key, winner, entry);
      }
    }
  }
  return won;
};

/** Variables that name files of a bundle, with its mount. */
const withNeeds = (layers: readonly Layer[], env: ResolvedMap<EnvVar>): ResolvedMap<EnvVar> => {
  const { entry, inject } = layers.find((layer) => layer.inject.caBundle !== undefined) ?? {};
  if (entry === undefined || inject?.caBundle === undefined) return env;
  const { env: own = [], caBundle } = inject;
  const names = new Set(networkVariables({ caBundle }).map(nameOf));
  for (const { name } of own) names.delete(name);
  const needs = bundleMount(caBundle);
  return new Map(
    [...env].map(([name, one]) => [name, one.source === entry.source && names.has(name) ? { ...one, needs } : one]),
  );
};

/** A sidecar goes on beside the others for as long as they run, and keeps none of them from ending the pod. */
const addedContainersOf = ({ initContainers = [], sidecars = [] }: InjectSpec): Items<AddedContainer> =>
  byKey([...initContainers, ...sidecars.map((sidecar) => ({ ...sidecar, restartPolicy: 'Always' }))], nameOf);

/** The same whatever mode or priority they have: init containers run one after another, and sidecars come last. */
const inOrderOfSources = (containers: ResolvedMap<AddedContainer>): ResolvedMap<AddedContainer> => {
  if (containers.size < 2) return containers;
  const orderOf = ([, { value, source }]: readonly [string, Resolved<AddedContainer>]): string =>
    `${value.restartPolicy === 'Always' ? 1 : 0} ${source.namespace}/${source.name}`;
  return new Map([...containers].sort((one, other) => compareText(orderOf(one), orderOf(other))));
};

const podFieldsOf = (inject: InjectSpec): Items<unknown> => {
  const { priorityClassName, schedulerName, runtimeClassName, terminationGracePeriodSeconds } = inject;
  return [
    ...fieldsOf('spec', { priorityClassName, schedulerName, runtimeClassName, terminationGracePeriodSeconds }),
    ...fieldsOf('spec/affinity', inject.affinity),
    ...fieldsOf('spec/dnsConfig', inject.dnsConfig),
    ...fieldsOf('spec/securityContext', inject.securityContext),
  ];
};

const containerFieldsOf = ({ imagePullPolicy, containerSecurityContext, resources }: InjectSpec): Items<unknown> => [
  ...fieldsOf('', { imagePullPolicy }),
  ...fieldsOf('securityContext', containerSecurityContext),
  ...fieldsOf('resources/limits', resources?.limits),
  ...fieldsOf('resources/requests', resources?.requests),
];

const fieldsOf = (path: string, fields: Readonly<Record<string, unknown>> | undefined): Items<unknown> =>
  Object.entries(fields ?? {}).flatMap(([key, value]) =>
    value === undefined ? [] : [[`${path} ${key}`, value] as const],
  );

/** A path belongs to the best layer that mounts anything there, be it a volume, a ConfigMap or a Secret. */
const mountOwners = (
  layers: readonly Layer[],
  onTie: (path: string, winner: Entry, loser: Entry) => void,
): ReadonlyMap<string, Layer> => {
  const owners = new Map<string, Layer>();
  for (const layer of layers) {
    for (const path of mountPathsOf(layer.inject)) {
      const owner = owners.get(path);
      if (owner === undefined) owners.set(path, layer);
      else if (owner !== layer && isTieAt(path, owner, layer)) onTie(path, owner.entry, layer.entry);
    }
  }
  return owners;
};

const isTieAt = (path: string, winner: Layer, loser: Layer): boolean =>
  hasEqualPrecedence(winner.entry, loser.entry) &&
  canShareContainers(containersOf(winner.entry), containersOf(loser.entry)) &&
  !isDeepStrictEqual(mountedAt(winner.inject, path), mountedAt(loser.inject, path));

const mountedAt = (inject: InjectSpec, path: string): readonly unknown[] =>
  [inject.volumeMounts, configMapsOf(inject), inject.secrets].map((list: readonly { mountPath: string }[] = []) =>
    list.filter(({ mountPath }) => mountKey(mountPath) === path),
  );

/** The last source of a container wins, so the best comes last. Within one entry the order is its author's. */
const leastSpecificFirst = <T>(layers: readonly Layer[], items: ResolvedMap<T>): ResolvedMap<T> => {
  if (items.size < 2) return items;
  const bySource = Map.groupBy(items, ([, { source }]) => source);
  return new Map(layers.toReversed().flatMap(({ entry }) => bySource.get(entry.source) ?? []));
};

/** A source that is not there must not keep the container from starting, unless its author said so. */
const asOptional = (source: EnvFromSource): EnvFromSource => {
  const { configMapRef, secretRef } = source;
  if (configMapRef) return { ...source, configMapRef: { optional: true, ...configMapRef } };
  return secretRef ? { ...source, secretRef: { optional: true, ...secretRef } } : source;
};

/** What two entries tie on. */
interface Tie {
  readonly winner: Entry;
  readonly loser: Entry;
  /** Each once, whatever containers it is for. */
  readonly keys: Set<string>;
}

/** By loser, then by winner. */
type Ties = Map<Entry, Map<Entry, Tie>>;

const addTie = (ties: Ties, what: string, winner: Entry, loser: Entry): void => {
  const byWinner = ties.get(loser) ?? new Map<Entry, Tie>();
  const tie = byWinner.get(winner) ?? { winner, loser, keys: new Set() };
  tie.keys.add(what);
  ties.set(loser, byWinner.set(winner, tie));
};

const tieWarnings = (ties: Ties): readonly string[] =>
  [...ties.values()].flatMap((byWinner) => [...byWinner.values()].map(tieWarning));

const tieWarning = ({ winner, loser, keys }: Tie): string =>
  `PlatformDefaults ${namespacedName(winner)} and ${namespacedName(loser)} both give ${[...keys][0]}` +
  `${keys.size > 1 ? ` (and ${keys.size - 1} more)` : ''} and are equally specific; ` +
  `${namespacedName(winner)} is taken by its name. Give one of them a higher priority.`;
