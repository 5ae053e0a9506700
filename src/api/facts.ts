import type { DefaultsIndex } from './injection.ts';
import type { AccessMode, StorageClass, StringMap, VolumeMode } from './kubernetes.ts';

export type CloudName =
  | 'aws'
  | 'gcp'
  | 'azure'
  | 'openstack'
  | 'oracle'
  | 'digitalocean'
  | 'hetzner'
  | 'alibaba'
  | 'local'
  | 'unknown';

/** One thing known about the cloud, and where it came from (`metadata /latest/…`, `node worker-1 providerID`, `setting FACTS`). */
export interface Fact {
  readonly value: string;
  readonly source: string;
}

/** Facts by name (region, zone, account, project, subscription, resourceGroup, efsFileSystemId, …; clouds/cloud.ts lists them). */
export type CloudFacts = Readonly<Record<string, Fact>>;

/** What the detection of the cloud came to. */
export interface CloudVerdict {
  readonly name: CloudName;
  readonly facts: CloudFacts;
  /** What can be provisioned there, most fitting first. */
  readonly classOptions: readonly ClassOption[];
  /** Why this name, as one sentence each: contradictions and out-of-reach metadata are told here. */
  readonly notes: readonly string[];
  /** True until the first detection has ended: nothing that lasts (a StorageClass) may be decided from it. */
  readonly isPending?: boolean;
}

/** How good a disk the name of a class hints at; `standard` where it hints at nothing. */
export type Tier = 'standard' | 'fast' | 'slow';

export interface ClassOptionTier {
  /** `${fact}` in a value is replaced by that fact; a parameter whose fact is not known is left out. */
  readonly parameters: StringMap;
  /** The provider refuses smaller volumes of this tier: smaller claims get the standard tier. */
  readonly minimumGi?: number;
  /** What a person should know before relying on it (minimum sizes, cost), told as a warning. */
  readonly caution?: string;
}

/** One class option of a cloud, a row of its table: a provisioner, what it can serve and what must be known first. */
export interface ClassOption {
  readonly provisioner: string;
  readonly modes: readonly AccessMode[];
  readonly volumeModes: readonly VolumeMode[];
  /** A tier that is absent falls back to standard. */
  readonly tiers: Readonly<Partial<Record<Tier, ClassOptionTier>>> & { readonly standard: ClassOptionTier };
  readonly reclaimPolicy: 'Delete' | 'Retain';
  readonly volumeBindingMode: 'Immediate' | 'WaitForFirstConsumer';
  readonly allowVolumeExpansion: boolean;
  readonly mountOptions?: readonly string[];
  /** Facts without which no volume could be made; a class is then not made either. */
  readonly requires: readonly string[];
  /** What a fact is taken to be where nobody supplies it. */
  readonly assumes?: StringMap;
  /** False for provisioners that register no CSIDriver object (local-path, hostpath). */
  readonly isCsi: boolean;
  /** Only for class names that match, and preferred for those where its driver is installed. */
  readonly namePattern?: RegExp;
  /** With `namePattern`: classes so named are made from this option or not at all. */
  readonly isExclusive?: boolean;
}

export interface StorageFacts {
  readonly storageClass: (name: string) => StorageClass | undefined;
  readonly defaultStorageClass: () => StorageClass | undefined;
  /** True where a PersistentVolume already names the class: static binding, a class without an object is legal. */
  readonly hasVolumeOfClass: (name: string) => boolean;
  readonly hasCsiDriver: (name: string) => boolean;
  /** How many StorageClasses carry our label. */
  readonly ownedClassCount: () => number;
  /** `status.nodeInfo.kernelVersion` of every node. */
  readonly kernelVersions: () => readonly string[];
}

export interface ObjectStoreFact {
  readonly ready: boolean;
  readonly bucket: string;
  readonly url: string;
  readonly provider: 'gcs' | 's3' | 'azure';
  readonly endpoint?: string;
}

/** What namespaces are given that are made ready for Calrissian. */
export interface CalrissianPolicy {
  /** Those of other namespaces that submit jobs, as `namespace:name`. */
  readonly serviceAccounts: readonly string[];
  /** The bucket behind the volumes: an ObjectStore's, as `namespace/name`, or one by name. */
  readonly bucket: { readonly objectStore: string } | { readonly name: string };
  /** Secret of the csi-s3 driver, as `namespace/name`. */
  readonly secret: string;
}

/** The settings a decision depends on. */
export interface Policy {
  readonly systemNamespace: string;
  readonly storageClassPattern: RegExp;
  readonly storageClassLimit: number;
  readonly rwxFallback: 'nfs' | 'none';
  readonly nfsNamespace: string;
  readonly nfsImage: string;
  /** Server and share of an existing NFS export for nfs.csi.k8s.io, where configured. */
  readonly nfsServer?: string;
  readonly nfsShare: string;
  /** Who makes the storage account behind an Azure file class. */
  readonly azureFileAccount: 'driver' | 'quartermaster';
  readonly calrissian?: CalrissianPolicy;
  /** Tests and demos only: an ObjectStore may name an S3 endpoint on this very host. */
  readonly allowLoopbackEndpoints?: boolean;
}

/** All that a decision is made from besides the object. Every answer comes from memory. */
export interface Facts {
  readonly cloud: CloudVerdict;
  readonly storage: StorageFacts;
  /** Undefined: the namespace is not in the cache. */
  readonly namespaceLabels: (namespace: string) => StringMap | undefined;
  readonly defaults: DefaultsIndex;
  readonly objectStore: (namespace: string, name: string) => ObjectStoreFact | undefined;
  /** Access modes of a claim; undefined where no such claim is in the cache, which a webhook alone does not fill. */
  readonly claimModes: (namespace: string, name: string) => readonly AccessMode[] | undefined;
  /** False where it is known that spark-operator runs without its webhook for pods, or not at all. */
  readonly hasSparkPodWebhook: () => boolean;
  readonly policy: Policy;
}
