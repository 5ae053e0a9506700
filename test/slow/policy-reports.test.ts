import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { startQuartermaster } from '../../dev/demo/quartermaster.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { policyReportCrd } from '../../dev/policy-report-crds.ts';
import { startMetadataStub } from '../../dev/stubs/metadata.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { REPORT_APIS, type ReportApi } from '../../src/api/names.ts';
import { defaults } from '../../src/install/options.ts';
import { REPORT_API_NAMES, reportObjects } from '../../src/install/policy-reports.ts';
import type { PolicyReport } from '../../src/report/policy-reports.ts';
import { quartermasterWith } from '../fixtures/command-line.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

const root = resolve(import.meta.dirname, '../..');
let cluster: ShippedCluster;
let metadata: Awaited<ReturnType<typeof startMetadataStub>>;

const apply = (objects: readonly object[]): Promise<string> =>
  kubectl(cluster.controlPlane, ['apply', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
  });

const application = (name: string, namespace: string): KubeObject =>
  ({
    apiVersion: 'sparkoperator.k8s.io/v1beta2',
    kind: 'SparkApplication',
    metadata: { name, namespace },
    spec: {
      type: 'Scala',
      mode: 'cluster',
      image: 'spark',
      mainClass: 'Pi',
      mainApplicationFile: 'local:///pi.jar',
      sparkVersion: '4.0.0',
      driver: { cores: 1 },
      executor: { cores: 1 },
    },
  }) as KubeObject;

const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
/** The namespace whose application goes while reports of this API are kept. */
const emptied = (api: ReportApi): string => `team-${api}`;
const pool = {
  apiVersion: 'quartermaster.dev/v1alpha1',
  kind: 'PlatformDefaults',
  metadata: { name: 'pool', namespace: defaults.namespace },
  spec: { match: { kinds: ['SparkApplication'] }, mode: 'Enforce', inject: { nodeSelector: { pool: 'big' } } },
};

beforeAll(async () => {
  cluster = await startShippedCluster();
  metadata = await startMetadataStub('aws');
  const files = await Promise.all(REPORT_API_NAMES.map(policyReportCrd));
  for (const file of [join(root, 'test/schemas'), ...files]) await kubectl(cluster.controlPlane, ['apply', '-f', file]);
  await kubectl(cluster.controlPlane, ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  // No webhook is there yet: what is stored now lacks what comes after it.
  const namespaces = ['team-a', ...REPORT_API_NAMES.map(emptied)];
  await apply(namespaces.flatMap((name) => [namespace(name), application('etl', name)]));
  await apply([pool]);
});
afterAll(async () => {
  await metadata?.stop();
  await cluster?.controlPlane.stop();
});

/** By namespace. */
const reportsOf = async (api: ReportApi): Promise<Readonly<Record<string, PolicyReport>>> => {
  const { plural, group } = REPORT_APIS[api];
  const text = await kubectl(cluster.controlPlane, ['get', `${plural}.${group}`, '-A', '-o', 'json']);
  const { items } = JSON.parse(text) as { readonly items: readonly PolicyReport[] };
  return Object.fromEntries(items.map((report) => [report.metadata.namespace ?? '', report] as const));
};

const expected = (namespaceName: string) => ({
  metadata: { name: 'quartermaster', namespace: namespaceName },
  summary: { pass: 0, fail: 1, warn: 0, error: 0, skip: 0 },
  results: [
    {
      policy: `${defaults.namespace}/pool`,
      rule: 'lacks',
      result: 'fail',
      message: expect.stringMatching(/^A new one would be given this, and it was given nothing: /) as unknown,
      resources: [{ kind: 'SparkApplication', name: 'etl', namespace: namespaceName }],
    },
  ],
});

const bothOf = (api: ReportApi) => ({ 'team-a': expected('team-a'), [emptied(api)]: expected(emptied(api)) });

describe.each(REPORT_API_NAMES)('policy reports of %s, as its authors define them', (api) => {
  it('are taken from report --live, field by field', async () => {
    const environment = { KUBECONFIG: cluster.controlPlane.kubeconfig };
    const output = api === 'wgpolicy' ? 'policyreport' : 'openreports';
    const { code, out } = await quartermasterWith(environment, 'report', '--live', '-o', output);
    expect(code).toBe(0);
    await kubectl(cluster.controlPlane, ['apply', '--validate=strict', '-f', '-'], { input: out });
    expect(await reportsOf(api)).toMatchObject(bothOf(api));
    await kubectl(cluster.controlPlane, ['delete', '--ignore-not-found', '-f', '-'], { input: out });
  });

  it('are kept by the account of the install, with what the setting gives it', async () => {
    await apply(reportObjects(api, defaults));
    const [webhookPort = 0, opsPort = 0] = await freePorts(2);
    const kubeconfig = await cluster.controlPlane.serviceAccountKubeconfig(defaults.namespace, 'quartermaster');
    const environment = { POLICY_REPORTS: api, POLICY_REPORTS_SECONDS: '10' };
    const serving = { kubeconfig, metadataUrl: metadata.url, webhookPort, opsPort, environment };
    const quartermaster = await startQuartermaster(serving);
    try {
      await expect.poll(() => reportsOf(api), POLLED).toMatchObject(bothOf(api));
      const gone = ['sparkapplications.sparkoperator.k8s.io', 'etl', '-n', emptied(api)];
      await kubectl(cluster.controlPlane, ['delete', ...gone]);
      await expect.poll(async () => Object.keys(await reportsOf(api)), POLLED).not.toContain(emptied(api));
      expect(await reportsOf(api)).toMatchObject({ 'team-a': expected('team-a') });
    } finally {
      await quartermaster.stop();
    }
  });
});

const POLLED = { timeout: 60_000, interval: 500 };
