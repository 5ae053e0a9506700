import { hostname, networkInterfaces } from 'node:os';
import packageJson from '../../package.json' with { type: 'json' };
import type { AdmissionRequest } from '../api/admission.ts';
import type { DecidingCluster } from '../explanation/decided.ts';
import { mutators } from '../kinds/index.ts';
import { createAccess } from '../ops/access.ts';
import type { DecisionLog, DecisionLogOptions } from '../ops/decisions.ts';
import type { Health } from '../ops/health.ts';
import { plainAddress, type ReplicaProofs } from '../ops/replica-proof.ts';
import { askReplicas } from '../ops/replicas.ts';
import { clusterStatus, type ReplicaStatus } from '../ops/status.ts';
import type { StatusSources } from '../ops/status-api.ts';
import type { Core } from './core.ts';

export interface StatusOptions {
  readonly health: Health;
  readonly decisions: DecisionLog;
  readonly proofs: ReplicaProofs;
  /** Where the ops server listens; undefined before it does. */
  readonly port: () => number | undefined;
  readonly standing: () => { readonly isLeading: boolean | undefined; readonly certificateUntil: Date | undefined };
}

/** Where the status page has its answers from. */
export const statusSources = (core: Core, options: StatusOptions): StatusSources => {
  const { kube, stores, settings, detection } = core;
  const own = (): ReplicaStatus => ownStatus(core, options);
  return {
    own,
    access: createAccess({ kube, resources: handledResources(), now: Date.now }),
    replicas: () =>
      askReplicas({
        kube,
        own,
        namespace: settings.namespace,
        service: settings.serviceName,
        isOwn: ({ address, port }) => port === options.port() && ownAddresses().has(address),
        proofs: options.proofs,
      }),
    cluster: () => clusterStatus(stores, detection.verdict(), settings.namespace),
    report: async (namespace) => {
      const { reportSummary } = await import('./report-summary.ts');
      return await reportSummary(core, namespace);
    },
    why: async (query, viewer) => {
      const { explainForViewer } = await import('./why.ts');
      return await explainForViewer(core, query, viewer);
    },
  };
};

const ownStatus = (
  { detection, controllers, unreadable }: Core,
  { health, decisions, standing }: StatusOptions,
): ReplicaStatus => {
  const { isLeading, certificateUntil } = standing();
  return {
    name: hostname(),
    version: packageJson.version,
    waitingFor: health.waitingFor(),
    unreadable: unreadable(),
    isLeading,
    certificateUntil: certificateUntil?.toISOString(),
    cloud: detection.verdict()?.name,
    controllers: controllers(),
    decisions: decisions.latest(),
  };
};

const ownAddresses = (): ReadonlySet<string> =>
  new Set(Object.values(networkInterfaces()).flatMap((list = []) => list.map(({ address }) => plainAddress(address))));

const handledResources = (): readonly { readonly group: string; readonly resource: string }[] => {
  const rules = mutators.flatMap((mutator) => mutator.rules);
  return [...new Map(rules.map(({ group, resource }) => [`${group}/${resource}`, { group, resource }])).values()];
};

/** Explains what was sent as it would be decided now, a moment after it was. Loaded with the first decision. */
export const explainSent =
  (cluster: () => DecidingCluster, systemNamespace: string): NonNullable<DecisionLogOptions['explain']> =>
  async (request: AdmissionRequest) => {
    const { explain } = await import('../explanation/decided.ts');
    const { verdictsOf } = await import('../ops/verdicts.ts');
    const { notes, defaults } = explain(request, cluster(), { isSent: true, reasons: [] }).explanation();
    return { notes, ...verdictsOf(defaults, [systemNamespace, request.namespace ?? '']) };
  };

/** All PlatformDefaults of this moment, in force or not. */
export const decidingCluster = ({ facts, defaults, stores }: Core): DecidingCluster => ({
  facts: facts(),
  entries: defaults.entries(),
  invalid: stores.platformDefaults
    .list()
    .flatMap(({ metadata }) => defaults.validation(metadata.namespace ?? '', metadata.name ?? '') ?? [])
    .filter(({ violations }) => violations.length > 0),
});
