import type { CloudVerdict, Facts, Policy } from '../api/facts.ts';
import type { DefaultsIndex } from '../api/injection.ts';
import type { KubeObject, PersistentVolume, StorageClass, StringMap } from '../api/kubernetes.ts';
import { DEFAULT_CLASS_ANNOTATION } from '../names.ts';

export interface OfflineWorld {
  readonly cloud: CloudVerdict;
  readonly csiDrivers: readonly string[];
  readonly defaults: DefaultsIndex;
  readonly policy: Policy;
  /** Labels of every namespace that no manifest describes. */
  readonly namespaceLabels: StringMap;
  /** What the manifests themselves bring along: classes, volumes, namespaces. */
  readonly objects: readonly KubeObject[];
}

/** The facts of a cluster that is only described: by flags, and by the manifests under preview. */
export const offlineFacts = ({
  cloud,
  csiDrivers,
  defaults,
  policy,
  namespaceLabels,
  objects,
}: OfflineWorld): Facts => {
  const storageClasses = new Map(objects.filter(isStorageClass).map((object) => [object.metadata.name, object]));
  const namespaces = new Map(objects.filter(isNamespace).map(({ metadata }) => [metadata.name, metadata.labels ?? {}]));
  const volumeClasses = new Set(objects.filter(isVolume).map(({ spec }) => spec?.storageClassName));
  const drivers = new Set(csiDrivers);
  return {
    cloud,
    defaults,
    policy,
    namespaceLabels: (namespace) => namespaces.get(namespace) ?? namespaceLabels,
    objectStore: () => undefined,
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
const isNamespace = (object: KubeObject): boolean => object.kind === 'Namespace' && object.apiVersion === 'v1';
const isDefault = ({ metadata }: StorageClass): boolean => metadata.annotations?.[DEFAULT_CLASS_ANNOTATION] === 'true';
