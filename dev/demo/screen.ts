import { styleText } from 'node:util';
import { createTwoFilesPatch } from 'diff';
import { stringify } from 'yaml';

type Style = Parameters<typeof styleText>[0];

/** Text on the terminal: indented, coloured where it shows colours. */
export interface Screen {
  readonly heading: (text: string) => void;
  readonly note: (text: string) => void;
  readonly command: (text: string) => void;
  readonly output: (text: string) => void;
  readonly made: (text: string) => void;
  /** What became of an object, as the lines that differ. */
  readonly difference: (before: unknown, after: unknown) => void;
}

export const createScreen = (write: (text: string) => void): Screen => {
  const line = (text = '', style?: Style): void => write(`${style === undefined ? text : styleText(style, text)}\n`);
  return {
    heading: (text) => {
      line();
      line(text, ['bold', 'underline']);
    },
    note: (text) => line(`  ${text}`, 'dim'),
    command: (text) => line(`  $ ${text}`, 'bold'),
    output: (text) => {
      for (const row of text.trimEnd().split('\n')) line(`    ${row}`);
    },
    made: (text) => line(`    made ${text}`, 'cyan'),
    difference: (before, after) => {
      for (const row of changedLines(before, after)) line(`    ${row}`, styleOf(row));
    },
  };
};

const changedLines = (before: unknown, after: unknown): readonly string[] =>
  createTwoFilesPatch('a', 'b', toYaml(before), toYaml(after), undefined, undefined, { context: 1 })
    .split('\n')
    .slice(3)
    .map((row) => (row.startsWith('@@') ? '  …' : row))
    .filter((row) => row !== '' && !row.startsWith('\\'));

const toYaml = (value: unknown): string => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });

const styleOf = (row: string): Style => {
  if (row.startsWith('+')) return 'green';
  return row.startsWith('-') ? 'red' : 'dim';
};
