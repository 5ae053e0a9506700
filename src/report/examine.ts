import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { meetsAll, namespacedName } from '../defaults/entry.ts';
import type { DefaultsExplanation } from '../defaults/explanation/explanation.ts';
import type { PreviewCluster } from '../explanation/cluster.ts';
import {
  brokenFields,
  fieldOf,
  type Given,
  givenBy,
  hasValue,
  holdsAll,
  valuesThen,
} from '../explanation/comparison.ts';
import { explainAnew, gives, withoutInjected, wouldGive } from '../explanation/manifest.ts';
import { type Evidence, evidenceOf, type GiverOf, whyMissed } from '../explanation/stored.ts';
import { OURSELVES } from '../injection/edit.ts';
import { type RecordedField, readInjected, recordedIn } from '../injection/snapshot.ts';
import { labelsOf } from '../injection/target.ts';

/**
 * How an object stands to one PlatformDefaults. `has`: it was given what a new one would be given. `complies`: it was not, and says all
 * of it itself. `lacks`: a new one would be given what this one was not. `outdated`: it was given something, and a new one would be given something else, or nothing. `edited`: what
 * it was given was changed since. `forged`: its record says what Quartermaster cannot have written. `refused`: the default is for it
 * and could not be applied. `audited`: nothing of it was done, and a new one would be given something or refused, were it enforced. `unreadable`: how it stands cannot be told.
 */
export const STANDINGS = [
  'has',
  'complies',
  'lacks',
  'outdated',
  'edited',
  'forged',
  'refused',
  'audited',
  'unreadable',
] as const;
export type Standing = (typeof STANDINGS)[number];

export interface Row {
  readonly namespace: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** `namespace/name` of the PlatformDefaults; empty where the record as a whole is meant. */
  readonly defaults: string;
  readonly isEnforced: boolean;
  readonly isAudited: boolean;
  readonly standing: Standing;
  /** What, or why: a part of a sentence. */
  readonly why: string;
}

/** What one object has to do with defaults. */
export interface Examined {
  readonly rows: readonly Row[];
  /** Those that match it, and of those the ones that give it anything, by `namespace/name`. */
  readonly matched: readonly string[];
  readonly won: readonly string[];
}

const nameOf = (source: string): string => source.slice(0, source.lastIndexOf('@'));
const generationOf = (source: string): number => Number(source.slice(source.lastIndexOf('@') + 1));

/** Holds a stored object against the defaults that hold now, which `giverOf` has with their managed fields, for the times. */
export const examine = (stored: KubeObject, giverOf: GiverOf, cluster: PreviewCluster): Examined => {
  const text = readInjected(stored);
  const recorded = text === undefined ? [] : recordedIn(text);
  const head = headOf(stored);
  const bySource = Map.groupBy(recorded ?? [], ({ by }) => nameOf(by));
  // Of most defaults it is not worth a sentence why they do not match.
  const bare = withoutInjected(stored, recorded ?? []);
  const labels = labelsOf(bare);
  const entries = cluster.entries.filter(
    (entry) => bySource.has(namespacedName(entry)) || meetsAll(entry.labelRequirements, labels),
  );
  const explained = explainAnew(stored, bare, { ...cluster, entries }).defaults;
  const evidence = evidenceOf(stored, text, giverOf);
  const valuesOf = valuesThen(explained, entries);
  const judged = explained.flatMap((one): readonly Judged[] => {
    const defaultsName = nameOf(one.source);
    const verdict = judge(one, { stored, evidence, valuesOf, fields: bySource.get(defaultsName) ?? [] });
    return verdict === undefined ? [] : [{ ...verdict, defaults: defaultsName, ...modeOf(one) }];
  });
  const rows = [...judged, ...forgeries(head.namespace, text, recorded, explained, cluster)];
  return {
    rows: rows.map((row) => ({ ...head, ...row })),
    matched: explained.filter(({ verdict }) => verdict !== 'not matching').map(({ source }) => nameOf(source)),
    won: explained.filter(wouldGive).map(({ source }) => nameOf(source)),
  };
};

const modeOf = ({ mode }: DefaultsExplanation): Pick<Row, 'isEnforced' | 'isAudited'> => ({
  isEnforced: mode === 'Enforce',
  isAudited: mode === 'Audit',
});
const NO_MODE = { isEnforced: false, isAudited: false } as const;

const headOf = ({
  apiVersion,
  kind,
  metadata,
}: KubeObject): Pick<Row, 'namespace' | 'apiVersion' | 'kind' | 'name'> => ({
  namespace: metadata.namespace ?? '',
  apiVersion,
  kind,
  name: metadata.name ?? '',
});

/** What is told of an object that could not be examined: one of any tenant's must not keep the others from being told. */
export const unreadable = (stored: KubeObject, error: unknown): Examined => ({
  rows: [{ ...headOf(stored), defaults: '', ...NO_MODE, standing: 'unreadable', why: messageOf(error) }],
  matched: [],
  won: [],
});

type Judged = Pick<Row, 'defaults' | 'isEnforced' | 'isAudited' | 'standing' | 'why'>;

interface Judging {
  readonly stored: KubeObject;
  readonly evidence: Evidence;
  readonly valuesOf: ReturnType<typeof valuesThen>;
  /** What the record says this default gave. */
  readonly fields: readonly RecordedField[];
}

/** Undefined where the two have nothing to do with each other. */
const judge = (
  one: DefaultsExplanation,
  { stored, fields, evidence, valuesOf }: Judging,
): Pick<Row, 'standing' | 'why'> | undefined => {
  const [first] = fields;
  if (first === undefined) return judgeWithoutRecord(one, stored, evidence);
  const [then, now] = [generationOf(first.by), generationOf(one.source)];
  // In files a PlatformDefaults may be as in Git, without its generation.
  const isNowKnown = now > 0;
  if (isNowKnown && then > now)
    return { standing: 'forged', why: `its record names generation ${then}, and there was none above ${now}` };
  const broken = brokenFields(stored, fields, valuesOf);
  if (broken.length > 0) return { standing: 'edited', why: broken.join('; ') };
  if (!gives(one)) return { standing: 'outdated', why: `a new one would be given nothing: ${one.why}` };
  if (isNowKnown && then < now)
    return { standing: 'outdated', why: `it was given generation ${then}, which is at ${now} now` };
  const others = changedFields(stored, givenBy(one), fields);
  if (others.length > 0)
    return { standing: 'outdated', why: `a new one would be given something else for ${placesOf(others)}` };
  const unknown = isNowKnown ? '' : '; what generation it is at now is not known';
  return { standing: 'has', why: `${placesOf(fields)}${unknown}` };
};

const placesOf = (fields: readonly RecordedField[]): string => [...new Set(fields.map(fieldOf))].join(', ');

/** Those that a new one would be given otherwise, as far as the record, or else the object, says what this one was given. */
const changedFields = (stored: KubeObject, given: Given, fields: readonly RecordedField[]): readonly RecordedField[] =>
  fields.filter((field) => {
    const now = given.get(fieldOf(field));
    if (now === undefined) return false;
    return field.value === undefined ? !hasValue(stored, field, now) : !isDeepStrictEqual(now, field.value);
  });

const judgeWithoutRecord = (
  one: DefaultsExplanation,
  stored: KubeObject,
  evidence: Evidence,
): Pick<Row, 'standing' | 'why'> | undefined => {
  const given = givenBy(one);
  if (wouldGive(one) && holdsAll(stored, given)) return { standing: 'complies', why: [...given.keys()].join(', ') };
  if (gives(one)) return { standing: 'lacks', why: whyMissed(nameOf(one.source), evidence) };
  const isAboutObject = one.verdict === 'refused' && !one.why.startsWith('it is invalid');
  if (one.mode === 'Audit') return isAboutObject || wouldGive(one) ? auditOf(one, given) : undefined;
  return isAboutObject ? { standing: 'refused', why: refusalOf(one) } : undefined;
};

const auditOf = (one: DefaultsExplanation, given: Given): Pick<Row, 'standing' | 'why'> => ({
  standing: 'audited',
  why: wouldGive(one)
    ? `nothing of it was done; were it enforced, a new one would be given ${[...given.keys()].join(', ')}`
    : refusalOf(one),
});

const refusalOf = ({ why, values }: DefaultsExplanation): string => {
  const refused = values.filter(({ verdict }) => verdict === 'refused').map((value) => `${value.field}: ${value.why}`);
  return [why, ...refused].join('; ');
};

/** What no admission wrote: a record that is none, of defaults that are not there or cannot hold in that namespace. */
const forgeries = (
  namespace: string,
  text: string | undefined,
  recorded: readonly RecordedField[] | undefined,
  explained: readonly DefaultsExplanation[],
  { facts }: PreviewCluster,
): readonly Judged[] => {
  const forged = (defaults: string, why: string): Judged => ({ defaults, ...NO_MODE, standing: 'forged', why });
  if (text !== undefined && recorded === undefined)
    return [forged('', 'its annotation quartermaster.dev/injected is no record that Quartermaster writes')];
  const known = new Set(explained.map(({ source }) => nameOf(source)));
  const named = new Set((recorded ?? []).map(({ by }) => by).filter((by) => by !== OURSELVES));
  return [...named].flatMap((by) => {
    if (!/^[^\s/]+\/[^\s/]+@\d+$/.test(by)) return [forged('', `its record names ${by}, which is no PlatformDefaults`)];
    const name = nameOf(by);
    const [where] = name.split('/');
    if (where !== facts.policy.systemNamespace && where !== namespace)
      return [forged(name, `its record names defaults of namespace ${where}, which hold there alone`)];
    if (known.has(name)) return [];
    const why =
      'its record names a PlatformDefaults that is not there: it was deleted since, or somebody wrote the record';
    return [{ ...forged(name, why), standing: 'outdated' as const }];
  });
};
