import { mountKey } from '../api/identity.ts';

/** True where one mount would lie in the other's directory, or in its place. */
export const isNested = (one: string, other: string): boolean => isBelow(one, other) || isBelow(other, one);

/** True for the directory itself too. */
export const isBelow = (path: string, directory: string): boolean =>
  `${mountKey(path)}/`.startsWith(mountKey(directory) === '/' ? '/' : `${mountKey(directory)}/`);

/** True where a mount at `path` would hide one of these, which begin as they are given (`/var/data/spark-`). */
export const hidesAny = (path: string, paths: readonly string[]): boolean =>
  paths.some((hidden) => isBelow(hidden, path));
