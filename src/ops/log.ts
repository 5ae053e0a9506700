import { type Logger, pino } from 'pino';

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
    pino.destination(BUFFERING),
  );

/** Past `maxLength` bytes that nobody reads, lines are dropped. */
const BUFFERING = {
  sync: false,
  minLength: 32 * 1024,
  maxWrite: 64 * 1024,
  maxLength: 8 * 1024 * 1024,
  periodicFlush: 100,
};
