import type { KubeObject, StringMap } from './kubernetes.ts';
import type { Condition } from './platform-defaults.ts';

export type BucketProviderName = 'gcs' | 's3' | 'azure';

/** banzaicloud.com/v1alpha1 ObjectStore. `spec.name` alone is valid. */
export interface ObjectStore extends KubeObject {
  readonly spec: ObjectStoreSpec;
  readonly status?: ObjectStoreStatus;
}

export interface LifecycleRule {
  readonly prefix?: string;
  readonly expireDays?: number;
  readonly noncurrentExpireDays?: number;
  readonly abortMultipartDays?: number;
}

export interface ObjectStoreSpec {
  readonly name: string;
  readonly provider?: 'auto' | BucketProviderName;
  readonly location?: string;
  readonly storageClass?: string;
  readonly versioning?: boolean;
  readonly lifecycle?: readonly LifecycleRule[];
  readonly retention?: { readonly days: number };
  readonly publicAccess?: 'Blocked' | 'Unmanaged';
  readonly encryption?: { readonly keyRef: string };
  readonly labels?: StringMap;
  readonly s3?: {
    readonly endpoint?: string;
    readonly forcePathStyle?: boolean;
    readonly caBundleRef?: { readonly name: string; readonly key?: string };
  };
  readonly azure?: { readonly storageAccount?: string; readonly resourceGroup?: string; readonly sku?: string };
  readonly gcp?: { readonly project?: string };
  readonly credentialsSecretRef?: { readonly name: string };
  readonly adopt?: 'Never' | 'IfOwned' | 'Always';
  readonly deletionPolicy?: 'Retain' | 'Delete';
  readonly forceDelete?: boolean;
  readonly writeConnectionTo?: { readonly configMapName?: string };
}

export interface ObjectStoreStatus {
  readonly bucketName?: string;
  readonly provider?: BucketProviderName;
  readonly location?: string;
  readonly endpoint?: string;
  readonly url?: string;
  readonly ownership?: 'Created' | 'Adopted';
  readonly configMapName?: string;
  readonly observedGeneration?: number;
  readonly lastSyncTime?: string;
  readonly conditions?: readonly Condition[];
}
