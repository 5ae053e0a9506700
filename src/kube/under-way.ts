import type { KubeObject } from '../api/kubernetes.ts';
import type { Store } from './store.ts';

/** Objects of one kind, without namespaces, that we are making or have made and the cache does not hold yet. */
export interface UnderWay {
  /** From before the request is sent, so that the next decision counts it. */
  readonly add: (name: string) => void;
  /** Without the one of this name, where it is among them. */
  readonly count: (besides?: string) => number;
}

/** What the cache does not show by then was not made, or is gone again. In milliseconds. */
const FORGOTTEN_AFTER_MS = 30_000;

/** Limits on what is made must hold for what many requests make at the same time: a cache is behind by a moment. */
export const createUnderWay = (store: Pick<Store<KubeObject>, 'get'>): UnderWay => {
  const addedAt = new Map<string, number>();
  return {
    add: (name) => void addedAt.set(name, performance.now()),
    count: (besides = '') => {
      const oldest = performance.now() - FORGOTTEN_AFTER_MS;
      for (const [name, at] of addedAt)
        if (at < oldest || store.get({ namespace: '', name }) !== undefined) addedAt.delete(name);
      return addedAt.size - (addedAt.has(besides) ? 1 : 0);
    },
  };
};
