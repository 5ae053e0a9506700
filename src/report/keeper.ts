import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { hasReason, messageOf } from '../api/errors.ts';
import { MANAGED_BY, MANAGED_BY_LABEL, type ReportApi } from '../api/names.ts';
import { objectKeyOf } from '../controller/apply.ts';
import type { PreviewCluster } from '../explanation/cluster.ts';
import type { Kube } from '../kube/api-server.ts';
import type { Log } from '../ops/log.ts';
import { listAll, listDefaults } from './objects.ts';
import { type PolicyReport, policyReports, reportResource } from './policy-reports.ts';
import { createReporter } from './report.ts';

export interface KeeperOptions {
  readonly kube: Kube;
  readonly api: ReportApi;
  /** What holds now. */
  readonly cluster: () => PreviewCluster;
  readonly log: Log;
  readonly everyMs: number;
}

/** Writes the PolicyReports anew, again and again, until the signal. What fails is logged and tried at the next turn. */
export const keepPolicyReports = async (options: KeeperOptions, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    await writePolicyReports(options, new Date(), signal).catch((error: unknown) => {
      if (!signal.aborted) options.log.error({ error: messageOf(error) }, 'policy reports cannot be kept');
    });
    await sleep(options.everyMs, undefined, { signal }).catch(() => undefined);
  }
};

/** Writes them once, and removes those of ours that nothing is in any more. Throws AppError. */
export const writePolicyReports = async (
  { kube, api, cluster, log }: Omit<KeeperOptions, 'everyMs'>,
  at: Date,
  signal: AbortSignal,
): Promise<void> => {
  const reporter = createReporter(cluster(), await listDefaults(kube));
  const pages = listAll(kube, ({ plural }, reason) => {
    if (reason === 'Forbidden') log.warn({ resource: plural }, 'not in the policy reports: may not be listed');
  });
  for await (const { items } of pages) {
    for (const object of items) {
      reporter.add(object);
      // Where there are very many PlatformDefaults each takes its time, and reviews come meanwhile.
      await setImmediate();
    }
  }
  const resource = reportResource(api);
  const wanted = policyReports(await reporter.finish(), api, at);
  const failures: unknown[] = [];
  const keepOn = (write: Promise<unknown>): Promise<unknown> =>
    write.catch((error: unknown) => {
      if (hasReason(error, 'Unavailable', 'Timeout')) throw error;
      failures.push(error);
    });
  for (const report of wanted) await keepOn(kube.apply(resource, report, { signal }));
  const names = new Set(wanted.map(titleOf));
  const { items } = await kube.list<PolicyReport>(resource, { labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}` });
  const stale = items.filter((report) => !names.has(titleOf(report)));
  for (const report of stale) await keepOn(kube.remove(resource, objectKeyOf(report), {}, { signal }));
  // One namespace that is on its way out takes none, for as long as that lasts.
  if (failures.length > 0) throw failures[0];
};

const titleOf = ({ metadata }: PolicyReport): string => `${metadata.namespace}/${metadata.name}`;
