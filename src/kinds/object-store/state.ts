import type { CloudVerdict, Policy } from '../../api/facts.ts';
import { quantityOf, type StringMap } from '../../api/kubernetes.ts';
import { BUCKET_CLUSTER_MARK, BUCKET_STORE_MARK, OBJECT_STORE_FINALIZER } from '../../api/names.ts';
import type { ObjectStore, ObjectStoreStatus } from '../../api/object-store.ts';
import type { ObjectKey } from '../../kube/api-server.ts';
import type { AccessStep, ObservedAccess } from './access/keys.ts';
import { type Sharing, sharersOf, sharingOf } from './access/sharing.ts';
import { type Placement, resolvePlacement, servicesAt } from './placement.ts';
import type { BucketError, BucketReason, DesiredBucket, Feature, ObservedBucket } from './providers/bucket.ts';
import { findViolation, type Violation } from './validation.ts';

/** Why an ObjectStore is blocked: the reason of its conditions. */
export type BlockedReason =
  | BucketReason
  | Violation['reason']
  | 'ProviderUnknown'
  | 'ConnectionTaken'
  | 'NotGranted'
  | 'StillShared';

export interface Blocked {
  readonly reason: BlockedReason;
  /** One sentence for a person: what is the matter and what to do. */
  readonly message: string;
  /** What the provider asked us to wait. */
  readonly retryAfterMs?: number | undefined;
}

export type ObservedFeature =
  | { readonly name: Feature['name']; readonly state: 'unchecked' | 'applied' | 'differs' | 'repaired' }
  | UnmetField;

/** A field of the spec that is not as it says, though the bucket is there. */
export interface UnmetField {
  readonly name: Feature['name'] | 'access' | 'grants' | 'credentialsSecretRef';
  readonly state: 'failed';
  readonly blocked: Blocked;
}

/** What the bucket is reached with, which stays as long as it is needed. */
export interface ObservedReferences {
  /** Milliseconds until they are to be looked at again; infinite where nothing of them is being deleted. */
  readonly dueMs: number;
  /** Why one of them could not be kept. */
  readonly failure: Blocked | undefined;
}

/** The ConfigMap that holds the connection: foreign where somebody else made it. */
export type ObservedConnection = 'unobserved' | 'absent' | 'stale' | 'current' | 'foreign';

/** All that is known of one ObjectStore in the course of one reconciliation; `unobserved` was not read yet. */
export interface ObservedState {
  readonly store: ObjectStore;
  readonly placement: Placement;
  readonly violation: Violation | undefined;
  /** Set where the bucket is another ObjectStore's. */
  readonly sharing?: Sharing | undefined;
  /** ObjectStores, as `namespace/name`, whose workloads still have keys for this bucket and are to have none. */
  readonly sharers: readonly string[];
  readonly references: 'unobserved' | ObservedReferences;
  /**
   * The platform's own identity works for a tenant: then nothing but the mark says whose a bucket is, or the proof of an intent. Status
   * itself does not, which a tenant may be able to write, and an intent in it can be older than a bucket that somebody else made.
   */
  readonly isPlatformIdentity: boolean;
  readonly bucket: 'unobserved' | 'absent' | ObservedBucket;
  /** That a bucket without a mark was made by our own call, which was cut off before the mark, and holds nothing. */
  readonly isMadeByUs: boolean;
  /** Why making the bucket failed in this reconciliation. Whether it is there for all that has to be observed. */
  readonly creationFailure?: Blocked;
  readonly features: readonly ObservedFeature[];
  readonly connection: ObservedConnection;
  /** Users, keys and the Secret of `spec.access`; `failed` once something of it was refused in this reconciliation. */
  readonly access: 'unobserved' | 'failed' | ObservedAccess;
}

/** The one next thing to do. Each can be done twice, and the work be cut off before, within and after each. */
export type Step =
  | { readonly do: 'addFinalizer' | 'observe' | 'recordIntent' | 'create' | 'mark' }
  | { readonly do: 'recordReferences' | 'keepReferences' | 'letFormerGo' }
  | { readonly do: 'checkFeature' | 'applyFeature'; readonly name: Feature['name'] }
  | { readonly do: 'readConnection' | 'writeConnection' | 'finish' }
  | { readonly do: 'observeAccess' | 'recordAccess' | 'revokeAccess' }
  | AccessStep
  | { readonly do: 'block'; readonly blocked: Blocked }
  | { readonly do: 'remove' | 'unmark' | 'none' }
  /** Forgets the user, which stays at the provider: a person said so. */
  | { readonly do: 'leaveAccess'; readonly failure: Blocked }
  /** Takes the finalizer off. `kept` says why the bucket stays where one might think it went. */
  | { readonly do: 'release'; readonly kept?: string };

/** What a provider's refusal comes to. */
export const toBlocked = ({ reason, message, retryAfterMs }: BucketError): Blocked => ({
  reason,
  message,
  retryAfterMs,
});

export const blocked = (blocked: Blocked): Step => ({ do: 'block', blocked });

/**
 * What status says of whose bucket it is. An intent counts as Created: it is written only after the bucket was observed
 * to be absent, so what is there afterwards without another's mark is what we made.
 */
export const ownershipOf = (status: ObjectStoreStatus | undefined): ObjectStoreStatus['ownership'] =>
  status?.creationStarted === undefined ? status?.ownership : 'Created';

/** Whether an ObjectStore that is going has seen to all it had at the provider. */
export const isDone = ({ metadata, status }: ObjectStore): boolean =>
  Boolean(metadata.deletionTimestamp) && status?.access === undefined && ownershipOf(status) === undefined;

/** What may end by itself, and leaves open what became of the call. */
export const isTransient = ({ reason }: Blocked): boolean =>
  reason === 'Throttled' || reason === 'EndpointUnreachable' || reason === 'ProviderError';

export const hasFinalizer = ({ metadata }: ObjectStore): boolean =>
  metadata.finalizers?.includes(OBJECT_STORE_FINALIZER) ?? false;

/** The other ObjectStores of the cluster: looked up, since anybody makes as many as they like. */
export interface OtherStores {
  readonly get: (key: ObjectKey) => ObjectStore | undefined;
  /** Those that use the bucket of this one. */
  readonly sharing: (metadata: ObjectStore['metadata']) => readonly ObjectStore[];
}

const NO_OTHERS: OtherStores = { get: () => undefined, sharing: () => [] };

/** What is known of an ObjectStore before anything is observed: the webhook's own rules, which may not have been asked. */
export const initialState = (
  store: ObjectStore,
  cloud: CloudVerdict,
  policy: Policy,
  others: OtherStores = NO_OTHERS,
  labelsOf?: LabelsOf,
): ObservedState => {
  const { spec } = store;
  const sharing = sharingOf(store, others.get);
  const placement = placementOf(sharing?.owner ?? store, cloud, policy, labelsOf);
  const isPlatform = store.metadata.namespace === policy.systemNamespace;
  const isLoopbackAllowed = policy.allowLoopbackEndpoints ?? false;
  const violation = findViolation({ spec, placement, isLoopbackAllowed, isPlatform });
  const isPlatformIdentity = spec.credentialsSecretRef === undefined && !isPlatform;
  return {
    store,
    placement,
    violation,
    sharing,
    sharers: sharersOf(store, others.sharing(store.metadata)),
    references: 'unobserved',
    isPlatformIdentity,
    bucket: 'unobserved',
    isMadeByUs: false,
    features: [],
    connection: 'unobserved',
    access: 'unobserved',
  };
};

/** Where the bucket of an ObjectStore is, or will be. */
export const placementOf = (
  store: ObjectStore,
  cloud: CloudVerdict,
  policy: Policy,
  labelsOf: LabelsOf = () => undefined,
): Placement =>
  recordedPlacement(
    resolvePlacement(store.spec, cloud, policy, labelsOf(store.metadata.namespace ?? '')),
    store,
    policy,
  );

/** Labels of a namespace; undefined where they are not to be held against anybody. */
export type LabelsOf = (namespace: string) => StringMap | undefined;

/** Once the bucket is ours, where it was made counts for more than where the cloud would put it today. */
const recordedPlacement = (placement: Placement, { spec, status }: ObjectStore, policy: Policy): Placement => {
  if (ownershipOf(status) === undefined || status?.provider === undefined) return placement;
  const { unknown: _, refused: __, service, platform: ___, ...known } = placement;
  const endpoint = status.provider === 's3' ? (spec.s3?.endpoint ?? status.endpoint) : undefined;
  return {
    ...known,
    provider: status.provider,
    location: spec.location || status.location,
    endpoint,
    // Of two services at one address it is the one that it is for by now.
    ...servicesAt(spec, endpoint, [service, policy.s3, ...(policy.s3Services ?? [])]),
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
  quota: spec.quota && {
    bytes: spec.quota.maxSize === undefined ? -1 : Math.floor(quantityOf(spec.quota.maxSize) ?? 0),
    objects: spec.quota.maxObjects ?? -1,
  },
});
