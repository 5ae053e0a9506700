import type { ConfigMap, KubeObject, StringMap } from '../../api/kubernetes.ts';
import { connectionNameFor, MANAGED_BY, MANAGED_BY_LABEL } from '../../api/names.ts';
import type { ObjectStore } from '../../api/object-store.ts';
import { createIfAbsent, objectKeyOf } from '../../controller/apply.ts';
import { type Kube, type ObjectKey, resources } from '../../kube/api-server.ts';
import { artifactRepositoryOf, DEFAULT_REPOSITORY_ANNOTATION, REPOSITORY_KEY } from './artifact-repository.ts';
import type { BucketConnection, BucketProvider } from './providers/bucket.ts';
import type { ObservedConnection } from './state.ts';

/** Name of the ConfigMap that holds the connection. */
export const connectionNameOf = ({ metadata, spec }: ObjectStore): string =>
  spec.writeConnectionTo?.configMapName ?? connectionNameFor(metadata.name ?? '');

/** The ConfigMap as it should be: the keys that charts for Rook's ObjectBucketClaim mount. It holds no secret. */
export const connectionFor = (
  store: ObjectStore,
  provider: BucketProvider['name'],
  connection: BucketConnection,
): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: connectionNameOf(store),
    namespace: store.metadata.namespace ?? '',
    labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
    // Argo reads it where the ConfigMap is called artifact-repositories: then this bucket is the namespace's default.
    annotations: { [DEFAULT_REPOSITORY_ANNOTATION]: REPOSITORY_KEY },
    ownerReferences: [ownerOf(store)],
  },
  data: {
    BUCKET_NAME: store.spec.name,
    BUCKET_URL: connection.url,
    BUCKET_HOST: connection.host,
    BUCKET_PORT: String(connection.port),
    BUCKET_REGION: connection.region,
    BUCKET_PROVIDER: provider,
    [REPOSITORY_KEY]: artifactRepositoryOf(store, provider, connection),
  },
});

/** What the ConfigMap found under the name is to us. Keys that others added to ours are theirs. */
export const readConnection = async (
  kube: Pick<Kube, 'get'>,
  desired: ConfigMap,
  signal: AbortSignal,
): Promise<ObservedConnection> => {
  const found = await kube.get<ConfigMap>(resources.configMaps, objectKeyOf(desired), signal);
  if (found === undefined) return 'absent';
  if (!hasSameOwner(found, desired)) return 'foreign';
  const isCurrent =
    includesAll(found.data, desired.data) &&
    includesAll(found.metadata.labels, desired.metadata.labels) &&
    includesAll(found.metadata.annotations, desired.metadata.annotations);
  return isCurrent ? 'current' : 'stale';
};

/** Makes the ConfigMap, or puts ours right. One that somebody else made in between is left alone: `unobserved` has it read again. */
export const writeConnection = async (
  kube: Pick<Kube, 'create' | 'apply'>,
  desired: ConfigMap,
  observed: ObservedConnection,
  signal: AbortSignal,
): Promise<ObservedConnection> => {
  if (observed !== 'stale')
    return (await createIfAbsent(kube, resources.configMaps, desired, signal)) ? 'current' : 'unobserved';
  await kube.apply(resources.configMaps, desired, { signal });
  return 'current';
};

/** Removes the ConfigMap of a former `spec.writeConnectionTo`, if it is ours. */
export const removeFormerConnection = async (
  kube: Pick<Kube, 'get' | 'remove'>,
  { metadata, status }: ObjectStore,
  desired: ConfigMap,
  signal: AbortSignal,
): Promise<void> => {
  const former = status?.configMapName;
  if (former === undefined || former === desired.metadata.name) return;
  const key = { namespace: metadata.namespace ?? '', name: former };
  const found = await kube.get<ConfigMap>(resources.configMaps, key, signal);
  if (found?.metadata.uid === undefined || !hasSameOwner(found, desired)) return;
  await kube.remove(resources.configMaps, key, { uid: found.metadata.uid }, { signal });
};

/** Key of the ObjectStore a ConfigMap was made for; undefined where it was made for none. */
export const ownerOfConnection = ({ metadata }: KubeObject): ObjectKey | undefined => {
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === resources.objectStores.kind);
  return owner && { namespace: metadata.namespace ?? '', name: owner.name };
};

/** What the ConfigMap and the Secret of an ObjectStore go with. */
export const ownerOf = ({ apiVersion, kind, metadata }: ObjectStore) => ({
  apiVersion,
  kind,
  name: metadata.name ?? '',
  uid: metadata.uid ?? '',
  controller: true,
});

const hasSameOwner = (found: ConfigMap, desired: ConfigMap): boolean => {
  const owners = desired.metadata.ownerReferences?.map(({ uid }) => uid) ?? [];
  return found.metadata.ownerReferences?.some(({ uid }) => owners.includes(uid)) ?? false;
};

const includesAll = (found: StringMap | null | undefined, desired: StringMap | null | undefined): boolean =>
  Object.entries(desired ?? {}).every(([key, value]) => found?.[key] === value);
