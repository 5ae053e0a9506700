import {
  type AdmissionRequest,
  type Application,
  type Audited,
  type Explanation,
  type Mutation,
  type Mutator,
  type PatchOperation,
  untouched,
} from '../api/admission.ts';
import { AppError, messageOf } from '../api/errors.ts';
import type { Facts } from '../api/facts.ts';
import type { KubeObject, StorageClass } from '../api/kubernetes.ts';
import { plainSentences, plainText } from '../api/plain-text.ts';
import { forgetPassing } from '../injection/memo.ts';
import { type Kube, resources } from '../kube/api-server.ts';
import { auditedBetween, auditWarnings } from './audit.ts';
import { patchBetween } from './patch.ts';
import type { ReviewResponse } from './review.ts';

/** All that was decided about one object; `preview` prints it, the webhook answers with a part of it. */
export interface Decision extends Mutation {
  readonly patch: readonly PatchOperation[];
  /** Where anything has the mode Audit. */
  readonly audited?: Audited | undefined;
}

export interface HandlerOptions {
  /** The facts of this moment, from memory. */
  readonly facts: () => Facts;
  readonly ensure: Ensure;
  /** Told of each decision and the seconds it took: for the log and the metrics. */
  readonly observe?: (request: AdmissionRequest, decision: Decision, seconds: number) => void;
}

/** The front door: one admission request to its answer, at once unless something must be made for it. */
export type Handle = (request: AdmissionRequest) => ReviewResponse | Promise<ReviewResponse>;

/** The mutators that ask for a resource, in order; usually one, for pods one per kind of pod. */
export type MutatorsOf = (group: string, resource: string) => readonly Mutator[];

export const createHandlerWith =
  (decide: (request: AdmissionRequest, facts: Facts) => Decision) =>
  ({ facts, ensure, observe }: HandlerOptions): Handle =>
  (request) => {
    const startedAt = performance.now();
    const decision = decide(request, facts());
    const finish = (ensureWarnings: readonly string[]): ReviewResponse => {
      observe?.(request, decision, (performance.now() - startedAt) / 1_000);
      return respond(request, decision, ensureWarnings);
    };
    if (decision.companions.length === 0 || decision.denied !== undefined) return finish([]);
    if (request.dryRun) return finish(wouldMake(decision.companions));
    return ensure(decision.companions).then(finish);
  };

/** What a dry run leaves out, told to whoever asked for it. */
const wouldMake = (companions: readonly KubeObject[]): readonly string[] =>
  companions
    .filter(isStorageClass)
    .map(
      ({ metadata, provisioner }) =>
        `StorageClass ${metadata.name ?? ''} would be made, of the provisioner ${provisioner}; this is a dry run.`,
    );

const isStorageClass = (object: KubeObject): object is StorageClass => object.kind === 'StorageClass';

/** Pure: what becomes of an object, by each mutator of its resource in turn. */
export const decideWith =
  (mutatorsOf: MutatorsOf) =>
  (request: AdmissionRequest, facts: Facts): Decision => {
    try {
      const mutation = mutate(request, facts, mutatorsOf);
      const patch = mutation.object === request.object ? [] : patchBetween(request.object, mutation.object);
      const { audit } = facts.defaults;
      if (audit === undefined) return { ...mutation, patch };
      const audited = auditedBetween(mutation, mutate(request, { ...facts, defaults: audit.index }, mutatorsOf), audit);
      return { ...mutation, warnings: [...mutation.warnings, ...auditWarnings(audited, audit)], patch, audited };
    } finally {
      forgetPassing();
    }
  };

const mutate = (request: AdmissionRequest, facts: Facts, mutatorsOf: MutatorsOf): Mutation => {
  const { object, operation, resource, subResource } = request;
  if (subResource !== undefined || operation === 'DELETE' || operation === 'CONNECT') return untouched(object);
  let mutation: Mutation | undefined;
  for (const mutator of mutatorsOf(resource.group, resource.resource)) {
    const current = mutation?.object ?? object;
    const next = mutator.mutate(current, request, facts);
    if (next.denied !== undefined) return { ...next, object };
    if (isNothing(next, current)) continue;
    mutation = mutation === undefined ? next : join(mutation, next);
  }
  return mutation ?? untouched(object);
};

const isNothing = (next: Mutation, object: KubeObject): boolean =>
  next.object === object &&
  next.warnings.length === 0 &&
  next.companions.length === 0 &&
  next.outcomes === undefined &&
  next.application === undefined;

const join = (first: Mutation, second: Mutation): Mutation => ({
  object: second.object,
  warnings: [...first.warnings, ...second.warnings],
  explain: [...first.explain, ...second.explain],
  companions: [...first.companions, ...second.companions],
  audit: { ...first.audit, ...second.audit },
  outcomes:
    first.outcomes && second.outcomes ? both(first.outcomes, second.outcomes) : (first.outcomes ?? second.outcomes),
  application:
    first.application && second.application
      ? joinApplications(first.application, second.application)
      : (first.application ?? second.application),
});

const both =
  <T>(first: () => readonly T[], second: () => readonly T[]) =>
  (): readonly T[] => [...first(), ...second()];

const joinApplications = (first: () => Application, second: () => Application) => (): Application => {
  const [one, other] = [first(), second()];
  return {
    matched: [...one.matched, ...other.matched],
    applied: [...one.applied, ...other.applied],
    notApplied: [...one.notApplied, ...other.notApplied],
  };
};

const respond = ({ uid }: AdmissionRequest, decision: Decision, ensureWarnings: readonly string[]): ReviewResponse => {
  const warnings = plainSentences([...decision.warnings, ...ensureWarnings]);
  const [denied] = plainSentences(decision.denied === undefined ? [] : [decision.denied]);
  if (denied !== undefined) return { uid, allowed: false, warnings, refusal: { code: 422, message: denied } };
  const applied = plainText(sourcesOf(decision.explain), MAX_AUDIT_LENGTH);
  const audited = plainText(sourcesOf(decision.audited?.changes ?? []), MAX_AUDIT_LENGTH);
  const audit =
    applied === '' && audited === ''
      ? decision.audit
      : { ...decision.audit, ...(applied !== '' && { applied }), ...(audited !== '' && { audited }) };
  return { uid, allowed: true, patch: decision.patch, warnings, audit };
};

/** In characters: the audit log of an API server keeps it with every request. */
const MAX_AUDIT_LENGTH = 4_096;

const sourcesOf = (explain: readonly Pick<Explanation, 'source'>[]): string =>
  explain.length === 0 ? '' : [...new Set(explain.map(({ source }) => source))].join(', ');

/** The name an object will be known by in sentences: its own, or the prefix a name is generated from. */
export const nameOf = ({ metadata }: KubeObject): string =>
  metadata.name ?? (metadata.generateName ? `${metadata.generateName}*` : '');

/** Makes what must exist before the object is stored. Answers the warnings to send along; never throws. */
type Ensure = (companions: readonly KubeObject[]) => Promise<readonly string[]>;

/**
 * Makes missing StorageClasses, the one write of the admission path, and leaves every other companion to the controller.
 * Past `deadlineMs` the object is admitted with a warning and the controller catches up. Requests for one class
 * at the same time share one create call. `onStart` is told the name of each class before it is made, `onCreated` of each made.
 */
export const ensureStorageClasses = (
  kube: Pick<Kube, 'create'>,
  deadlineMs: number,
  { onStart = NOTHING, onCreated = NOTHING }: CreationListeners = {},
): Ensure => {
  const inFlight = new Map<string, Promise<string | undefined>>();

  const ensureOne = (storageClass: KubeObject): Promise<string | undefined> => {
    const name = storageClass.metadata.name ?? '';
    const under = inFlight.get(name);
    if (under !== undefined) return under;
    onStart(name);
    const creation = create({ kube, deadlineMs, onCreated }, storageClass).finally(() => inFlight.delete(name));
    inFlight.set(name, creation);
    return creation;
  };

  return async (companions) => {
    const storageClasses = companions.filter(isStorageClass);
    const outcomes = await Promise.all(storageClasses.map(ensureOne));
    return outcomes.filter((warning) => warning !== undefined);
  };
};

interface CreationListeners {
  readonly onStart?: (name: string) => void;
  readonly onCreated?: () => void;
}

const NOTHING = (): void => undefined;

/** On a dry run, and offline: nothing is written. */
export const ensureNothing: Ensure = () => Promise.resolve([]);

interface Creation {
  readonly kube: Pick<Kube, 'create'>;
  readonly deadlineMs: number;
  readonly onCreated: () => void;
}

const create = async (
  { kube, deadlineMs, onCreated }: Creation,
  storageClass: KubeObject,
): Promise<string | undefined> => {
  try {
    await kube.create(resources.storageClasses, storageClass, { signal: AbortSignal.timeout(deadlineMs) });
    onCreated();
    return undefined;
  } catch (error) {
    if (error instanceof AppError && error.reason === 'AlreadyExists') return undefined;
    return `StorageClass ${storageClass.metadata.name ?? ''} is not there yet (${messageOf(error)}); the controller will make it.`;
  }
};
