import { isDeepStrictEqual } from 'node:util';
import type { AppError } from '../api/errors.ts';
import { metaTime } from '../api/kubernetes.ts';
import { plainSentences } from '../api/plain-text.ts';
import type { PlatformDefaults, PlatformDefaultsStatus } from '../api/platform-defaults.ts';
import type { Condition } from '../api/schema.ts';
import { type ConditionUpdate, setConditions } from '../controller/apply.ts';
import type { Note } from '../controller/events.ts';
import type { Missing, Tally } from './admissions/tally.ts';
import type { Validation } from './in-force.ts';
import type { Problem } from './provisioning/plan.ts';
import type { Warning } from './warnings.ts';

/** What is known of a PlatformDefaults after a reconciliation. */
export interface PlatformDefaultsFindings extends Validation {
  readonly warnings: readonly Warning[];
  /** Undefined where it provisions nothing; `later` where that cannot be said yet, so that what was said before stands. */
  readonly provision: ProvisionFindings | 'later' | undefined;
  /** What was counted of it at admission; undefined where nothing was. */
  readonly tally?: Tally | undefined;
}

export interface ProvisionFindings {
  readonly namespaces: number;
  readonly objects: number;
  readonly problems: readonly Problem[];
  readonly failure: AppError | undefined;
}

/** How many sentences a condition holds; the rest is counted. */
const MAX_SENTENCES = 5;

/** The whole status; the very one it has where nothing changed. `now` is RFC 3339. */
export const statusOf = (findings: PlatformDefaultsFindings, now: string): PlatformDefaultsStatus => {
  const { defaults, inForce, provision } = findings;
  const { generation } = defaults.metadata;
  const before = defaults.status ?? {};
  const previous = (before.conditions ?? []).filter(({ type }) => type !== 'Provisioned' || provision !== undefined);
  const reported = [
    readiness(findings),
    ...(typeof provision === 'object' ? [provisionFinding(provision)] : []),
    ...degradation(findings, previous, now),
  ];
  const admissions = admissionsOf(findings.tally, before.admissions, now);
  const namespaces = provision === 'later' ? before.provisionedNamespaces : provision?.namespaces;
  const status: PlatformDefaultsStatus = {
    ...(generation !== undefined && { observedGeneration: generation }),
    conditions: setConditions(previous, reported, { now, generation }),
    ...(namespaces !== undefined && { provisionedNamespaces: namespaces }),
    ...(admissions !== undefined && { admissions }),
    ...(inForce !== undefined && {
      inForce: { generation: inForce.metadata.generation ?? 0, spec: inForce.spec },
    }),
  };
  return isDeepStrictEqual(status, before) ? before : status;
};

/** What is worth an Event: a verdict that is new, or one that is not good and says something new. */
export const eventsOn = (defaults: PlatformDefaults, status: PlatformDefaultsStatus): readonly Note[] =>
  (status.conditions ?? []).flatMap(({ type, status: isMet, reason, message }) => {
    const before = defaults.status?.conditions?.find((condition) => condition.type === type);
    const isGood = reason === 'Valid' || reason === 'Provisioned' || reason === 'Applied';
    const isKnown = before?.reason === reason && before.status === isMet && (isGood || before.message === message);
    return isKnown ? [] : [{ type: isGood ? 'Normal' : 'Warning', reason, message }];
  });

const readiness = ({ defaults, violations, inForce, warnings }: PlatformDefaultsFindings): ConditionUpdate => {
  const type = 'Ready';
  if (violations.length > 0) {
    const inForceSentence = inForce
      ? `Generation ${inForce.metadata.generation} stays in force.`
      : 'Nothing of it is in force.';
    return { type, status: 'False', reason: 'Invalid', message: `${sentences(violations)} ${inForceSentence}` };
  }
  const [first] = warnings;
  if (first !== undefined) {
    const status = warnings.some(({ isNever }) => isNever === true) ? 'False' : 'True';
    return { type, status, reason: first.reason, message: sentences(warnings.map(({ message }) => message)) };
  }
  return { type, status: 'True', reason: 'Valid', message: inForceFor(defaults) };
};

const inForceFor = ({ spec: { match, mode } }: PlatformDefaults): string =>
  mode === 'Audit'
    ? `Audited for ${match.kinds.join(', ')}: nothing is changed.`
    : `In force for ${match.kinds.join(', ')}.`;

const provisionFinding = ({ namespaces, objects, problems, failure }: ProvisionFindings): ConditionUpdate => {
  const type = 'Provisioned';
  const [first] = problems;
  if (first !== undefined) {
    return { type, status: 'False', reason: first.reason, message: sentences(problems.map(({ message }) => message)) };
  }
  if (failure !== undefined) return { type, status: 'False', reason: 'Failed', message: sentences([failure.message]) };
  return { type, status: 'True', reason: 'Provisioned', message: `${objects} objects in ${namespaces} namespaces.` };
};

/** How long one object that something was missing for counts. */
export const DEGRADED_MS = 3_600_000;

const degradation = (
  { defaults, inForce, tally }: PlatformDefaultsFindings,
  previous: readonly Condition[],
  now: string,
): readonly ConditionUpdate[] => {
  const type = 'Degraded';
  const missing = tally?.missing;
  const generation = (inForce ?? defaults).metadata.generation;
  if (missing?.generation === generation && missing !== undefined && Date.parse(now) - missing.at * 1_000 < DEGRADED_MS)
    return [{ type, status: 'True', reason: 'NotApplied', message: sentences([missingText(missing)]) }];
  const isKnown = previous.some((condition) => condition.type === type);
  return isKnown ? [{ type, status: 'False', reason: 'Applied', message: NOTHING_MISSING }] : [];
};

const NOTHING_MISSING = 'Nothing of it was missing in the last hour.';

const missingText = ({ field, why, object }: Missing): string =>
  field === '' ? `It was not applied to ${object}: ${why}` : `${field} was not given to ${object}: ${why}`;

/** Each write of a status goes to all who watch. */
export const ADMISSIONS_MS = 300_000;

type Admissions = PlatformDefaultsStatus['admissions'];

/** The very one that is written, where nothing came since or it is not old enough. */
const admissionsOf = (tally: Tally | undefined, before: Admissions, now: string): Admissions => {
  if (tally === undefined) return before;
  const { applied, keptBack, refused, lastApplied } = tally;
  const matched = applied + keptBack + refused;
  if (before !== undefined && (before.matched === matched || isRecent(before, now))) return before;
  const given = lastApplied === undefined ? {} : { lastApplied: secondsText(lastApplied) };
  return { matched, applied, keptBack, refused, ...given, asOf: now };
};

const isRecent = ({ asOf }: NonNullable<Admissions>, now: string): boolean =>
  Date.parse(now) - Date.parse(asOf) < ADMISSIONS_MS;

const secondsText = (seconds: number): string => metaTime(new Date(seconds * 1_000));

/** When to look again for what the passing of time changes of a status; undefined where it changes nothing. */
export const recheckAfterMs = (
  status: PlatformDefaultsStatus,
  tally: Tally | undefined,
  now: string,
): number | undefined => {
  if (tally === undefined) return undefined;
  const isDegraded = status.conditions?.some(({ type, status: isMet }) => type === 'Degraded' && isMet === 'True');
  const { matched = 0, asOf = now } = status.admissions ?? {};
  const isBehind = matched !== tally.applied + tally.keptBack + tally.refused;
  const moments = [
    ...(isDegraded ? [(tally.missing?.at ?? 0) * 1_000 + DEGRADED_MS] : []),
    ...(isBehind ? [Date.parse(asOf) + ADMISSIONS_MS] : []),
  ];
  return moments.length === 0 ? undefined : Math.max(1_000, Math.min(...moments) - Date.parse(now));
};

const sentences = (texts: readonly string[]): string => {
  const reported = plainSentences(texts.slice(0, MAX_SENTENCES)).map((text) =>
    text.endsWith('.') ? text : `${text}.`,
  );
  const more = texts.length - reported.length;
  return more > 0 ? `${reported.join(' ')} And ${more} more.` : reported.join(' ');
};
