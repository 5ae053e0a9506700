import type { Facts } from '../../api/facts.ts';
import type {
  KubeObject,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttributesClass,
} from '../../api/kubernetes.ts';
import { DEFAULT_CLASS_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL, NAMESPACE_NAME_LABEL } from '../../api/names.ts';
import { groupVersionOf } from '../../explanation/request.ts';
import { keyOf } from '../../kube/store.ts';
import { accessModesOf } from '../../storage-classes/claim.ts';

/** A cluster to which objects are added one after the other, as kubectl sends the documents of a file. */
export interface Overlay {
  /** What is known by now: what was added stands before what the cluster had. */
  readonly facts: Facts;
  /** The object of that kind and name, as it is by now. */
  readonly stored: (object: KubeObject, namespace: string) => KubeObject | undefined;
  readonly add: (object: KubeObject, namespace: string) => void;
}

/** Starts with nothing added. The facts stay the same object and answer anew each time. */
export const createOverlay = (base: Facts): Overlay => {
  const objects = new Map<string, KubeObject>();
  const namespaces = new Map<string, KubeObject>();
  const claims = new Map<string, PersistentVolumeClaim>();
  const classes = new Map<string, StorageClass>();
  const attributes = new Map<string, string>();
  const drivers = new Set<string>();
  const volumeClasses = new Set<unknown>();
  const { storage } = base;
  const ownedBesides = (): number =>
    [...classes.values()].filter(({ metadata }) => isOwned(metadata) && !storage.storageClass(metadata.name ?? ''))
      .length;
  const facts: Facts = {
    ...base,
    namespaceLabels: (name) => {
      const added = namespaces.get(name);
      return added === undefined
        ? base.namespaceLabels(name)
        : { ...added.metadata.labels, [NAMESPACE_NAME_LABEL]: name };
    },
    namespaceAnnotations: (name) =>
      namespaces.has(name) ? namespaces.get(name)?.metadata.annotations : base.namespaceAnnotations(name),
    claimModes: (namespace, name) => {
      const claim = claims.get(keyOf({ namespace, name }));
      return claim === undefined ? base.claimModes(namespace, name) : accessModesOf(claim);
    },
    storage: {
      ...storage,
      storageClass: (name) => classes.get(name) ?? storage.storageClass(name),
      classNames: () => [...classes.keys(), ...storage.classNames()],
      defaultStorageClass: () => [...classes.values()].find(isDefault) ?? storage.defaultStorageClass(),
      hasVolumeOfClass: (name) => volumeClasses.has(name) || storage.hasVolumeOfClass(name),
      hasCsiDriver: (name) => drivers.has(name) || storage.hasCsiDriver(name),
      attributesDriver: (name) => attributes.get(name) ?? storage.attributesDriver(name),
      ownedClassCount: () => storage.ownedClassCount() + ownedBesides(),
    },
  };
  const addAs: Readonly<Record<string, (object: KubeObject, namespace: string) => void>> = {
    'v1 Namespace': (object) => namespaces.set(object.metadata.name ?? '', object),
    'v1 PersistentVolumeClaim': (object, namespace) =>
      claims.set(keyOf({ namespace, name: object.metadata.name ?? '' }), object as PersistentVolumeClaim),
    'v1 PersistentVolume': (object) => volumeClasses.add((object as PersistentVolume).spec?.storageClassName),
    'storage.k8s.io/v1 StorageClass': (object) => classes.set(object.metadata.name ?? '', object as StorageClass),
    'storage.k8s.io/v1 VolumeAttributesClass': (object) =>
      attributes.set(object.metadata.name ?? '', (object as VolumeAttributesClass).driverName),
    'storage.k8s.io/v1 CSIDriver': (object) => drivers.add(object.metadata.name ?? ''),
  };
  return {
    facts,
    stored: (object, namespace) => objects.get(identityOf(object, namespace)),
    add: (object, namespace) => {
      if (object.metadata.name !== undefined) objects.set(identityOf(object, namespace), object);
      const known = `${object.apiVersion} ${object.kind}`;
      if (Object.hasOwn(addAs, known)) addAs[known]?.(object, namespace);
    },
  };
};

const identityOf = ({ apiVersion, kind, metadata }: KubeObject, namespace: string): string =>
  [groupVersionOf(apiVersion).group, kind, namespace, metadata.name].join(' ');

const isOwned = ({ labels }: KubeObject['metadata']): boolean => labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
const isDefault = ({ metadata }: StorageClass): boolean => metadata.annotations?.[DEFAULT_CLASS_ANNOTATION] === 'true';
