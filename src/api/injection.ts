import type { Application } from './admission.ts';
import type {
  AddedContainer,
  FileMount,
  PrometheusInjection,
  StorageClassInjection,
  TargetKind,
} from './inject-spec.ts';
import type { EnvFromSource, EnvVar, HostAlias, StringMap, Toleration, Volume, VolumeMount } from './kubernetes.ts';
import type { TopologySpreadConstraint } from './pod-fields.ts';

export type { FileMount, PrometheusInjection, StorageClassInjection, TargetKind } from './inject-spec.ts';

export type Mode = 'Default' | 'Enforce';

/** Which PlatformDefaults a value came from. */
export interface DefaultsSource {
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
}

/** One value that won its key, how strongly it holds and who gave it. Variables are already filled in. */
export interface Resolved<T> {
  readonly value: T;
  readonly mode: Mode;
  readonly source: DefaultsSource;
  /** The mount of a bundle whose files the value names: it is given beside that alone. */
  readonly needs?: FileMount;
}

export type ResolvedMap<T> = ReadonlyMap<string, Resolved<T>>;

/**
 * What all matching PlatformDefaults come to for one object, merged key by key: the most specific wins each
 * map key, env name, mount path and volume name. Keys of the maps are those identities.
 */
export interface Injection {
  readonly labels: ResolvedMap<string>;
  readonly annotations: ResolvedMap<string>;
  readonly env: ResolvedMap<EnvVar>;
  /** By `configMap/<name>` or `secret/<name>`, in the order to prepend. */
  readonly envFrom: ResolvedMap<EnvFromSource>;
  readonly volumes: ResolvedMap<Volume>;
  /** By mountPath. */
  readonly volumeMounts: ResolvedMap<VolumeMount>;
  /** By mountPath. */
  readonly configMaps: ResolvedMap<FileMount>;
  /** By mountPath. */
  readonly secrets: ResolvedMap<FileMount>;
  /** What of env and configMaps is for a framework's own containers too. */
  readonly helperEnv: ResolvedMap<EnvVar>;
  readonly helperConfigMaps: ResolvedMap<FileMount>;
  readonly nodeSelector: ResolvedMap<string>;
  /** By key, operator, value and effect, joined by `|`. */
  readonly tolerations: ResolvedMap<Toleration>;
  readonly imagePullSecrets: ResolvedMap<string>;
  /** By address. */
  readonly hostAliases: ResolvedMap<HostAlias>;
  /** By name: init containers, and native sidecars by their restartPolicy. */
  readonly addedContainers: ResolvedMap<AddedContainer>;
  /** Fields of the pod itself, each by the path of its map and its name (`spec/affinity nodeAffinity`). */
  readonly podFields: ResolvedMap<unknown>;
  /** The same of containers, from there (`resources/requests cpu`). */
  readonly containerFields: ResolvedMap<unknown>;
  /** By topologyKey and whenUnsatisfiable, joined by `|`. */
  readonly topologySpreadConstraints: ResolvedMap<TopologySpreadConstraint>;
  /** What stands in the place of the beginning of an image's name, by that beginning. */
  readonly imageRegistries: ResolvedMap<string>;
  readonly serviceAccountName: Resolved<string> | undefined;
  /** By field of PrometheusInjection, so that two defaults can each give a part. */
  readonly prometheus: ResolvedMap<PrometheusInjection[keyof PrometheusInjection]>;
  readonly sparkConf: ResolvedMap<string>;
  readonly hadoopConf: ResolvedMap<string>;
  /** Name of an ObjectStore: in the object's namespace, else in the system namespace. */
  readonly eventLog: Resolved<string> | undefined;
  /** Name of an ObjectStore, likewise; its sources of variables are in `envFrom`. */
  readonly objectStore: Resolved<string> | undefined;
  readonly s3aCommitter: Resolved<'Magic'> | undefined;
  readonly storageClass: Resolved<StorageClassInjection> | undefined;
  /** What could not be applied and why: unknown variables, keys that tie. */
  readonly warnings: readonly string[];
  /** What is enforced for the whole cluster and cannot be given for what the object is or lacks, a part of a sentence for each. */
  readonly unenforced: readonly string[];
  /** All that match and give anything, best first. */
  readonly matched: Application['matched'];
  /** What they do not come to give, whatever the object says. */
  readonly notApplied: Application['notApplied'];
  /** Some of it is for certain containers only: ask `resolveContainers` for each. */
  readonly isScoped: boolean;
}

/** What a container of a pod is to whoever made the pod. `helper`: a framework put it there for itself; `other`: a webhook did. */
export type ContainerRole = 'main' | 'sidecar' | 'init' | 'helper' | 'other';

/** One container that can be given something. */
export interface ContainerTarget {
  readonly name: string;
  readonly role: ContainerRole;
  /** What says nothing of containers is given to this one in full; others of the pod get its sources of variables alone. */
  readonly isDefault: boolean;
}

/**
 * What is for one container: all of `full`, which is undefined where nothing gives it more than its sources of variables; those, and
 * what is for frameworks' own containers too, of `sources`, which `full` has as well.
 */
export interface ContainerInjection {
  readonly full: Injection | undefined;
  readonly sources: Injection | undefined;
}

/** The object that defaults are looked up for. */
export interface DefaultsTarget {
  readonly kind: TargetKind;
  readonly namespace: string;
  readonly name: string;
  readonly labels: StringMap;
  readonly namespaceLabels: StringMap;
  readonly cloud: string;
  /**
   * Value of a built-in variable (`region`, `account`, `objectStore.<name>.url`), or undefined where it is not known. `isOfPlatform`: of
   * ObjectStores of one name the platform's.
   */
  readonly variable: (name: string, isOfPlatform?: boolean) => string | undefined;
  /** `quartermaster.dev/inject: disabled` on the object or its namespace: only global Enforce entries are kept. */
  readonly isDisabled: boolean;
  /** Who asked, as the API server knows them; undefined where that is not known. */
  readonly user?: string | undefined;
  /** Groups of whoever asked, joined by commas. */
  readonly groups?: string | undefined;
  /** Value of an annotation of the namespace that the platform lets variables name. */
  readonly namespaceAnnotation?: (key: string) => string | undefined;
  /** The account that a pod runs as. */
  readonly serviceAccount?: string | undefined;
  /** Set for pods: entries for every pod hold too, and what they say of owners. */
  readonly pod?: { readonly owners: ReadonlySet<string> };
}

/** All valid PlatformDefaults, indexed so that what cannot match costs nothing. */
export interface DefaultsIndex {
  /** Undefined where nothing matches. */
  readonly resolve: (target: DefaultsTarget) => Injection | undefined;
  /** The same for each container of a pod. */
  readonly resolveContainers: (target: DefaultsTarget) => (container: ContainerTarget) => ContainerInjection;
  /** True where one of them provisions a claim of that name, or of one that depends on the namespace. */
  readonly provisionsClaim: (name: string) => boolean;
  /** How many there are that change anything. */
  readonly size: number;
  /** Undefined where nothing has the mode Audit. */
  readonly audit?: AuditIndex | undefined;
}

/** What would be given, were all that has the mode Audit enforced. */
export interface AuditIndex {
  readonly index: DefaultsIndex;
  /** Each with that mode as `PlatformDefaults <namespace>/<name>@<generation>`; true where whoever makes an object is to be told. */
  readonly sources: ReadonlyMap<string, boolean>;
}
