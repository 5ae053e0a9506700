import type { CloudVerdict } from '../api/facts.ts';
import { MADE_FOR_ANNOTATION } from '../api/names.ts';
import { compareText } from '../api/plain-text.ts';
import type { Condition } from '../api/platform-defaults.ts';
import type { FactStores } from '../kube/stores.ts';
import type { Viewer } from './access.ts';
import type { DecisionRecord } from './decisions.ts';
import type { ControllerStatus } from './queues.ts';

/** What one replica alone knows. Dates are RFC 3339. */
export interface ReplicaStatus {
  /** Of its pod. */
  readonly name: string;
  readonly version: string;
  /** Empty: it is ready. */
  readonly waitingFor: readonly string[];
  /** Resources that it watches and may not read; an older version does not say. */
  readonly unreadable?: readonly string[] | undefined;
  /** Undefined where no controllers run in it. */
  readonly isLeading?: boolean | undefined;
  readonly certificateUntil?: string | undefined;
  readonly cloud?: string | undefined;
  readonly controllers: readonly ControllerStatus[];
  readonly decisions: readonly DecisionRecord[];
}

/** What every replica has in its caches. */
export interface ClusterStatus {
  readonly cloud: CloudVerdict | undefined;
  readonly defaults: readonly DefaultsStatus[];
  readonly storageClasses: readonly StorageClassStatus[];
  readonly objectStores: readonly ObjectStoreStatus[];
}

export interface DefaultsStatus {
  readonly namespace: string;
  readonly name: string;
  /** It holds in all namespaces. */
  readonly isGlobal: boolean;
  readonly kinds: readonly string[];
  readonly mode: string;
  readonly priority: number;
  /** As stored; what is in force may be an earlier one, which the state says. */
  readonly generation: number;
  readonly state: State;
}

interface StorageClassStatus {
  readonly name: string;
  readonly provisioner: string;
  readonly madeFor: string;
}

interface ObjectStoreStatus {
  readonly namespace: string;
  readonly name: string;
  readonly provider: string;
  readonly bucket: string;
  readonly state: State;
}

/** The condition Ready. */
export interface State {
  readonly isReady: boolean;
  readonly reason: string;
  readonly message: string;
}

/** Reads the caches at the moment it is called. */
export const clusterStatus = (
  stores: FactStores,
  cloud: CloudVerdict | undefined,
  systemNamespace: string,
): ClusterStatus => ({
  cloud,
  defaults: stores.platformDefaults.list().map(({ metadata, spec, status }) => ({
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    isGlobal: metadata.namespace === systemNamespace,
    kinds: spec.match.kinds,
    mode: spec.mode ?? 'Default',
    priority: spec.priority ?? 0,
    generation: metadata.generation ?? 0,
    state: stateOf(status?.conditions),
  })),
  storageClasses: stores.storageClasses.byIndex('owned', 'true').map(({ metadata, provisioner }) => ({
    name: metadata.name ?? '',
    provisioner,
    madeFor: metadata.annotations?.[MADE_FOR_ANNOTATION] ?? '',
  })),
  objectStores: stores.objectStores.list().map(({ metadata, spec, status }) => ({
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    provider: status?.provider ?? spec.provider ?? 'auto',
    bucket: status?.url ?? spec.name ?? '',
    state: stateOf(status?.conditions),
  })),
});

const stateOf = (conditions: readonly Condition[] | undefined): State => {
  const condition = conditions?.find(({ type }) => type === 'Ready');
  return condition === undefined
    ? { isReady: false, reason: 'NotLookedAtYet', message: 'Its controller has not looked at it yet.' }
    : { isReady: condition.status === 'True', reason: condition.reason, message: condition.message };
};

/** Which decisions are asked for; empty fields ask for nothing. */
export interface DecisionQuery {
  readonly namespace: string;
  readonly kind: string;
  /** A part of the name is enough. */
  readonly name: string;
  readonly outcome: string;
  /** `namespace/name` of a PlatformDefaults that gave something, or would have. */
  readonly defaults: string;
  readonly limit: number;
}

/** A decision, and the replica that made it. */
export interface ReplicaDecision extends DecisionRecord {
  readonly replica: string;
}

/** Newest first, those alone that the viewer may see. */
export const visibleDecisions = (replicas: readonly ReplicaStatus[], viewer: Viewer): readonly ReplicaDecision[] =>
  replicas
    .flatMap(({ name, decisions }) => decisions.map((decision) => ({ ...decision, replica: name })))
    .filter(
      ({ namespace, group, resource }) =>
        viewer.scope === 'cluster' || (namespace === viewer.namespace && viewer.resources.has(`${group}/${resource}`)),
    )
    .toSorted((one, other) => Date.parse(other.at) - Date.parse(one.at));

export const matchingDecisions = (
  decisions: readonly ReplicaDecision[],
  query: DecisionQuery,
): readonly ReplicaDecision[] =>
  decisions.filter(
    (decision) =>
      isAsked(query.namespace, decision.namespace) &&
      isAsked(query.kind.toLowerCase(), decision.kind.toLowerCase()) &&
      isAsked(query.outcome, decision.outcome) &&
      decision.name.includes(query.name) &&
      (query.defaults === '' || giversOf(decision).includes(query.defaults)),
  );

/** Empty asks for nothing. */
export const isAsked = (asked: string, value: string): boolean => asked === '' || asked === value;

/** `namespace/name` of all PlatformDefaults that gave a decision's object something, or would have. */
const giversOf = ({ explain, audited }: DecisionRecord): readonly string[] => [
  ...new Set([...explain, ...audited].flatMap(({ source }) => defaultsIn(source))),
];

const defaultsIn = (source: string): readonly string[] =>
  source.startsWith('PlatformDefaults ') ? [nameOf(source.slice('PlatformDefaults '.length))] : [];

const nameOf = (source: string): string => source.slice(0, source.lastIndexOf('@'));

/** What became of a PlatformDefaults in the decisions that are remembered and visible. */
export interface DefaultsCounts {
  /** Decisions in which it gave something, or would have were it enforced. */
  readonly won: number;
  /** Those in which it matched and gave nothing: something else said all of it, or it was refused. Of explained decisions alone. */
  readonly lost: number;
  readonly refused: number;
  readonly notMatching: number;
}

const countsOf = (name: string, decisions: readonly DecisionRecord[]): DefaultsCounts => {
  const verdicts = decisions.flatMap(({ details }) =>
    (details?.defaults ?? []).flatMap(({ source, verdict }) => (nameOf(source) === name ? [verdict] : [])),
  );
  const count = (verdict: (typeof verdicts)[number]): number => verdicts.filter((one) => one === verdict).length;
  return {
    won: decisions.filter((decision) => giversOf(decision).includes(name)).length,
    lost: count('kept back'),
    refused: count('refused'),
    notMatching: count('not matching'),
  };
};

/** PlatformDefaults that hold for what the viewer may see, of one namespace where that is asked for, with counts over `decisions`. */
export const visibleDefaults = (
  defaults: readonly DefaultsStatus[],
  decisions: readonly DecisionRecord[],
  viewer: Viewer,
  asked: string,
): readonly (DefaultsStatus & DefaultsCounts)[] =>
  defaults
    .filter(({ namespace, isGlobal }) => isGlobal || isAsked(scopeOf(viewer, asked), namespace))
    .map((one) => ({ ...one, ...countsOf(`${one.namespace}/${one.name}`, decisions) }))
    .toSorted(
      (one, other) => Number(other.isGlobal) - Number(one.isGlobal) || compareText(titleOf(one), titleOf(other)),
    );

/** The namespace whose part is shown: of a tenant their own, else the one that is asked for; empty: the whole cluster. */
export const scopeOf = (viewer: Viewer, asked: string): string =>
  viewer.scope === 'cluster' ? asked : viewer.namespace;

const titleOf = ({ namespace, name }: DefaultsStatus): string => `${namespace}/${name}`;
