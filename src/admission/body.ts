import type { IncomingMessage } from 'node:http';
import type { Budget, Reservation } from './budget.ts';
import { type Exchange, hostOf, whileOpen } from './exchange.ts';
import type { InTurn } from './scheduler.ts';

/** How much of one body may be in memory. All in bytes. */
export interface BodyLimits {
  /** One body. */
  readonly maxBytes: number;
  /** Up to this a body counts with the small ones, so that large bodies that never end do not keep the usual ones out. */
  readonly smallBytes: number;
}

/** Small bodies have a budget of their own. */
interface BodyBudgets {
  readonly small: Budget;
  readonly large: Budget;
}

/** A body, or why it was not read to its end: it is too large, too much is being read already, or it comes in pieces too small. */
export type Body = Buffer | 'too large' | 'too much' | 'too small';

/**
 * Reads the whole body of a request, for one of the two: `broken` where the connection ends within it. Neither where the request is
 * answered before it has come to its end.
 */
export type ReadBody = (exchange: Exchange, done: (body: Body) => void, broken: (error: Error) => void) => void;

/**
 * Makes the reader of one server, which keeps the account of all its bodies: of what has come, whatever was announced. A large one is
 * done when its turn comes, and counts until then.
 */
export const createBodyReader =
  (limits: BodyLimits, budgets: BodyBudgets, inTurn: InTurn): ReadBody =>
  ({ request, response }, done, broken) => {
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > limits.maxBytes) {
      done('too large');
      discardBody(request);
      return;
    }
    let whole: Buffer | undefined;
    let incoming: Incoming | undefined;
    let isOver = false;
    const end = (): void => {
      isOver = true;
      incoming?.release();
    };
    const refuse = (why: Body): void => {
      end();
      done(why);
      // At once: node would go on to read what has come.
      if (why === 'too small') request.socket.destroy();
      else discardBody(request);
    };
    const hold = (size: keyof BodyBudgets): Reservation => {
      const reservation = budgets[size].open(hostOf(request), () => refuse('too much'));
      return whileOpen({ response }, reservation, end);
    };
    request.on('data', (chunk: Buffer) => {
      if (isOver) return;
      // Nearly all come in one piece, which needs no accounting.
      if (chunk.length === declared && declared <= limits.smallBytes) {
        whole = chunk;
        return;
      }
      incoming ??= createIncoming(declared || limits.maxBytes, limits, hold);
      const excess = incoming.add(chunk);
      if (excess !== undefined) refuse(excess);
    });
    const finish = (): void => {
      // While it waited its room may have gone to another, or its connection.
      if (isOver) return;
      const body = whole ?? incoming?.bytes() ?? NOTHING;
      done(body);
      end();
    };
    request.on('end', () => {
      if (incoming?.isLarge() === true) inTurn(hostOf(request), finish);
      else finish();
    });
    request.on('error', (error) => {
      end();
      broken(error);
    });
  };

/** A body that comes in more pieces has as many bytes in each of them, on average. */
const MOST_PIECES = 256;
/** What is sent as it is has half a kilobyte and more in a TLS record. */
const LEAST_PIECE = 256;

/**
 * Tells of each piece whether the body comes in pieces too small: they take microseconds each whatever is in them, and some hundred bytes
 * while nobody reads them.
 */
const createPieceCount = (): ((chunk: Buffer) => boolean) => {
  let pieces = 0;
  let bytes = 0;
  return (chunk) => {
    pieces += 1;
    bytes += chunk.length;
    return pieces > MOST_PIECES && bytes < pieces * LEAST_PIECE;
  };
};

/** Reads what is left of a body that nobody asked for, and forgets it. */
export const discardBody = (request: IncomingMessage): void => {
  const isTooSmall = createPieceCount();
  request.on('data', (chunk: Buffer) => {
    if (isTooSmall(chunk)) request.socket.destroy();
  });
};

interface Incoming {
  /** Why the chunk was not taken; undefined where it was. */
  readonly add: (chunk: Buffer) => 'too large' | 'too much' | 'too small' | undefined;
  readonly bytes: () => Buffer;
  readonly isLarge: () => boolean;
  readonly release: () => void;
}

const FIRST_BYTES = 16 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * One buffer for what comes, so that a body in a million pieces takes no more memory than one that comes whole: twice of what has
 * come, at most.
 */
const createIncoming = (
  expected: number,
  limits: BodyLimits,
  hold: (size: keyof BodyBudgets) => Reservation,
): Incoming => {
  let buffer = NOTHING;
  let length = 0;
  const isTooSmall = createPieceCount();
  let counted: { readonly size: keyof BodyBudgets; readonly reservation: Reservation; bytes: number } | undefined;
  const reserve = (capacity: number): boolean => {
    const size = capacity <= limits.smallBytes ? 'small' : 'large';
    if (counted?.size !== size) {
      counted?.reservation.release();
      counted = { size, reservation: hold(size), bytes: 0 };
    }
    if (!counted.reservation.take(capacity - counted.bytes)) return false;
    counted.bytes = capacity;
    return true;
  };
  return {
    add: (chunk) => {
      const total = length + chunk.length;
      if (total > limits.maxBytes) return 'too large';
      if (isTooSmall(chunk)) return 'too small';
      if (total > buffer.length) {
        const capacity = Math.max(total, Math.min(Math.max(2 * total, FIRST_BYTES), expected));
        if (!reserve(capacity)) return 'too much';
        buffer = enlarged(buffer, length, capacity);
      }
      chunk.copy(buffer, length);
      length = total;
      return undefined;
    },
    bytes: () => buffer.subarray(0, length),
    isLarge: () => length > limits.smallBytes,
    release: () => {
      buffer = NOTHING;
      counted?.reservation.release();
    },
  };
};

const enlarged = (buffer: Buffer, length: number, capacity: number): Buffer => {
  const larger = Buffer.allocUnsafe(capacity);
  buffer.copy(larger, 0, 0, length);
  return larger;
};

/** Levels of a JSON text: Kubernetes' own kinds have about twenty, and what recurses into thousands overflows the stack. */
const MAX_DEPTH = 500;
/** Values of a JSON text. The review of an UPDATE that carries two objects of 1.5 MiB has some 300,000 at most. */
const MAX_VALUES = 500_000;
/** Different keys of a JSON text. Each takes eight times what one that was there before does; what people write has some hundreds. */
const MAX_KEYS = 50_000;
/** In bytes; what is smaller holds too few values to matter. */
const SMALL = 256 * 1024;

const [QUOTE, BACKSLASH, COLON] = [...Buffer.from('"\\:')];

/** One for each byte that begins a value. */
const VALUES = new Int8Array(256);
/** How each byte moves the level. */
const DEPTH_CHANGES = new Int8Array(256);
for (const byte of Buffer.from(',[{')) VALUES[byte] = 1;
for (const byte of Buffer.from('[{')) DEPTH_CHANGES[byte] = 1;
for (const byte of Buffer.from(']}')) DEPTH_CHANGES[byte] = -1;

/** How many bytes of a large body are looked at first. */
const SAMPLE = 2_048;

/**
 * True for a JSON text that is small and takes thirty times its size once it is parsed: `[[[…]]]` of 7 MiB is 200 MB and a
 * second of work, whoever sent it. Looks at every byte only where a sample of them says that it may be.
 */
export const isTooComplex = (body: Buffer): boolean =>
  body.length > SMALL && mayBeTooComplex(body) && exceedsLimits(body);

/** At random, so that nobody knows which; at half of what is too much, it says true of all that is too much. A key has a value. */
const mayBeTooComplex = (body: Buffer): boolean => {
  let values = 0;
  for (let count = 0; count < SAMPLE; count += 1)
    values += VALUES[body[Math.floor(Math.random() * body.length)] ?? 0] ?? 0;
  return (values / SAMPLE) * body.length > MAX_KEYS / 2;
};

const exceedsLimits = (body: Buffer): boolean => {
  let depth = 0;
  let values = 0;
  let keys = 0;
  let [textStart, textEnd] = [0, 0];
  const isNewKey = createKeyCount();
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at] ?? 0;
    if (byte === QUOTE) {
      textStart = at;
      at = endOfString(body, at);
      textEnd = at;
    } else if (byte === COLON && isNewKey(body, textStart, textEnd)) keys += 1;
    values += VALUES[byte] ?? 0;
    depth += DEPTH_CHANGES[byte] ?? 0;
    if (values > MAX_VALUES || keys > MAX_KEYS || depth > MAX_DEPTH) return true;
  }
  return false;
};

/** Ten for each key that may be there. */
const KEY_BITS = 2 ** 19;
const FNV_PRIME = 0x01_00_01_93;

/** True for a text that was not asked about before, but for some in a hundred: by hashes that begin at random, so that nobody can choose them. */
const createKeyCount = (): ((body: Buffer, start: number, end: number) => boolean) => {
  const bitmap = new Uint8Array(KEY_BITS / 8);
  const seed = Math.floor(Math.random() * 2 ** 32);
  return (body, start, end) => {
    let hash = seed;
    for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (body[at] ?? 0), FNV_PRIME);
    const bit = (hash ^ (hash >>> 13)) & (KEY_BITS - 1);
    const known = bitmap[bit >>> 3] ?? 0;
    const mask = 1 << (bit & 7);
    bitmap[bit >>> 3] = known | mask;
    return (known & mask) === 0;
  };
};

/** Where the text that begins at a quote ends. */
const endOfString = (body: Buffer, start: number): number => {
  for (let at = start + 1; at < body.length; at += 1) {
    if (body[at] === BACKSLASH) at += 1;
    else if (body[at] === QUOTE) return at;
  }
  return body.length;
};
