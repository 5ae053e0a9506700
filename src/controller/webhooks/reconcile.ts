import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../api/errors.ts';
import type { Log } from '../../ops/log.ts';
import type { Publication } from './publisher.ts';

export interface WebhookReconcilerOptions {
  /** One reconcile of the webhook configuration: see `webhookPublisher`. */
  readonly publish: (signal: AbortSignal) => Promise<Publication>;
  readonly intervalMs: number;
  /** Calls `wake` when something that decides about the webhooks has changed. */
  readonly onChange: (wake: () => void) => void;
  readonly log: Log;
}

/** Reconciles the webhook configuration every `intervalMs` and at each change, until the signal. */
export const reconcileWebhookConfiguration = async (
  { publish, intervalMs, onChange, log }: WebhookReconcilerOptions,
  signal: AbortSignal,
): Promise<void> => {
  let waiting = new AbortController();
  onChange(() => waiting.abort());
  while (!signal.aborted) {
    waiting = new AbortController();
    await reconcileOnce(publish, log, signal);
    const either = AbortSignal.any([signal, waiting.signal]);
    await sleep(intervalMs, undefined, { signal: either }).catch(() => undefined);
  }
};

/** What it came to is logged, and so is what kept it from it. */
export const reconcileOnce = async (
  publish: (signal: AbortSignal) => Promise<Publication>,
  log: Log,
  signal: AbortSignal,
): Promise<void> => {
  try {
    const publication = await publish(signal);
    if (publication === 'failing open') log.warn({ publication }, 'webhook configuration written');
    else if (publication !== 'unchanged') log.info({ publication }, 'webhook configuration written');
  } catch (error) {
    if (!signal.aborted) log.warn({ error: messageOf(error) }, 'webhook configuration cannot be kept');
  }
};
