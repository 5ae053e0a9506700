import { expect, it } from 'vitest';
import { reportPage } from '../../src/ops/page/sections.ts';
import { API_VERSION } from '../../src/ops/status-api.ts';
import type { Row } from '../../src/report/examine.ts';
import { policyReports } from '../../src/report/policy-reports.ts';
import type { Core } from '../../src/server/core.ts';
import { reportSummary } from '../../src/server/report-summary.ts';

const row = (apiVersion: string, kind: string): Row => ({
  ...{ apiVersion, kind, namespace: 'team', name: 'pi', defaults: 'q/d', isEnforced: true, isAudited: false },
  ...({ standing: 'lacks', why: 'nothing' } as const),
});

it('the report page asks about each finding by its group: two kinds are called SparkApplication', async () => {
  const rows = [
    row('sparkoperator.k8s.io/v1beta2', 'SparkApplication'),
    row('spark.apache.org/v1', 'SparkApplication'),
    row('v1', 'Pod'),
  ];
  const items = policyReports({ objects: 3, rows, defaults: [] }, 'wgpolicy', new Date());
  const core = {
    kube: { list: () => Promise.resolve({ items }) },
    settings: { policyReports: 'wgpolicy' },
  } as unknown as Core;
  const answer = await reportSummary(core, '');
  expect(answer.findings.map(({ group }) => group)).toEqual(['sparkoperator.k8s.io', 'spark.apache.org', '']);
  const page = reportPage({ apiVersion: API_VERSION, ...answer }, '');
  expect([...page.matchAll(/href="\/why\?kind=([^&"]*)&/g)].map(([, kind]) => kind)).toEqual([
    'SparkApplication.sparkoperator.k8s.io',
    'SparkApplication.spark.apache.org',
    'Pod',
  ]);
});
