import type { InjectSpec } from '../../api/inject-schema.ts';

/**
 * How many values all PlatformDefaults together may give one object: the work of giving each grows with the object, and
 * the annotation that records them has room for about so many.
 */
export const MAX_VALUES = 1_000;

/** Entries of its lists, fields of its maps, and all else. */
export const countValues = (inject: InjectSpec): number =>
  Object.values(inject).reduce<number>(
    (sum, value) => sum + (typeof value === 'object' ? Object.keys(value).length : 1),
    0,
  );
