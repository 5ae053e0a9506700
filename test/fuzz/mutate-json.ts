import { junkKeys } from './junk.ts';
import type { Random } from './random.ts';

type Node = Record<string, unknown> | unknown[];
/** One way to break a field of an object or an entry of a list. */
type Breakage = (node: Node, key: string, random: Random, junk: readonly unknown[]) => void;

/** A copy of a JSON value that is broken in a few places, each chosen by walking down from the root. */
export const mutateJson = <T>(value: T, random: Random, junk: readonly unknown[]): T => {
  const root = { value: copy(value) };
  for (let times = 1 + random.below(4); times > 0; times -= 1) {
    const [node, key] = spotIn(root, random);
    random.pick(BREAKAGES)(node, key, random, junk);
  }
  return root.value as T;
};

const copy = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null)) as unknown;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;

/** Deeper places as likely as those near the root, so that not all is broken off at the top. */
const spotIn = (root: Node, random: Random): readonly [Node, string] => {
  let node = root;
  for (;;) {
    const keys = Object.keys(node);
    if (keys.length === 0) return [node, 'new'];
    const key = random.pick(keys);
    const child = Array.isArray(node) ? node[Number(key)] : node[key];
    if (!isNode(child) || random.chance(0.15)) return [node, key];
    node = child;
  }
};

const put = (node: Node, key: string, value: unknown): void => {
  Object.defineProperty(node, key, { value, enumerable: true, configurable: true, writable: true });
};

const replace: Breakage = (node, key, random, junk) => put(node, key, copy(random.pick(junk)));

const remove: Breakage = (node, key) => {
  if (Array.isArray(node)) node.splice(Number(key), 1);
  else delete node[key];
};

const add: Breakage = (node, _key, random, junk) => {
  if (Array.isArray(node)) node.splice(random.below(node.length + 1), 0, copy(random.pick(junk)));
  else put(node, random.pick(junkKeys), copy(random.pick(junk)));
};

const double: Breakage = (node, key, random) => {
  const [from = null] = [Array.isArray(node) ? node[Number(key)] : node[key]];
  if (Array.isArray(node)) node.push(copy(from));
  else put(node, random.pick(junkKeys), copy(from));
};

const wrap: Breakage = (node, key, random) => {
  const [from] = [Array.isArray(node) ? node[Number(key)] : node[key]];
  put(node, key, random.chance(0.5) ? [from] : { [random.pick(junkKeys)]: from });
};

/** What is larger is cut off when it is sent. */
const LONGEST = 1_000_000;

const timesFor = (length: number, most: number, random: Random): number =>
  1 + random.below(Math.max(1, Math.min(most, Math.floor(LONGEST / (length + 1)))));

const grow: Breakage = (node, key, random) => {
  const [from] = [Array.isArray(node) ? node[Number(key)] : node[key]];
  if (typeof from === 'string') put(node, key, from.repeat(timesFor(from.length, 200, random)));
  else if (Array.isArray(from)) {
    // Seldom so many that what takes the square of their number shows.
    const most = random.chance(0.02) ? 5_000 : 40;
    const length = timesFor(JSON.stringify(from).length, most, random);
    put(node, key, Array.from({ length }, () => from as unknown[]).flat());
  }
};

const BREAKAGES: readonly Breakage[] = [replace, replace, remove, add, double, wrap, grow];
