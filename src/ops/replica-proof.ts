import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** What a request between replicas carries, and its answer. */
export const PROOF_HEADER = 'quartermaster-replica';

/** How old a proof may be: the clocks of nodes differ. */
const GOOD_FOR_MS = 30_000;

/** Where a request goes to: a proof for one replica is none for another. */
export interface Target {
  readonly address: string;
  readonly port: number;
}

/**
 * Proves by HMAC-SHA-256 that whoever asks or answers has the key that all replicas serve with. The key itself is never sent, nor is any
 * token: a proof that is read on its way is good for the same question to the same replica, for half a minute.
 */
export const createReplicaProofs = (servingKey: () => string | undefined, now: () => number) => {
  const mac = (text: string): Buffer | undefined => {
    const key = servingKey();
    if (key === undefined) return undefined;
    const derived = hkdfSync('sha256', key, 'quartermaster', 'status between replicas', 32);
    return createHmac('sha256', Buffer.from(derived)).update(text).digest();
  };
  const isMac = (text: string, given: string): boolean => {
    const expected = mac(text);
    const bytes = Buffer.from(given, 'hex');
    return expected !== undefined && bytes.length === expected.length && timingSafeEqual(bytes, expected);
  };
  return {
    /** For the header of a question; undefined as long as this replica has no certificate. */
    ofQuestion: (target: Target): string | undefined => {
      const at = now();
      const proof = mac(`question ${at} ${textOf(target)}`);
      return proof && `${at} ${proof.toString('hex')}`;
    },
    isQuestion: (header: string | undefined, target: Target): boolean => {
      const [at = '', given = ''] = (header ?? '').split(' ');
      const isFresh = /^\d+$/.test(at) && Math.abs(now() - Number(at)) <= GOOD_FOR_MS;
      return isFresh && isMac(`question ${at} ${textOf(target)}`, given);
    },
    /** Binds an answer to its question. */
    ofAnswer: (question: string, body: string): string => mac(`answer ${question}\n${body}`)?.toString('hex') ?? '',
    isAnswer: (header: string | null, question: string, body: string): boolean =>
      isMac(`answer ${question}\n${body}`, header ?? ''),
  };
};

export type ReplicaProofs = ReturnType<typeof createReplicaProofs>;

const textOf = ({ address, port }: Target): string => `${plainAddress(address)} ${port}`;

/** An IPv4 address as an IPv6 socket has it, as itself. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '').toLowerCase();
