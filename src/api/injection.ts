import type { FileMount, PrometheusInjection, StorageClassInjection, TargetKind } from './inject-spec.ts';
import type { EnvFromSource, EnvVar, HostAlias, StringMap, Toleration, Volume, VolumeMount } from './kubernetes.ts';

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
  readonly nodeSelector: ResolvedMap<string>;
  /** By key, operator, value and effect, joined by `|`. */
  readonly tolerations: ResolvedMap<Toleration>;
  readonly imagePullSecrets: ResolvedMap<string>;
  /** By address. */
  readonly hostAliases: ResolvedMap<HostAlias>;
  readonly serviceAccountName: Resolved<string> | undefined;
  /** By field of PrometheusInjection, so that two defaults can each give a part. */
  readonly prometheus: ResolvedMap<PrometheusInjection[keyof PrometheusInjection]>;
  readonly sparkConf: ResolvedMap<string>;
  readonly hadoopConf: ResolvedMap<string>;
  /** Name of an ObjectStore: in the object's namespace, else in the system namespace. */
  readonly eventLog: Resolved<string> | undefined;
  readonly storageClass: Resolved<StorageClassInjection> | undefined;
  /** What could not be applied and why: unknown variables, keys that tie. */
  readonly warnings: readonly string[];
}

/** The object that defaults are looked up for. */
export interface DefaultsTarget {
  readonly kind: TargetKind;
  readonly namespace: string;
  readonly name: string;
  readonly labels: StringMap;
  readonly namespaceLabels: StringMap;
  readonly cloud: string;
  /** Value of a built-in variable (`region`, `account`, `objectStore.<name>.url`), or undefined where it is not known. */
  readonly variable: (name: string) => string | undefined;
  /** `quartermaster.dev/inject: disabled` on the object or its namespace: only global Enforce entries are kept. */
  readonly isDisabled: boolean;
}

/** All valid PlatformDefaults, indexed so that what cannot match costs nothing. */
export interface DefaultsIndex {
  /** Undefined where nothing matches. */
  readonly resolve: (target: DefaultsTarget) => Injection | undefined;
  readonly size: number;
}
