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

/** Reads the whole body of a request, for one of the two: `broken` where the connection ends within it. */
export type ReadBody = (request: IncomingMessage, done: (body: Body) => void, broken: (error: Error) => void) => void;

/** Makes the reader of one server, which keeps the account of all its bodies. */
export const createBodyReader = (bounds: BodyBounds): ReadBody => {
  const account = { bytes: 0 };
  return (request, done, broken) => {
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > bounds.largest) {
      done('too large');
      return;
    }
    let whole: Buffer | undefined;
    let incoming: Incoming | undefined;
    request.on('data', (chunk: Buffer) => {
      // Nearly all come in one piece, which takes no keeping of accounts.
      if (chunk.length === declared && declared <= bounds.small) {
        whole = chunk;
        return;
      }
      incoming ??= createIncoming(declared, bounds, account);
      const excess = incoming.add(chunk);
      if (excess === undefined) return;
      request.pause();
      incoming.release();
      done(excess);
    });
    request.on('end', () => {
      const body = whole ?? incoming?.bytes() ?? NOTHING;
      incoming?.release();
      done(body);
    });
    request.on('error', (error) => {
      incoming?.release();
      broken(error);
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
      append(chunk, room);
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
