import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, messageOf } from '../api/errors.ts';
import type { Log } from '../ops/log.ts';
import type { Publication } from './webhook-publisher.ts';

export interface WebhookKeeperOptions {
  /** One look at the webhook configuration, putting right what is wrong: see webhook-publisher.ts. */
  readonly publish: (signal: AbortSignal) => Promise<Publication>;
  readonly intervalMs: number;
  readonly log: Log;
}

const LAST_LOOK_MS = 3_000;

/**
 * Looks at the webhook configuration every `intervalMs` while it leads, and once more when the process is told to end: where that is
 * because the Deployment was deleted or scaled to nothing, there is no later chance to take the webhooks away.
 */
export const keepWebhooks = async (options: WebhookKeeperOptions, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    await look(options, signal);
    await sleep(options.intervalMs, undefined, { signal }).catch(() => undefined);
  }
  // Leadership lost: another looks after it now.
  if (!(signal.reason instanceof AppError)) await look(options, AbortSignal.timeout(LAST_LOOK_MS));
};

const look = async ({ publish, log }: WebhookKeeperOptions, signal: AbortSignal): Promise<void> => {
  try {
    const publication = await publish(signal);
    if (publication !== 'unchanged') log.info({ publication }, 'webhook configuration written');
  } catch (error) {
    if (!signal.aborted) log.warn({ error: messageOf(error) }, 'webhook configuration cannot be kept');
  }
};
