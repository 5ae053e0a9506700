import { AppError } from '../api/errors.ts';
import type { KubeObject, StringMap } from '../api/kubernetes.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import { type Kube, resources } from '../kube/api-server.ts';
import type { Entry } from './entry.ts';
import { tiesOf } from './ties.ts';
import { isBuiltIn, variablesIn } from './variables.ts';

/** A warning about a valid entry, given once the others are known. It is in force all the same. */
export interface Warning {
  readonly reason: 'Tied' | 'Incomplete';
  readonly message: string;
}

/** Keys that nothing but the name decides, variables that nobody defines, parts that do nothing alone. */
export const warningsOn = (entry: Entry, entries: readonly Entry[]): readonly Warning[] => [
  ...tiesOf(entry, entries).map((message) => ({ reason: 'Tied' as const, message })),
  ...undefinedVariables(entry, entries),
  ...incompleteParts(entry, entries),
];

const undefinedVariables = (entry: Entry, entries: readonly Entry[]): readonly Warning[] => {
  const { inject, provision } = entry.spec;
  const missing = new Set([...variablesIn([inject, provision])].filter((name) => !isBuiltIn(name)));
  for (const other of entries) {
    if (missing.size === 0) return [];
    if (isVisibleTo(entry, other)) takeDefined(missing, other.spec.variables ?? {});
  }
  return [...missing].map((name) => ({
    reason: 'Incomplete',
    message: `\${${name}} is defined by no PlatformDefaults; what uses it is applied only where the cloud gives a fact of that name.`,
  }));
};

/** Looks the shorter of the two up in the longer. */
const takeDefined = (missing: Set<string>, variables: StringMap): void => {
  const defined = Object.keys(variables);
  if (defined.length < missing.size) for (const name of defined) missing.delete(name);
  else for (const name of missing) if (Object.hasOwn(variables, name)) missing.delete(name);
};

const isVisibleTo = (entry: Entry, other: Entry): boolean =>
  other.isGlobal || entry.isGlobal || other.source.namespace === entry.source.namespace;

const incompleteParts = ({ spec }: Entry, entries: readonly Entry[]): readonly Warning[] => {
  if (spec.inject?.prometheus?.configFile === undefined) return [];
  if (entries.some((other) => other.spec.inject?.prometheus?.jmxExporterJar !== undefined)) return [];
  const message =
    'spec.inject.prometheus.configFile is read by the JMX exporter, and no PlatformDefaults gives jmxExporterJar.';
  return [{ reason: 'Incomplete', message }];
};

interface WebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly { readonly rules?: readonly { readonly resources?: readonly string[] }[] }[];
}

/** What spark-operator itself leaves out of `spark-submit` and puts into the pods with its webhook (sparkpod_defaulter.go). */
const WEBHOOK_KEYS = ['env', 'envFrom', 'volumes', 'volumeMounts', 'configMaps', 'tolerations', 'hostAliases'] as const;

/**
 * That part of what an entry gives to SparkApplications never reaches their pods: spark-operator is installed without its
 * webhook for pods, as its charts before 2.0 were unless told otherwise. Nothing where that is not known.
 */
export const sparkOperatorWarnings = async (
  { spec }: Entry,
  kube: Pick<Kube, 'list' | 'read'>,
  signal: AbortSignal,
): Promise<readonly Warning[]> => {
  const webhookKeys = WEBHOOK_KEYS.filter((key) => spec.inject?.[key] !== undefined);
  const isForSpark = spec.match.kinds.includes('SparkApplication') && webhookKeys.length > 0;
  if (!isForSpark || (await hasPodWebhook(kube, signal))) return [];
  const keys = webhookKeys.map((key) => `spec.inject.${key}`).join(', ');
  const message = `spark-operator is installed without its webhook for pods, so that nothing of ${keys} reaches a Spark pod: set webhook.enable in its chart.`;
  return [{ reason: 'Incomplete', message }];
};

/** True where spark-operator is not installed at all, too. */
const hasPodWebhook = async (kube: Pick<Kube, 'list' | 'read'>, signal: AbortSignal): Promise<boolean> => {
  try {
    await kube.read('/apis/sparkoperator.k8s.io', signal);
    const { items } = await kube.list<WebhookConfiguration>(resources.mutatingWebhooks, {}, signal);
    return items.some(isOfSparkOperator);
  } catch (error) {
    // Not installed, or nothing we may know: neither is worth keeping the rest of the status back.
    if (error instanceof AppError) return true;
    throw error;
  }
};

/** By what its charts and its own registration have in common: a rule for pods, and its name on service, label or webhook. */
const isOfSparkOperator = ({ metadata, webhooks = [] }: WebhookConfiguration): boolean =>
  metadata.labels?.[MANAGED_BY_LABEL] !== MANAGED_BY &&
  webhooks.some(
    (webhook) =>
      webhook.rules?.some(({ resources: kinds = [] }) => kinds.includes('pods')) === true &&
      /spark-?operator/.test(JSON.stringify([metadata.name, webhook])),
  );
