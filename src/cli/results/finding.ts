import { styleText } from 'node:util';

/** Something found in a file. `line` and `column` count from 1. */
export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly severity: 'error' | 'warning';
  /** Which check found it. */
  readonly rule: string;
  /** Whole: the field first. */
  readonly message: string;
}

/** As compilers print it, so that editors and terminals jump there: `file:line:column: severity: message`. */
export const findingLine = ({ file, line, column, severity, message }: Finding, isColoured: boolean): string => {
  const shown = isColoured
    ? styleText(severity === 'error' ? 'red' : 'yellow', severity, { validateStream: false })
    : severity;
  return `${file}:${line}:${column}: ${shown}: ${message}`;
};

/** `3 objects`, `1 object`. */
export const counted = (number: number, what: string): string =>
  `${number} ${number === 1 ? what : what.replace(/(?<=s)$/, 'e').concat('s')}`;
