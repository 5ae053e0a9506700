import { describe, expect, it } from 'vitest';
import { createCollection, createPostman } from '../../../src/defaults/admissions/mailbox.ts';
import type { TalliesByName } from '../../../src/defaults/admissions/tally.ts';
import type { Kube } from '../../../src/kube/api-server.ts';

type Data = Readonly<Record<string, string | null>>;

/** The ConfigMap as an API server keeps it; `loses` answers of writes, which are done all the same. */
const createBox = () => {
  let data: Data | undefined;
  let losing = 0;
  const answer = <T>(value: T): Promise<T> => {
    if (losing === 0) return Promise.resolve(value);
    losing -= 1;
    return Promise.reject(new Error('the connection broke'));
  };
  const merged = (patch: Data): Data =>
    Object.fromEntries(Object.entries({ ...data, ...patch }).filter(([, value]) => value !== null));
  const kube = {
    get: () => Promise.resolve(data && { metadata: { resourceVersion: '1' }, data }),
    create: (_: unknown, object: { readonly data: Data }) => {
      data = object.data;
      return answer(object);
    },
    mergePatch: (_: unknown, __: unknown, patch: { readonly data: Data }) => {
      data = merged(patch.data);
      return answer(patch);
    },
  } as unknown as Pick<Kube, 'get' | 'create' | 'mergePatch'>;
  const loses = (answers: number): void => {
    losing = answers;
  };
  return { kube, loses, keys: () => Object.keys(data ?? {}), bytes: () => Buffer.byteLength(JSON.stringify(data)) };
};

const NAME = 'quartermaster-system/proxy';
const { signal } = new AbortController();

/** A replica that has one admission to tell of each time it is asked for news. */
const newsOf =
  (count: number): (() => TalliesByName) =>
  () => {
    count -= 1;
    return count < 0 ? {} : { [NAME]: { applied: 1, keptBack: 0, refused: 0 } };
  };

/** A complaint as long as any. */
const long = { at: 1, generation: 1, field: '語'.repeat(200), why: '語'.repeat(200), object: '語'.repeat(200) };
const refusedOf = (namespace: string, from: number, count: number): TalliesByName =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [
      `${namespace}/${'n'.repeat(100)}-${from + at}`,
      { applied: 0, keptBack: 0, refused: 1, missing: long },
    ]),
  );
const postmanWith = (box: ReturnType<typeof createBox>, news: TalliesByName) =>
  createPostman({ kube: box.kube, namespace: 'q' }, { take: () => news });

const postmanIn = (box: ReturnType<typeof createBox>, letters: number) =>
  createPostman({ kube: box.kube, namespace: 'q' }, { take: newsOf(letters) });

const collectionOf = (box: ReturnType<typeof createBox>) =>
  createCollection({ kube: box.kube, namespace: 'q' }, () => true);

describe('a letter whose answer was lost is posted again, and counts once', () => {
  it('where it was collected meanwhile, by a leader that another one follows', async () => {
    const box = createBox();
    const post = postmanIn(box, 3);
    expect(await post(signal)).toBe(true);
    await collectionOf(box).collect(signal);
    box.loses(1);
    await expect(post(signal)).rejects.toThrow('the connection broke');
    await collectionOf(box).collect(signal);
    expect(await post(signal)).toBe(true);
    const leader = collectionOf(box);
    await leader.collect(signal);
    expect(leader.of(NAME)?.applied).toBe(2);
    expect(await post(signal)).toBe(true);
    await leader.collect(signal);
    expect(leader.of(NAME)?.applied).toBe(3);
    expect(box.keys().toSorted()).toEqual(['collected', 'total']);
  });

  it('where it is in the ConfigMap still, the first of all too', async () => {
    const box = createBox();
    const post = postmanIn(box, 1);
    box.loses(1);
    await expect(post(signal)).rejects.toThrow('the connection broke');
    expect(await post(signal)).toBe(true);
    const leader = collectionOf(box);
    await leader.collect(signal);
    await leader.collect(signal);
    expect(leader.of(NAME)?.applied).toBe(1);
  });
});

it('letters of several replicas that wait together are all counted', async () => {
  const box = createBox();
  const [one, other] = [postmanIn(box, 2), postmanIn(box, 1)];
  for (const post of [one, one, other]) expect(await post(signal)).toBe(true);
  const leader = collectionOf(box);
  await leader.collect(signal);
  expect(leader.of(NAME)?.applied).toBe(3);
});

it('remembers those that posted last, and no more', async () => {
  const box = createBox();
  const leader = collectionOf(box);
  for (let replica = 0; replica < 250; replica += 1) await postmanIn(box, 1)(signal);
  await leader.collect(signal);
  expect(leader.of(NAME)?.applied).toBe(250);
  const { data } = (await box.kube.get({} as never, { namespace: 'q', name: 'x' })) as unknown as {
    data: Record<string, string>;
  };
  expect(Object.keys(JSON.parse(data['collected'] ?? '') as object)).toHaveLength(200);
});

describe('thousands of PlatformDefaults of one namespace', () => {
  const hostile = async (box: ReturnType<typeof createBox>): Promise<void> => {
    for (let from = 0; from < 3_000; from += 200) {
      expect(await postmanWith(box, refusedOf('hostile', from, 200))(signal)).toBe(true);
      await collectionOf(box).collect(signal);
    }
  };

  it('take nothing from the counts of others, nor from their room to be counted', async () => {
    const box = createBox();
    const [team] = Object.keys(refusedOf('team', 0, 1));
    const news = { ...refusedOf('q', 0, 100), ...refusedOf('team', 0, 1) };
    expect(await postmanWith(box, news)(signal)).toBe(true);
    await collectionOf(box).collect(signal);
    await hostile(box);
    expect(await postmanWith(box, news)(signal)).toBe(true);
    const leader = collectionOf(box);
    await leader.collect(signal);
    for (const name of Object.keys(refusedOf('q', 0, 100))) expect(leader.of(name)?.refused).toBe(2);
    expect(leader.of(team ?? '')?.refused).toBe(2);
    const [first = '', last = ''] = [0, 2_999].flatMap((at) => Object.keys(refusedOf('hostile', at, 1)));
    expect(leader.of(first)?.refused).toBe(1);
    expect(leader.of(last)).toBeUndefined();
    expect(box.bytes()).toBeLessThan(2 ** 20);
  });

  it('are forgotten where they filled the ConfigMap, though no letter came since they are gone', async () => {
    const box = createBox();
    await box.kube.create({} as never, { data: { total: JSON.stringify(refusedOf('hostile', 0, 1_000)) } } as never);
    const post = postmanIn(box, 1);
    expect(await post(signal)).toBe(false);
    await createCollection({ kube: box.kube, namespace: 'q' }, () => false).collect(signal);
    expect(await post(signal)).toBe(true);
  });
});
