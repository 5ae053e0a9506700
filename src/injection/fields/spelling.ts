import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../api/kubernetes.ts';
import { otherSpellingOf } from '../../api/network.ts';
import { type Edit, type FieldPath, valuesAt } from '../edit.ts';
import { childOf } from '../path.ts';

/** What a variable says: where it takes its value from, else the value. */
export const saidBy = (variable: unknown): unknown =>
  childOf(variable, 'valueFrom') ?? childOf(variable, 'value') ?? undefined;

/** Programs read a proxy's variable in either spelling: one that says something else is the user's word on both. */
export const otherSpelling = (pod: KubeObject, { at, key, value, mode }: Edit): readonly FieldPath[] => {
  const spelling = mode === 'Enforce' || at.at(-1) !== 'env' ? undefined : otherSpellingOf(key);
  if (spelling === undefined) return NONE;
  const other = { at, key: spelling };
  const [present] = valuesAt(pod, other);
  return present === undefined || isDeepStrictEqual(saidBy(present), saidBy(value)) ? NONE : [other];
};

const NONE: readonly FieldPath[] = [];
