import type { DefaultsIndex } from './injection.ts';
import type { AccessMode, Maybe, StorageClass, StringMap, VolumeMode } from './kubernetes.ts';

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
  /** What words of names mean anywhere; absent where nobody asked yet. */
  readonly vocabulary?: ClassVocabulary;
  /** True until the first detection has ended: nothing that lasts (a StorageClass) may be decided from it. */
  readonly isPending?: boolean;
}

/** What may stand in the name of a class, on this cloud or another. */
export interface ClassVocabulary {
  /** Every word of a type, a provisioner or a cloud. */
  readonly words: ReadonlySet<string>;
  /** Types by their names, as in `ClassOption.types`, with the clouds that have them and the tier they come to elsewhere. */
  readonly types: ReadonlyMap<string, { readonly clouds: readonly CloudName[]; readonly tier: Tier }>;
}

/** How good storage the words of a class's name ask for: `standard` where they ask for nothing, `basic` where the word is "standard". */
export type Tier = 'standard' | 'basic' | 'ssd' | 'fast' | 'slow' | 'cold';

/** The sizes a provider makes a type of volume in, in GiB. */
export interface VolumeSizes {
  readonly leastGi?: number;
  readonly greatestGi?: number;
  /** Other sizes are made, and billed, as the next multiple. */
  readonly stepGi?: number;
  /** The steps are multiples, not counted from the least size. */
  readonly isMultiple?: boolean;
  /** Smaller volumes are made, and billed, with the least size. Where it is not set, they are refused. */
  readonly isRaised?: boolean;
}

/** A type of volume, as its provider sells it. */
export interface VolumeType {
  /** As the provider calls it; absent where there is one only. */
  readonly name?: string;
  /** `${fact}` in a value is replaced by that fact; a parameter whose fact is not known is left out. */
  readonly parameters: StringMap;
  /** Place by list price among all types of its class option, the cheapest lowest. For comparisons alone. */
  readonly cost?: number;
  readonly sizes?: VolumeSizes;
  /** The fact without which there is no such type, for one that only a tier asks for. */
  readonly needs?: string;
  /** What a person should know before relying on it (minimum sizes, cost), told as a warning; `${parameter}` stands for that one of the class. */
  readonly caution?: string;
  /** What it is when its copies are to stand in more than one zone. */
  readonly replicated?: VolumeType;
}

/** One class option of a cloud, a row of its table: a provisioner, what it can serve and what must be known first. */
export interface ClassOption {
  readonly provisioner: string;
  readonly modes: readonly AccessMode[];
  readonly volumeModes: readonly VolumeMode[];
  /** Modes it serves too, but only for a name that has one of `words`. */
  readonly alsoModes?: readonly AccessMode[];
  /** A tier that is absent falls back to the nearest that is not dearer, `standard` at last. */
  readonly tiers: Readonly<Partial<Record<Tier, VolumeType>>> & { readonly standard: VolumeType };
  /** Types by what they are called in names of classes, in small letters, words joined by `-`: the longest that a name holds is what it asks for. */
  readonly types?: Readonly<Record<string, VolumeType>>;
  /** Words in a name that ask for this very storage, where it can be had. */
  readonly words?: readonly string[];
  /** Parameters that have volumes encrypted; `always` where they are in any case, absent where a name cannot ask for it. */
  readonly encryption?: StringMap | 'always';
  readonly reclaimPolicy: 'Delete' | 'Retain';
  readonly volumeBindingMode: 'Immediate' | 'WaitForFirstConsumer';
  readonly allowVolumeExpansion: boolean;
  readonly mountOptions?: readonly string[];
  /** Facts without which no volume could be made; a class is then not made either. */
  readonly requires: readonly string[];
  /** What a fact is taken to be where nobody supplies it. */
  readonly assumes?: StringMap;
  /** The label that its driver gives nodes for their zone, by which `allowedTopologies` name one; absent where there is none. */
  readonly zoneLabel?: string;
  /** False for provisioners that register no CSIDriver object (local-path, hostpath). */
  readonly isCsi: boolean;
  /** Only for class names that match, and preferred for those where its driver is installed. */
  readonly namePattern?: RegExp;
  /** With `namePattern`: these classes are not made an NFS server of their own, though their names say nfs. */
  readonly isNfs?: boolean;
  /** With `namePattern`: classes so named are made from this option or not at all. */
  readonly isExclusive?: boolean;
}

export interface StorageFacts {
  readonly storageClass: (name: string) => StorageClass | undefined;
  /** Of all that are there. */
  readonly classNames: () => readonly string[];
  readonly defaultStorageClass: () => StorageClass | undefined;
  /** True where a PersistentVolume already names the class: static binding, a class without an object is legal. */
  readonly hasVolumeOfClass: (name: string) => boolean;
  readonly hasCsiDriver: (name: string) => boolean;
  /** How many StorageClasses carry our label or are being made, `besides` the one of that name where it is being made. */
  readonly ownedClassCount: (besides?: string) => number;
  /** The driver whose volumes a VolumeAttributesClass is for; undefined where there is none of that name. */
  readonly attributesDriver: (name: string) => string | undefined;
  /** The zone of nodes, as they have it, that is called so in small letters. */
  readonly zoneCalled: (text: string) => string | undefined;
  /** `status.nodeInfo.kernelVersion` of every node. */
  readonly kernelVersions: () => readonly string[];
}

export interface ObjectStoreFact {
  readonly ready: boolean;
  readonly bucket: string;
  readonly url: string;
  readonly provider: 'gcs' | 's3' | 'azure';
  readonly endpoint?: string;
  /** Region of the bucket, where that is known. */
  readonly location?: string;
  /** Whether it stands in the path of the endpoint, where the ObjectStore says so. */
  readonly forcePathStyle?: boolean;
  /** Secret of its namespace that holds keys for its workload; absent while there are none. */
  readonly keysSecret?: string;
  /** Service account of its namespace that has the access by its own identity, in place of keys. */
  readonly serviceAccount?: string;
}

/** One S3 service for all ObjectStores that name none. */
export interface S3Policy {
  /** Left out for that of the setting S3_ENDPOINT. */
  readonly name?: string;
  readonly endpoint: string;
  /** A Secret of the system namespace with the keys for it, and a CA where it needs one. Without it ObjectStores bring their own keys. */
  readonly secretName?: string;
  /** What requests are signed for. */
  readonly region?: string;
  readonly forcePathStyle: boolean;
}

/** An S3 service for ObjectStores that name it, and without being named for those of namespaces that have its labels. */
export interface S3Service extends S3Policy {
  readonly name: string;
  /** All of which a namespace must have to use it at all; none where every namespace may name it. */
  readonly namespaceLabels: StringMap;
}

/** What namespaces are given that are made ready for Calrissian. */
export interface CalrissianPolicy {
  /** The service account Quartermaster runs as: the roles are named around it. */
  readonly account?: string;
  /** Those of other namespaces that submit jobs, as `namespace:name`. */
  readonly serviceAccounts: readonly string[];
  /** The bucket behind the volumes: an ObjectStore's, as `namespace/name`, or one by name. */
  readonly bucket: { readonly objectStore: string } | { readonly name: string };
  /** Secret of the csi-s3 driver, as `namespace/name`. */
  readonly secret: string;
}

/** What claims can make the disk of an NFS server of ours ask for, in GiB; past it they share what is there. */
export interface NfsLimits {
  readonly claim: number;
  /** All claims of one namespace together. */
  readonly namespace: number;
  readonly server: number;
}

/** How the pods of a framework that only the platform knows are told apart; names with `*` and `?`. */
export interface PodProfileOfPlatform {
  readonly name: string;
  readonly labels: Readonly<Record<string, readonly string[]>>;
  readonly main?: readonly string[];
  readonly helpers?: readonly string[];
  readonly untouched?: readonly string[];
  readonly reserved?: Readonly<Partial<Record<'paths' | 'volumes' | 'env' | 'labels', readonly string[]>>>;
}

/** The settings a decision depends on. */
export interface Policy {
  readonly systemNamespace: string;
  /** The service account Quartermaster runs as, which tells what the objects of the install are called. */
  readonly account?: string;
  /** An object is refused that cannot be given what is enforced for the whole cluster. */
  readonly refusesUnenforced?: boolean;
  /** Users that this does not hold for, and who may change what is enforced. */
  readonly exemptUsers?: ReadonlySet<string>;
  /** Keys of the annotations of namespaces that variables may name. */
  readonly namespaceAnnotations?: ReadonlySet<string>;
  readonly storageClassPattern: RegExp;
  readonly storageClassLimit: number;
  /** What becomes of a claim whose class is missing and has a name that tells nothing; made where it is left out. */
  readonly unknownClass?: 'make' | 'warn' | 'deny';
  readonly rwxFallback: 'nfs' | 'none';
  readonly nfsNamespace: string;
  /** Of nfs-provisioner, for servers that earlier versions made, and all where there is no other. */
  readonly nfsImage: string;
  /** Of our own servers. */
  readonly nfsServerImage?: string;
  /** CIDRs that may mount from our own servers; everybody where there is none. */
  readonly nfsClients: readonly string[];
  /** Server and share of an existing NFS export for nfs.csi.k8s.io, where configured. */
  readonly nfsServer?: string;
  readonly nfsShare: string;
  readonly nfsLimitsGi: NfsLimits;
  /** Who makes the storage account behind an Azure file class. */
  readonly azureFileAccount: 'driver' | 'quartermaster';
  /** Where ObjectStores have their buckets on a cloud without an object store of its own. */
  readonly s3?: S3Policy;
  /** Others beside it. */
  readonly s3Services?: readonly S3Service[];
  readonly calrissian?: CalrissianPolicy;
  /** Frameworks that only the platform knows. */
  readonly podProfiles?: readonly PodProfileOfPlatform[];
  /** Tests and demos only: an ObjectStore may name an S3 endpoint on this very host. */
  readonly allowLoopbackEndpoints?: boolean;
}

/** All that a decision is made from besides the object. Every answer comes from memory. */
export interface Facts {
  readonly cloud: CloudVerdict;
  readonly storage: StorageFacts;
  /** Undefined: the namespace is not in the cache. */
  readonly namespaceLabels: (namespace: string) => StringMap | undefined;
  readonly namespaceAnnotations: (namespace: string) => Maybe<StringMap>;
  readonly defaults: DefaultsIndex;
  readonly objectStore: (namespace: string, name: string) => ObjectStoreFact | undefined;
  /** Access modes of a claim; undefined where no such claim is in the cache, which a webhook alone does not fill. */
  readonly claimModes: (namespace: string, name: string) => readonly AccessMode[] | undefined;
  /** True where it is known that there is no such claim, and that we are not about to make it. */
  readonly isClaimMissing: (namespace: string, name: string) => boolean;
  /** False where it is known that no webhook of spark-operator for pods is for this namespace. */
  readonly hasSparkPodWebhook: (namespace: string) => boolean;
  readonly policy: Policy;
}
