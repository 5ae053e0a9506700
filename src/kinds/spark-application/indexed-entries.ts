import { entriesWith, keysIn } from '../../injection/edit.ts';
import { type Incremental, memoizePassing } from '../../injection/memo.ts';
import type { Path } from '../../injection/path.ts';

/** What entries of a list are looked up by besides their key. The same function each time: what it makes is kept with the list. */
export type TextOf = (item: unknown) => string | undefined;

/** Keys of the entries of a list that have a text: all of them, or the first so many. */
export const keysWith = (
  list: readonly unknown[],
  at: Path,
  textOf: TextOf,
  text: string,
  most = Infinity,
): readonly string[] => {
  if (list.length === 0) return NO_KEYS;
  const { byText } = memoizePassing(list, textOf, () => indexTexts(list, at, textOf));
  const keys = byText.get(text) ?? new Set();
  const found: string[] = [];
  for (const key of keys) {
    if (found.length === most) break;
    if (entriesWith(list, at, key).some((item) => textOf(item) === text)) found.push(key);
    else keys.delete(key);
  }
  return found;
};

const NO_KEYS: readonly string[] = [];

interface TextIndex extends Incremental {
  readonly byText: ReadonlyMap<string, Set<string>>;
}

/** What was taken out stays indexed until somebody looks it up. */
const indexTexts = (list: readonly unknown[], at: Path, textOf: TextOf): TextIndex => {
  const byText = new Map<string, Set<string>>();
  const keyOf = keysIn(at);
  const add = (item: unknown): void => {
    const [text, key] = [textOf(item), keyOf(item)];
    if (text === undefined || key === undefined) return;
    const keys = byText.get(text);
    if (keys === undefined) byText.set(text, new Set([key]));
    else keys.add(key);
  };
  for (const item of list) add(item);
  return { byText, onChange: (key) => entriesWith(list, at, key).forEach(add) };
};
