/**
 * The parts of Kubernetes objects that Quartermaster reads or writes, as they arrive in JSON: any field
 * may be absent or null, and fields not named here are carried along untouched.
 */
export type Maybe<T> = T | null | undefined;
export type StringMap = Readonly<Record<string, string>>;

/** A moment as metav1.Time has it: without a fraction. */
export const metaTime = (at: Date): string => at.toISOString().replace(/\.\d+Z$/, 'Z');

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

export interface ObjectMeta {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: Maybe<string>;
  readonly deletionTimestamp?: Maybe<string>;
  readonly labels?: Maybe<StringMap>;
  readonly annotations?: Maybe<StringMap>;
  readonly finalizers?: Maybe<readonly string[]>;
  readonly ownerReferences?: Maybe<readonly OwnerReference[]>;
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

export interface ConfigMap extends KubeObject {
  readonly data?: StringMap;
}

export interface Secret extends KubeObject {
  readonly type?: string;
  /** In base64. */
  readonly data?: StringMap;
}

export interface LabelSelector {
  readonly matchLabels?: Maybe<StringMap>;
  readonly matchExpressions?: Maybe<readonly LabelRequirement[]>;
}

export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: Maybe<readonly string[]>;
}

export type AccessMode = 'ReadWriteOnce' | 'ReadOnlyMany' | 'ReadWriteMany' | 'ReadWriteOncePod';
export type VolumeMode = 'Filesystem' | 'Block';

export interface PersistentVolumeClaim extends KubeObject {
  readonly spec?: Maybe<PersistentVolumeClaimSpec>;
  readonly status?: Maybe<{ readonly phase?: string; readonly capacity?: Maybe<StringMap> }>;
}

export interface PersistentVolumeClaimSpec {
  readonly accessModes?: Maybe<readonly AccessMode[]>;
  readonly volumeMode?: Maybe<VolumeMode>;
  readonly storageClassName?: Maybe<string>;
  readonly volumeAttributesClassName?: Maybe<string>;
  readonly volumeName?: Maybe<string>;
  readonly selector?: Maybe<LabelSelector>;
  readonly dataSource?: Maybe<DataSource>;
  readonly dataSourceRef?: Maybe<DataSource>;
  readonly resources?: Maybe<{ readonly requests?: Maybe<StringMap> }>;
}

interface DataSource {
  readonly apiGroup?: Maybe<string>;
  readonly kind?: string;
  readonly name?: string;
}

export interface PersistentVolume extends KubeObject {
  readonly spec?: Maybe<{
    readonly storageClassName?: Maybe<string>;
    readonly capacity?: Maybe<StringMap>;
    readonly nfs?: Maybe<{ readonly server?: string; readonly path?: string }>;
    readonly persistentVolumeReclaimPolicy?: Maybe<string>;
    /** The claim it is for; set before the claim is Bound. */
    readonly claimRef?: Maybe<{ readonly uid?: string; readonly namespace?: string }>;
  }>;
  readonly status?: Maybe<{ readonly phase?: string }>;
}

/** storage.k8s.io/v1. Provisioner, parameters, reclaimPolicy and volumeBindingMode are immutable. */
export interface StorageClass extends KubeObject {
  readonly provisioner: string;
  readonly parameters?: Maybe<StringMap>;
  readonly reclaimPolicy?: 'Delete' | 'Retain';
  readonly volumeBindingMode?: 'Immediate' | 'WaitForFirstConsumer';
  readonly allowVolumeExpansion?: boolean;
  readonly mountOptions?: Maybe<readonly string[]>;
  /** Where its volumes may be made; anywhere when absent. */
  readonly allowedTopologies?: Maybe<readonly TopologySelectorTerm[]>;
}

export interface TopologySelectorTerm {
  readonly matchLabelExpressions?: Maybe<readonly { readonly key: string; readonly values: readonly string[] }[]>;
}

/** storage.k8s.io/v1, from Kubernetes 1.34 on: how the volumes of one driver are to perform. */
export interface VolumeAttributesClass extends KubeObject {
  readonly driverName: string;
}

export interface EnvVar {
  readonly name: string;
  readonly value?: Maybe<string>;
  readonly valueFrom?: Maybe<Readonly<Record<string, unknown>>>;
}

export interface EnvFromSource {
  readonly prefix?: string;
  readonly configMapRef?: Maybe<{ readonly name?: string; readonly optional?: boolean }>;
  readonly secretRef?: Maybe<{ readonly name?: string; readonly optional?: boolean }>;
}

export interface Volume {
  readonly name: string;
  readonly [source: string]: unknown;
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
  readonly readOnly?: boolean;
}

export interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
  readonly tolerationSeconds?: number;
}

export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly command?: Maybe<readonly string[]>;
  readonly args?: Maybe<readonly string[]>;
  readonly workingDir?: string;
  readonly env?: Maybe<readonly EnvVar[]>;
  readonly envFrom?: Maybe<readonly EnvFromSource[]>;
  readonly volumeMounts?: Maybe<readonly VolumeMount[]>;
  readonly ports?: Maybe<readonly { readonly name?: string; readonly containerPort: number }[]>;
}

/** Names that stand for an address in the pod’s own /etc/hosts. */
export interface HostAlias {
  readonly ip: string;
  readonly hostnames?: readonly string[];
}

interface PodSpec {
  readonly containers?: Maybe<readonly Container[]>;
  readonly initContainers?: Maybe<readonly Container[]>;
  readonly volumes?: Maybe<readonly Volume[]>;
  readonly nodeSelector?: Maybe<StringMap>;
  readonly tolerations?: Maybe<readonly Toleration[]>;
  readonly imagePullSecrets?: Maybe<readonly { readonly name?: string }[]>;
  readonly hostAliases?: Maybe<readonly HostAlias[]>;
  readonly serviceAccountName?: Maybe<string>;
  readonly restartPolicy?: string;
}

export interface Pod extends KubeObject {
  readonly spec?: Maybe<PodSpec>;
}

const UNITS: Readonly<Record<string, number>> = {
  ...{ n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 },
};

/** A quantity of 0 or more as a number (apimachinery's resource.ParseQuantity), infinite where it is beyond all numbers; undefined where it is none. */
export const quantityOf = (quantity: unknown): number | undefined => {
  const text = typeof quantity === 'number' ? String(quantity) : quantity;
  if (typeof text !== 'string') return undefined;
  const match = /^\+?(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/.exec(text);
  if (match === null) return undefined;
  const [, number, exponent = '0', unit = ''] = match;
  const factor = Number(number);
  return factor === 0 ? 0 : factor * 10 ** Number(exponent) * (UNITS[unit] ?? 0);
};
