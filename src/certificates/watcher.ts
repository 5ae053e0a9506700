import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, messageOf } from '../api/errors.ts';
import { type CertificateSource, isSameCertificate, type ServingCertificate } from './certificate.ts';

type Listener = (certificate: ServingCertificate) => void;

export interface WatcherOptions {
  readonly source: CertificateSource;
  readonly signal: AbortSignal;
  /** Called once per failure, not once per poll. */
  readonly onFailure: (error: unknown) => void;
  /** How often the source is polled, in milliseconds. */
  readonly intervalMs?: number;
  /** The same until there is a first certificate. */
  readonly firstIntervalMs?: number;
}

export interface CertificateWatcher {
  /** The first certificate, however long it takes; rejects only when the signal ends the waiting. */
  readonly first: Promise<ServingCertificate>;
  readonly current: () => ServingCertificate | undefined;
  /** Called with each certificate after the one that is current now. */
  readonly onChange: (listener: Listener) => void;
}

/**
 * Keeps the certificate current until the signal ends it. It polls the source every few seconds instead of a Kubernetes watch: one
 * small read, less than a leader election costs, and nothing that can go silent unnoticed. A failing source leaves the last
 * certificate in force.
 */
export const watchCertificate = (options: WatcherOptions): CertificateWatcher => {
  const { source, signal, onFailure, intervalMs = 5_000, firstIntervalMs = 500 } = options;
  const first = Promise.withResolvers<ServingCertificate>();
  const listeners: Listener[] = [first.resolve];
  let current: ServingCertificate | undefined;
  let failure: string | undefined;

  const accept = (found: ServingCertificate): void => {
    failure = undefined;
    if (current !== undefined && isSameCertificate(current, found)) return;
    current = found;
    for (const listener of listeners) listener(found);
  };
  const report = (error: unknown): void => {
    if (!signal.aborted && failure !== messageOf(error)) onFailure(error);
    failure = messageOf(error);
  };
  const poll = async (): Promise<void> => {
    while (!signal.aborted) {
      await source(signal).then(accept).catch(report);
      await pause(current === undefined ? firstIntervalMs : intervalMs, signal);
    }
    first.reject(new AppError('Unavailable', 'Stopped before there was a certificate to serve with.'));
  };

  // A process that stops early need not wait for the first certificate.
  first.promise.catch(() => undefined);
  void poll();
  return { first: first.promise, current: () => current, onChange: (listener) => void listeners.push(listener) };
};

/** Ends early, and well, when the signal does. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);
