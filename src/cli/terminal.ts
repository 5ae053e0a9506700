import { stripVTControlCharacters } from 'node:util';

/** Where a command prints, so that commands touch no global. */
export interface Terminal {
  /** Data, on standard output as it is. */
  readonly print: (text: string) => void;
  /** What people read, on standard output, broken to fit. */
  readonly tell: (text: string) => void;
  /** What people read besides, on standard error, broken to fit. */
  readonly complain: (text: string) => void;
  /** Why nothing was done: on standard error, one line where that is no terminal, since what collects logs takes lines. */
  readonly fail: (text: string) => void;
  /** A line on standard error that the next one replaces, an empty one removes; left out where that is no terminal. */
  readonly showProgress?: (line: string) => void;
  /** Standard output is a terminal that shows colours. */
  readonly isColoured: boolean;
  /** How many characters a line on standard output may have where people read it. */
  readonly columns: number;
}

/** What the process ends with. */
export const EXIT = { fine: 0, refused: 1, unusable: 2 } as const;

/** Where a process writes: `process.stdout` is one. */
export interface OutputStream {
  readonly write: (text: string) => unknown;
  readonly isTTY?: boolean;
  /** Of a terminal. */
  readonly columns?: number;
}

/** What is wider is hard to read; pipes and files get the same. */
const MOST_COLUMNS = 100;

/** Prints to these streams. A `NO_COLOR` that is not empty takes colours away, as no-color.org has it. */
export const createTerminal = (
  out: OutputStream,
  err: OutputStream,
  { NO_COLOR: noColour = '' }: Readonly<Record<string, string | undefined>>,
): Terminal => ({
  print: (text) => void out.write(text),
  tell: (text) => void out.write(fitted(text, columnsOf(out))),
  complain: (text) => void err.write(fitted(text, columnsOf(err))),
  fail: (text) => void err.write(err.isTTY === true ? fitted(text, columnsOf(err)) : text),
  ...(err.isTTY === true && {
    showProgress: (line: string) => void err.write(`\r\u001B[K${line.slice(0, columnsOf(err) - 1)}`),
  }),
  isColoured: out.isTTY === true && noColour === '',
  columns: columnsOf(out),
});

const columnsOf = ({ isTTY, columns }: OutputStream): number =>
  isTTY === true && columns !== undefined && columns > 0 ? Math.min(columns, MOST_COLUMNS) : MOST_COLUMNS;

const fitted = (text: string, columns: number): string => wrapped(text.split('\n'), columns).join('\n');

/** Lines broken to fit so many columns: at spaces, and within a word that is longer than a line. What goes on is set in by four more. */
export const wrapped = (lines: readonly string[], columns: number): readonly string[] =>
  lines.flatMap((line) => (widthOf(line) <= columns ? [line] : wrapLine(line, columns)));

const wrapLine = (line: string, columns: number): readonly string[] => {
  const indent = ' '.repeat(line.length - line.trimStart().length);
  const deeper = `${indent}    `;
  const words = line
    .trimStart()
    .split(' ')
    .flatMap((word) => piecesOf(word, columns - deeper.length));
  const broken: string[] = [];
  let current = indent;
  let isFirst = true;
  for (const { piece, isGoingOn } of words) {
    const spaced = isFirst || isGoingOn ? piece : ` ${piece}`;
    if (!isFirst && widthOf(current) + widthOf(spaced) > columns) {
      broken.push(current);
      current = deeper + piece;
    } else {
      current += spaced;
    }
    isFirst = false;
  }
  return [...broken, current];
};

interface Piece {
  readonly piece: string;
  /** Of the word before it. */
  readonly isGoingOn: boolean;
}

const piecesOf = (word: string, width: number): readonly Piece[] =>
  brokenWord(word, width).map((piece, index) => ({ piece, isGoingOn: index > 0 }));

/** A word in pieces of at most so many characters, broken behind punctuation where there is any. */
const brokenWord = (word: string, width: number): readonly string[] => {
  if (widthOf(word) <= width || width < 1) return [word];
  const last = Math.max(...BREAKS.map((sign) => word.lastIndexOf(sign, width - 1)));
  const at = last > 0 ? last + 1 : width;
  return [word.slice(0, at), ...brokenWord(word.slice(at), width)];
};

/** Between the parts of names, paths and lists. */
const BREAKS = ['/', '-', '.', ',', '=', ':'];

const widthOf = (text: string): number => stripVTControlCharacters(text).length;

/** Rows in columns of so many characters together, the first row being the head. What does not fit its cell goes on below. */
export const tableOf = (rows: readonly (readonly string[])[], columns: number): readonly string[] => {
  const widths = fittingWidths(rows, columns);
  return rows.flatMap((row) => {
    const cells = row.map((cell, column) => brokenWord(cell, widths[column] ?? 0));
    const height = Math.max(...cells.map(({ length }) => length));
    return Array.from({ length: height }, (_, line) =>
      cells
        .map((pieces, column) => (pieces[line] ?? '').padEnd(widths[column] ?? 0))
        .join(GAP)
        .trimEnd(),
    );
  });
};

const GAP = '  ';

/** The widest columns give what is too much. */
const fittingWidths = (rows: readonly (readonly string[])[], columns: number): readonly number[] => {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? ''))));
  const room = columns - GAP.length * (widths.length - 1);
  const sum = (list: readonly number[]): number => list.reduce((total, width) => total + width, 0);
  for (let over = sum(widths) - room; over > 0; over -= 1) {
    const widest = Math.max(...widths);
    if (widest <= 1) break;
    widths[widths.indexOf(widest)] = widest - 1;
  }
  return widths;
};
