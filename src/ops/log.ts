import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/**
 * Structured lines on standard output: a constant message and fields, the time as ISO 8601. They are buffered for up to
 * 0.1 s and written on the side: a reader of the log that is slow holds up no admission. Nothing is lost at an exit.
 */
export const createLog = (level: string): Log =>
  pino(
    {
      level,
      base: null,
      messageKey: 'message',
      // An error given as such is written with its stack; a text stays a text.
      errorKey: 'error',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    level === 'silent' ? pino.destination(BUFFERING) : gathering(),
  );

const MANY = 32 * 1024;
const LONGEST_MS = 100;
/** In bytes. Past `maxLength` of them that nobody reads, lines are dropped. */
const BUFFERING = { sync: false, minLength: MANY, maxWrite: 2 * MANY, maxLength: 8 * 1024 * 1024 };

/**
 * Hands many lines on at once: the library looks through all that it holds for each that it is given. As bytes, since a line is
 * hundreds of pieces until it is written, all of which V8 would move about. At an exit it is given the rest, and writes what it holds.
 */
const gathering = (): DestinationStream & { readonly flushSync: () => void } => {
  let bytes = Buffer.allocUnsafeSlow(MANY);
  let used = 0;
  const handOn = (): void => {
    if (used === 0) return;
    const full = bytes.subarray(0, used);
    bytes = Buffer.allocUnsafeSlow(MANY);
    used = 0;
    writeBytes(full);
  };
  process.on('exit', handOn);
  const destination = pino.destination({ ...BUFFERING, contentMode: 'buffer' });
  const writeBytes = destination.write.bind(destination) as unknown as (bytes: Buffer) => void;
  let isWaiting = false;
  const flush = (): void => {
    isWaiting = false;
    handOn();
    destination.flush();
  };
  return {
    write: (line) => {
      if (!isWaiting) setTimeout(flush, LONGEST_MS).unref();
      isWaiting = true;
      const most = line.length * BYTES_A_CHARACTER;
      if (used + most > MANY) handOn();
      if (most > MANY) writeBytes(Buffer.from(line));
      else used += bytes.write(line, used);
    },
    flushSync: () => {
      handOn();
      destination.flushSync();
    },
  };
};

/** Of UTF-8, at most, for one unit of a string. */
const BYTES_A_CHARACTER = 3;
