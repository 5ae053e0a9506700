/** A value without the fields that are null, as the API server stores it. The very value where there are none. */
export const withoutNulls = <T>(value: T): T => prune(value) as T;

const prune = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map(prune);
    return items.some((item, at) => item !== value[at]) ? items : value;
  }
  const before = Object.entries(value);
  const after = before.filter(([, item]) => item !== null).map(([key, item]) => [key, prune(item)] as const);
  const isSame = after.length === before.length && after.every(([, item], at) => item === before[at]?.[1]);
  return isSame ? value : Object.fromEntries(after);
};
