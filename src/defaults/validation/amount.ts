import type { InjectSpec } from '../../api/inject-schema.ts';

/**
 * How many values all PlatformDefaults together may give one object: the work of giving each grows with the object, and
 * the annotation that records them has room for about so many.
 */
export const MOST_VALUES = 1_000;

/** Entries of its lists, fields of its maps, and all else. */
export const valuesIn = (inject: InjectSpec): number =>
  Object.values(inject).reduce<number>(
    (sum, given) => sum + (typeof given === 'object' ? Object.keys(given).length : 1),
    0,
  );
