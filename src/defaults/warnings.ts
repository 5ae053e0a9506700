import { AppError } from '../api/errors.ts';
import type { InjectSpec } from '../api/inject-spec.ts';
import type { Kube } from '../kube/api-server.ts';
import type { Entry } from './entry.ts';
import { fieldOf, itemsOf } from './partial.ts';
import { tiesOf } from './ties.ts';
import { CONTAINER_LISTS } from './validation/containers.ts';
import { isBuiltIn, namespaceAnnotationIn, requiredVariablesIn } from './variables.ts';

/** A warning about a valid entry, given once the others are known. It is in force all the same. */
export interface Warning {
  readonly reason: 'Tied' | 'Incomplete';
  readonly message: string;
  /** True where part of it can never be given to anything, as things are. */
  readonly isNever?: boolean;
}

/** What is in force besides an entry. Looked up: a tenant has as many as they like, and each change of one has several judged. */
export interface OthersInForce {
  /** Those of its namespace that are as specific. */
  readonly peersOf: (entry: Entry) => Iterable<Entry>;
  /** True where a variable has a definition that the entry would be given. */
  readonly defines: (name: string, entry: Entry) => boolean;
  /** True where any gives the JMX exporter. */
  readonly hasJmxExporter: () => boolean;
  /** True where any has a template of that name. */
  readonly hasTemplate: (name: string) => boolean;
}

/** Variables that nobody defines and that are no fact of the cloud, keys that nothing but the name decides, parts that do nothing alone. */
export const warningsOn = (
  entry: Entry,
  others: OthersInForce,
  isFact: (name: string) => boolean,
): readonly Warning[] => [
  ...undefinedVariables(entry, others, isFact),
  ...missingTemplates(entry, others),
  ...tiesOf(entry, others.peersOf(entry)).map((message) => ({ reason: 'Tied' as const, message })),
  ...incompleteParts(entry, others),
];

const undefinedVariables = (
  entry: Entry,
  { defines }: OthersInForce,
  isFact: (name: string) => boolean,
): readonly Warning[] => {
  const { inject = {}, provision } = entry.spec;
  const required = [...requiredVariablesIn([inject, provision])];
  const isUnknown = (name: string): boolean =>
    (!isBuiltIn(name) || namespaceAnnotationIn(name) !== undefined) && !isFact(name);
  const missing = required.filter((name) => isUnknown(name) && !defines(name, entry));
  if (missing.length === 0) return [];
  const fields = fieldsUsing(inject);
  return missing.map((name) => ({
    reason: 'Incomplete',
    message: `${fields.get(name) ?? 'spec.provision'}: \${${name}} ${whyUnknown(name)}: this is never applied.`,
    isNever: true,
  }));
};

const whyUnknown = (name: string): string =>
  namespaceAnnotationIn(name) === undefined
    ? 'is defined by no PlatformDefaults and is no fact of the cloud'
    : 'is no annotation that the setting NAMESPACE_ANNOTATIONS lists';

/** The first field that needs each variable. */
const fieldsUsing = (inject: InjectSpec): ReadonlyMap<string, string> => {
  const fields = new Map<string, string>();
  for (const item of itemsOf(inject))
    for (const name of requiredVariablesIn(item.value))
      if (!fields.has(name)) fields.set(name, `spec.inject.${fieldOf(item)}`);
  return fields;
};

const missingTemplates = ({ spec }: Entry, { hasTemplate }: OthersInForce): readonly Warning[] =>
  CONTAINER_LISTS.flatMap((list) =>
    (spec.inject?.[list] ?? []).flatMap(({ name, template }) =>
      template === undefined || hasTemplate(template)
        ? []
        : [
            {
              reason: 'Incomplete',
              message: `spec.inject.${list} ${name}: no PlatformDefaults has template ${template}: this is never applied.`,
              isNever: true,
            } as const,
          ],
    ),
  );

const incompleteParts = ({ spec }: Entry, { hasJmxExporter }: OthersInForce): readonly Warning[] => {
  if (spec.inject?.prometheus?.configFile === undefined || hasJmxExporter()) return [];
  const message =
    'spec.inject.prometheus.configFile is read by the JMX exporter, and no PlatformDefaults gives jmxExporterJar.';
  return [{ reason: 'Incomplete', message }];
};

/** What spark-operator itself leaves out of `spark-submit` and puts into the pods with its webhook (sparkpod_defaulter.go). */
const WEBHOOK_KEYS = [
  ...(['env', 'envFrom', 'volumes', 'volumeMounts', 'configMaps', 'tolerations', 'hostAliases'] as const),
  ...(['initContainers', 'sidecars'] as const),
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
  hasSparkOperator: () => Promise<boolean>,
): Promise<readonly Warning[]> => {
  const fields = sparkWebhookFields(entry);
  if (hasPodWebhook || fields.length === 0 || !(await hasSparkOperator())) return [];
  const keys = fields.map((field) => `spec.inject.${field}`).join(', ');
  const message = `spark-operator is installed without its webhook for pods, so that nothing of ${keys} reaches a Spark pod: set webhook.enable in its chart.`;
  return [{ reason: 'Incomplete', message }];
};

/** Whether spark-operator is installed: nothing tells when it comes or goes. Asked once for all who want to know within some seconds. */
export const createOperatorLook = (
  kube: Pick<Kube, 'read'>,
  now = () => performance.now(),
): ((signal: AbortSignal) => Promise<boolean>) => {
  let look: { readonly atMs: number; readonly answer: Promise<boolean> } | undefined;
  return async (signal) => {
    if (look === undefined || now() - look.atMs > LOOK_HOLDS_MS)
      look = { atMs: now(), answer: hasSparkOperator(kube, signal) };
    const { answer } = look;
    try {
      return await answer;
    } catch (error) {
      look = undefined;
      throw error;
    }
  };
};
const LOOK_HOLDS_MS = 5_000;

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
