import type { Mode } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../api/names.ts';
import { type Edit, type FieldPath, fieldId, isListPath, isWritableAt, keyOf } from './edit.ts';
import { isRecord, mapAt, type Path, setAt, textAt, without } from './path.ts';

/**
 * The value of the annotation `quartermaster.dev/injected`: what was put into an object, in order, and by which
 * PlatformDefaults. Each entry is [index into `by`, path, content, 'Enforce' where it is enforced]; the content is a list of
 * entries or a map of fields, or in a record of names only the keys of either.
 */
interface Snapshot {
  readonly by: readonly string[];
  readonly put: readonly (readonly [number, string, unknown, ...'Enforce'[]])[];
}

/** `values` where an UPDATE re-injects them; `names` for objects that are not updated. */
export type SnapshotForm = 'values' | 'names';

/** Compact JSON of what was put; undefined where that is nothing. */
export const encodeSnapshot = (edits: readonly Edit[], form: SnapshotForm): string | undefined => {
  if (edits.length === 0) return undefined;
  const by = [...new Set(edits.map((edit) => edit.by))];
  const places = new Map(by.map((source, index) => [source, index]));
  const snapshot: Snapshot = {
    by,
    put: runsOf(edits).map((run) => {
      const [{ at, mode, by: source }] = run;
      const entry = [places.get(source) ?? 0, at.join('/'), contentOf(run, form)] as const;
      return mode === 'Enforce' ? [...entry, mode] : entry;
    }),
  };
  return JSON.stringify(snapshot);
};

/**
 * Reads back the values that `encodeSnapshot` wrote. Undefined for anything it could not have written: other JSON, or a
 * path that is none of `paths`.
 */
export const decodeSnapshot = (text: string, paths: Pick<ReadonlySet<string>, 'has'>): readonly Edit[] | undefined => {
  const snapshot = parse(text);
  if (!isRecord(snapshot) || !isTexts(snapshot['by']) || !Array.isArray(snapshot['put'])) return undefined;
  const by = snapshot['by'];
  const runs = snapshot['put'].map((entry: unknown) => decodeRun(entry, by, paths));
  return runs.includes(undefined) ? undefined : runs.flatMap((run) => run ?? []);
};

/** Tells which field paths a snapshot of either form names; none where there is none, or the text is something else. */
export const namedIn = (text: string | undefined): ((path: FieldPath) => boolean) => {
  if (text === undefined) return () => false;
  const snapshot = parse(text);
  const put: readonly unknown[] = isRecord(snapshot) && Array.isArray(snapshot['put']) ? snapshot['put'] : [];
  const ids = new Set(put.flatMap((entry) => (Array.isArray(entry) ? idsOf(entry[1], entry[2]) : [])));
  return (path) => ids.has(fieldId(path));
};

/** One value that a snapshot says was put there. */
export interface RecordedField extends FieldPath {
  readonly by: string;
  readonly mode: Mode;
  /** Undefined in a record of names. */
  readonly value?: unknown;
}

/** All that a snapshot of either form tells, whatever kind it is of; undefined for text that is none. For people to read. */
export const recordedIn = (text: string): readonly RecordedField[] | undefined => {
  const snapshot = parse(text);
  if (!isRecord(snapshot) || !isTexts(snapshot['by']) || !Array.isArray(snapshot['put'])) return undefined;
  const by = snapshot['by'];
  return snapshot['put'].flatMap((entry: unknown) => (Array.isArray(entry) ? recordedRun(entry, by) : []));
};

const recordedRun = (entry: readonly unknown[], by: readonly string[]): readonly RecordedField[] => {
  const [index, path, content, enforced] = entry;
  const source = typeof index === 'number' ? by[index] : undefined;
  if (source === undefined || typeof path !== 'string') return [];
  const at = path.split('/');
  const base = { at, by: source, mode: enforced === 'Enforce' ? ('Enforce' as const) : ('Default' as const) };
  if (isTexts(content)) return content.map((key) => ({ ...base, key }));
  return (itemsOf(at, content) ?? []).map(([key, value]) => ({ ...base, key, value }));
};

type Run = readonly [Edit, ...Edit[]];

/** Neighbours that go to one path, by one source, in one mode. */
const runsOf = (edits: readonly Edit[]): readonly Run[] => {
  const runs: [Edit, ...Edit[]][] = [];
  for (const edit of edits) {
    const run = runs.at(-1);
    if (run !== undefined && isAlike(run[0], edit)) run.push(edit);
    else runs.push([edit]);
  }
  return runs;
};

const isAlike = (one: Edit, other: Edit): boolean =>
  one.by === other.by && one.mode === other.mode && isSamePath(one.at, other.at);

const isSamePath = (one: Path, other: Path): boolean =>
  one === other || (one.length === other.length && one.every((step, index) => step === other[index]));

const contentOf = (run: Run, form: SnapshotForm): unknown => {
  if (form === 'names') return run.map(({ key }) => key);
  if (isListPath(run[0].at)) return run.map(({ value }) => value);
  return Object.fromEntries(run.map(({ key, value }) => [key, value]));
};

const decodeRun = (
  entry: unknown,
  by: readonly string[],
  paths: Pick<ReadonlySet<string>, 'has'>,
): readonly Edit[] | undefined => {
  if (!Array.isArray(entry)) return undefined;
  const [index, path, content, enforced] = entry as readonly unknown[];
  const source = typeof index === 'number' ? by[index] : undefined;
  if (source === undefined || typeof path !== 'string' || !paths.has(path)) return undefined;
  const items = itemsOf(path.split('/'), content);
  const mode: Mode = enforced === 'Enforce' ? 'Enforce' : 'Default';
  return items?.map(([key, value]) => ({ at: path.split('/'), key, value, mode, by: source }));
};

const itemsOf = (at: Path, content: unknown): readonly (readonly [string, unknown])[] | undefined => {
  if (isListPath(at)) {
    const keyed = Array.isArray(content) ? content.map((item: unknown) => [keyOf(at, item), item] as const) : undefined;
    return keyed?.every((pair): pair is readonly [string, unknown] => pair[0] !== undefined) ? keyed : undefined;
  }
  if (!isRecord(content)) return undefined;
  return Object.values(content).every(isScalar) ? Object.entries(content) : undefined;
};

const idsOf = (path: unknown, content: unknown): readonly string[] => {
  if (typeof path !== 'string') return [];
  const at = path.split('/');
  const names = Array.isArray(content) && content.every((name) => typeof name === 'string');
  const keys = names ? (content as readonly string[]) : (itemsOf(at, content)?.map(([key]) => key) ?? []);
  return keys.map((key) => fieldId({ at, key }));
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

const isScalar = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value);

const ANNOTATIONS = ['metadata', 'annotations'];
/** What the API server takes of all annotations of one object: bytes of keys and values. */
const MAX_ANNOTATIONS_BYTES = 256 * 1024;
/** What we take of it at most, so that the rest stays the user's. */
const MAX_SNAPSHOT_BYTES = 64 * 1024;
/** A UTF-16 code unit has at most so many bytes in UTF-8. */
const MAX_BYTES_PER_CODE_UNIT = 3;

/** The snapshot an object carries; undefined where it carries none. */
export const readInjected = (object: KubeObject): string | undefined =>
  textAt(object, [...ANNOTATIONS, INJECTED_ANNOTATION]);

/** The object with this snapshot, or with none; the very same object where it has it already. */
export const writeInjected = (object: KubeObject, snapshot: string | undefined): KubeObject => {
  const annotations = mapAt(object, ANNOTATIONS);
  const present = Object.hasOwn(annotations, INJECTED_ANNOTATION) ? annotations[INJECTED_ANNOTATION] : undefined;
  if (present === snapshot || !isWritableAt(object, ANNOTATIONS, false)) return object;
  const written =
    snapshot === undefined
      ? without(annotations, INJECTED_ANNOTATION)
      : { ...annotations, [INJECTED_ANNOTATION]: snapshot };
  return setAt(object, ANNOTATIONS, written);
};

/** How many bytes a snapshot may have in this object. */
export const bytesLeftForSnapshot = (object: KubeObject): number => {
  const left = MAX_ANNOTATIONS_BYTES - INJECTED_ANNOTATION.length;
  const others = Object.entries(mapAt(object, ANNOTATIONS)).filter(([key]) => key !== INJECTED_ANNOTATION);
  let upperBound = 0;
  for (const [key, value] of others) upperBound += MAX_BYTES_PER_CODE_UNIT * (key.length + lengthOf(value));
  if (upperBound <= left - MAX_SNAPSHOT_BYTES) return MAX_SNAPSHOT_BYTES;
  const texts = others.flatMap(([key, value]) => (typeof value === 'string' ? [key, value] : []));
  return Math.min(
    MAX_SNAPSHOT_BYTES,
    texts.reduce((bytes, text) => bytes - Buffer.byteLength(text), left),
  );
};

const lengthOf = (value: unknown): number => (typeof value === 'string' ? value.length : 0);
