import { type AdmissionRequest, type Explanation, type Mutation, type Outcome, untouched } from '../api/admission.ts';
import type { Facts } from '../api/facts.ts';
import type { Injection } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../api/names.ts';
import { isWritableAt } from './edit.ts';
import { mapAt, type Path, pointerTo, setAt } from './path.ts';
import type { Settlement } from './settlement.ts';
import { type RecordedField, readInjected, recordedIn, writeInjected } from './snapshot.ts';

type Asker = Pick<AdmissionRequest, 'username'>;

/**
 * Why an object is refused that cannot be given what is enforced for the whole cluster, in one sentence; undefined where it can, where the
 * platform takes a warning for enough, and for users that are exempt.
 */
export const denialFor =
  (
    injections: readonly Pick<Injection, 'unenforced'>[],
    { username }: Asker,
    { policy }: Pick<Facts, 'policy'>,
  ): ((refused: Settlement['refused']) => string | undefined) =>
  (refused) => {
    if (policy.refusesUnenforced !== true || policy.exemptUsers?.has(username)) return undefined;
    const [unenforced] = injections.flatMap((injection) => injection.unenforced);
    if (unenforced !== undefined) return `${unenforced}. ${WAY_OUT}`;
    const isOfPlatform = (by: string): boolean => by.startsWith(`${policy.systemNamespace}/`);
    const first = refused.find(
      ({ edit, isOutdone, isGeneral }) => edit.mode === 'Enforce' && isOfPlatform(edit.by) && !isOutdone && !isGeneral,
    );
    if (first === undefined) return undefined;
    const { edit, why } = first;
    return `${edit.at.join('.')}: ${edit.key} is enforced by PlatformDefaults ${edit.by} and cannot be given: ${why}. ${WAY_OUT}`;
  };

const WAY_OUT = 'Change the object, or ask whoever runs the platform.';

const has = (object: string): string =>
  `(has(${object}.metadata.annotations) && "${INJECTED_ANNOTATION}" in ${object}.metadata.annotations)`;

const mapOf = (object: string, map: string): string =>
  `(has(${object}.metadata.${map}) ? ${object}.metadata.${map} : {})`;
const isOther = (map: string): string => `${mapOf('object', map)} != ${mapOf('oldObject', map)}`;

/** Of what is going, which may take a year, only what changes more than its finalizers: those can be taken off while nobody answers. */
const createdOr = (change: string, onItsWay: string): string =>
  `request.operation == "CREATE" || ((!has(object.metadata.deletionTimestamp) || ${onItsWay}) && (${change}))`;
const INJECTED = `${has('oldObject')} || ${has('object')}`;

const OTHER_METADATA = `${isOther('labels')} || ${isOther('annotations')}`;

/** Of changes only those of objects that say what they were given. */
export const CREATED_OR_INJECTED = {
  name: 'created-or-injected',
  expression: createdOr(INJECTED, OTHER_METADATA),
} as const;

const imagesOf = (object: string, list: string): string =>
  `(has(${object}.spec.${list}) ? ${object}.spec.${list}.map(c, has(c.image) ? c.image : "") : [])`;
const isAnother = (list: string): string => `${imagesOf('object', list)} != ${imagesOf('oldObject', list)}`;
const OTHER_IMAGES = `${isAnother('containers')} || ${isAnother('initContainers')}`;

/** Those of pods that bring another image too: one that was given nothing says nothing, and may be changed to one that must not be. */
export const CREATED_INJECTED_OR_ANOTHER_IMAGE = {
  name: 'created-injected-or-another-image',
  expression: createdOr(`${INJECTED} || ${OTHER_IMAGES}`, `${OTHER_METADATA} || ${OTHER_IMAGES}`),
} as const;

/** What Kubernetes lets people change of objects that are never injected into again. */
const CHANGEABLE: readonly Path[] = [
  ['metadata', 'labels'],
  ['metadata', 'annotations'],
  ['spec', 'labels'],
];

/**
 * Puts back what a change takes off an object although it is enforced, and what it says of the annotation that only we write. What is
 * enforced is what the stored annotation names, with the value that is stored: new PlatformDefaults are for new objects.
 */
export const keepEnforced = (object: KubeObject, stored: KubeObject, { username }: Asker, facts: Facts): Mutation => {
  const snapshot = readInjected(stored);
  const isForged = readInjected(object) !== snapshot;
  const marked = writeInjected(object, snapshot);
  const recorded = facts.policy.exemptUsers?.has(username) ? [] : (recordedIn(snapshot ?? '') ?? []);
  const kept = CHANGEABLE.flatMap((at) => lostAt(at, recorded, marked, stored));
  if (marked === object && kept.length === 0) return untouched(object);
  return {
    ...untouched(restore(marked, kept)),
    outcomes: () => kept.map(outcomeOf),
    warnings: [...(isForged ? [KEPT_ANNOTATION] : []), ...sentencesOf(kept)],
    explain: [
      ...kept.map(explain),
      ...(isForged ? [{ path: pointerTo(['metadata', 'annotations', INJECTED_ANNOTATION]), ...KEPT }] : []),
    ],
  };
};

const KEPT_ANNOTATION = `metadata.annotations[${INJECTED_ANNOTATION}] stays as it was: only Quartermaster writes it.`;
const KEPT = { source: 'quartermaster', mode: 'Derived', why: 'only Quartermaster writes it' } as const;

interface Lost extends RecordedField {
  readonly value: string;
  /** What the change says instead. */
  readonly over: unknown;
}

const outcomeOf = ({ at, key, value, over, by }: Lost): Outcome => ({
  by,
  mode: 'Enforce',
  field: at.join('.'),
  key,
  value,
  verdict: 'applied',
  ...(over !== undefined && { over }),
  why: 'it is enforced, and stays as it was',
});

const lostAt = (
  at: Path,
  recorded: readonly RecordedField[],
  object: KubeObject,
  stored: KubeObject,
): readonly Lost[] => {
  const path = at.join('/');
  const enforced = recorded.filter((field) => field.mode === 'Enforce' && field.at.join('/') === path);
  if (enforced.length === 0 || !isWritableAt(object, at, false)) return [];
  const [before, after] = [mapAt(stored, at), mapAt(object, at)];
  return enforced.flatMap((field) => {
    const value = Object.hasOwn(before, field.key) ? before[field.key] : undefined;
    const isLost = typeof value === 'string' && field.key !== INJECTED_ANNOTATION && after[field.key] !== value;
    return isLost ? [{ ...field, value, over: after[field.key] }] : [];
  });
};

/** Each map is copied once, whatever it lost. */
const restore = (object: KubeObject, lost: readonly Lost[]): KubeObject => {
  let restored = object;
  for (const at of CHANGEABLE) {
    const values = lost.filter((field) => field.at.join('/') === at.join('/')).map(({ key, value }) => [key, value]);
    if (values.length > 0) restored = setAt(restored, at, { ...mapAt(restored, at), ...Object.fromEntries(values) });
  }
  return restored;
};

/** As many as there are could be written by a user. */
const MAX_SENTENCES = 5;

const sentencesOf = (lost: readonly Lost[]): readonly string[] =>
  lost
    .slice(0, MAX_SENTENCES)
    .map(({ at, key, by }) => `${at.join('.')}: ${key} stays as it was: PlatformDefaults ${by} enforces it.`);

const explain = ({ at, key, by }: Lost): Explanation => ({
  path: pointerTo([...at, key]),
  source: `PlatformDefaults ${by}`,
  mode: 'Enforce',
  why: 'kept: it is enforced',
});
