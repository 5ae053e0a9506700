import type { CloudVerdict, Facts, Policy } from '../api/facts.ts';
import type { DefaultsIndex } from '../api/injection.ts';
import type {
  KubeObject,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  StringMap,
} from '../api/kubernetes.ts';
import { DEFAULT_CLASS_ANNOTATION } from '../api/names.ts';
import { keyOf } from '../kube/store.ts';
import { accessModesOf } from '../storage-classes/claim.ts';

export interface OfflineCluster {
  readonly cloud: CloudVerdict;
  readonly csiDrivers: readonly string[];
  readonly defaults: DefaultsIndex;
  readonly policy: Policy;
  /** Labels of every namespace that no manifest describes. */
  readonly namespaceLabels: StringMap;
  /** What the manifests themselves bring along: classes, volumes, claims, namespaces. */
  readonly objects: readonly KubeObject[];
  /** Of objects that name none. */
  readonly namespace?: string;
}

/** The facts of a cluster that is only described: by flags, and by the manifests under preview. */
export const offlineFacts = ({
  cloud,
  csiDrivers,
  defaults,
  policy,
  namespaceLabels,
  objects,
  namespace: fallback = 'default',
}: OfflineCluster): Facts => {
  const storageClasses = new Map(objects.filter(isStorageClass).map((object) => [object.metadata.name, object]));
  const namespaces = new Map(objects.filter(isNamespace).map(({ metadata }) => [metadata.name, metadata.labels ?? {}]));
  const volumeClasses = new Set(objects.filter(isVolume).map(({ spec }) => spec?.storageClassName));
  const claimModes = new Map(
    objects.filter(isClaim).map((claim) => [keyOf({ namespace: fallback, ...claim.metadata }), accessModesOf(claim)]),
  );
  const drivers = new Set(csiDrivers);
  return {
    cloud,
    defaults,
    policy,
    namespaceLabels: (namespace) => namespaces.get(namespace) ?? namespaceLabels,
    objectStore: () => undefined,
    claimModes: (namespace, name) => claimModes.get(keyOf({ namespace, name })),
    storage: {
      storageClass: (name) => storageClasses.get(name),
      defaultStorageClass: () => [...storageClasses.values()].find(isDefault),
      hasVolumeOfClass: (name) => volumeClasses.has(name),
      hasCsiDriver: (name) => drivers.has(name),
      ownedClassCount: () => 0,
      kernelVersions: () => [],
    },
  };
};

const isStorageClass = (object: KubeObject): object is StorageClass => object.kind === 'StorageClass';
const isVolume = (object: KubeObject): object is PersistentVolume => object.kind === 'PersistentVolume';
const isClaim = (object: KubeObject): object is PersistentVolumeClaim => object.kind === 'PersistentVolumeClaim';
const isNamespace = (object: KubeObject): boolean => object.kind === 'Namespace' && object.apiVersion === 'v1';
const isDefault = ({ metadata }: StorageClass): boolean => metadata.annotations?.[DEFAULT_CLASS_ANNOTATION] === 'true';
