import { isDeepStrictEqual } from 'node:util';
import { OBJECT_STORE_FINALIZER } from '../../api/names.ts';
import type { ObjectStore, ObjectStoreStatus } from '../../api/object-store.ts';
import { type Kube, type ObjectKey, resources } from '../../kube/api-server.ts';

export const objectKeyOf = ({ metadata }: ObjectStore): ObjectKey => ({
  namespace: metadata.namespace ?? '',
  name: metadata.name ?? '',
});

/** Answers the object as stored. Guarded: Conflict where anybody changed it meanwhile. */
export const addFinalizer = (
  kube: Pick<Kube, 'mergePatch'>,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<ObjectStore> =>
  putFinalizers(kube, store, [...(store.metadata.finalizers ?? []), OBJECT_STORE_FINALIZER], signal);

/** Guarded likewise: what is gone already is success for the caller to tell by NotFound. */
export const removeFinalizer = (
  kube: Pick<Kube, 'mergePatch'>,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<ObjectStore> => {
  const others = (store.metadata.finalizers ?? []).filter((finalizer) => finalizer !== OBJECT_STORE_FINALIZER);
  return putFinalizers(kube, store, others, signal);
};

const putFinalizers = (
  kube: Pick<Kube, 'mergePatch'>,
  store: ObjectStore,
  finalizers: readonly string[],
  signal: AbortSignal,
): Promise<ObjectStore> =>
  kube.mergePatch<ObjectStore>(
    resources.objectStores,
    objectKeyOf(store),
    { metadata: { resourceVersion: store.metadata.resourceVersion, finalizers } },
    { signal },
  );

/** Answers the object as stored. No call where nothing changes. Conflict where anybody changed the object meanwhile. */
export const writeStatus = async (
  kube: Pick<Kube, 'applyStatus'>,
  store: ObjectStore,
  status: ObjectStoreStatus,
  signal: AbortSignal,
): Promise<ObjectStore> => {
  if (isDeepStrictEqual(status, store.status)) return store;
  const { apiVersion, kind, metadata } = store;
  const { name = '', namespace = '', uid = '', resourceVersion = '' } = metadata;
  // The spec is not applied through this subresource; the type alone asks for it.
  const applied = { apiVersion, kind, metadata: { name, namespace, uid, resourceVersion }, status };
  return kube.applyStatus<ObjectStore>(resources.objectStores, applied as ObjectStore, { signal });
};
