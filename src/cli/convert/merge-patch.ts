import type { Mode } from '../../api/injection.ts';
import { isRecord } from '../../injection/path.ts';
import { type Assignment, type LeftOut, pathText, type Step } from './assignment.ts';

/** Lists that are merged by a key of their entries; all others are replaced. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  volumes: 'name',
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  volumeMounts: 'mountPath',
  imagePullSecrets: 'name',
  hostAliases: 'ip',
};
/** Lists that PlatformDefaults add to, entry by entry. */
const ADDED_TO = [...Object.keys(MERGE_KEYS), 'tolerations', 'topologySpreadConstraints', 'envFrom'];
const CONTAINERS = ['containers', 'initContainers'];

export interface Read {
  readonly assignments: readonly Assignment[];
  readonly leftOut: readonly LeftOut[];
  /** Nothing of the patch holds where a condition in it does not. */
  readonly isConditional?: boolean;
}

/** What a strategic merge patch assigns, with the anchors of Kyverno: `+(key)` where nothing is, `(name)` for these containers. */
export const readMergePatch = (patch: unknown): Read => {
  const read = valuesOf([], patch, 'Enforce');
  return read.isConditional === true ? { assignments: [], leftOut: read.leftOut } : read;
};

const valuesOf = (path: readonly Step[], value: unknown, mode: Mode): Read => {
  if (isEmpty(value)) return refused(path, 'is empty, and sets nothing');
  if (isRecord(value)) return together(Object.entries(value).map(([key, item]) => fieldOf(path, key, item, mode)));
  const mergeKey = MERGE_KEYS[fieldAt(path)];
  if (Array.isArray(value) && mergeKey !== undefined)
    return together((value as unknown[]).map((entry) => entryOf(path, mergeKey, entry, mode)));
  return { assignments: [{ path, value, mode, isMerged: true }], leftOut: [] };
};

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

/** The field a path ends with, none where that is an entry of a list. */
const fieldAt = (path: readonly Step[]): string => {
  const last = path.at(-1);
  return typeof last === 'string' ? last : '';
};

const fieldOf = (path: readonly Step[], key: string, value: unknown, mode: Mode): Read => {
  const [, anchor, inner] = /^([+=X<^]?)\((.*)\)$/.exec(key) ?? [];
  if (anchor === undefined || inner === undefined) return valuesOf([...path, key], value, mode);
  const at = [...path, inner];
  if (anchor !== '+')
    return { ...refused(at, `has the condition ${key}, which the whole patch depends on`), isConditional: true };
  if (Array.isArray(value) && ADDED_TO.includes(inner))
    return refused(at, 'is given where there is none at all, and Quartermaster adds each entry that is not there');
  if (!isRecord(value)) return valuesOf(at, value, 'Default');
  return { assignments: [{ path: at, value, mode: 'Default', isMerged: false }], leftOut: [] };
};

const entryOf = (path: readonly Step[], key: string, entry: unknown, mode: Mode): Read => {
  if (!isRecord(entry)) return refused(path, 'has an entry that is no object');
  const anchored = Object.keys(entry).filter((name) => name.startsWith('('));
  const isContainer = CONTAINERS.includes(fieldAt(path));
  const name = isContainer ? entry[`(${key})`] : entry[key];
  const other = anchored.find((anchor) => !isContainer || anchor !== `(${key})`);
  if (other !== undefined) return refused(path, `has the condition ${other}`);
  if (typeof name !== 'string')
    return refused(
      path,
      isContainer
        ? 'adds a container, or changes one by its name and adds it where there is none'
        : `has an entry without ${key}`,
    );
  const at = [...path, { key, is: name }];
  const { [isContainer ? `(${key})` : key]: _key, ...given } = entry;
  if (isContainer) return valuesOf(at, given, mode);
  return hasAnchor(given)
    ? refused(at, 'has an anchor within an entry')
    : { assignments: [{ path: at, value: given, mode, isMerged: false }], leftOut: [] };
};

const hasAnchor = (value: unknown): boolean => {
  if (Array.isArray(value)) return (value as unknown[]).some(hasAnchor);
  return isRecord(value) && Object.entries(value).some(([key, item]) => /^.?\(.*\)$/.test(key) || hasAnchor(item));
};

const refused = (path: readonly Step[], reason: string): Read => ({
  assignments: [],
  leftOut: [{ field: pathText(path), reason }],
});

export const together = (reads: readonly Read[]): Read => ({
  assignments: reads.flatMap(({ assignments }) => assignments),
  leftOut: reads.flatMap(({ leftOut }) => leftOut),
  isConditional: reads.some(({ isConditional }) => isConditional === true),
});
