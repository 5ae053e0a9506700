import type { KubeObject } from '../api/kubernetes.ts';
import { type Resource, resources } from '../kube/kube.ts';
import type { Interruption } from '../kube/patience.ts';
import { metadataOnly } from '../kube/projection.ts';
import { reflect } from '../kube/reflector.ts';
import { createStore, type IndexFunctions, type Store } from '../kube/store.ts';
import type { Watching } from '../kube/stores.ts';
import { PROVISIONED_LABEL } from '../names.ts';
import { digestOf, ownerOf } from './provision-content.ts';
import type { Made } from './provision-plan.ts';
import type { Wanted } from './provision-wanted.ts';

/** Narrow caches for `provision`. No data of any ConfigMap or Secret stays in memory, a digest of what we made at most. */
export interface ProvisionStores {
  /** What carries our label, in every namespace. */
  readonly made: readonly Store<Made>[];
  /** Every ConfigMap and Secret of the system namespace, without its data: to learn when one changes. */
  readonly sources: readonly Store<KubeObject>[];
  readonly synced: Promise<void>;
}

const OWNER = 'owner';

/** Starts the watches; the caches fill in the background until the signal. */
export const watchProvision = (watching: Watching, systemNamespace: string): ProvisionStores => {
  const { configMaps, secrets, persistentVolumeClaims } = resources;
  const labelSelector = `${PROVISIONED_LABEL}=true`;
  const made = [
    watch(watching, configMaps, { labelSelector }, madeOf('ConfigMap'), owners),
    watch(watching, secrets, { labelSelector }, madeOf('Secret'), owners),
    watch(watching, persistentVolumeClaims, { labelSelector }, madeOf('PersistentVolumeClaim'), owners),
  ];
  const sources = [configMaps, secrets].map((resource) =>
    watch<KubeObject>(watching, resource, { namespace: systemNamespace }, metadataOnly, {}),
  );
  const synced = Promise.all([...made, ...sources].map((store) => store.synced)).then(() => undefined);
  return { made, sources, synced };
};

/** What carries our marks and is this owner's, or has the name of something wanted. */
export const madeFor = (stores: readonly Store<Made>[], owner: string, wanted: readonly Wanted[]): readonly Made[] => {
  const own = stores.flatMap((store) => store.byIndex(OWNER, owner));
  const named = wanted.flatMap((item) =>
    stores.flatMap((store) => store.get(item) ?? []).filter(({ kind }) => kind === item.kind),
  );
  return [...new Set([...own, ...named])];
};

/** Every owner that something is marked with, whether it still exists or not. */
export const ownersIn = (stores: readonly Store<Made>[]): readonly string[] => [
  ...new Set(stores.flatMap((store) => store.list()).flatMap((made) => ownerOf(made) ?? [])),
];

const watch = <T extends KubeObject>(
  { kube, log, signal, onRestart }: Watching,
  resource: Resource,
  query: { readonly namespace?: string; readonly labelSelector?: string },
  transform: (object: T) => T,
  indexes: IndexFunctions<T>,
): Store<T> => {
  const store = createStore<T>(log, indexes);
  const restarts = onRestart && { onRestart: (why: Interruption) => onRestart(resource.plural, why) };
  reflect({ kube, resource, store, signal, log, query, transform, ...restarts }).catch((error: unknown) => {
    log.warn({ resource: resource.plural, error }, 'a watch ended for good');
  });
  return store;
};

const madeOf =
  (kind: Wanted['kind']) =>
  (object: Made): Made => ({
    ...metadataOnly(object),
    kind,
    digest: digestOf(object),
    ...(object.type !== undefined && { type: object.type }),
  });

const owners = { [OWNER]: (made: Made): readonly string[] => [ownerOf(made) ?? []].flat() };
