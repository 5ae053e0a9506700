import type { CalrissianPolicy } from '../../api/facts.ts';
import type { KubeObject, PersistentVolumeClaim } from '../../api/kubernetes.ts';
import {
  CALRISSIAN_CLASS,
  CALRISSIAN_ENABLED,
  CALRISSIAN_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
} from '../../api/names.ts';
import { resources } from '../../kube/api-server.ts';
import { keyOf, type Store } from '../../kube/store.ts';
import { type FactStores, type WatchOptions, watchStore } from '../../kube/stores.ts';
import { metadataOnly } from '../../kube/transforms.ts';

/** The caches by which the controller learns what to look at. */
export interface CalrissianStores
  extends Pick<FactStores, 'namespaces' | 'storageClasses' | 'csiDrivers' | 'objectStores' | 'platformDefaults'> {
  /** As `watchClaims` makes it. */
  readonly claims: Store<PersistentVolumeClaim>;
  /** As `watchCalrissian` makes them. */
  readonly made: readonly Store<KubeObject>[];
}

const BY_NAMESPACE = 'namespace';

/** Starts to watch what was made in Calrissian namespaces and can be taken away again: RoleBindings and ConfigMaps, by name alone. */
export const watchCalrissian = (watching: WatchOptions): CalrissianStores['made'] => {
  const labelSelector = `${MANAGED_BY_LABEL}=${MANAGED_BY},${CALRISSIAN_LABEL}=${CALRISSIAN_ENABLED}`;
  return [resources.roleBindings, resources.configMaps].map((resource) =>
    watchStore({ ...watching, query: { labelSelector } }, resource, metadataOnly, {
      [BY_NAMESPACE]: ({ metadata }) => [metadata.namespace ?? ''],
    }),
  );
};

export const allStores = ({ made, ...stores }: CalrissianStores): readonly Store<KubeObject>[] => [
  ...made,
  ...Object.values<Store<KubeObject>>({ ...stores }),
];

/** True for a namespace with the label, and for a claim that was made in one. */
export const isForCalrissian = ({ metadata }: KubeObject): boolean =>
  metadata.labels?.[CALRISSIAN_LABEL] === CALRISSIAN_ENABLED;

export const madeIn = ({ made }: CalrissianStores, namespace: string): readonly KubeObject[] =>
  made.flatMap((store) => store.byIndex(BY_NAMESPACE, namespace));

/** Names of the claims that were made in a namespace. */
export const claimsMadeIn = ({ claims }: CalrissianStores, namespace: string): readonly string[] =>
  claims
    .list()
    .filter((claim) => namespaceOf(claim) === namespace && isForCalrissian(claim))
    .map(nameOf)
    .toSorted();

/** Every namespace that is labelled, or was: something made there is left. */
export const calrissianNamespaces = (stores: CalrissianStores): readonly string[] => [
  ...labelledNamespaces(stores),
  ...stores.made.flatMap((store) => store.list()).map(namespaceOf),
];

const labelledNamespaces = ({ namespaces }: CalrissianStores): readonly string[] =>
  namespaces.list().filter(isForCalrissian).map(nameOf);

const nameOf = ({ metadata }: KubeObject): string => metadata.name ?? '';
const namespaceOf = ({ metadata }: KubeObject): string => metadata.namespace ?? '';

/** Hands on each namespace that a change concerns. Answers how to stop. */
export const onCalrissianChange = (
  stores: CalrissianStores,
  policy: () => CalrissianPolicy | undefined,
  add: (namespace: string) => void,
): (() => void) => {
  const addAll = (): void => labelledNamespaces(stores).forEach(add);
  const isNamedStore = ({ metadata }: KubeObject): boolean => {
    const bucket = policy()?.bucket;
    return bucket !== undefined && 'objectStore' in bucket && bucket.objectStore === keyOf(metadata);
  };
  const stops = [
    stores.namespaces.onChange((_, namespace, old) => {
      if (isForCalrissian(namespace) || (old && isForCalrissian(old))) add(nameOf(namespace));
    }),
    ...stores.made.map((store) => store.onChange((_, object) => add(namespaceOf(object)))),
    stores.claims.onChange((type, claim) => {
      if (type === 'DELETED' && isForCalrissian(claim)) add(namespaceOf(claim));
    }),
    stores.storageClasses.onChange((_, storageClass) => {
      if (nameOf(storageClass) === CALRISSIAN_CLASS) addAll();
    }),
    stores.objectStores.onChange((_, store) => {
      if (isNamedStore(store)) addAll();
    }),
    stores.csiDrivers.onChange(addAll),
    stores.platformDefaults.onChange(addAll),
  ];
  return () => {
    for (const stop of stops) stop();
  };
};
