import { AppError } from '../api/errors.ts';
import type { InjectSpec } from '../api/inject-spec.ts';
import type { StringMap } from '../api/kubernetes.ts';
import type { Kube } from '../kube/api-server.ts';
import type { Entry } from './entry.ts';
import { fieldOf, itemsOf } from './partial.ts';
import { tiesOf } from './ties.ts';
import { isBuiltIn, namespaceAnnotationIn, requiredVariablesIn } from './variables.ts';

/** A warning about a valid entry, given once the others are known. It is in force all the same. */
export interface Warning {
  readonly reason: 'Tied' | 'Incomplete';
  readonly message: string;
  /** True where part of it can never be given to anything, as things are. */
  readonly isNever?: boolean;
}

/** Variables that nobody defines and that are no fact of the cloud, keys that nothing but the name decides, parts that do nothing alone. */
export const warningsOn = (
  entry: Entry,
  entries: readonly Entry[],
  isFact: (name: string) => boolean,
): readonly Warning[] => [
  ...undefinedVariables(entry, entries, isFact),
  ...tiesOf(entry, entries).map((message) => ({ reason: 'Tied' as const, message })),
  ...incompleteParts(entry, entries),
];

const undefinedVariables = (
  entry: Entry,
  entries: readonly Entry[],
  isFact: (name: string) => boolean,
): readonly Warning[] => {
  const { inject = {}, provision } = entry.spec;
  const isUnknown = (name: string): boolean =>
    (!isBuiltIn(name) || namespaceAnnotationIn(name) !== undefined) && !isFact(name);
  const missing = new Set([...requiredVariablesIn([inject, provision])].filter(isUnknown));
  for (const other of entries) {
    if (missing.size === 0) return [];
    if (isVisibleTo(entry, other)) takeDefined(missing, other.spec.variables ?? {});
  }
  return [...missing].map((name) => ({
    reason: 'Incomplete',
    message: `${fieldUsing(name, inject)}: \${${name}} ${whyUnknown(name)}: this is never applied.`,
    isNever: true,
  }));
};

const whyUnknown = (name: string): string =>
  namespaceAnnotationIn(name) === undefined
    ? 'is defined by no PlatformDefaults and is no fact of the cloud'
    : 'is no annotation that the setting NAMESPACE_ANNOTATIONS lists';

/** The first that does. */
const fieldUsing = (name: string, inject: InjectSpec): string => {
  const item = itemsOf(inject).find(({ value }) => requiredVariablesIn(value).has(name));
  return item === undefined ? 'spec.provision' : `spec.inject.${fieldOf(item)}`;
};

/** Looks the shorter of the two up in the longer. */
const takeDefined = (missing: Set<string>, variables: StringMap): void => {
  const defined = Object.keys(variables);
  if (defined.length < missing.size) for (const name of defined) missing.delete(name);
  else for (const name of missing) if (Object.hasOwn(variables, name)) missing.delete(name);
};

const isVisibleTo = (entry: Entry, other: Entry): boolean =>
  (entry.isAudit || !other.isAudit) &&
  (other.isGlobal || entry.isGlobal || other.source.namespace === entry.source.namespace);

const incompleteParts = ({ spec }: Entry, entries: readonly Entry[]): readonly Warning[] => {
  if (spec.inject?.prometheus?.configFile === undefined) return [];
  if (entries.some((other) => other.spec.inject?.prometheus?.jmxExporterJar !== undefined)) return [];
  const message =
    'spec.inject.prometheus.configFile is read by the JMX exporter, and no PlatformDefaults gives jmxExporterJar.';
  return [{ reason: 'Incomplete', message }];
};

/** What spark-operator itself leaves out of `spark-submit` and puts into the pods with its webhook (sparkpod_defaulter.go). */
const WEBHOOK_KEYS = [
  ...(['env', 'envFrom', 'volumes', 'volumeMounts', 'configMaps', 'tolerations', 'hostAliases'] as const),
  ...(['affinity', 'dnsConfig', 'securityContext', 'containerSecurityContext'] as const),
  ...(['priorityClassName', 'schedulerName', 'terminationGracePeriodSeconds'] as const),
];

/** The fields of an entry that reach a SparkApplication's pods through spark-operator's own webhook alone. */
export const sparkWebhookFields = ({ spec: { match, inject = {} } }: Entry): readonly string[] => {
  if (!match.kinds.includes('SparkApplication')) return [];
  const keys = WEBHOOK_KEYS.filter((key) => inject[key] !== undefined);
  // What it reads is the operator's own ConfigMap, unless it is in the image or in what these keys mount.
  const isLost = inject.prometheus?.jmxExporterJar !== undefined && inject.prometheus.configFile === undefined;
  return [...keys, ...(isLost ? ['prometheus.jmxExporterJar'] : [])];
};

/**
 * That part of what an entry gives to SparkApplications never reaches their pods: spark-operator is installed without its
 * webhook for pods, as its charts before 2.0 were unless told otherwise.
 */
export const sparkOperatorWarnings = async (
  entry: Entry,
  hasPodWebhook: boolean,
  kube: Pick<Kube, 'read'>,
  signal: AbortSignal,
): Promise<readonly Warning[]> => {
  const fields = sparkWebhookFields(entry);
  if (hasPodWebhook || fields.length === 0 || !(await hasSparkOperator(kube, signal))) return [];
  const keys = fields.map((field) => `spec.inject.${field}`).join(', ');
  const message = `spark-operator is installed without its webhook for pods, so that nothing of ${keys} reaches a Spark pod: set webhook.enable in its chart.`;
  return [{ reason: 'Incomplete', message }];
};

const hasSparkOperator = async (kube: Pick<Kube, 'read'>, signal: AbortSignal): Promise<boolean> => {
  try {
    await kube.read('/apis/sparkoperator.k8s.io', signal);
    return true;
  } catch (error) {
    // Not installed, or nothing we may know: neither is worth keeping the rest of the status back.
    if (error instanceof AppError) return false;
    throw error;
  }
};
