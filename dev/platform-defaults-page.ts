import { INJECT_KEYS, TARGET_KINDS, type TargetKind } from '../src/api/inject-spec.ts';
import { isPodKind, POD_KINDS } from '../src/api/target-kinds.ts';
import { wholeResource } from './platform-defaults/whole-resource.ts';

/** Pods of all kinds take the same keys, unless told otherwise below. */
const others = TARGET_KINDS.filter((kind) => !isPodKind(kind));
const columns: readonly (readonly [string, readonly TargetKind[]])[] = [
  ...others.map((kind) => [kind, [kind]] as const),
  ['pods', POD_KINDS],
];

/** Which kinds take each key of spec.inject, as docs/platform-defaults.md has it. */
export const injectKeysTable = (): string => {
  const head = ['key of `spec.inject`', ...columns.map(([title]) => title)];
  const rows = Object.entries(INJECT_KEYS).map(([key, kinds]: [string, readonly TargetKind[]]) => [
    `\`${key}\``,
    ...columns
      .map(([, of]) =>
        of.some((kind) => kinds.includes(kind)) ? of.filter((kind) => !kinds.includes(kind)) : undefined,
      )
      .map(mark),
  ]);
  return [head, head.map((_, at) => (at === 0 ? '---' : ':-:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
};

/** Those of a column that do not take it; undefined where none does. */
const mark = (without: readonly TargetKind[] | undefined): string => {
  if (without === undefined) return '';
  return without.length === 0 ? 'yes' : `all but ${without.join(', ')}`;
};

const TABLE = /^\| key of `spec\.inject`.*\n(?:\|.*\n)+/m;
const WHOLE = /(?<=^## The whole resource\n[\s\S]*?^```yaml\n)[\s\S]*?(?=\n```$)/m;

/** The page with the table of keys and the whole resource made anew. */
export const platformDefaultsPage = (page: string): string =>
  page.replace(TABLE, () => `${injectKeysTable()}\n`).replace(WHOLE, wholeResource);
