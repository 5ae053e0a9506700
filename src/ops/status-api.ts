import { AppError } from '../api/errors.ts';
import type { Asking, Refusal, Viewer } from './access.ts';
import type { AllReplicas, SilentReplica } from './replicas.ts';
import {
  type ClusterStatus,
  type DecisionQuery,
  type DefaultsCounts,
  type DefaultsStatus,
  isAsked,
  matchingDecisions,
  type ReplicaDecision,
  type ReplicaStatus,
  scopeOf,
  visibleDecisions,
  visibleDefaults,
} from './status.ts';
import type { DefaultsVerdicts } from './verdicts.ts';

/** Of every answer. A field may be added to v1; none is taken away or means something else. */
export const API_VERSION = 'status.quartermaster.dev/v1';

interface Answer {
  readonly apiVersion: typeof API_VERSION;
}

interface OfReplicas extends Answer {
  /** Replicas whose part is missing. */
  readonly silent: readonly SilentReplica[];
}

export interface DecisionsAnswer extends OfReplicas {
  /** How many match; `items` has the newest of them, at most as many as were asked for. */
  readonly total: number;
  readonly items: readonly ReplicaDecision[];
}

export interface DefaultsAnswer extends OfReplicas {
  /** How many decisions the counts are of, and how many of those were explained. */
  readonly decisions: number;
  readonly explained: number;
  readonly items: readonly (DefaultsStatus & DefaultsCounts)[];
}

export interface HealthAnswer extends OfReplicas, Omit<ClusterStatus, 'defaults'> {
  readonly replicas: readonly Omit<ReplicaStatus, 'decisions'>[];
}

/** What PolicyReports say, where they are kept. */
export interface ReportAnswer extends Answer {
  readonly isKept: boolean;
  /** Whole sentences: why there is none, or not all of it. */
  readonly notes: readonly string[];
  readonly namespaces: readonly (Readonly<Record<ReportResult, number>> & { readonly namespace: string })[];
  /** What is not as the defaults would have it, the first 500. */
  readonly findings: readonly ReportFinding[];
}

export const REPORT_RESULTS = ['pass', 'fail', 'warn', 'error', 'skip'] as const;
export type ReportResult = (typeof REPORT_RESULTS)[number];

interface ReportFinding {
  readonly namespace: string;
  /** Of its kind: empty for the core group. */
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly defaults: string;
  readonly result: ReportResult;
  readonly standing: string;
  readonly message: string;
}

/** Why a stored object is as it is. */
export interface WhyAnswer extends Answer {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Whole sentences: what it was given, what of that does not hold any more, and where a new one would come out otherwise. */
  readonly was: readonly string[];
  readonly differs: readonly string[];
  readonly now: DefaultsVerdicts & {
    readonly isSent: boolean;
    readonly notes: readonly string[];
  };
}

export interface WhyQuery {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Where the answers come from. */
export interface StatusSources {
  readonly access: (asking: Asking) => Promise<Viewer | Refusal>;
  /** This replica alone. */
  readonly own: () => ReplicaStatus;
  readonly replicas: () => Promise<AllReplicas>;
  readonly cluster: () => ClusterStatus;
  readonly report: (namespace: string) => Promise<Omit<ReportAnswer, 'apiVersion'>>;
  /** Throws AppError: InvalidInput, NotFound, Forbidden and those of the API server. */
  readonly why: (query: WhyQuery, viewer: Viewer) => Promise<Omit<WhyAnswer, 'apiVersion'>>;
}

export const decisionsAnswer = async (
  { replicas }: Pick<StatusSources, 'replicas'>,
  viewer: Viewer,
  query: DecisionQuery,
): Promise<DecisionsAnswer> => {
  const all = await replicas();
  const matching = matchingDecisions(visibleDecisions(all.replicas, viewer), query);
  return {
    apiVersion: API_VERSION,
    silent: all.silent,
    total: matching.length,
    items: matching.slice(0, query.limit),
  };
};

export const defaultsAnswer = async (
  { replicas, cluster }: Pick<StatusSources, 'replicas' | 'cluster'>,
  viewer: Viewer,
  asked: string,
): Promise<DefaultsAnswer> => {
  const all = await replicas();
  const decisions = visibleDecisions(all.replicas, viewer).filter(({ namespace }) => isAsked(asked, namespace));
  return {
    apiVersion: API_VERSION,
    silent: all.silent,
    decisions: decisions.length,
    explained: decisions.filter(({ details }) => details !== undefined).length,
    items: visibleDefaults(cluster().defaults, decisions, viewer, asked),
  };
};

/** Of the cloud and its classes a tenant is told nothing, of ObjectStores their own. */
export const healthAnswer = async (
  { replicas, cluster }: Pick<StatusSources, 'replicas' | 'cluster'>,
  viewer: Viewer,
  asked: string,
): Promise<HealthAnswer> => {
  const all = await replicas();
  const { cloud, storageClasses, ...everywhere } = cluster();
  const objectStores = everywhere.objectStores.filter(({ namespace }) => isAsked(scopeOf(viewer, asked), namespace));
  const head = {
    apiVersion: API_VERSION,
    silent: all.silent,
    replicas: all.replicas.map(({ decisions: _, ...replica }) => replica),
  } as const;
  if (viewer.scope === 'cluster') return { ...head, cloud, storageClasses, objectStores };
  return {
    ...head,
    replicas: head.replicas.map(({ cloud: _, ...replica }) => replica),
    cloud: undefined,
    storageClasses: [],
    objectStores: viewer.resources.has('banzaicloud.com/objectstores') ? objectStores : [],
  };
};

export const reportAnswer = async (
  { report }: StatusSources,
  viewer: Viewer,
  namespace: string,
): Promise<ReportAnswer> => ({
  apiVersion: API_VERSION,
  ...(await report(scopeOf(viewer, namespace))),
});

export const whyAnswer = async ({ why }: StatusSources, viewer: Viewer, query: WhyQuery): Promise<WhyAnswer> => ({
  apiVersion: API_VERSION,
  ...(await why(query, viewer)),
});

type Parameters = Readonly<Record<string, unknown>>;

const DECISIONS_AT_ONCE = 50;
const MAX_DECISIONS = 1_000;

/** Throws AppError('InvalidInput') naming the parameter. */
export const readDecisionQuery = (parameters: Parameters): DecisionQuery => {
  const limit = textIn(parameters, 'limit');
  if (!/^\d{0,4}$/.test(limit) || Number(limit) > MAX_DECISIONS)
    throw new AppError('InvalidInput', `limit must be a whole number up to ${MAX_DECISIONS}.`);
  return {
    namespace: textIn(parameters, 'namespace'),
    kind: textIn(parameters, 'kind'),
    name: textIn(parameters, 'name'),
    outcome: textIn(parameters, 'outcome'),
    defaults: textIn(parameters, 'defaults'),
    limit: limit === '' ? DECISIONS_AT_ONCE : Number(limit),
  };
};

/** Throws AppError('InvalidInput') naming the parameter. */
export const readWhyQuery = (parameters: Parameters): WhyQuery => {
  const query = {
    kind: textIn(parameters, 'kind'),
    namespace: textIn(parameters, 'namespace'),
    name: textIn(parameters, 'name'),
  };
  const missing = Object.entries(query).find(([, value]) => value === '');
  if (missing) throw new AppError('InvalidInput', `${missing[0]} is missing: kind, namespace and name are all needed.`);
  return query;
};

/** A parameter given twice is no text. Throws AppError('InvalidInput'). */
export const textIn = (parameters: Parameters, name: string): string => {
  const value = parameters[name] ?? '';
  if (typeof value === 'string' && value.length <= 253) return value.trim();
  throw new AppError('InvalidInput', `${name} must be given once, with at most 253 characters.`);
};
