import { AppError } from '../api/errors.ts';

/** A part of a file that is read by itself: one JSON value of several, or all of it. */
export interface TextPart {
  readonly text: string;
  /** How many lines stand before it. */
  readonly linesBefore: number;
}

/** The text in these bytes: UTF-8, or UTF-16 with a byte order mark. Marks at the start of a line, as where files were joined, are none of it. */
export const decodeText = (bytes: Uint8Array, file: string): string => {
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true, ignoreBOM: true }).decode(bytes).replace(/^\uFEFF+/gm, '');
  } catch (cause) {
    throw new AppError(
      'InvalidInput',
      `${file}: is neither UTF-8 nor UTF-16 with a byte order mark; save it as UTF-8.`,
      {
        cause,
      },
    );
  }
};

const encodingOf = ([first, second]: Uint8Array): string => {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
};

/** JSON objects that stand one after the other, as jq and `kubectl get -o json` in a loop write them; anything else is one part. */
export const partsOf = (text: string): readonly TextPart[] => {
  const parts: TextPart[] = [];
  let at = 0;
  let line = 0;
  for (const separator = /(?:\s|^---(?:[ \t].*)?$)*/my; at < text.length; ) {
    separator.lastIndex = at;
    const start = at + (separator.exec(text)?.[0].length ?? 0);
    line += countLines(text, at, start);
    if (start === text.length) break;
    const end = endOfObject(text, start);
    if (end === undefined) return [{ text, linesBefore: 0 }];
    parts.push({ text: text.slice(start, end), linesBefore: line });
    line += countLines(text, start, end);
    at = end;
  }
  return parts.length > 1 ? parts : [{ text, linesBefore: 0 }];
};

const countLines = (text: string, from: number, to: number): number => {
  let lines = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
};

/** Where the JSON object that begins at `start` ends; undefined where none begins there, or none ends. */
const endOfObject = (text: string, start: number): number | undefined => {
  if (text[start] !== '{') return undefined;
  let depth = 0;
  // Strings whole, so that braces in them do not count.
  const token = /"(?:[^"\\]|\\.)*"|[{}]/g;
  token.lastIndex = start;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    if (match[0] === '{') depth += 1;
    if (match[0] === '}') depth -= 1;
    if (depth === 0) return token.lastIndex;
  }
  return undefined;
};

/** How many values an object may come to once its aliases are written out: far beyond what an API server takes. */
const MOST_VALUES = 1_000_000;

/** True where aliases that name aliases make more of a value than anything could read. Values that hold themselves do not count here. */
export const isAliasBomb = (value: unknown): boolean => sizeOf(value, new Map()) > MOST_VALUES;

const sizeOf = (value: unknown, sizes: Map<object, number>): number => {
  if (typeof value !== 'object' || value === null) return 1;
  const known = sizes.get(value);
  if (known !== undefined) return known;
  sizes.set(value, 0);
  let size = 1;
  for (const child of Object.values(value)) size += sizeOf(child, sizes);
  sizes.set(value, size);
  return size;
};
