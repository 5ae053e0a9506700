import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, messageOf } from '../api/errors.ts';
import type { KubeObject, Maybe } from '../api/kubernetes.ts';
import { type Kube, type ObjectKey, resources } from '../kube/api-server.ts';
import { withDeadline } from '../kube/failure.ts';
import type { Log } from '../ops/log.ts';
import type { Metrics } from '../ops/metrics.ts';

/** In milliseconds. A leader stops acting `renewDeadline` after the last renewal it sent, well before its lease runs out for others. */
interface ElectionTimes {
  readonly renewDeadline: number;
  readonly retryPeriod: number;
}

export interface LeaderOptions extends LeaseOptions {
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'setLeader'>;
  /**
   * What only one may do at a time. Its signal fires when leadership is lost, with an AppError as reason (stop at once),
   * or when `signal` does (finish what is under way). The lease is renewed until it has returned.
   */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  readonly times?: ElectionTimes;
}

/** client-go's proportions: 15 s of lease, 10 s to renew it, tried every 2 s. */
const electionTimes = (leaseSeconds: number): ElectionTimes => ({
  renewDeadline: (leaseSeconds * 1000 * 2) / 3,
  retryPeriod: (leaseSeconds * 1000 * 2) / 15,
});

/**
 * Contends for the lease until `signal`, leads while it is held, and releases it in the end. Loss of leadership is not the
 * end: it contends again. Resolves when all is done; throws what `lead` throws, after releasing the lease.
 */
export const runAsLeader = async (options: LeaderOptions): Promise<void> => {
  const lock = createLeaseLock(options);
  const times = options.times ?? electionTimes(options.leaseSeconds);
  while (!options.signal.aborted) {
    const acquiredAt = await acquire(options, lock, times);
    if (acquiredAt === undefined) return;
    await leadUntilLost(options, lock, times, acquiredAt);
  }
};

/** The moment the request was sent that got the lease; undefined when the signal came first. */
const acquire = async (
  { signal, log }: LeaderOptions,
  lock: LeaseLock,
  { renewDeadline, retryPeriod }: ElectionTimes,
): Promise<number | undefined> => {
  while (!signal.aborted) {
    const sentAt = performance.now();
    let waitMs = retryPeriod * (1 + Math.random() / 5);
    try {
      if (await withDeadline('The lease', renewDeadline, signal, lock.acquireOrRenew)) return sentAt;
      // There at the moment it runs out.
      waitMs = Math.min(waitMs, lock.validForMs());
    } catch (error) {
      if (!signal.aborted) log.debug({ error: messageOf(error) }, 'lease not acquired');
    }
    await pause(waitMs, signal);
  }
  return undefined;
};

const leadUntilLost = async (
  options: LeaderOptions,
  lock: LeaseLock,
  times: ElectionTimes,
  acquiredAt: number,
): Promise<void> => {
  const { signal, log, metrics, identity } = options;
  const leading = new AbortController();
  const over = new AbortController();
  const finish = (): void => leading.abort(signal.reason);
  signal.addEventListener('abort', finish, { once: true });
  if (signal.aborted) finish();
  log.info({ identity }, 'leadership gained');
  metrics.setLeader(true);
  const work = options.lead(leading.signal).finally(() => over.abort());
  work.catch(() => undefined);
  try {
    const isLost = await renewUntilLost(options, lock, times, { acquiredAt, over: over.signal });
    if (isLost) {
      metrics.setLeader(false);
      log.warn({ identity }, 'leadership lost');
      leading.abort(new AppError('Conflict', 'Leadership was lost: the lease could not be renewed in time.'));
    }
    await work;
  } finally {
    signal.removeEventListener('abort', finish);
    metrics.setLeader(false);
    await release(options, lock, times);
  }
};

/** True once the lease could not be renewed in time; false when `over` fires before. */
const renewUntilLost = async (
  { log }: LeaderOptions,
  lock: LeaseLock,
  { renewDeadline, retryPeriod }: ElectionTimes,
  { acquiredAt, over }: { readonly acquiredAt: number; readonly over: AbortSignal },
): Promise<boolean> => {
  let deadline = acquiredAt + renewDeadline;
  for (;;) {
    await pause(Math.min(retryPeriod, deadline - performance.now()), over);
    const sentAt = performance.now();
    if (over.aborted) return false;
    if (sentAt >= deadline) return true;
    try {
      const tryMs = Math.min(deadline - sentAt, renewDeadline / 2);
      if (!(await withDeadline('The lease', tryMs, over, lock.acquireOrRenew))) return true;
      deadline = sentAt + renewDeadline;
    } catch (error) {
      if (!over.aborted) log.debug({ error: messageOf(error) }, 'lease not renewed');
    }
  }
};

const release = async ({ log, identity }: LeaderOptions, lock: LeaseLock, times: ElectionTimes): Promise<void> => {
  try {
    await withDeadline('The lease', times.renewDeadline / 2, undefined, (signal) =>
      lock.release(signal).catch(() => lock.release(signal)),
    );
    log.info({ identity }, 'leadership ended');
  } catch (error) {
    log.warn({ identity, error: messageOf(error) }, 'lease not released; it runs out by itself');
  }
};

const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await sleep(Math.max(ms, 0), undefined, { signal }).catch(() => undefined);
};

/** coordination.k8s.io/v1. Times are RFC 3339 with six digits after the second, and no other number of them. */
interface Lease extends KubeObject {
  readonly spec?: Maybe<LeaseSpec>;
}

interface LeaseSpec {
  readonly holderIdentity?: Maybe<string>;
  readonly leaseDurationSeconds?: Maybe<number>;
  readonly acquireTime?: Maybe<string>;
  readonly renewTime?: Maybe<string>;
  readonly leaseTransitions?: Maybe<number>;
}

interface LeaseOptions {
  readonly kube: Pick<Kube, 'get' | 'create' | 'replace'>;
  readonly namespace: string;
  readonly name: string;
  /** Unlike that of any other process that runs. */
  readonly identity: string;
  readonly leaseSeconds: number;
}

/** One candidate's view of the lease. */
interface LeaseLock {
  /** Takes or renews it; false while another's is valid. Throws AppError where that is not known (Conflict: ask again). */
  readonly acquireOrRenew: (signal: AbortSignal) => Promise<boolean>;
  /** How long another's lease, as last observed, is still valid. */
  readonly validForMs: () => number;
  /** Gives it up where it is ours, so that another need not wait. Throws AppError (Conflict: a renewal of ours came between, ask again). */
  readonly release: (signal: AbortSignal) => Promise<void>;
}

/**
 * Another's lease counts as valid for its duration from the moment we first observed it as it is: clocks are never compared,
 * only this process's own monotonic one is read (client-go's leaderelection does the same).
 */
const createLeaseLock = ({ kube, namespace, name, identity, leaseSeconds }: LeaseOptions): LeaseLock => {
  const key: ObjectKey = { namespace, name };
  let observed: { readonly state: string; readonly validUntil: number } | undefined;
  /** As we last wrote it: renewed without reading it first. */
  let written: Lease | undefined;

  const isValid = (spec: LeaseSpec): boolean => {
    const state = JSON.stringify(spec);
    const durationMs = (spec.leaseDurationSeconds ?? leaseSeconds) * 1000;
    if (observed?.state !== state) observed = { state, validUntil: performance.now() + durationMs };
    return performance.now() < observed.validUntil;
  };
  const write = async (live: Lease | undefined, spec: LeaseSpec, signal: AbortSignal): Promise<void> => {
    const metadata = live?.metadata ?? { name, namespace };
    const desired: Lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    const put = live === undefined ? kube.create<Lease> : kube.replace<Lease>;
    written = undefined;
    written = await put(resources.leases, desired, { signal });
  };
  return {
    acquireOrRenew: async (signal) => {
      const live = written ?? (await kube.get<Lease>(resources.leases, key, signal));
      const spec = live?.spec ?? {};
      const isHolder = spec.holderIdentity === identity;
      if (!isHolder && spec.holderIdentity && isValid(spec)) return false;
      await write(live, isHolder ? renewed(spec, leaseSeconds) : acquired(spec, identity, leaseSeconds), signal);
      return true;
    },
    validForMs: () => Math.max((observed?.validUntil ?? 0) - performance.now(), 0),
    release: async (signal) => {
      const live = written ?? (await kube.get<Lease>(resources.leases, key, signal));
      if (live?.spec?.holderIdentity !== identity) return;
      await write(live, { ...live.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now() }, signal);
      written = undefined;
    },
  };
};

const now = (): string => new Date().toISOString().replace('Z', '000Z');

const renewed = (spec: LeaseSpec, leaseDurationSeconds: number): LeaseSpec => ({
  ...spec,
  leaseDurationSeconds,
  renewTime: now(),
});

const acquired = (spec: LeaseSpec, holderIdentity: string, leaseDurationSeconds: number): LeaseSpec => ({
  holderIdentity,
  leaseDurationSeconds,
  acquireTime: now(),
  renewTime: now(),
  leaseTransitions: spec.acquireTime ? (spec.leaseTransitions ?? 0) + 1 : 0,
});
