import type { KubeObject } from '../../../api/kubernetes.ts';
import { NFS_CLASS_ANNOTATION, NFS_CLASS_LABEL } from '../../../api/names.ts';
import { resources } from '../../../kube/api-server.ts';
import type { Store } from '../../../kube/store.ts';
import { type WatchOptions, watchStore } from '../../../kube/stores.ts';
import { metadataOnly } from '../../../kube/transforms.ts';

/** Every part of every NFS server by name alone: enough to learn when somebody changes one. */
export type NfsStores = readonly Store<KubeObject>[];

/** Starts the watches; the caches fill in the background until the signal. */
export const watchNfsServers = (watching: WatchOptions, namespace: string): NfsStores => {
  const query = { namespace, labelSelector: NFS_CLASS_LABEL };
  const { serviceAccounts, roleBindings, services, persistentVolumeClaims, deployments, podDisruptionBudgets } =
    resources;
  return [serviceAccounts, roleBindings, services, persistentVolumeClaims, deployments, podDisruptionBudgets].map(
    (resource) => watchStore({ ...watching, query }, resource, metadataOnly),
  );
};

/** The StorageClass whose server an object belongs to; none where it belongs to none. */
export const classServedBy = ({ metadata }: KubeObject): readonly string[] =>
  [metadata.annotations?.[NFS_CLASS_ANNOTATION] ?? []].flat();
