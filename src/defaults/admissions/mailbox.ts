import { randomUUID } from 'node:crypto';
import type { ConfigMap } from '../../api/kubernetes.ts';
import { ADMISSIONS_CONFIG_MAP, MANAGED_BY, MANAGED_BY_LABEL } from '../../api/names.ts';
import { integer, map, required, type Schema } from '../../api/schema.ts';
import { decodeAs } from '../../api/schema-validation.ts';
import { type Kube, type ObjectKey, resources } from '../../kube/api-server.ts';
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
/** In characters: etcd takes little more than a megabyte. */
const MAX_CHARACTERS = 700_000;
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
    else if (sizeOf(box.data) + letter.text.length > MAX_CHARACTERS) return false;
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
  Object.values(data).reduce((sum, { length }) => sum + length, 0);

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

/** `isThere`: whether there is a PlatformDefaults by that key; of those that are gone nothing is kept. */
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
      const sum = summed(
        [before, ...fresh].map((text) => read(tallies, text)),
        isThere,
      );
      if (names.length > 0) {
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
