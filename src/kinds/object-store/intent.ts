import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { ObjectStore, ObjectStoreStatus } from '../../api/object-store.ts';

/** How long an intent is good for: a bucket is made in the seconds after it, by clocks that differ. */
const GOOD_FOR_MS = 60_000;
/** How old an intent may be when the bucket is made. */
const FRESH_MS = 10_000;

/**
 * Proves by HMAC-SHA-256 that an intent in status is ours: a tenant may be able to write there. Made with the key that all replicas serve
 * with, so that the one that takes over knows it again.
 */
export interface IntentProofs {
  /** Of what status is about to say; undefined as long as this replica has no key. */
  readonly of: (store: ObjectStore, status: ObjectStoreStatus) => string | undefined;
  /** Whether what status says is what was proved. */
  readonly isProved: (store: ObjectStore) => boolean;
}

export const createIntentProofs = (servingKey: () => string | undefined): IntentProofs => {
  const mac = ({ metadata, spec }: ObjectStore, status: ObjectStoreStatus): Buffer | undefined => {
    const key = servingKey();
    if (key === undefined) return undefined;
    const { endpoint = '', creationStarted } = status;
    const derived = hkdfSync('sha256', key, 'quartermaster', 'buckets that are being made', 32);
    const text = JSON.stringify([metadata.uid, spec.name, endpoint, creationStarted]);
    return createHmac('sha256', Buffer.from(derived)).update(text).digest();
  };
  return {
    of: (store, status) => mac(store, status)?.toString('hex'),
    isProved: (store) => {
      const expected = mac(store, store.status ?? {});
      const given = Buffer.from(store.status?.creationProof ?? '', 'hex');
      return expected !== undefined && given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
};

/** Whether a bucket without a mark was made by the call that status tells of: it was proved, and the bucket was made right after. */
export const wasMadeBy = (store: ObjectStore, createdAt: Date | undefined, proofs: IntentProofs): boolean => {
  const startedAt = Date.parse(store.status?.creationStarted ?? '');
  return createdAt !== undefined && Math.abs(createdAt.getTime() - startedAt) <= GOOD_FOR_MS && proofs.isProved(store);
};

/** Whether it is too old to make a bucket by that is known again. */
export const isStale = (creationStarted: string, now: Date): boolean =>
  now.getTime() - Date.parse(creationStarted) > FRESH_MS;
