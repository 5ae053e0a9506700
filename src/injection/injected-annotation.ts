import type { KubeObject } from '../api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../api/names.ts';
import { mapAt, setAt, textAt, without } from './path.ts';
import { isWritableAt } from './spot.ts';

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
