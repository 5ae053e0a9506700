import { randomUUID } from 'node:crypto';
import type { ConfigMap } from '../../api/kubernetes.ts';
import { ADMISSIONS_CONFIG_MAP, MANAGED_BY, MANAGED_BY_LABEL } from '../../api/names.ts';
import { integer, map, required, type Schema } from '../../api/schema.ts';
import { decodeAs } from '../../api/schema-validation.ts';
import { type Kube, type ObjectKey, resources } from '../../kube/api-server.ts';
import { namespaceOf } from './names.ts';
import { sumOf, type Tallies, type TalliesByName, type Tally, tallies } from './tally.ts';

interface Mailbox {
  readonly kube: Pick<Kube, 'get' | 'create' | 'mergePatch'>;
  /** Where Quartermaster runs. */
  readonly namespace: string;
}

/** The sum of all letters that were taken out. */
const TOTAL = 'total';
/** The number of the last letter that was taken out, by who posted it. */
const COLLECTED = 'collected';
/** As many that posted are remembered, those that posted last: more replicas than run at once. */
const MAX_POSTMEN = 200;
/** What a ConfigMap may hold, all in all, is 1 MiB (ValidateConfigMap). */
const MAX_BYTES = 1_000_000;
/** The rest is for letters: of 200 tallies with complaints in letters of three bytes one has half a million. */
const MAX_TOTAL_BYTES = 400_000;
const TIMEOUT_MS = 10_000;

/**
 * What this replica has to tell the leader: each letter is a key of its own in a ConfigMap and says what came since the one before. A
 * letter that could not be posted is posted again as it is, under its number: one whose answer was lost counts once. Answers whether one was posted; where too many wait, none is.
 */
export const createPostman = ({ kube, namespace }: Mailbox, counted: Pick<Tallies, 'take'>) => {
  const key = { namespace, name: ADMISSIONS_CONFIG_MAP };
  const postman = randomUUID();
  let posted = 0;
  let letter: Letter | undefined;
  return async (signal: AbortSignal): Promise<boolean> => {
    letter ??= letterOf(`letter-${postman}.${posted + 1}`, counted.take());
    if (letter === undefined) return false;
    const options = { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) };
    const box = await kube.get<ConfigMap>(resources.configMaps, key, options.signal);
    const data = { [letter.name]: letter.text };
    if (box === undefined) await kube.create(resources.configMaps, emptyBox(key, data), options);
    else if (sizeOf(box.data) + Buffer.byteLength(letter.text) > MAX_BYTES) return false;
    else await kube.mergePatch(resources.configMaps, key, { data }, options);
    letter = undefined;
    posted += 1;
    return true;
  };
};

interface Letter {
  readonly name: string;
  readonly text: string;
}

const letterOf = (name: string, news: TalliesByName): Letter | undefined =>
  Object.keys(news).length === 0 ? undefined : { name, text: JSON.stringify(news) };

const emptyBox = ({ namespace, name }: ObjectKey, data: ConfigMap['data']): ConfigMap & { readonly data: object } => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } },
  data: data ?? {},
});

const sizeOf = (data: ConfigMap['data'] = {}): number =>
  Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text), 0);

/** What all replicas told of each PlatformDefaults, as far as it was collected. */
export interface Collection {
  readonly of: (key: string) => Tally | undefined;
  /** Told the keys of those that there is news of. Answers how to stop. */
  readonly onChange: (listener: (keys: readonly string[]) => void) => () => void;
  /**
   * Adds what was posted to the total and takes it out of the ConfigMap in the same write, guarded by its version: a letter is counted
   * once, whoever leads, and though it be posted again. Throws AppError: Conflict where a letter came meanwhile.
   */
  readonly collect: (signal: AbortSignal) => Promise<void>;
}

/**
 * `isThere`: whether there is a PlatformDefaults by that key; of those that are gone nothing is kept. Where there are too many, those of
 * the namespaces that have most are left out.
 */
export const createCollection = ({ kube, namespace }: Mailbox, isThere: (key: string) => boolean): Collection => {
  const key = { namespace, name: ADMISSIONS_CONFIG_MAP };
  const listeners = new Set<(keys: readonly string[]) => void>();
  let total: ReadonlyMap<string, Tally> = new Map();
  return {
    of: (name) => total.get(name),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    collect: async (signal) => {
      const options = { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) };
      const box = await kube.get<ConfigMap>(resources.configMaps, key, options.signal);
      if (box === undefined) return;
      const { [TOTAL]: before, [COLLECTED]: known, ...letters } = box.data ?? {};
      const names = Object.keys(letters);
      const numbers = read(collectedNumbers, known);
      const fresh = names.filter((name) => !isCollected(name, numbers)).map((name) => letters[name]);
      const all = summed(
        [before, ...fresh].map((text) => read(tallies, text)),
        isThere,
      );
      const sum = withinRoom(all, namespace);
      // No letter comes while the total leaves no room for one.
      if (names.length > 0 || Buffer.byteLength(before ?? '') > MAX_TOTAL_BYTES) {
        const { resourceVersion } = box.metadata;
        const emptied = Object.fromEntries(names.map((name) => [name, null]));
        const collected = JSON.stringify(numbersAfter(numbers, names));
        const data = { ...emptied, [TOTAL]: JSON.stringify(Object.fromEntries(sum)), [COLLECTED]: collected };
        await kube.mergePatch(resources.configMaps, key, { metadata: { resourceVersion }, data }, options);
      }
      const changed = [...sum].filter(([name, tally]) => !isSame(tally, total.get(name))).map(([name]) => name);
      total = sum;
      if (changed.length > 0) for (const listener of listeners) listener(changed);
    },
  };
};

interface Sized {
  readonly name: string;
  readonly bytes: number;
}

/** All of the platform's, and of each other namespace as much as of all others: the first ones, until the total is full. */
const withinRoom = (sum: ReadonlyMap<string, Tally>, platform: string): ReadonlyMap<string, Tally> => {
  const sized = [...sum].map(([name, tally]) => ({
    name,
    bytes: Buffer.byteLength(JSON.stringify({ [name]: tally })),
  }));
  const byNamespace = Map.groupBy(sized, ({ name }) => namespaceOf(name));
  const own = bytesOf(byNamespace.get(platform) ?? []);
  byNamespace.delete(platform);
  let [room, namespaces] = [MAX_TOTAL_BYTES - own, byNamespace.size];
  const leftOut = new Set<string>();
  for (const some of [...byNamespace.values()].toSorted((one, other) => bytesOf(one) - bytesOf(other))) {
    const kept = firstWithin(some, room / namespaces);
    for (const { name } of some.slice(kept.length)) leftOut.add(name);
    room -= bytesOf(kept);
    namespaces -= 1;
  }
  return leftOut.size === 0 ? sum : new Map([...sum].filter(([name]) => !leftOut.has(name)));
};

const bytesOf = (some: readonly Sized[]): number => some.reduce((sum, { bytes }) => sum + bytes, 0);

const firstWithin = (some: readonly Sized[], most: number): readonly Sized[] => {
  let left = most;
  const past = some.findIndex(({ bytes }) => {
    left -= bytes;
    return left < 0;
  });
  return past < 0 ? some : some.slice(0, past);
};

const isSame = (one: Tally, other: Tally | undefined): boolean => JSON.stringify(one) === JSON.stringify(other);

const collectedNumbers = map('Letters taken out.', required(integer('Of the last one.', { minimum: 0 })));

type Numbers = Readonly<Record<string, number>>;

/** Who posted a letter, and its number. Those of earlier releases have none. */
const postmarkOf = (name: string): { readonly postman: string; readonly number: number } | undefined => {
  const [, postman, number] = /^letter-(.+)\.(\d+)$/.exec(name) ?? [];
  return postman === undefined ? undefined : { postman, number: Number(number) };
};

const isCollected = (name: string, numbers: Numbers): boolean => {
  const mark = postmarkOf(name);
  return mark !== undefined && Object.hasOwn(numbers, mark.postman) && mark.number <= (numbers[mark.postman] ?? 0);
};

/** The numbers once these letters are taken out too. */
const numbersAfter = (numbers: Numbers, names: readonly string[]): Numbers => {
  const latest = new Map(Object.entries(numbers));
  for (const { postman, number } of names.flatMap((name) => postmarkOf(name) ?? [])) {
    const last = Math.max(latest.get(postman) ?? 0, number);
    // Who posted last stands last.
    latest.delete(postman);
    latest.set(postman, last);
  }
  return Object.fromEntries([...latest].slice(-MAX_POSTMEN));
};

/** Whoever may write in our namespace may have written it. */
const read = <T extends object>(schema: Schema<T>, text: string | undefined): T | Record<string, never> => {
  try {
    return decodeAs(schema, JSON.parse(text ?? '{}')) ?? {};
  } catch {
    return {};
  }
};

const summed = (all: readonly TalliesByName[], isThere: (key: string) => boolean): ReadonlyMap<string, Tally> => {
  const sums = new Map<string, Tally>();
  for (const [name, tally] of all.flatMap((one) => Object.entries(one)))
    if (isThere(name)) sums.set(name, sumOf(sums.get(name), tally));
  return sums;
};
