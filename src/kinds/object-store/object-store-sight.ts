import type { CloudVerdict, Policy } from '../../api/facts.ts';
import { BUCKET_CLUSTER_MARK, BUCKET_STORE_MARK } from '../../api/names.ts';
import type { ObjectStore } from '../../api/object-store.ts';
import { type Place, placeOf } from './placement.ts';
import type { DesiredBucket } from './providers/bucket.ts';
import { claimOf, type Seen } from './state.ts';
import { refusalOf } from './validation.ts';

/** What can be said of an ObjectStore before anybody is asked: the webhook's own rules, which may not have been asked. */
export const firstSight = (store: ObjectStore, cloud: CloudVerdict, policy: Policy): Seen => {
  const { spec } = store;
  const place = recordedPlace(placeOf(spec, cloud), store);
  const isPlatform = store.metadata.namespace === policy.systemNamespace;
  const isLoopbackAllowed = policy.allowLoopbackEndpoints ?? false;
  const refusal = refusalOf({ spec, place, isLoopbackAllowed, isPlatform });
  const isIdentityLent = spec.credentialsSecretRef === undefined && !isPlatform;
  return { store, place, refusal, isIdentityLent, bucket: 'unseen', features: [], connection: 'unseen' };
};

/** Once the bucket is ours, where it was made counts for more than where the cloud would put it today. */
const recordedPlace = (place: Place, { spec, status }: ObjectStore): Place => {
  if (claimOf(status) === undefined || status?.provider === undefined) return place;
  const { unknown: _, ...rest } = place;
  return {
    ...rest,
    provider: status.provider,
    location: spec.location || status.location,
    endpoint: status.provider === 's3' ? (spec.s3?.endpoint ?? status.endpoint) : undefined,
  };
};

/** The bucket that an ObjectStore asks for. `clusterUid` keeps ObjectStores of two clusters in one account apart. */
export const desiredBucket = ({ metadata, spec }: ObjectStore, place: Place, clusterUid: string): DesiredBucket => ({
  name: spec.name,
  location: place.location,
  owner: { [BUCKET_STORE_MARK]: metadata.uid ?? '', [BUCKET_CLUSTER_MARK]: clusterUid },
  storageClass: spec.storageClass || undefined,
  versioning: spec.versioning,
  lifecycle: spec.lifecycle,
  retentionDays: spec.retention?.days,
  publicAccess: spec.publicAccess ?? 'Default',
  encryptionKey: spec.encryption?.keyRef,
  labels: spec.labels ?? {},
});
