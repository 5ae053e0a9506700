import { isDeepStrictEqual } from 'node:util';
import type { AppError } from '../api/errors.ts';
import { plainSentences } from '../api/plain-text.ts';
import type { PlatformDefaults, PlatformDefaultsStatus } from '../api/platform-defaults.ts';
import { type ConditionUpdate, setConditions } from '../controller/apply.ts';
import type { Note } from '../controller/events.ts';
import type { Validation } from './in-force.ts';
import type { Problem } from './provisioning/plan.ts';
import type { Warning } from './warnings.ts';

/** What is known of a PlatformDefaults after a reconciliation. */
export interface PlatformDefaultsFindings extends Validation {
  readonly warnings: readonly Warning[];
  /** Undefined where it provisions nothing; `later` where that cannot be said yet, so that what was said before stands. */
  readonly provision: ProvisionFindings | 'later' | undefined;
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
  const reported = [readiness(findings), ...(typeof provision === 'object' ? [provisionFinding(provision)] : [])];
  const previous = (before.conditions ?? []).filter(({ type }) => type === 'Ready' || provision !== undefined);
  const namespaces = provision === 'later' ? before.provisionedNamespaces : provision?.namespaces;
  const status: PlatformDefaultsStatus = {
    ...(generation !== undefined && { observedGeneration: generation }),
    conditions: setConditions(previous, reported, { now, generation }),
    ...(namespaces !== undefined && { provisionedNamespaces: namespaces }),
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
    const isGood = reason === 'Valid' || reason === 'Provisioned';
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
    return { type, status: 'True', reason: first.reason, message: sentences(warnings.map(({ message }) => message)) };
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

const sentences = (texts: readonly string[]): string => {
  const reported = plainSentences(texts.slice(0, MAX_SENTENCES)).map((text) =>
    text.endsWith('.') ? text : `${text}.`,
  );
  const more = texts.length - reported.length;
  return more > 0 ? `${reported.join(' ')} And ${more} more.` : reported.join(' ');
};
