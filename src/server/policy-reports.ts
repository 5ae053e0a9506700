import type { ReportApi } from '../api/names.ts';
import { keepPolicyReports } from '../report/keeper.ts';
import { clusterOf } from './cluster.ts';
import type { Core } from './core.ts';

/** Keeps the PolicyReports of all namespaces until the signal. */
export const runPolicyReports = (core: Core, api: ReportApi, signal: AbortSignal): Promise<void> => {
  const { kube, settings, log } = core;
  const everyMs = settings.policyReportsSeconds * 1_000;
  return keepPolicyReports({ kube, api, cluster: () => clusterOf(core), log, everyMs }, signal);
};
