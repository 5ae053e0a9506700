import type { CloudVerdict, Policy } from '../../api/facts.ts';
import { BUCKET_CLUSTER_MARK, BUCKET_STORE_MARK } from '../../api/names.ts';
import type { ObjectStore } from '../../api/object-store.ts';
import { type Placement, resolvePlacement } from './placement.ts';
import type { DesiredBucket } from './providers/bucket.ts';
import { type ObservedState, ownershipOf } from './state.ts';
import { findViolation } from './validation.ts';

/** What is known of an ObjectStore before anything is observed: the webhook's own rules, which may not have been asked. */
export const initialState = (store: ObjectStore, cloud: CloudVerdict, policy: Policy): ObservedState => {
  const { spec } = store;
  const placement = recordedPlacement(resolvePlacement(spec, cloud), store);
  const isPlatform = store.metadata.namespace === policy.systemNamespace;
  const isLoopbackAllowed = policy.allowLoopbackEndpoints ?? false;
  const violation = findViolation({ spec, placement, isLoopbackAllowed, isPlatform });
  const isPlatformIdentity = spec.credentialsSecretRef === undefined && !isPlatform;
  return {
    store,
    placement,
    violation,
    isPlatformIdentity,
    bucket: 'unobserved',
    features: [],
    connection: 'unobserved',
  };
};

/** Once the bucket is ours, where it was made counts for more than where the cloud would put it today. */
const recordedPlacement = (placement: Placement, { spec, status }: ObjectStore): Placement => {
  if (ownershipOf(status) === undefined || status?.provider === undefined) return placement;
  const { unknown: _, ...known } = placement;
  return {
    ...known,
    provider: status.provider,
    location: spec.location || status.location,
    endpoint: status.provider === 's3' ? (spec.s3?.endpoint ?? status.endpoint) : undefined,
  };
};

/** The bucket that an ObjectStore asks for. `clusterUid` keeps ObjectStores of two clusters in one account apart. */
export const desiredBucket = (
  { metadata, spec }: ObjectStore,
  placement: Placement,
  clusterUid: string,
): DesiredBucket => ({
  name: spec.name,
  location: placement.location,
  owner: { [BUCKET_STORE_MARK]: metadata.uid ?? '', [BUCKET_CLUSTER_MARK]: clusterUid },
  storageClass: spec.storageClass || undefined,
  versioning: spec.versioning,
  lifecycle: spec.lifecycle,
  retentionDays: spec.retention?.days,
  publicAccess: spec.publicAccess ?? 'Default',
  encryptionKey: spec.encryption?.keyRef,
  labels: spec.labels ?? {},
});
