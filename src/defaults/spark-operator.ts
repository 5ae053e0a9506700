import { AppError } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import { type Kube, resources } from '../kube/api-server.ts';
import type { Entry } from './entry.ts';
import type { Warning } from './warnings.ts';

interface WebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly { readonly rules?: readonly { readonly resources?: readonly string[] }[] }[];
}

/** What spark-operator itself leaves out of `spark-submit` and puts into the pods with its webhook (sparkpod_defaulter.go). */
const WEBHOOK_KEYS = ['env', 'envFrom', 'volumes', 'volumeMounts', 'configMaps', 'tolerations'] as const;

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
