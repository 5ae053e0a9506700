import type {
  KubeObject,
  LabelSelector,
  Maybe,
  PersistentVolume,
  StorageClass,
  VolumeAttributesClass,
} from '../api/kubernetes.ts';
import { DEFAULT_CLASS_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import { type ObjectStore, referencesOf } from '../api/object-store.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import { type Kube, type Resource, resources } from './api-server.ts';
import { type ReflectorOptions, type RestartReason, reflect } from './reflector.ts';
import { createStore, type IndexFunctions, keyOf, type Store, type WatchLog } from './store.ts';
import { isProvisioned, metadataOnly, stripManagedFields, stripVolume } from './transforms.ts';

/** A Node, as far as it matters here. */
export interface Node extends KubeObject {
  readonly spec?: { readonly providerID?: string };
  readonly status?: { readonly nodeInfo?: { readonly kernelVersion?: string } };
}

/** A MutatingWebhookConfiguration, as far as it matters here. */
export interface MutatingWebhooks extends KubeObject {
  readonly webhooks?: readonly SomeWebhook[];
}

interface SomeWebhook {
  readonly name?: string;
  readonly rules?: readonly { readonly resources?: readonly string[] }[];
  readonly namespaceSelector?: Maybe<LabelSelector>;
  readonly clientConfig?: { readonly service?: unknown; readonly url?: string };
}

/** The caches that decisions are made from. */
export interface FactStores {
  /** Indexes: `default` and `owned`, both under `true`. */
  readonly storageClasses: Store<StorageClass>;
  /** Indexes: `storageClassName`, and `staticClass` for volumes that no provisioner made. */
  readonly persistentVolumes: Store<PersistentVolume>;
  readonly csiDrivers: Store<KubeObject>;
  /** Served from Kubernetes 1.34 on. */
  readonly volumeAttributesClasses: Store<VolumeAttributesClass>;
  /** Index: `zone`, in small letters. */
  readonly nodes: Store<Node>;
  readonly namespaces: Store<KubeObject>;
  readonly platformDefaults: Store<PlatformDefaults>;
  readonly objectStores: Store<ObjectStore>;
  /** Index: `sparkPods`, under `true`, for what spark-operator patches its pods with. */
  readonly mutatingWebhooks: Store<MutatingWebhooks>;
}

export interface WatchOptions {
  readonly kube: Kube;
  readonly log: WatchLog;
  readonly signal: AbortSignal;
  /** Told of each watch that follows another: for metrics. */
  readonly onRestart?: (resource: string, restartReason: RestartReason) => void;
  /** Told of each store that begins to be filled, with the resource it holds. */
  readonly onStart?: (resource: string, store: Pick<Store<KubeObject>, 'isForbidden'>) => void;
  /** Narrows what is watched. */
  readonly query?: NonNullable<ReflectorOptions<KubeObject>['query']>;
  /** See the reflector's. */
  readonly isOptional?: boolean;
}

/** Starts to watch one kind; the store fills in the background until `signal`. */
export const watchStore = <T extends KubeObject>(
  { kube, log, signal, onRestart, onStart, query, isOptional = false }: WatchOptions,
  resource: Resource,
  transform: (object: T) => T,
  indexes: IndexFunctions<T> = {},
): Store<T> => {
  const store = createStore<T>(log, indexes);
  onStart?.(resource.plural, store);
  const reflectorOptions: ReflectorOptions<T> = {
    kube,
    resource,
    store,
    signal,
    log,
    transform,
    isOptional,
    ...(query && { query }),
    ...(onRestart && { onRestart: (restartReason) => onRestart(resource.plural, restartReason) }),
  };
  reflect(reflectorOptions).catch((error: unknown) => {
    log.warn({ resource: resource.plural, error }, 'a watch ended for good');
  });
  return store;
};

/** Index of ObjectStores by the one whose bucket they use, as `keyOf` has it. */
export const SHARED_FROM = 'sharedFrom';

/** Index of ObjectStores by what they reach their buckets with: `<namespace>/<Kind>/<name>`. */
export const REFERENCES = 'references';

export const OBJECT_STORE_INDEXES: IndexFunctions<ObjectStore> = {
  [REFERENCES]: (store) => referencesOf(store).map((reference) => `${store.metadata.namespace}/${reference}`),
  [SHARED_FROM]: ({ spec }) => (spec.sharedFrom === undefined ? [] : [keyOf(spec.sharedFrom)]),
};

/** Starts to watch all that `Facts` are made of. */
export const watchFacts = (watchOptions: WatchOptions): FactStores => ({
  storageClasses: watchStore(watchOptions, resources.storageClasses, stripManagedFields<StorageClass>, {
    default: ({ metadata }) => (metadata.annotations?.[DEFAULT_CLASS_ANNOTATION] === 'true' ? ['true'] : []),
    owned: ({ metadata }) => (metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY ? ['true'] : []),
  }),
  persistentVolumes: watchStore(watchOptions, resources.persistentVolumes, stripVolume, {
    storageClassName: classOfVolume,
    staticClass: (volume) => (isProvisioned(volume) ? [] : classOfVolume(volume)),
  }),
  csiDrivers: watchStore(watchOptions, resources.csiDrivers, metadataOnly),
  volumeAttributesClasses: watchStore(
    { ...watchOptions, isOptional: true },
    resources.volumeAttributesClasses,
    stripAttributes,
  ),
  nodes: watchStore(watchOptions, resources.nodes, stripNode, {
    zone: ({ metadata }) => [metadata.labels?.[ZONE_LABEL] ?? ''].map((zone) => zone.toLowerCase()),
  }),
  namespaces: watchStore(watchOptions, resources.namespaces, metadataOnly),
  platformDefaults: watchStore(watchOptions, resources.platformDefaults, stripManagedFields<PlatformDefaults>),
  objectStores: watchObjectStores(watchOptions),
  mutatingWebhooks: watchMutatingWebhooks(watchOptions),
});

export const watchObjectStores = (watchOptions: WatchOptions): Store<ObjectStore> =>
  watchStore(watchOptions, resources.objectStores, stripManagedFields<ObjectStore>, OBJECT_STORE_INDEXES);

export const watchMutatingWebhooks = (watchOptions: WatchOptions): Store<MutatingWebhooks> =>
  watchStore({ ...watchOptions, isOptional: true }, resources.mutatingWebhooks, stripWebhooks, {
    sparkPods: (configuration) => (sparkPodWebhooksOf(configuration).length > 0 ? ['true'] : []),
  });

/** False where it is not known what webhooks there are. */
export const knowsWebhooks = (webhooks: Store<MutatingWebhooks>): boolean =>
  webhooks.hasSynced() && !webhooks.isForbidden();

/** False where it is known that spark-operator has no webhook for its pods. */
export const hasSparkPodWebhook = (webhooks: Store<MutatingWebhooks>): boolean =>
  !knowsWebhooks(webhooks) || webhooks.countByIndex('sparkPods', 'true') > 0;

const stripWebhooks = ({ apiVersion, kind, metadata, webhooks = [] }: MutatingWebhooks): MutatingWebhooks => ({
  ...metadataOnly({ apiVersion, kind, metadata }),
  webhooks: webhooks.map(({ name = '', rules = [], namespaceSelector, clientConfig: { service, url = '' } = {} }) => ({
    name,
    rules: rules.map(({ resources: kinds = [] }) => ({ resources: kinds })),
    namespaceSelector,
    clientConfig: { service, url },
  })),
});

/** By what the charts of spark-operator and its own registration have in common: a rule for pods, and its name on service, label or webhook. */
export const sparkPodWebhooksOf = ({ metadata, webhooks = [] }: MutatingWebhooks): readonly SomeWebhook[] =>
  metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY
    ? []
    : webhooks.filter(
        (webhook) =>
          webhook.rules?.some(({ resources: kinds = [] }) => kinds.includes('pods')) === true &&
          /spark-?operator/.test(JSON.stringify([metadata.name, webhook])),
      );

const classOfVolume = ({ spec }: PersistentVolume): readonly string[] =>
  spec?.storageClassName ? [spec.storageClassName] : [];

export const ZONE_LABEL = 'topology.kubernetes.io/zone';

const stripAttributes = ({ apiVersion, kind, metadata, driverName }: VolumeAttributesClass): VolumeAttributesClass => ({
  ...metadataOnly({ apiVersion, kind, metadata }),
  driverName,
});

const stripNode = ({ apiVersion, kind, metadata, spec, status }: Node): Node => {
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
