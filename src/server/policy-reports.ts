import { askedBy } from '../defaults/entry.ts';
import type { PreviewCluster } from '../explanation/cluster.ts';
import { installedWebhooks } from '../explanation/webhook-rules.ts';
import { keepPolicyReports } from '../report/keeper.ts';
import type { ReportApi } from '../report/policy-reports.ts';
import type { Core } from './core.ts';

/** Keeps the PolicyReports of all namespaces until the signal. */
export const runPolicyReports = (core: Core, api: ReportApi, signal: AbortSignal): Promise<void> => {
  const { kube, settings, log } = core;
  const everyMs = settings.policyReportsSeconds * 1_000;
  return keepPolicyReports({ kube, api, cluster: () => clusterOf(core), log, everyMs }, signal);
};

/** The cluster of this moment, with the webhooks that an install has. */
export const clusterOf = ({ facts, defaults, stores, settings }: Core): PreviewCluster => {
  const entries = defaults.entries();
  const asked = entries.flatMap((entry) => askedBy(entry, facts().cloud.name));
  const validations = stores.platformDefaults
    .list()
    .flatMap(({ metadata }) => defaults.validation(metadata.namespace ?? '', metadata.name ?? '') ?? []);
  return {
    facts: facts(),
    entries,
    invalid: validations.filter(({ violations }) => violations.length > 0),
    webhooks: installedWebhooks(settings.namespace, settings.nfsNamespace, asked),
  };
};
