import type { KubeObject, PersistentVolume, StorageClass } from '../api/kubernetes.ts';
import { DEFAULT_CLASS_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import type { ObjectStore } from '../api/object-store.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import { type Kube, type Resource, resources } from './api-server.ts';
import type { Interruption } from './patience.ts';
import { type Reflection, reflect } from './reflector.ts';
import { createStore, type IndexFunctions, type Store, type WatchLog } from './store.ts';
import { isProvisioned, metadataOnly, slim, slimVolume } from './transforms.ts';

/** A Node, as far as it matters here. */
export interface Node extends KubeObject {
  readonly spec?: { readonly providerID?: string };
  readonly status?: { readonly nodeInfo?: { readonly kernelVersion?: string } };
}

/** The caches that decisions are made from. */
export interface FactStores {
  /** Indexes: `default` and `owned`, both under `true`. */
  readonly storageClasses: Store<StorageClass>;
  /** Indexes: `storageClassName`, and `staticClass` for volumes that no provisioner made. */
  readonly persistentVolumes: Store<PersistentVolume>;
  readonly csiDrivers: Store<KubeObject>;
  readonly nodes: Store<Node>;
  readonly namespaces: Store<KubeObject>;
  readonly platformDefaults: Store<PlatformDefaults>;
  readonly objectStores: Store<ObjectStore>;
}

export interface Watching {
  readonly kube: Kube;
  readonly log: WatchLog;
  readonly signal: AbortSignal;
  /** Told of each watch that follows another: for metrics. */
  readonly onRestart?: (resource: string, why: Interruption) => void;
  /** Narrows what is watched. */
  readonly query?: NonNullable<Reflection<KubeObject>['query']>;
}

/** Starts to watch one kind; the store fills in the background until `signal`. */
export const watchStore = <T extends KubeObject>(
  { kube, log, signal, onRestart, query }: Watching,
  resource: Resource,
  transform: (object: T) => T,
  indexes: IndexFunctions<T> = {},
): Store<T> => {
  const store = createStore<T>(log, indexes);
  const reflection: Reflection<T> = {
    kube,
    resource,
    store,
    signal,
    log,
    transform,
    ...(query && { query }),
    ...(onRestart && { onRestart: (why) => onRestart(resource.plural, why) }),
  };
  reflect(reflection).catch((error: unknown) => {
    log.warn({ resource: resource.plural, error }, 'a watch ended for good');
  });
  return store;
};

/** Starts to watch all that `Facts` are made of. */
export const watchFacts = (watching: Watching): FactStores => ({
  storageClasses: watchStore(watching, resources.storageClasses, slim<StorageClass>, {
    default: ({ metadata }) => (metadata.annotations?.[DEFAULT_CLASS_ANNOTATION] === 'true' ? ['true'] : []),
    owned: ({ metadata }) => (metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY ? ['true'] : []),
  }),
  persistentVolumes: watchStore(watching, resources.persistentVolumes, slimVolume, {
    storageClassName: classOfVolume,
    staticClass: (volume) => (isProvisioned(volume) ? [] : classOfVolume(volume)),
  }),
  csiDrivers: watchStore(watching, resources.csiDrivers, metadataOnly),
  nodes: watchStore(watching, resources.nodes, slimNode),
  namespaces: watchStore(watching, resources.namespaces, metadataOnly),
  platformDefaults: watchStore(watching, resources.platformDefaults, slim<PlatformDefaults>),
  objectStores: watchStore(watching, resources.objectStores, slim<ObjectStore>),
});

const classOfVolume = ({ spec }: PersistentVolume): readonly string[] =>
  spec?.storageClassName ? [spec.storageClassName] : [];

const slimNode = ({ apiVersion, kind, metadata, spec, status }: Node): Node => {
  const kernelVersion = status?.nodeInfo?.kernelVersion;
  return {
    ...metadataOnly({ apiVersion, kind, metadata }),
    ...(spec?.providerID !== undefined && { spec: { providerID: spec.providerID } }),
    ...(kernelVersion !== undefined && { status: { nodeInfo: { kernelVersion } } }),
  };
};

/** A Node as the cloud question takes it. */
export const nodeFact = ({ metadata, spec }: Node) => ({
  name: metadata.name ?? '',
  providerId: spec?.providerID ?? '',
  labels: metadata.labels ?? {},
});
