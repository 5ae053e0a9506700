import { expect, it } from 'vitest';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { describedCluster } from '../../src/cli/described-cluster.ts';
import { createDefaultsInForce } from '../../src/defaults/in-force.ts';
import { explainStored, giversAmong } from '../../src/explanation/stored.ts';
import { createStore } from '../../src/kube/store.ts';
import { createLog } from '../../src/ops/log.ts';
import { examine } from '../../src/report/examine.ts';
import { clusterOf } from '../../src/server/cluster.ts';
import { policyOf, readSettings } from '../../src/settings/config.ts';
import { platformDefaults } from '../fixtures/defaults.ts';

const pool = platformDefaults('pool', { mode: 'Enforce', inject: { nodeSelector: { pool: 'big' } } });

const clusterWith = (environment: Readonly<Record<string, string>>) => {
  const settings = readSettings(environment);
  const defaults = createDefaultsInForce(policyOf(settings));
  defaults.put(pool);
  const stored = createStore<typeof pool>(createLog('silent'));
  stored.put(pool);
  const world = describedCluster({ cloud: 'aws', namespace: 'default' }, readSettings({}));
  const facts = () => ({ ...world.facts, defaults: defaults.index() });
  return clusterOf({ facts, defaults, settings, stores: { platformDefaults: stored } });
};

const app = (namespace: string, labels = {}): KubeObject & { readonly spec: object } => ({
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name: 'etl', namespace, labels, creationTimestamp: '2026-03-01T10:00:00Z' },
  spec: { driver: {}, executor: {} },
});

it.each([
  ['EXCLUDED_NAMESPACES', 'team-a,legacy'],
  ['WEBHOOK_NAMESPACE_SELECTOR', '[{"key":"kubernetes.io/metadata.name","operator":"NotIn","values":["team-a"]}]'],
  ['WEBHOOK_OBJECT_SELECTOR', '[{"key":"example.org/skip","operator":"DoesNotExist"}]'],
])('explains and reports nothing of objects that %s leaves out', (variable, value) => {
  const cluster = clusterWith({ [variable]: value });
  const left = app('team-a', { 'example.org/skip': '1' });
  expect(examine(left, giversAmong([pool]), cluster).rows).toEqual([]);
  const { now, differs } = explainStored(left, [pool], cluster);
  expect([now.isSent, differs]).toEqual([false, []]);
  expect(examine(app('team-b'), giversAmong([pool]), cluster).rows).toMatchObject([{ standing: 'lacks' }]);
});
