import { OBJECT_STORE_FINALIZER } from '../../api/names.ts';
import type { ObjectStore, ObjectStoreStatus } from '../../api/object-store.ts';
import type { Place } from './placement.ts';
import type { BucketError, BucketReason, Feature, ObservedBucket } from './providers/bucket.ts';
import type { Refusal } from './validation.ts';

/** Why the work on an ObjectStore stands still. */
export type HaltReason = BucketReason | Refusal['reason'] | 'ProviderUnknown' | 'ConnectionTaken';

export interface Halt {
  readonly reason: HaltReason;
  /** One sentence for a person: what is the matter and what to do. */
  readonly message: string;
  /** What the provider asked us to wait. */
  readonly retryAfterMs?: number | undefined;
}

export interface SeenFeature {
  readonly name: Feature['name'];
  readonly state: 'unchecked' | 'applied' | 'differs' | 'repaired' | 'failed';
  /** With `failed`. */
  readonly halt?: Halt;
}

/** The ConfigMap that holds the connection: foreign where somebody else made it. */
export type SeenConnection = 'unseen' | 'absent' | 'stale' | 'current' | 'foreign';

/** All that is known of one ObjectStore in the course of one pass; `unseen` was not looked at yet. */
export interface Seen {
  readonly store: ObjectStore;
  readonly place: Place;
  readonly refusal: Refusal | undefined;
  /**
   * The platform's own identity works for a tenant: then nothing but the mark says whose a bucket is. Status does not, which a
   * tenant may be able to write, and an intent in it can be older than a bucket that somebody else made.
   */
  readonly isIdentityLent: boolean;
  readonly bucket: 'unseen' | 'absent' | ObservedBucket;
  /** Why making the bucket failed in this pass. Whether it is there for all that has to be looked at. */
  readonly creationFailure?: Halt;
  readonly features: readonly SeenFeature[];
  readonly connection: SeenConnection;
}

/** The one next thing to do. Each can be done twice, and the work be cut off before, within and after each. */
export type Step =
  | { readonly do: 'addFinalizer' | 'observe' | 'recordIntent' | 'create' | 'mark' }
  | { readonly do: 'checkFeature' | 'applyFeature'; readonly name: Feature['name'] }
  | { readonly do: 'readConnection' | 'writeConnection' | 'finish' }
  | { readonly do: 'halt'; readonly halt: Halt }
  | { readonly do: 'remove' | 'unmark' | 'rest' }
  /** Takes the finalizer off. `kept` says why the bucket stays where one might think it went. */
  | { readonly do: 'letGo'; readonly kept?: string };

/** What a provider's refusal comes to. */
export const haltOf = ({ reason, message, retryAfterMs }: BucketError): Halt => ({ reason, message, retryAfterMs });

export const halt = (halt: Halt): Step => ({ do: 'halt', halt });

/**
 * What status says of whose bucket it is. An intent counts as Created: it is written only after the bucket was seen
 * to be absent, so what is there afterwards without another's mark is what we made.
 */
export const claimOf = (status: ObjectStoreStatus | undefined): 'Created' | 'Adopted' | undefined =>
  status?.creationStarted === undefined ? status?.ownership : 'Created';

/** What may pass by itself, and leaves open what became of the call. */
export const isPassing = ({ reason }: Halt): boolean =>
  reason === 'Throttled' || reason === 'EndpointUnreachable' || reason === 'ProviderError';

export const hasFinalizer = ({ metadata }: ObjectStore): boolean =>
  metadata.finalizers?.includes(OBJECT_STORE_FINALIZER) ?? false;
