import type { StringMap } from '../../../api/kubernetes.ts';

/** Whose mark these labels, tags or metadata carry. `owner` is our mark in the same spelling. */
export const markOwnership = (
  owner: StringMap,
  found: StringMap,
): { readonly isOurs: boolean; readonly isOthers: boolean } => {
  const keys = Object.keys(owner);
  return {
    isOurs: keys.every((key) => found[key] === owner[key]),
    isOthers: keys.some((key) => found[key] !== undefined && found[key] !== owner[key]),
  };
};

/** True where every pair of `wanted` is in `found`. */
export const includesAll = (found: StringMap, wanted: StringMap): boolean =>
  Object.entries(wanted).every(([key, value]) => found[key] === value);

export const without = (found: StringMap, keys: readonly string[]): StringMap =>
  Object.fromEntries(Object.entries(found).filter(([key]) => !keys.includes(key)));
