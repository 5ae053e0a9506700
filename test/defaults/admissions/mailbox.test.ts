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
  return { kube, loses, keys: () => Object.keys(data ?? {}) };
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
