import { hash } from 'node:crypto';
import type { KubeObject } from '../api/kubernetes.ts';
import { MANAGED_BY, MANAGED_BY_LABEL, REPORT_APIS, type ReportApi } from '../api/names.ts';
import type { Resource } from '../kube/api-server.ts';
import type { Row, Standing } from './examine.ts';
import { isFine, type Report } from './report.ts';

/** Where reports of an API are. */
export const reportResource = (api: ReportApi): Resource => ({ ...REPORT_APIS[api], isNamespaced: true });

const RESULTS = ['pass', 'fail', 'warn', 'error', 'skip'] as const;
type Result = (typeof RESULTS)[number];

interface ReportResult {
  readonly policy: string;
  readonly rule: Standing;
  readonly result: Result;
  readonly message: string;
  readonly source: string;
  readonly category: string;
  readonly severity: 'high' | 'medium' | 'low';
  readonly scored: boolean;
  readonly timestamp: { readonly seconds: number; readonly nanos: number };
  /** Policy Reporter keeps results by it. Left to itself it makes one that objects of one name in two namespaces share. */
  readonly properties: { readonly resultID: string };
  readonly resources: readonly [
    { readonly apiVersion: string; readonly kind: string; readonly namespace: string; readonly name: string },
  ];
}

/** A PolicyReport of wgpolicyk8s.io/v1alpha2, or a Report of openreports.io/v1alpha1. */
export interface PolicyReport extends KubeObject {
  readonly source?: string;
  readonly summary: Readonly<Record<Result, number>>;
  readonly results: readonly ReportResult[];
}

/** Of one object in etcd: about 1,000 bytes each at most, below its 1.5 MiB. */
const MAX_RESULTS = 1_000;

/** One report for each namespace, and more where one would be too large. `at` is when the results were found. */
export const policyReports = ({ rows }: Report, api: ReportApi, at: Date): readonly PolicyReport[] =>
  [...Map.groupBy(rows, ({ namespace }) => namespace)].flatMap(([namespace, list]) =>
    Array.from({ length: Math.ceil(list.length / MAX_RESULTS) }, (_, index) => {
      const part = list.slice(index * MAX_RESULTS, (index + 1) * MAX_RESULTS);
      return reportOf(
        part.map((row) => resultOf(row, at)),
        { api, namespace, index },
      );
    }),
  );

const reportOf = (
  results: readonly ReportResult[],
  { api, namespace, index }: { readonly api: ReportApi; readonly namespace: string; readonly index: number },
): PolicyReport => {
  const { group, version, kind } = REPORT_APIS[api];
  const count = (result: Result): number => results.filter((one) => one.result === result).length;
  const summary = {
    pass: count('pass'),
    fail: count('fail'),
    warn: count('warn'),
    error: count('error'),
    skip: count('skip'),
  };
  return {
    apiVersion: `${group}/${version}`,
    kind,
    metadata: {
      name: index === 0 ? 'quartermaster' : `quartermaster-${index + 1}`,
      namespace,
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
    },
    ...(api === 'openreports' && { source: SOURCE }),
    summary,
    results,
  };
};

const SOURCE = 'quartermaster';

const resultOf = (row: Row, at: Date): ReportResult => ({
  policy: row.defaults === '' ? 'quartermaster' : row.defaults,
  rule: row.standing,
  result: outcomeOf(row),
  message: sentenceOf(row),
  source: SOURCE,
  category: categoryOf(row),
  severity: severityOf(row),
  scored: row.isEnforced,
  timestamp: { seconds: Math.floor(at.getTime() / 1_000), nanos: 0 },
  properties: { resultID: idOf(row) },
  resources: [{ apiVersion: row.apiVersion, kind: row.kind, namespace: row.namespace, name: row.name }],
});

const categoryOf = ({ isEnforced, isAudited }: Row): string => {
  if (isAudited) return 'Audit';
  return isEnforced ? 'Enforce' : 'Default';
};

/** The same whenever the same is found of the same object, and another for all else. */
const idOf = ({ apiVersion, kind, namespace, name, defaults, standing, why }: Row): string =>
  hash('sha256', JSON.stringify([apiVersion, kind, namespace, name, defaults, standing, why]), 'base64url').slice(
    0,
    22,
  );

/** What is enforced and does not hold fails; what is a default may be otherwise for good reasons. */
const outcomeOf = (row: Row): Result => {
  const { standing, isEnforced } = row;
  if (isFine(row)) return 'pass';
  if (standing === 'unreadable') return 'error';
  if (standing === 'refused') return isEnforced ? 'error' : 'skip';
  return standing === 'forged' || isEnforced ? 'fail' : 'warn';
};

const severityOf = (row: Row): ReportResult['severity'] => {
  if (isFine(row) || row.standing === 'audited') return 'low';
  return row.isEnforced || row.standing === 'forged' || row.standing === 'unreadable' ? 'high' : 'medium';
};

/** A whole sentence about an object and what it has, lacks and so on. */
export const sentenceOf = ({ standing, why }: Row): string => `${SENTENCES[standing]}: ${why}.`;

const SENTENCES: Readonly<Record<Standing, string>> = {
  has: 'It was given this',
  complies: 'It was not given this, and has all of it',
  lacks: 'A new one would be given this, and it was given nothing',
  outdated: 'What it was given is not what a new one would be given',
  edited: 'What it was given was changed since',
  forged: 'Its record is not what Quartermaster wrote',
  refused: 'This is for it and could not be applied',
  audited: 'It is audited',
  unreadable: 'It could not be held against any PlatformDefaults',
};
