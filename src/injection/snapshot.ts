import type { Mode } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../api/names.ts';
import { type Edit, type FieldPath, fieldId, isListPath, isWritableAt, keyOf } from './edit.ts';
import { isRecord, mapAt, type Path, setAt, textAt, without } from './path.ts';
import { followContainers } from './profiles/moved-containers.ts';

/**
 * The value of the annotation `quartermaster.dev/injected`: what was put into an object, in order, and by which
 * PlatformDefaults, as `kubectl describe` shows it line by line. A heading says who gives or enforces what follows: one line
 * for each place, with its path and as JSON what was put there, a list of entries or a map of fields, or in a record of names
 * only the keys of either.
 *
 *     quartermaster-system/proxy@1 gives:
 *       spec.driver.env [{"name":"NO_PROXY","value":".svc"}]
 */
const HEADING = /^(\S+) (gives|enforces):$/;
// JSON leaves U+2028 as it is, which ends a line to a regular expression.
const PLACE = /^ {2}(\S+) (.+)$/s;

/** `values` where an UPDATE re-injects them; `names` for objects that are not updated. */
export type SnapshotForm = 'values' | 'names';

/** The lines that tell what was put; undefined where that is nothing. */
export const encodeSnapshot = (edits: readonly Edit[], form: SnapshotForm): string | undefined => {
  if (edits.length === 0) return undefined;
  const lines: string[] = [];
  let heading = '';
  for (const run of runsOf(edits)) {
    const [{ at, mode, by }] = run;
    const own = `${by} ${mode === 'Enforce' ? 'enforces' : 'gives'}:`;
    if (own !== heading) lines.push(own);
    heading = own;
    lines.push(`  ${at.join('.')} ${JSON.stringify(contentOf(run, form))}`);
  }
  return lines.join('\n');
};

/**
 * Reads back the values that `encodeSnapshot` wrote. Undefined for anything it could not have written: other text, or a
 * path that is none of `paths`.
 */
export const decodeSnapshot = (text: string, paths: Pick<ReadonlySet<string>, 'has'>): readonly Edit[] | undefined => {
  const runs = runsIn(text)?.map((run) => (paths.has(run.at.join('/')) ? valuesOf(run) : undefined));
  return runs?.includes(undefined) ? undefined : runs?.flatMap((run) => run ?? []);
};

/**
 * Tells which field paths a snapshot of either form names; none where there is none, or the text is something else. `pod`: in which
 * another webhook may have put containers before others since.
 */
export const namedIn = (text: string | undefined, pod?: KubeObject): ((path: FieldPath) => boolean) => {
  if (text === undefined) return () => false;
  const recorded = recordedIn(text) ?? [];
  const ids = new Set((pod === undefined ? recorded : followContainers(pod, recorded)).map(fieldId));
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
export const recordedIn = (text: string): readonly RecordedField[] | undefined =>
  runsIn(text)?.flatMap((run): readonly RecordedField[] => {
    const { content, ...common } = run;
    return isTexts(content) ? content.map((key) => ({ ...common, key })) : (valuesOf(run) ?? []);
  });

/** What stands in one line of a snapshot, below whose heading. */
interface RecordedRun extends Pick<Edit, 'at' | 'by' | 'mode'> {
  readonly content: unknown;
}

const runsIn = (text: string): readonly RecordedRun[] | undefined =>
  text.startsWith('{') ? earlierRunsIn(text) : runsOfLines(text.split('\n'));

const runsOfLines = (lines: readonly string[]): readonly RecordedRun[] | undefined => {
  const runs: RecordedRun[] = [];
  let giver: Pick<RecordedRun, 'by' | 'mode'> | undefined;
  for (const line of lines) {
    const [, by, verb] = HEADING.exec(line) ?? [];
    if (by !== undefined) {
      giver = { by, mode: verb === 'enforces' ? 'Enforce' : 'Default' };
      continue;
    }
    const [, path = '', json = ''] = PLACE.exec(line) ?? [];
    const content = parse(json);
    if (giver === undefined || content === undefined) return undefined;
    runs.push({ ...giver, at: path.split('.'), content });
  }
  return runs;
};

/** What was written until November 2026: JSON of `by` and of `put`, whose entries are [index into `by`, path, content, 'Enforce' or nothing]. */
const earlierRunsIn = (text: string): readonly RecordedRun[] | undefined => {
  const snapshot = parse(text);
  if (!isRecord(snapshot) || !isTexts(snapshot['by']) || !Array.isArray(snapshot['put'])) return undefined;
  const by = snapshot['by'];
  const runs = snapshot['put'].map((entry: unknown) => earlierRun(entry, by));
  return runs.includes(undefined) ? undefined : runs.flatMap((run) => run ?? []);
};

const earlierRun = (entry: unknown, sources: readonly string[]): RecordedRun | undefined => {
  if (!Array.isArray(entry)) return undefined;
  const [index, path, content, enforced] = entry as readonly unknown[];
  const by = typeof index === 'number' ? sources[index] : undefined;
  if (by === undefined || typeof path !== 'string') return undefined;
  return { by, mode: enforced === 'Enforce' ? 'Enforce' : 'Default', at: path.split('/'), content };
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

/** Undefined where the content is none that was put there with its values. */
const valuesOf = ({ content, ...common }: RecordedRun): readonly Edit[] | undefined =>
  itemsOf(common.at, content)?.map(([key, value]) => ({ ...common, key, value }));

/** Maps that hold lists and maps of their own. */
const isOpenMap = (at: Path): boolean => OPEN_MAPS.has(at.at(-1) ?? '');
const OPEN_MAPS: ReadonlySet<string> = new Set(['affinity', 'dnsConfig', 'securityContext', 'podSecurityContext']);

const itemsOf = (at: Path, content: unknown): readonly (readonly [string, unknown])[] | undefined => {
  if (isListPath(at)) {
    const keyed = Array.isArray(content) ? content.map((item: unknown) => [keyOf(at, item), item] as const) : undefined;
    return keyed?.every((pair): pair is readonly [string, unknown] => pair[0] !== undefined) ? keyed : undefined;
  }
  if (!isRecord(content)) return undefined;
  return isOpenMap(at) || Object.values(content).every(isScalar) ? Object.entries(content) : undefined;
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
export const readInjected = (object: KubeObject): string | undefined => textAt(object, SNAPSHOT);

const SNAPSHOT = [...ANNOTATIONS, INJECTED_ANNOTATION];

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
  const annotations = mapAt(object, ANNOTATIONS);
  let upperBound = 0;
  for (const key of Object.keys(annotations))
    upperBound += MAX_BYTES_PER_CODE_UNIT * (key.length + lengthOf(annotations[key]));
  if (upperBound <= left - MAX_SNAPSHOT_BYTES) return MAX_SNAPSHOT_BYTES;
  const others = Object.entries(annotations).filter(([key]) => key !== INJECTED_ANNOTATION);
  const texts = others.flatMap(([key, value]) => (typeof value === 'string' ? [key, value] : []));
  return Math.min(
    MAX_SNAPSHOT_BYTES,
    texts.reduce((bytes, text) => bytes - Buffer.byteLength(text), left),
  );
};

const lengthOf = (value: unknown): number => (typeof value === 'string' ? value.length : 0);
