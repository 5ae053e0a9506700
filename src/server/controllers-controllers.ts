import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { LEASE_NAME } from '../api/names.ts';
import type { CertificateWatcher } from '../certificates/watcher.ts';
import { createEventRecorder } from '../controller/events.ts';
import { runAsLeader } from '../controller/leader-election.ts';
import { runnablesOf } from './controllers.ts';
import type { Core } from './core.ts';

/** The controllers of this process, acting only while it leads. */
export interface Controllers {
  /** Whether it is this replica whose controllers act. */
  readonly isLeading: () => boolean;
  /** Resolves after `stop`; rejects where they end by themselves, which they should never do. */
  readonly done: Promise<void>;
  /** Lets what is under way finish and releases the Lease. Throws what `done` does. */
  readonly stop: () => Promise<void>;
}

const EVENTS_GRACE_MS = 3_000;

/** Contends for leadership and runs every controller while it is held. Caches are filled before that, so that a new leader acts at once. */
export const startControllers = (core: Core, certificates: CertificateWatcher): Controllers => {
  const { settings, kube, log, metrics } = core;
  const stopping = new AbortController();
  const events = createEventRecorder({ kube, instance: hostname(), log, metrics });
  const runnables = runnablesOf(core, certificates, events);
  let isLeading = false;
  const done = runAsLeader({
    kube,
    name: LEASE_NAME,
    identity: `${hostname()}_${randomUUID()}`,
    namespace: settings.namespace,
    leaseSeconds: settings.leaseSeconds,
    signal: AbortSignal.any([stopping.signal, core.signal]),
    log,
    metrics,
    lead: async (signal) => {
      isLeading = true;
      await Promise.all(runnables.map((runnable) => runnable(signal))).finally(() => {
        isLeading = false;
      });
    },
  });
  return {
    isLeading: () => isLeading,
    done,
    stop: async () => {
      stopping.abort();
      await done;
      await events.close(EVENTS_GRACE_MS);
    },
  };
};
