import { isDeepStrictEqual } from 'node:util';
import type { Audited, AuditedChange, Explanation, Mutation } from '../api/admission.ts';
import type { AuditIndex } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../api/names.ts';
import { entriesWith, isListPath, keyOf } from '../injection/edit.ts';
import { isRecord, listAt, type Path, pointerTo, readAt, textAt } from '../injection/path.ts';

/** How what was decided differs from what would be, were all that is audited enforced. */
export const auditedBetween = (decided: Mutation, enforced: Mutation, { sources }: AuditIndex): Audited => {
  const isStored = decided.denied === undefined && enforced.denied === undefined;
  const changes = isStored ? changesBetween(decided, enforced) : [];
  const isTold = new Set(decided.warnings);
  return {
    changes,
    by: [...new Set(changes.map(({ source }) => source))].filter((source) => sources.has(source)),
    warnings: enforced.warnings.filter((warning) => !isTold.has(warning)),
    denied: decided.denied === undefined ? enforced.denied : undefined,
    enforced,
  };
};

const changesBetween = (decided: Mutation, enforced: Mutation): readonly AuditedChange[] => {
  const isRemoved = new Set(decided.explain.filter(({ effect }) => effect === 'removed').map(({ path }) => path));
  const isMadeAlike = isDeepStrictEqual(decided.companions, enforced.companions);
  const isSame = ({ path, effect }: Explanation): boolean => {
    if (effect === 'removed') return isRemoved.has(path);
    return effect === 'companion' ? isMadeAlike : hasAlike(decided.object, enforced.object, path);
  };
  const changes = enforced.explain
    .filter((explanation) => explanation.path !== RECORD && !isSame(explanation))
    .map((explanation) => changeOf(enforced.object, explanation));
  return [...changes, ...displacedBy(changes, decided, enforced), ...keptBetween(changes, decided, enforced)];
};

const changeOf = (object: KubeObject, { path, source, effect }: Explanation): AuditedChange => {
  if (effect === 'removed') return { path, field: removedAt(path), source, effect };
  const field = fieldAt(object, path);
  return effect === 'companion'
    ? { path, field: `the StorageClass of ${field}`, source, effect }
    : { path, field, source, effect: 'set' };
};

/** What is given now and would make room. */
const displacedBy = (
  changes: readonly AuditedChange[],
  decided: Mutation,
  enforced: Mutation,
): readonly AuditedChange[] => {
  const isReplaced = new Set(changes.map(({ field }) => field));
  return decided.explain.flatMap(({ path, source, effect = 'set' }): readonly AuditedChange[] => {
    if (path === RECORD || effect !== 'set' || hasAlike(enforced.object, decided.object, path)) return [];
    const field = fieldAt(decided.object, path);
    return isReplaced.has(field) ? [] : [{ path, field, source, effect: 'removed' }];
  });
};

/** What is taken out now and would not be, nor be replaced. */
const keptBetween = (
  changes: readonly AuditedChange[],
  decided: Mutation,
  enforced: Mutation,
): readonly AuditedChange[] => {
  const isRemoved = new Set(enforced.explain.filter(({ effect }) => effect === 'removed').map(({ path }) => path));
  const isSet = new Set(changes.map(({ path }) => path));
  return decided.explain.flatMap(({ path, source, effect }): readonly AuditedChange[] =>
    effect === 'removed' && !isRemoved.has(path) && !isSet.has(path)
      ? [{ path, field: removedAt(path), source, effect: 'kept' }]
      : [],
  );
};

/** It follows from the rest. */
const RECORD = pointerTo(['metadata', 'annotations', INJECTED_ANNOTATION]);

const stepsOf = (pointer: string): Path =>
  pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));

/** True where what `other` has at a path is there in the object too, at any place of its list. */
const hasAlike = (object: KubeObject, other: KubeObject, path: string): boolean => {
  const steps = stepsOf(path);
  const at = steps.slice(0, -1);
  const value = readAt(other, steps);
  if (!isListPath(at)) return isDeepStrictEqual(readAt(object, placeIn(object, other, steps)), value);
  // What is alike has one key: looked up, as each of very many entries may be asked about.
  const key = keyOf(at, value);
  const list = listAt(object, placeIn(object, other, at));
  const candidates = key === undefined ? list : entriesWith(list, at, key);
  return candidates.some((item) => isAlike(item, value));
};

/** The same, whatever order the entries of its own lists have: that of a container follows from what else it is given. */
const isAlike = (one: unknown, other: unknown): boolean =>
  isDeepStrictEqual(one, other) ||
  (isRecord(one) &&
    isRecord(other) &&
    Object.keys({ ...one, ...other }).every((field) => isAlikeIn(field, one[field], other[field])));

const isAlikeIn = (field: string, one: unknown, other: unknown): boolean => {
  if (!Array.isArray(one) || !Array.isArray(other) || !isListPath([field])) return isDeepStrictEqual(one, other);
  const isThere = (entry: unknown): boolean =>
    entriesWith(other, [field], keyOf([field], entry) ?? '').some((item) => isDeepStrictEqual(item, entry));
  return one.length === other.length && one.every(isThere);
};

/** The same place in an object whose init containers stand elsewhere: others may be added before them. */
const placeIn = (object: KubeObject, other: KubeObject, steps: Path): Path => {
  const at = steps.indexOf('initContainers') + 1;
  const list = steps.slice(0, at);
  const name = at === 0 ? undefined : textAt(other, [...steps.slice(0, at + 1), 'name']);
  if (name === undefined) return steps;
  const index = listAt(object, list).findIndex((container) => textAt(container, ['name']) === name);
  return index < 0 ? steps : steps.with(at, String(index));
};

/** By what people tell it apart, not by its place in a list: `spec.containers.main image`. */
const fieldAt = (object: KubeObject, pointer: string): string => {
  const steps = stepsOf(pointer);
  const at = steps.slice(0, -1);
  const own = isListPath(at) ? keyOf(at, readAt(object, steps)) : undefined;
  const named = at.map((step, index) => nameIn(readAt(object, at.slice(0, index)), step));
  return `${named.join('.')} ${own ?? steps.at(-1)}`;
};

const nameIn = (parent: unknown, step: string): string =>
  (Array.isArray(parent) ? textAt(parent, [step, 'name']) : undefined) ?? step;

const removedAt = (pointer: string): string => {
  const steps = stepsOf(pointer);
  return isListPath(steps.slice(0, -1)) ? `one of ${steps.slice(0, -1).join('.')}` : steps.join('.');
};

/** One sentence for each that is to be told. */
export const auditWarnings = (audited: Audited, { sources }: AuditIndex): readonly string[] => {
  if (audited.denied !== undefined)
    return [...sources.values()].includes(true)
      ? [`What PlatformDefaults audit would refuse this object, were it enforced: ${audited.denied}`]
      : [];
  const told = audited.changes.filter(({ source }) => sources.get(source) === true);
  return [...Map.groupBy(told, ({ source }) => source)].map(
    ([source, changes]) => `${source} is audited: were it enforced, it would change ${listed(changes)}.`,
  );
};

/** So that a warning can be read; the explanation has all. */
const MAX_FIELDS = 5;

const listed = (changes: readonly AuditedChange[]): string => {
  const fields = [...new Set(changes.map(({ field }) => field))];
  const more = fields.length - MAX_FIELDS;
  return `${fields.slice(0, MAX_FIELDS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
};
