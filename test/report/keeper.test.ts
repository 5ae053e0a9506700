import { expect, it } from 'vitest';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { clusterOf } from '../../src/cli/described-cluster.ts';
import type { Kube } from '../../src/kube/api-server.ts';
import { createLog } from '../../src/ops/log.ts';
import { writePolicyReports } from '../../src/report/keeper.ts';
import { policyOf, readSettings } from '../../src/settings/config.ts';

const metadata = {
  name: 'pool',
  namespace: 'quartermaster-system',
  generation: 1,
  creationTimestamp: '2026-10-01T10:00:00Z',
};
const defaults = {
  apiVersion: 'quartermaster.dev/v1alpha1',
  kind: 'PlatformDefaults',
  metadata,
  spec: { match: { kinds: ['SparkApplication' as const] }, inject: { nodeSelector: { pool: 'big' } } },
};
const application = {
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name: 'etl', namespace: 'team-a', creationTimestamp: '2026-11-01T10:00:00Z' },
  spec: { driver: {}, executor: {} },
};
const named = (namespace: string): KubeObject => ({
  apiVersion: 'wgpolicyk8s.io/v1alpha2',
  kind: 'PolicyReport',
  metadata: { name: 'quartermaster', namespace },
});

it('writes a report for each namespace, and removes those of namespaces that nothing is in any more', async () => {
  const listed: Readonly<Record<string, readonly object[]>> = {
    platformdefaults: [defaults],
    sparkapplications: [application],
    policyreports: [named('team-a'), named('team-gone')],
  };
  const applied: KubeObject[] = [];
  const removed: string[] = [];
  const kube = {
    // Apache's operator, which has resources of the same name, is not installed here.
    list: ({ group, plural }: { readonly group: string; readonly plural: string }) =>
      Promise.resolve({
        items: group === 'spark.apache.org' ? [] : (listed[plural] ?? []),
        resourceVersion: '1',
        continueToken: undefined,
      }),
    apply: (_: unknown, object: KubeObject) => {
      applied.push(object);
      return Promise.resolve(object);
    },
    remove: (_: unknown, { namespace, name }: { readonly namespace: string; readonly name: string }) => {
      removed.push(`${namespace}/${name}`);
      return Promise.resolve();
    },
  } as unknown as Kube;
  const policy = policyOf(readSettings({}));
  const cluster = clusterOf({ cloud: 'aws', facts: {}, defaults: [defaults], namespaceLabels: {}, policy });
  const at = new Date('2026-11-02T00:00:00Z');
  const options = { kube, api: 'wgpolicy' as const, cluster: () => cluster, log: createLog('silent') };
  await writePolicyReports(options, at, new AbortController().signal);
  expect(applied).toMatchObject([
    {
      apiVersion: 'wgpolicyk8s.io/v1alpha2',
      kind: 'PolicyReport',
      metadata: { namespace: 'team-a', name: 'quartermaster' },
      summary: { pass: 0, warn: 1 },
      results: [{ rule: 'lacks', result: 'warn', timestamp: { seconds: at.getTime() / 1_000, nanos: 0 } }],
    },
  ]);
  expect(removed).toEqual(['team-gone/quartermaster']);
});
