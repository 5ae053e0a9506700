import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type AddedContainer, configMapsOf, type InjectSpec, mountKey, mountPathsOf } from '../../api/inject-spec.ts';
import type { Volume, VolumeMount } from '../../api/kubernetes.ts';
import { fileVolumeName } from '../../injection/volumes.ts';
import { type Entry, isEnforcedGlobally } from '../entry.ts';

interface Layer {
  readonly entry: Entry;
  readonly inject: InjectSpec;
}

/**
 * Layers, best first, in which no two volumes have one name that are not the same: each mounts what it was written for, whoever else
 * gives what. The better layer keeps its name; another's volume that it mounts itself is renamed, with its mounts. What is made of
 * ConfigMaps, Secrets and `sparkConf` cannot be called otherwise, so that volumes give way to that in any case.
 */
export const withOwnVolumes = <L extends Layer>(layers: readonly L[]): readonly L[] => {
  if (layers.every(({ inject }) => (inject.volumes ?? []).length === 0)) return layers;
  const made = new Set(layers.flatMap(({ inject }) => volumesMadeBy(inject)));
  const given = new Map<string, Volume>();
  const named = layers.map((layer, at) => {
    const names = namesFor(layer, layers.slice(0, at), made, given);
    return { layer, names, isRenamed: [...names].some(([name, own]) => name !== own) };
  });
  if (!named.some(({ isRenamed }) => isRenamed)) return layers;
  return named.map((one) => renamed(one, named, made));
};

type Names = ReadonlyMap<string, string>;

interface NamedLayer<L extends Layer = Layer> {
  readonly layer: L;
  /** What its volumes are called, by what it calls them. */
  readonly names: Names;
}

const namesFor = (
  layer: Layer,
  better: readonly Layer[],
  made: ReadonlySet<string>,
  given: Map<string, Volume>,
): Names => {
  const { volumes = [] } = layer.inject;
  const isTaken = (name: string): boolean => made.has(name) || given.has(name);
  const mounted = volumes.some(({ name }) => given.has(name)) ? mountedBy(layer, better) : NONE;
  return new Map(
    volumes.map((volume) => {
      const { name } = volume;
      const isSame = isDeepStrictEqual(given.get(name), volume);
      const isKept = !made.has(name) && (!given.has(name) || isSame || !mounted.has(name));
      const own = isKept ? name : ownName(name, layer.entry, isTaken);
      if (!given.has(own)) given.set(own, volume);
      return [name, own] as const;
    }),
  );
};

const NONE: ReadonlySet<string> = new Set();

/** The volumes that a layer mounts itself, as far as no better one has all paths for whatever container. */
const mountedBy = ({ entry, inject }: Layer, better: readonly Layer[]): ReadonlySet<string> => {
  const isForAll = [...better.map((one) => one.entry), entry].every(({ containers }) => containers === undefined);
  const taken = new Set(isForAll ? better.flatMap((one) => mountPathsOf(one.inject)) : []);
  const mounts = (inject.volumeMounts ?? []).filter(({ mountPath }) => !taken.has(mountKey(mountPath)));
  const containers = [...(inject.initContainers ?? []), ...(inject.sidecars ?? []), ...(entry.spec.templates ?? [])];
  return new Set([...mounts, ...containers.flatMap(mountsOf)].map(({ name }) => name));
};

const mountsOf = ({ volumeMounts }: AddedContainer): readonly VolumeMount[] => volumeMounts ?? [];

/** The same whatever else there is, as far as that leaves it free. */
const ownName = (name: string, entry: Entry, isTaken: (name: string) => boolean, attempt = 0): string => {
  const { namespace, name: source } = entry.source;
  const suffix = hash('sha256', JSON.stringify([namespace, source, name, attempt])).slice(0, HASH_LENGTH);
  const own = `${name.slice(0, LONGEST_NAME - HASH_LENGTH - 1).replace(/-+$/, '')}-${suffix}`;
  return isTaken(own) ? ownName(name, entry, isTaken, attempt + 1) : own;
};

const LONGEST_NAME = 63;
const HASH_LENGTH = 10;

/** The volumes that are made for ConfigMaps and Secrets: by us in pods, by spark-operator and Spark in those of an application; and by Spark for its conf. */
const volumesMadeBy = (inject: InjectSpec): readonly string[] =>
  [
    ...configMapsOf(inject).flatMap(({ name }) => [fileVolumeName('configmap', name), `${name}-vol`]),
    ...(inject.secrets ?? []).flatMap(({ name }) => [fileVolumeName('secret', name), `${name}-volume`]),
    ...Object.keys(inject.sparkConf ?? {}).flatMap((key) => {
      const [, volume, secret] = CONF_VOLUME.exec(key) ?? [];
      return volume ?? (secret === undefined ? [] : `${secret}-volume`);
    }),
  ].map((name) => name.slice(0, LONGEST_NAME));

const CONF_VOLUME = /^spark\.kubernetes\.(?:driver|executor)\.(?:volumes\.[^.]+\.([^.]+)\.|secrets\.(.+)$)/;

const renamed = <L extends Layer>(
  { layer, names }: NamedLayer<L>,
  all: readonly NamedLayer[],
  made: ReadonlySet<string>,
): L => {
  const { entry, inject } = layer;
  const { volumes, volumeMounts, initContainers, sidecars } = inject;
  const withName = <T extends Volume | VolumeMount>(item: T): T => withNameOf(item, names.get(item.name));
  const inContainer = (container: AddedContainer): AddedContainer => {
    if (!container.volumeMounts) return container;
    const mounting = originOf(container, entry, all) ?? names;
    const nameOf = (name: string): string | undefined =>
      mounting.get(name) ?? (made.has(name) ? name : bestName(name, entry, all));
    return { ...container, volumeMounts: container.volumeMounts.map((mount) => withNameOf(mount, nameOf(mount.name))) };
  };
  return {
    ...layer,
    inject: {
      ...inject,
      ...(volumes && { volumes: volumes.map(withName) }),
      ...(volumeMounts && { volumeMounts: volumeMounts.map(withName) }),
      ...(initContainers && { initContainers: initContainers.map(inContainer) }),
      ...(sidecars && { sidecars: sidecars.map(inContainer) }),
    },
  };
};

const withNameOf = <T extends Volume | VolumeMount>(item: T, name: string | undefined): T =>
  name === undefined || name === item.name ? item : { ...item, name };

/** Names of volumes where a container's mounts were written, which is with its template where it says none itself. */
const originOf = ({ name }: AddedContainer, { spec }: Entry, all: readonly NamedLayer[]): Names | undefined => {
  const declared = [...(spec.inject?.initContainers ?? []), ...(spec.inject?.sidecars ?? [])].find(
    (one) => one.name === name,
  );
  const template = declared?.volumeMounts === undefined ? declared?.template : undefined;
  if (template === undefined) return undefined;
  return all.find(({ layer }) => layer.entry.spec.templates?.some((one) => one.name === template))?.names;
};

/** What others call a volume. What the platform enforces must not be steered by a tenant's. */
const bestName = (name: string, entry: Entry, all: readonly NamedLayer[]): string | undefined =>
  all
    .filter(({ layer }) => layer.entry.isGlobal || !isEnforcedGlobally(entry))
    .find(({ names }) => names.has(name))
    ?.names.get(name);
