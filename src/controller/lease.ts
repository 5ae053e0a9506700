import type { KubeObject, Maybe } from '../api/kubernetes.ts';
import { type Kube, type ObjectKey, resources } from '../kube/api-server.ts';

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

export interface LeaseOptions {
  readonly kube: Pick<Kube, 'get' | 'create' | 'replace'>;
  readonly namespace: string;
  readonly name: string;
  /** Unlike that of any other process that runs. */
  readonly identity: string;
  readonly leaseSeconds: number;
}

/** One candidate's view of the lease. */
export interface LeaseLock {
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
export const createLeaseLock = ({ kube, namespace, name, identity, leaseSeconds }: LeaseOptions): LeaseLock => {
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
