import { configMapsOf, type InjectSpec, mountKey, mountPathsOf } from '../../api/inject-spec.ts';
import { bundlePathOf, type CaBundle } from '../../api/network.ts';
import type { Entry } from '../entry.ts';

interface Layer {
  readonly entry: Entry;
  readonly inject: InjectSpec;
}

type Unit = 'caBundle' | 'objectStore';
type OnLost<L> = (unit: Unit, winner: L, loser: L) => void;

/**
 * Layers, best first, with one bundle of authorities and one ObjectStore among them: what follows from these (variables and a mount,
 * sources of variables and a committer) comes from one layer or from none. Told of each that another has taken the place of.
 */
export const withWholeUnits = <L extends Layer>(given: readonly L[], onLost: OnLost<L>): readonly L[] =>
  withOneStore(withOneBundle(given, onLost), onLost);

const withOneBundle = <L extends Layer>(layers: readonly L[], onLost: OnLost<L>): readonly L[] => {
  if (layers.every(({ inject }) => inject.caBundle === undefined)) return layers;
  const winner = layers.find(({ inject: { caBundle } }, at) => caBundle && hasPath(caBundle, layers.slice(0, at)));
  return layers.map((layer, at) => {
    const { caBundle, ...others } = layer.inject;
    if (caBundle === undefined || layer === winner) return layer;
    const taker = winner ?? ownerOf(caBundle, layers.slice(0, at));
    if (taker) onLost('caBundle', taker, layer);
    return { ...layer, inject: others };
  });
};

/** Variables that named files of another mount would break every connection. */
const hasPath = (bundle: CaBundle, better: readonly Layer[]): boolean => {
  const path = mountKey(bundlePathOf(bundle));
  const owner = ownerOf(bundle, better);
  return owner === undefined || configMapsOf(owner.inject).some(isMountOf(bundle.configMap, path));
};

/** Who mounts something where a bundle would be. */
const ownerOf = <L extends Layer>(bundle: CaBundle, better: readonly L[]): L | undefined => {
  const path = mountKey(bundlePathOf(bundle));
  return better.find(({ inject }) => mountPathsOf(inject).includes(path));
};

const isMountOf =
  (configMap: string, path: string) =>
  ({ name, mountPath }: { readonly name: string; readonly mountPath: string }): boolean =>
    name === configMap && mountKey(mountPath) === path;

const withOneStore = <L extends Layer>(layers: readonly L[], onLost: OnLost<L>): readonly L[] => {
  const winner = layers.find(({ inject }) => inject.objectStore !== undefined);
  return layers.map((layer) => {
    const { objectStore, s3aCommitter, ...others } = layer.inject;
    if (objectStore === winner?.inject.objectStore || (objectStore ?? s3aCommitter) === undefined) return layer;
    if (winner && objectStore !== undefined) onLost('objectStore', winner, layer);
    return { ...layer, inject: others };
  });
};
