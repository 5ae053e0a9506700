import type { KubeObject } from '../api/kubernetes.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import type { DefaultsExplanation } from '../defaults/explanation/explanation.ts';
import { type RecordedField, readInjected, recordedIn } from '../injection/snapshot.ts';
import type { PreviewCluster } from './cluster.ts';
import { brokenFields, givenBy, holdsAll, valuesThen } from './comparison.ts';
import type { ObjectExplanation } from './explain.ts';
import { explainAnew, gives, withoutInjected } from './manifest.ts';

/** What a stored object was given, and what a new one like it would be given now. */
export interface StoredExplanation {
  /** Whole sentences about what the object has, one for each PlatformDefaults of its record and one for what is not so any more. */
  readonly was: readonly string[];
  /** Whole sentences: where a new one would come out otherwise, and why. */
  readonly differs: readonly string[];
  readonly now: ObjectExplanation;
}

/** Explains an object as the API server has it. `defaults` with their managed fields, for the times. */
export const explainStored = (
  stored: KubeObject,
  defaults: readonly PlatformDefaults[],
  cluster: PreviewCluster,
): StoredExplanation => {
  const text = readInjected(stored);
  const recorded = text === undefined ? [] : (recordedIn(text) ?? []);
  const now = explainAnew(stored, withoutInjected(stored, recorded), cluster);
  const evidence = evidenceOf(stored, text, giversAmong(defaults));
  const given = new Map(recorded.toReversed().map((field) => [nameIn(field.by), field]));
  return {
    was: [
      ...givenSentences(stored, text, recorded),
      ...brokenFields(stored, recorded, valuesThen(now.defaults, cluster.entries)).map(
        (what) => `The record no longer holds: ${what}.`,
      ),
    ],
    differs: [
      ...(now.denied === undefined ? [] : [`A new one would be refused: ${now.denied.replace(/\.$/, '')}.`]),
      ...now.defaults.flatMap((one) => differenceOf({ one, stored, evidence, given })),
    ],
    now,
  };
};

const givenSentences = (
  { metadata }: KubeObject,
  text: string | undefined,
  recorded: readonly RecordedField[],
): readonly string[] => {
  const at = `when it was made (${metadata.creationTimestamp ?? 'at a time that is not known'})`;
  if (text === undefined) return [`It was given nothing ${at}: it has no annotation quartermaster.dev/injected.`];
  if (recordedIn(text) === undefined)
    return ['Its annotation quartermaster.dev/injected cannot be read: Quartermaster did not write it so.'];
  const bySource = Map.groupBy(recorded, ({ by }) => by);
  return [...bySource].map(([by, fields]) => {
    const places = [...new Set(fields.map((field) => `${field.at.join('.')} ${field.key}`))];
    const who = by.includes('/') ? `PlatformDefaults ${by}` : by;
    return `${who} gave it ${at}: ${places.join(', ')}.`;
  });
};

/** A stored object and the defaults of now, by what is asked about them: there can be thousands of each. */
export interface Evidence {
  readonly made: string;
  readonly text: string | undefined;
  /** When whoever set its labels wrote it last: those may have been changed then. */
  readonly relabelled: string;
  readonly giverOf: GiverOf;
}

/** A PlatformDefaults by `namespace/name`. */
export type GiverOf = (name: string) => PlatformDefaults | undefined;

export const giversAmong = (defaults: readonly PlatformDefaults[]): GiverOf => {
  const byName = new Map(defaults.map((one) => [`${one.metadata.namespace}/${one.metadata.name}`, one]));
  return (name) => byName.get(name);
};

export const evidenceOf = (stored: KubeObject, text: string | undefined, giverOf: GiverOf): Evidence => ({
  made: stored.metadata.creationTimestamp ?? '',
  text,
  relabelled: latest(stored, (fields) => fields?.['f:metadata']?.['f:labels'] !== undefined),
  giverOf,
});

interface Compared {
  readonly one: DefaultsExplanation;
  readonly stored: KubeObject;
  readonly evidence: Evidence;
  /** The first field that each gave, by `namespace/name`. */
  readonly given: ReadonlyMap<string, RecordedField>;
}

const nameIn = (source: string): string => source.slice(0, source.lastIndexOf('@'));

const differenceOf = (compared: Compared): readonly string[] => {
  const { one, stored, evidence, given } = compared;
  const name = nameIn(one.source);
  const before = given.get(name);
  const isGivenNow = gives(one);
  if (before === undefined)
    return isGivenNow && !holdsAll(stored, givenBy(one))
      ? [`PlatformDefaults ${name} would give to a new one, and gave this one nothing: ${whyMissed(name, evidence)}.`]
      : [];
  if (!isGivenNow) return [`PlatformDefaults ${name} gave to this one and would give a new one nothing: ${one.why}.`];
  const [then, current] = [before.by, one.source].map((source) => source.slice(source.lastIndexOf('@') + 1));
  // Without a generation to go by, nothing says that there is another.
  return then === current || current === '0'
    ? []
    : [
        `PlatformDefaults ${name} was at generation ${then} when this one was made and is at ${current}: a new one gets that.`,
      ];
};

interface Managed {
  readonly managedFields?: readonly {
    readonly time?: string;
    readonly subresource?: string;
    readonly fieldsV1?: { readonly 'f:metadata'?: { readonly 'f:labels'?: unknown }; readonly 'f:spec'?: unknown };
  }[];
}

/**
 * Why a stored object was not given what a new one would be: a part of a sentence, with all that may be the reason where nothing proves
 * one. Times are RFC 3339 in UTC, so that they compare as text.
 */
export const whyMissed = (name: string, evidence: Evidence): string => {
  const { made, giverOf } = evidence;
  if (made === '') return 'it is not stored yet';
  const giver = giverOf(name);
  const added = giver?.metadata.creationTimestamp ?? '';
  if (added > made) return `it was created at ${added}, after the object (${made})`;
  const created = added === '' ? 'when it was created is not known' : `it was created at ${added}`;
  const reasons = [...(added === '' ? ['it was not there then'] : []), ...possibleReasons(giver, evidence)];
  return `${created}, and the object at ${made}: ${reasons.join(', or ')}`;
};

/** The time of managed fields is when any of them changed last: it proves no change of the spec, nor of the labels. */
const possibleReasons = (
  giver: PlatformDefaults | undefined,
  { made, text, relabelled }: Evidence,
): readonly string[] => {
  const written = latest(giver, (fields) => fields?.['f:spec'] !== undefined);
  return [
    ...(written > made ? [`it was changed since (who wrote its spec wrote it last at ${written})`] : []),
    ...(relabelled > made
      ? [`the labels of the object were changed since (who set them wrote it last at ${relabelled})`]
      : []),
    ...(text === undefined
      ? ['no webhook answered when the object was stored (it was down, not installed or not sent the object)']
      : []),
    'something was otherwise then: the namespace of the object, the cloud, who made the object or what is in it',
  ];
};

const latest = (
  object: KubeObject | undefined,
  concerns: (fields: NonNullable<Managed['managedFields']>[number]['fieldsV1']) => boolean,
): string =>
  ((object?.metadata as Managed | undefined)?.managedFields ?? [])
    .filter(({ subresource, fieldsV1 }) => (subresource ?? '') === '' && concerns(fieldsV1))
    .map(({ time = '' }) => time)
    .sort()
    .at(-1) ?? '';
