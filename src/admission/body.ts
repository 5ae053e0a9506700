import type { IncomingMessage } from 'node:http';

/** How much of other people's bytes may be in memory at once. All in bytes. */
export interface BodyBounds {
  /** One body. */
  readonly largest: number;
  /** All bodies together that have not come to their end. */
  readonly together: number;
  /** What is taken even when that is used up, so that a few large bodies that never end do not keep the usual ones out. */
  readonly small: number;
}

/** A body, or why it was not read to its end: it is too large, or too much is being read already. */
export type Body = Buffer | 'too large' | 'too much';

/** Reads the whole body of a request. Rejects where the connection ends within it. */
export type ReadBody = (request: IncomingMessage) => Promise<Body>;

/** Makes the reader of one server, which keeps the account of all its bodies. */
export const createBodyReader = (bounds: BodyBounds): ReadBody => {
  const account = { bytes: 0 };
  return (request) => {
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > bounds.largest) return Promise.resolve('too large');
    const incoming = createIncoming(declared, bounds, account);
    return new Promise((resolve, reject) => {
      request.on('data', (chunk: Buffer) => {
        const excess = incoming.add(chunk);
        if (excess === undefined) return;
        request.pause();
        incoming.release();
        resolve(excess);
      });
      request.on('end', () => {
        resolve(incoming.bytes());
        incoming.release();
      });
      request.on('error', (error) => {
        incoming.release();
        reject(error);
      });
    });
  };
};

interface Incoming {
  /** Why the chunk was not taken; undefined where it was. */
  readonly add: (chunk: Buffer) => 'too large' | 'too much' | undefined;
  readonly bytes: () => Buffer;
  readonly release: () => void;
}

const FIRST_BYTES = 16 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);

/** One buffer for what comes, so that a body in a million pieces takes no more memory than one that comes whole. */
const createIncoming = (declared: number, bounds: BodyBounds, account: { bytes: number }): Incoming => {
  let buffer = NOTHING;
  let length = 0;
  const replace = (next: Buffer): void => {
    account.bytes += next.length - buffer.length;
    buffer = next;
  };
  const append = (chunk: Buffer, room: number): void => {
    if (room > buffer.length) replace(enlarged(buffer, length, room));
    chunk.copy(buffer, length);
  };
  return {
    add: (chunk) => {
      const total = length + chunk.length;
      if (total > bounds.largest) return 'too large';
      const room = total <= buffer.length ? buffer.length : roomFor(total, declared, bounds.largest);
      if (room > bounds.small && account.bytes + room - buffer.length > bounds.together) return 'too much';
      if (chunk.length === declared) replace(chunk);
      else append(chunk, room);
      length = total;
      return undefined;
    },
    bytes: () => buffer.subarray(0, length),
    release: () => replace(NOTHING),
  };
};

const roomFor = (total: number, declared: number, largest: number): number =>
  Math.max(declared, Math.min(Math.max(2 * total, FIRST_BYTES), largest));

const enlarged = (buffer: Buffer, length: number, room: number): Buffer => {
  const larger = Buffer.allocUnsafe(room);
  buffer.copy(larger, 0, 0, length);
  return larger;
};
