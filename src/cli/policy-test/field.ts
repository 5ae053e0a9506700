import { isRecord } from '../../injection/path.ts';

/**
 * What is at a path such as `spec.driver.env[name=HTTP_PROXY].value` or `metadata.labels.team.example.org/name`; undefined where
 * nothing is. Of keys that the path could go on with, the longest counts that leads anywhere.
 */
export const fieldAt = (value: unknown, path: string): unknown => {
  if (path === '') return value;
  if (Array.isArray(value)) return itemAt(value, path);
  if (!isRecord(value)) return undefined;
  const text = path.replace(/^\./, '');
  const keys = Object.keys(value).filter((key) => leadsOn(text, key) || leadsOn(text, `["${key}"]`));
  for (const key of keys.toSorted((a, b) => b.length - a.length)) {
    const step = leadsOn(text, key) ? key : `["${key}"]`;
    const found = fieldAt(value[key], text.slice(step.length));
    if (found !== undefined) return found;
  }
  return undefined;
};

const leadsOn = (path: string, step: string): boolean =>
  path.startsWith(step) && ['', '.', '['].includes(path.charAt(step.length));

/** `[0]`, or `[name=x]`: the first whose field is that. */
const itemAt = (items: readonly unknown[], path: string): unknown => {
  const [whole = '', key, wanted, index] = /^\[(?:([^=\]]+)=([^\]]*)|(\d+))\]/.exec(path) ?? [];
  if (whole === '') return undefined;
  const item =
    key === undefined ? items[Number(index)] : items.find((one) => isRecord(one) && String(one[key]) === wanted);
  return fieldAt(item, path.slice(whole.length));
};
