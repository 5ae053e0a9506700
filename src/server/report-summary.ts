import { messageOf } from '../api/errors.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import { groupVersionOf } from '../explanation/request.ts';
import { REPORT_RESULTS, type ReportAnswer, type ReportResult } from '../ops/status-api.ts';
import { type PolicyReport, reportResource } from '../report/policy-reports.ts';
import type { Core } from './core.ts';

const MAX_FINDINGS = 500;
const TIMEOUT_MS = 5_000;

/** What the PolicyReports that the leader keeps say, of one namespace or of all. Never throws: what cannot be read is a note. */
export const reportSummary = async (
  { kube, settings }: Pick<Core, 'kube' | 'settings'>,
  namespace: string,
): Promise<Omit<ReportAnswer, 'apiVersion'>> => {
  const nothing = { isKept: false, namespaces: [], findings: [] };
  if (settings.policyReports === 'off')
    return {
      ...nothing,
      notes: ['No report is kept: set POLICY_REPORTS, or run quartermaster report --live on your machine.'],
    };
  try {
    const query = { labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}`, ...(namespace !== '' && { namespace }) };
    const resource = reportResource(settings.policyReports);
    const { items } = await kube.list<PolicyReport>(resource, query, AbortSignal.timeout(TIMEOUT_MS));
    return summaryOf(items);
  } catch (error) {
    return { ...nothing, notes: [`The report cannot be read: ${messageOf(error)}`] };
  }
};

const summaryOf = (reports: readonly PolicyReport[]): Omit<ReportAnswer, 'apiVersion'> => {
  const byNamespace = Map.groupBy(reports, ({ metadata }) => metadata.namespace ?? '');
  const findings = reports.flatMap(({ results }) => results.filter(({ result }) => result !== 'pass'));
  const left = findings.length - MAX_FINDINGS;
  return {
    isKept: true,
    notes: left > 0 ? [`${left} more findings are in the PolicyReports.`] : [],
    namespaces: [...byNamespace]
      .map(([name, list]) => ({ namespace: name, ...totalOf(list) }))
      .toSorted((one, other) => (one.namespace < other.namespace ? -1 : 1)),
    findings: findings.slice(0, MAX_FINDINGS).map(({ policy, rule, result, message, resources: [object] }) => ({
      namespace: object.namespace,
      group: groupVersionOf(object.apiVersion).group,
      kind: object.kind,
      name: object.name,
      defaults: policy,
      standing: rule,
      result,
      message,
    })),
  };
};

const totalOf = (reports: readonly PolicyReport[]): Readonly<Record<ReportResult, number>> => {
  const total = (result: ReportResult): number => reports.reduce((sum, { summary }) => sum + (summary[result] ?? 0), 0);
  const [pass, fail, warn, error, skip] = REPORT_RESULTS.map(total) as [number, number, number, number, number];
  return { pass, fail, warn, error, skip };
};
