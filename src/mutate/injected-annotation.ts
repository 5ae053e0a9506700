import type { KubeObject } from '../api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../names.ts';
import { hasRoomFor } from './spot.ts';
import { mapAt, setAt, textAt, without } from './tree.ts';

const ANNOTATIONS = ['metadata', 'annotations'];
/** What the API server takes of all annotations of one object: bytes of keys and values. */
const ALL_ANNOTATIONS_BYTES = 256 * 1024;
/** What we take of it at most, so that the rest stays the user's. */
const OUR_BYTES = 64 * 1024;

/** The snapshot an object carries; undefined where it carries none. */
export const readInjected = (object: KubeObject): string | undefined =>
  textAt(object, [...ANNOTATIONS, INJECTED_ANNOTATION]);

/** The object with this snapshot, or with none; the very same object where it has it already. */
export const writeInjected = (object: KubeObject, snapshot: string | undefined): KubeObject => {
  const annotations = mapAt(object, ANNOTATIONS);
  const present = Object.hasOwn(annotations, INJECTED_ANNOTATION) ? annotations[INJECTED_ANNOTATION] : undefined;
  if (present === snapshot || !hasRoomFor(object, ANNOTATIONS, false)) return object;
  const others = without(annotations, INJECTED_ANNOTATION);
  return setAt(
    object,
    ANNOTATIONS,
    snapshot === undefined ? others : { ...annotations, [INJECTED_ANNOTATION]: snapshot },
  );
};

/** How many bytes a snapshot may have in this object. */
export const roomForInjected = (object: KubeObject): number => {
  const others = Object.entries(without(mapAt(object, ANNOTATIONS), INJECTED_ANNOTATION));
  const texts = others.flatMap(([key, value]) => (typeof value === 'string' ? [key, value] : []));
  const taken = texts.reduce((bytes, text) => bytes + Buffer.byteLength(text), 0);
  return Math.min(OUR_BYTES, ALL_ANNOTATIONS_BYTES - taken - Buffer.byteLength(INJECTED_ANNOTATION));
};
