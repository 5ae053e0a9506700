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
 * Hands many lines on at once: the library looks through all that it holds for each that it is given. At an exit it is given the
 * rest, and writes what it holds.
 */
const gathering = (): DestinationStream & { readonly flushSync: () => void } => {
  let lines: string[] = [];
  let characters = 0;
  const handOn = (): void => {
    if (lines.length === 0) return;
    const text = lines.join('');
    lines = [];
    characters = 0;
    destination.write(text);
  };
  process.on('exit', handOn);
  const destination = pino.destination(BUFFERING);
  const flush = (): void => {
    handOn();
    destination.flush();
  };
  setInterval(flush, LONGEST_MS).unref();
  return {
    write: (line) => {
      lines.push(line);
      characters += line.length;
      if (characters >= MANY) handOn();
    },
    flushSync: () => {
      handOn();
      destination.flushSync();
    },
  };
};
