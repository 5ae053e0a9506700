import { expect, it } from 'vitest';
import { AppError } from '../../src/api/errors.ts';
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

interface Written {
  readonly applied: KubeObject[];
  readonly removed: string[];
}

const at = new Date('2026-11-02T00:00:00Z');

/** With an application in each of these namespaces, of which those that are ending take nothing. */
const write = async (namespaces: readonly string[], ending: readonly string[], written: Written): Promise<void> => {
  const { applied, removed } = written;
  const applications = namespaces.map((namespace) => ({
    ...application,
    metadata: { ...application.metadata, namespace },
  }));
  const listed: Readonly<Record<string, readonly object[]>> = {
    platformdefaults: [defaults],
    sparkapplications: applications,
    policyreports: [named('team-a'), named('team-gone')],
  };
  const kube = {
    // Apache's operator, which has resources of the same name, is not installed here.
    list: ({ group, plural }: { readonly group: string; readonly plural: string }) =>
      Promise.resolve({
        items: group === 'spark.apache.org' ? [] : (listed[plural] ?? []),
        resourceVersion: '1',
        continueToken: undefined,
      }),
    apply: (_: unknown, object: KubeObject) => {
      const { namespace = '' } = object.metadata;
      if (ending.includes(namespace))
        return Promise.reject(new AppError('Forbidden', `namespace ${namespace} is being terminated.`));
      applied.push(object);
      return Promise.resolve(object);
    },
    remove: (_: unknown, { namespace, name }: { readonly namespace: string; readonly name: string }) => {
      removed.push(`${namespace}/${name}`);
      return Promise.resolve();
    },
  } as unknown as Kube;
  const policy = policyOf(readSettings({}));
  const described = clusterOf({ cloud: 'aws', facts: {}, defaults: [defaults], namespaceLabels: {}, policy });
  const namespaceLabels = (namespace: string) => {
    if (namespace === 'team-odd') throw new TypeError('odd is not a function');
    return described.facts.namespaceLabels(namespace);
  };
  const cluster = { ...described, facts: { ...described.facts, namespaceLabels } };
  const options = { kube, api: 'wgpolicy' as const, cluster: () => cluster, log: createLog('silent') };
  await writePolicyReports(options, at, new AbortController().signal);
};

it('writes a report for each namespace, and removes those of namespaces that nothing is in any more', async () => {
  const written: Written = { applied: [], removed: [] };
  await write(['team-a'], [], written);
  const { applied, removed } = written;
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

it('goes on with others where a namespace takes none, and says so', async () => {
  const written: Written = { applied: [], removed: [] };
  const writing = write(['team-a', 'team-b', 'team-c'], ['team-b'], written);
  await expect(writing).rejects.toThrow('namespace team-b is being terminated.');
  expect(written.applied.map(({ metadata }) => metadata.namespace)).toEqual(['team-a', 'team-c']);
  expect(written.removed).toEqual(['team-gone/quartermaster']);
});

it('tells an object that cannot be read as one, and all others as ever', async () => {
  const written: Written = { applied: [], removed: [] };
  await write(['team-a', 'team-odd', 'team-b'], [], written);
  expect(written.applied).toMatchObject([
    { metadata: { namespace: 'team-a' }, results: [{ rule: 'lacks', result: 'warn' }] },
    {
      metadata: { namespace: 'team-odd' },
      summary: { error: 1 },
      results: [
        {
          policy: 'quartermaster',
          rule: 'unreadable',
          result: 'error',
          message: 'It could not be held against any PlatformDefaults: odd is not a function.',
          resources: [{ kind: 'SparkApplication', name: 'etl' }],
        },
      ],
    },
    { metadata: { namespace: 'team-b' }, results: [{ rule: 'lacks', result: 'warn' }] },
  ]);
});
