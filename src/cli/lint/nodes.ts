import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  visit,
  type YAMLMap,
} from 'yaml';

/** Where in an object a violation is about: the node itself and whatever holds it. */
export interface Located {
  /** The field that is wrong, as far as it is there; else what lacks it. */
  readonly node: Node;
  /** The map or list that holds it, and which of its items; undefined at the root. */
  readonly holder: { readonly node: Node; readonly item: unknown } | undefined;
}

/**
 * The node that a sentence such as `spec.inject.env[0].name: must be a string` begins with the path of. Keys may hold dots and
 * brackets: the longest that is there is taken. Where the sentence says a key of the map next, that key is meant.
 */
export const locate = (root: Node, sentence: string, document: Document): Located => {
  let found: Located = { node: root, holder: undefined };
  let remainder = sentence;
  for (;;) {
    const node = isAlias(found.node) ? (found.node.resolve(document) ?? found.node) : found.node;
    const next = stepInto(node, remainder, document);
    if (next === undefined) return found;
    found = { node: next.node, holder: { node, item: next.item } };
    if (next.isEnd) return found;
    remainder = next.remainder;
  }
};

interface Step {
  readonly node: Node;
  readonly item: unknown;
  readonly remainder: string;
  /** A key is meant: what stands there is not looked into. */
  readonly isEnd?: boolean;
}

const stepInto = (node: Node, remainder: string, document: Document): Step | undefined => {
  if (isSeq(node)) {
    const [whole = '', index = ''] = /^\[(\d+)\]/.exec(remainder) ?? [];
    const item = whole === '' ? undefined : node.items[Number(index)];
    return item === undefined || item === null
      ? undefined
      : { node: item as Node, item, remainder: remainder.slice(whole.length) };
  }
  return isMap(node) ? (fieldOf(node, remainder, document) ?? keyMeant(node, remainder, document)) : undefined;
};

const fieldOf = (map: YAMLMap, remainder: string, document: Document): Step | undefined => {
  const path = remainder.replace(/^\./, '');
  const fitting = pairsOf(map, document)
    .map((pair) => ({ pair, key: keyOf(pair) }))
    .map(({ pair, key }) => ({ pair, begin: [key, `[${key}]`].find((begin) => beginsWith(path, begin)) }))
    .filter((one): one is { pair: Pair; begin: string } => one.begin !== undefined)
    .sort((a, b) => b.begin.length - a.begin.length);
  const [best] = fitting;
  if (best === undefined) return undefined;
  const after = path.slice(best.begin.length);
  const value = best.pair.value as Node | null;
  const isUnknown = after.startsWith(': there is no such field');
  return {
    node: isUnknown || value === null ? (best.pair.key as Node) : value,
    item: best.pair,
    remainder: after,
    isEnd: isUnknown,
  };
};

const beginsWith = (path: string, key: string): boolean =>
  key !== '' && path.startsWith(key) && ['', '.', '[', ':', ' '].includes(path.charAt(key.length));

/** The key, or the value deeper within, that a sentence names first: `"bad key" is not …`. */
const keyMeant = (map: YAMLMap, remainder: string, document: Document): Step | undefined => {
  const said = remainder.replace(/^:? ?/, '');
  if (said === remainder) return undefined;
  const isSaid = (text: string): boolean =>
    [`"${text}" `, `"${text}":`, `${text} `].some((begin) => text !== '' && said.startsWith(begin));
  const pair = pairsOf(map, document).find((one) => isSaid(keyOf(one)));
  if (pair !== undefined) return { node: pair.key as Node, item: pair, remainder: '', isEnd: true };
  let deeper: Node | undefined;
  visit(map, {
    Scalar: (_, node) => {
      if (typeof node.value !== 'string' || !isSaid(node.value)) return undefined;
      deeper = node;
      return visit.BREAK;
    },
  });
  return deeper && { node: deeper, item: undefined, remainder: '', isEnd: true };
};

const keyOf = ({ key }: Pair): string => (isScalar(key) ? String(key.value) : '');

/** Those of the map itself first, then what it merges in. */
const pairsOf = (map: YAMLMap, document: Document): readonly Pair[] => {
  const own = map.items.filter(isPair);
  const merged = own.filter((pair) => isScalar(pair.key) && isMerge(pair.key.value));
  return [...own, ...merged.flatMap(({ value }) => mergedPairs(value, document))];
};

const isMerge = (key: unknown): boolean => key === '<<' || (typeof key === 'symbol' && key.description === '<<');

const mergedPairs = (value: unknown, document: Document): readonly Pair[] => {
  const target = isAlias(value) ? value.resolve(document) : value;
  if (isSeq(target)) return target.items.flatMap((item) => mergedPairs(item, document));
  return isMap(target) ? target.items.filter(isPair) : [];
};

/** Takes what was located out of its map or list; what merges it in keeps it. True where something went. */
export const removeFrom = ({ holder }: Located): boolean => {
  if (holder === undefined || !(isMap(holder.node) || isSeq(holder.node))) return false;
  const items: unknown[] = holder.node.items;
  const at = items.indexOf(holder.item);
  if (at >= 0) items.splice(at, 1);
  return at >= 0;
};
