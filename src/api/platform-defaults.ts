import type { Mode, PrometheusInjection, StorageClassInjection, TargetKind } from './injection.ts';
import type {
  EnvFromSource,
  EnvVar,
  KubeObject,
  LabelSelector,
  PersistentVolumeClaimSpec,
  StringMap,
  Toleration,
  Volume,
  VolumeMount,
} from './kubernetes.ts';

/** quartermaster.dev/v1alpha1 PlatformDefaults, as stored. */
export interface PlatformDefaults extends KubeObject {
  readonly spec: PlatformDefaultsSpec;
  readonly status?: PlatformDefaultsStatus;
}

export interface PlatformDefaultsSpec {
  readonly match: {
    readonly kinds: readonly TargetKind[];
    readonly selector?: LabelSelector;
    readonly namespaceSelector?: LabelSelector;
    readonly clouds?: readonly string[];
  };
  readonly mode?: Mode;
  readonly priority?: number;
  readonly variables?: StringMap;
  readonly inject?: InjectSpec;
  readonly provision?: ProvisionSpec;
}

export interface InjectSpec {
  readonly labels?: StringMap;
  readonly annotations?: StringMap;
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly EnvFromSource[];
  readonly volumes?: readonly Volume[];
  readonly volumeMounts?: readonly VolumeMount[];
  readonly configMaps?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly secrets?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly nodeSelector?: StringMap;
  readonly tolerations?: readonly Toleration[];
  readonly imagePullSecrets?: readonly { readonly name: string }[];
  readonly serviceAccountName?: string;
  readonly prometheus?: PrometheusInjection;
  readonly sparkConf?: StringMap;
  readonly hadoopConf?: StringMap;
  readonly eventLog?: { readonly objectStore: string };
  readonly storageClass?: StorageClassInjection;
}

export interface ProvisionSpec {
  readonly configMaps?: readonly { readonly name: string; readonly data?: StringMap; readonly copyFrom?: string }[];
  readonly secrets?: readonly { readonly name: string; readonly copyFrom: string }[];
  readonly persistentVolumeClaims?: readonly { readonly name: string; readonly spec: PersistentVolumeClaimSpec }[];
}

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
}

export interface PlatformDefaultsStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
  readonly provisionedNamespaces?: number;
}
