import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../../../src/api/names.ts';
import type { PlatformDefaults } from '../../../src/api/platform-defaults.ts';
import { createDefaultsInForce } from '../../../src/defaults/in-force.ts';
import type { PreviewCluster } from '../../../src/explanation/cluster.ts';
import { explain } from '../../../src/explanation/decided.ts';
import { asCreate } from '../../../src/explanation/request.ts';
import { explainStored } from '../../../src/explanation/stored.ts';
import { installedWebhooks } from '../../../src/explanation/webhook-rules.ts';
import { policyReports } from '../../../src/report/policy-reports.ts';
import { createReporter } from '../../../src/report/report.ts';
import type { Work } from '../../fixtures/cost.ts';
import { platformDefaults, system } from '../../fixtures/defaults.ts';
import { factsIn } from '../../fixtures/object-store.ts';
import { confOf, nameOf, type Shape } from './entries.ts';

const NAMESPACE = 'team-a';
const team = { namespace: NAMESPACE };
const facts = factsIn();
const webhooks = installedWebhooks(system.systemNamespace, 'nfs');
const times = <T>(count: number, make: (at: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, at) => make(at));

const app = (metadata: object, spec = {}): KubeObject & { readonly spec: object } => ({
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name: 'a', ...team, creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
  spec: { driver: {}, executor: {}, ...spec },
});

const clusterOf = (defaults: readonly PlatformDefaults[]): PreviewCluster => {
  const inForce = createDefaultsInForce(system);
  for (const one of defaults) inForce.put(one);
  return { facts: { ...facts, defaults: inForce.index() }, entries: inForce.entries(), invalid: [], webhooks };
};

/** What a replica explains of an object a moment after its admission, and `why` of one that is stored. */
const explaining = (object: KubeObject, defaults: readonly PlatformDefaults[]): Work => {
  const cluster = clusterOf(defaults);
  return () => {
    explain(asCreate(object, NAMESPACE), cluster, { isSent: true, reasons: [] }).explanation();
    explainStored(object, defaults, cluster);
  };
};

const reporting = (objects: readonly KubeObject[], defaults: readonly PlatformDefaults[]): Work => {
  const cluster = clusterOf(defaults);
  return async () => {
    const reporter = createReporter(cluster, defaults);
    for (const object of objects) reporter.add(object);
    policyReports(await reporter.finish(), 'openreports', new Date(0));
  };
};

/** Thousands of PlatformDefaults that are all for one object. */
const giving = (shape: Shape, mode: 'Default' | 'Audit', count: number): readonly PlatformDefaults[] =>
  times(count, (at) =>
    platformDefaults(`d${at}`, { mode, inject: { sparkConf: { [`spark.${nameOf(shape, at)}`]: `${at}` } } }, team),
  );

const mounting = (shape: Shape, count: number): readonly PlatformDefaults[] =>
  times(count, (at) => {
    const configMaps = [{ name: nameOf(shape, at), mountPath: `/n/${at}` }];
    return platformDefaults(`d${at}`, { inject: { configMaps } }, team);
  });

const FEW = 200;
const LONG = 'a'.repeat(40);

/** Some that each lack a label of an object that has very many. */
const lacking = (): readonly PlatformDefaults[] =>
  times(FEW, (at) => {
    const selector = { matchLabels: { [`l.example.org/${at}${LONG}`]: 'x' } };
    return platformDefaults(`d${at}`, { match: { selector }, inject: { labels: { a: 'b' } } }, team);
  });

const labelled = (count: number): KubeObject =>
  app({ labels: Object.fromEntries(times(count, (at) => [`m.example.org/${at}${LONG}`, 'y'])) });

/** An object whose record names as much as there is room for in its annotations. */
const recorded = (count: number, shape: Shape): KubeObject => {
  const env = times(count, (at) => ({ name: `N${at}`, value: nameOf(shape, at) }));
  const sparkConf = confOf(count, shape);
  const lines = [`spec.driver.env ${JSON.stringify(env)}`, `spec.sparkConf ${JSON.stringify(sparkConf)}`];
  const record = [`${NAMESPACE}/d0@1 gives:`, ...lines.map((line) => `  ${line}`)].join('\n');
  return app({ annotations: { [INJECTED_ANNOTATION]: record } }, { driver: { env }, sparkConf });
};

/** What there may be many of where something is explained, or reported on: nobody waits for it, but the replica is busy meanwhile. */
export const MANY_EXPLAINED: Readonly<Record<string, (count: number, shape: Shape) => Work>> = {
  given: (count, shape) => explaining(app({}), giving(shape, 'Default', count)),
  audited: (count, shape) => explaining(app({}), giving(shape, 'Audit', count)),
  mounts: (count, shape) => explaining(app({}), mounting(shape, count)),
  labels: (count) => explaining(labelled(7 * count), lacking()),
  record: (count, shape) => explaining(recorded(count, shape), giving('distinct', 'Default', FEW)),
  managers: (count) => {
    const fieldsV1 = { 'f:metadata': { 'f:labels': {} } };
    const managedFields = times(3 * count, (at) => ({ manager: `m${at}`, time: '2025-01-01T00:00:00Z', fieldsV1 }));
    return explaining(app({ managedFields }), giving('distinct', 'Default', FEW));
  },
  reported: (count, shape) => reporting([app({})], giving(shape, 'Default', count)),
  objects: (count, shape) =>
    reporting(
      times(count, (at) => app({ name: `a${at}`, labels: { app: nameOf(shape, at) } })),
      giving(shape, 'Default', 20),
    ),
};
