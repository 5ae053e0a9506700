import { type Logger, pino } from 'pino';

export type Log = Logger;

/** Structured lines on standard output: a constant message and fields, the time as ISO 8601. */
export const createLog = (level: string): Log =>
  pino({
    level,
    base: null,
    messageKey: 'message',
    // An error given as such is written with its stack; a text stays a text.
    errorKey: 'error',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
