import { AppError } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import { type Kube, resources } from '../kube/api-server.ts';
import { areDisjoint, type Entry, hasEqualPrecedence } from './entry.ts';
import { mergeLayers } from './merge.ts';
import { isBuiltIn, variablesIn } from './variables.ts';

/** A warning about a valid entry, given once the others are known. It is in force all the same. */
export interface Warning {
  readonly reason: 'Tied' | 'Incomplete';
  readonly message: string;
}

/** Keys that nothing but the name decides, variables that nobody defines, parts that do nothing alone. */
export const warningsOn = (entry: Entry, entries: readonly Entry[]): readonly Warning[] => [
  ...tieWarnings(entry, entries),
  ...undefinedVariables(entry, entries),
  ...incompleteParts(entry, entries),
];

/** Those that could tie with an entry: whose warnings may change as it comes, changes or goes. */
export const conflictingEntries = (entry: Entry, entries: readonly Entry[]): readonly Entry[] =>
  entries.filter((other) => other.source !== entry.source && canConflict(entry, other));

const tieWarnings = (entry: Entry, entries: readonly Entry[]): readonly Warning[] =>
  conflictingEntries(entry, entries)
    .flatMap((conflicting) => tiesBetween(...inNameOrder(entry, conflicting)))
    .map((message) => ({ reason: 'Tied', message }));

const tiesBetween = (winner: Entry, loser: Entry): readonly string[] => {
  const layers = [winner, loser].map((entry) => ({ entry, inject: entry.spec.inject ?? {} }));
  return mergeLayers(layers, []).warnings;
};

const inNameOrder = (a: Entry, b: Entry): readonly [Entry, Entry] => (a.source.name < b.source.name ? [a, b] : [b, a]);

/** True where some object could match both, neither is more specific and both give something of one sort. */
const canConflict = (entry: Entry, other: Entry): boolean =>
  hasEqualPrecedence(entry, other) &&
  entry.source.namespace === other.source.namespace &&
  overlap(entry.spec.match.kinds, other.spec.match.kinds) &&
  (entry.clouds.length === 0 || other.clouds.length === 0 || overlap(entry.clouds, other.clouds)) &&
  overlap(Object.keys(entry.spec.inject ?? {}), Object.keys(other.spec.inject ?? {})) &&
  !areDisjoint(entry.labelRequirements, other.labelRequirements) &&
  !areDisjoint(entry.namespaceRequirements, other.namespaceRequirements);

const overlap = (some: readonly string[], others: readonly string[]): boolean =>
  some.some((one) => others.includes(one));

const undefinedVariables = (entry: Entry, entries: readonly Entry[]): readonly Warning[] => {
  const { inject, provision } = entry.spec;
  const isDefined = (name: string): boolean =>
    entries.some((other) => Object.hasOwn(other.spec.variables ?? {}, name) && isVisibleTo(entry, other));
  return [...variablesIn([inject, provision])]
    .filter((name) => !isBuiltIn(name) && !isDefined(name))
    .map((name) => ({
      reason: 'Incomplete',
      message: `\${${name}} is defined by no PlatformDefaults; what uses it is applied only where the cloud gives a fact of that name.`,
    }));
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
