import { AppError } from '../../api/errors.ts';
import type { StorageClass } from '../../api/kubernetes.ts';
import { type Kube, resources } from '../../kube/api-server.ts';
import type { Store } from '../../kube/store.ts';

/** Makes StorageClasses, each once however many ask for it at the same time. */
export interface StorageClassMaker {
  /** Makes those that are not there, in order. Answers the ones this very call made. Throws AppError. */
  readonly make: (classes: readonly StorageClass[], signal: AbortSignal) => Promise<readonly StorageClass[]>;
  /** Classes made or being made that the cache does not hold yet; they count towards the limit. */
  readonly uncachedCount: () => number;
}

/** How long a made class may take to come back through the watch. */
const CACHE_TIMEOUT_MS = 2_000;

/** Creates and never applies: a class of somebody else's by the same name stays as it is. */
export const createStorageClassMaker = (kube: Pick<Kube, 'create'>, cache: Store<StorageClass>): StorageClassMaker => {
  const inFlight = new Map<string, Promise<boolean>>();
  const isCached = (name: string): boolean => cache.get({ namespace: '', name }) !== undefined;

  const createOne = async (storageClass: StorageClass, signal: AbortSignal): Promise<boolean> => {
    try {
      await kube.create(resources.storageClasses, storageClass, { signal });
      await waitForCache(cache, storageClass.metadata.name ?? '', CACHE_TIMEOUT_MS);
      return true;
    } catch (error) {
      if (error instanceof AppError && error.reason === 'AlreadyExists') return false;
      throw error;
    }
  };
  /** True where this call made it, false where it is there already, whoever made it. */
  const makeOne = async (storageClass: StorageClass, signal: AbortSignal): Promise<boolean> => {
    const name = storageClass.metadata.name ?? '';
    if (isCached(name)) return false;
    const pending = inFlight.get(name);
    if (pending) return pending.then(() => false);
    const creation = createOne(storageClass, signal).finally(() => inFlight.delete(name));
    inFlight.set(name, creation);
    return creation;
  };
  return {
    make: async (classes, signal) => {
      const made: StorageClass[] = [];
      for (const storageClass of classes) if (await makeOne(storageClass, signal)) made.push(storageClass);
      return made;
    },
    uncachedCount: () => [...inFlight.keys()].filter((name) => !isCached(name)).length,
  };
};

/** Resolves when the cache holds it, and after `ms` in any case. */
const waitForCache = async (cache: Store<StorageClass>, name: string, ms: number): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const unsubscribe = cache.onChange((_type, { metadata }) => metadata.name === name && resolve());
  if (cache.get({ namespace: '', name }) === undefined) await promise;
  clearTimeout(timer);
  unsubscribe();
};
