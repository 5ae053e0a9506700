import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, messageOf } from '../api/errors.ts';
import type { Log } from '../ops/log.ts';
import type { Publication } from './webhook-publisher.ts';

export interface WebhookReconcilerOptions {
  /** One reconcile of the webhook configuration: see `webhookPublisher`. */
  readonly publish: (signal: AbortSignal) => Promise<Publication>;
  readonly intervalMs: number;
  readonly log: Log;
}

const FINAL_RECONCILE_MS = 3_000;

/**
 * Reconciles the webhook configuration every `intervalMs` while it leads, and once more when the process is told to end: where that is
 * because the Deployment was deleted or scaled to nothing, there is no later chance to take the webhooks away.
 */
export const reconcileWebhookConfiguration = async (
  options: WebhookReconcilerOptions,
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted) {
    await reconcilePublication(options, signal);
    await sleep(options.intervalMs, undefined, { signal }).catch(() => undefined);
  }
  // Leadership lost: another looks after it now.
  if (!(signal.reason instanceof AppError))
    await reconcilePublication(options, AbortSignal.timeout(FINAL_RECONCILE_MS));
};

const reconcilePublication = async ({ publish, log }: WebhookReconcilerOptions, signal: AbortSignal): Promise<void> => {
  try {
    const publication = await publish(signal);
    if (publication !== 'unchanged') log.info({ publication }, 'webhook configuration written');
  } catch (error) {
    if (!signal.aborted) log.warn({ error: messageOf(error) }, 'webhook configuration cannot be kept');
  }
};
