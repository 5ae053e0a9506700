import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { SYSTEM_NAMESPACE } from '../../src/api/names.ts';
import { inCluster, panels } from '../../src/install/dashboard.ts';
import { alerts } from '../../src/install/prometheus.ts';
import { type Resource, resources } from '../../src/kube/api-server.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { admitSpark, prepareSpark, untilAdmitted } from '../fixtures/spark-world.ts';
import { startSteadyLoad } from '../fixtures/steady-load.ts';
import { type Prometheus, startPrometheus, testRules } from './prometheus.ts';

type Series = Readonly<Record<string, string>>;

interface Story {
  readonly alert: string;
  readonly when: string;
  /** A value a minute, in promtool's notation. */
  readonly series: Series;
  readonly at: string;
  /** What whoever is woken up reads first; left out where nobody is to be. */
  readonly told?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const serving = { certificate: 'serving' };
const requests = (result: string): string =>
  `quartermaster_admission_requests_total{job="quartermaster",pod="a",kind="Pod",operation="CREATE",result="${result}"}`;
const bucket = (le: string): string =>
  `quartermaster_admission_duration_seconds_bucket{job="quartermaster",pod="a",kind="Pod",le="${le}"}`;
const up = (pod: string): string => `up{job="quartermaster",pod="${pod}"}`;
const leader = (pod: string): string => `quartermaster_leader{job="quartermaster",pod="${pod}"}`;
const expiry = 'quartermaster_certificate_expiry_timestamp_seconds{job="quartermaster",pod="a",certificate="serving"}';
const enforced = (mode: string, outcome: string): string =>
  `quartermaster_defaults_objects_total{job="quartermaster",pod="a",default="platform/proxy",mode="${mode}",outcome="${outcome}"}`;
const failing = 'quartermaster_queue_failing{job="quartermaster",pod="a",controller="object-store"}';

const ofCluster = (series: string, cluster: string): string => series.replace('{', `{cluster="${cluster}",`);
const webhook = 'spark-application-fail-closed.quartermaster.dev';
const rejected = (name: string, error: string): string =>
  `apiserver_admission_webhook_rejection_count{job="apiserver",name="${name}",type="admit",operation="CREATE",error_type="${error}",rejection_code="500"}`;
const passedOver = (name: string): string =>
  `apiserver_admission_webhook_fail_open_count{job="apiserver",name="${name}",type="admit"}`;

const stories: readonly Story[] = [
  {
    alert: 'QuartermasterDown',
    when: 'the replicas of one of two clusters are gone',
    series: { [ofCluster(up('a'), 'one')]: '1x20', [ofCluster(up('b'), 'two')]: '1x2 stale' },
    at: '15m',
    labels: { cluster: 'two' },
    told: 'No replica answers.',
  },
  {
    alert: 'QuartermasterDown',
    when: 'it was never installed, or all series of it are gone',
    series: { [up('a')]: 'stale' },
    at: '90m',
    told: 'No replica answers.',
  },
  {
    alert: 'QuartermasterLeaderless',
    when: 'each of two clusters has a leader',
    series: { [ofCluster(leader('a'), 'one')]: '1x20', [ofCluster(leader('b'), 'two')]: '1x20' },
    at: '10m',
  },
  {
    alert: 'QuartermasterAdmissionErrors',
    when: 'in the smaller of two clusters every admission ends in an error',
    series: {
      [ofCluster(requests('changed'), 'one')]: '0+9000x20',
      [ofCluster(requests('error'), 'two')]: '0+6x20',
    },
    at: '15m',
    labels: { cluster: 'two' },
    told: '100% of admissions end in an error of Quartermaster.',
  },
  {
    alert: 'QuartermasterUnreachable',
    when: 'a webhook of ours that fails closed cannot be called',
    series: { [rejected(webhook, 'calling_webhook_error')]: '0+3x20' },
    at: '15m',
    labels: { name: webhook, error_type: 'calling_webhook_error' },
    told: `The API server refuses objects since the webhook ${webhook} gives it no answer.`,
  },
  {
    alert: 'QuartermasterUnreachable',
    when: 'it refuses what users got wrong, and webhooks of others cannot be called',
    series: {
      [rejected(webhook, 'no_error')]: '0+3x20',
      [rejected('webhook.cert-manager.io', 'calling_webhook_error')]: '0+3x20',
    },
    at: '15m',
  },
  {
    alert: 'QuartermasterPassedOver',
    when: 'a webhook of ours that ignores failures cannot be called',
    series: { [passedOver('workflow-pod.quartermaster.dev')]: '0+3x20' },
    at: '15m',
    labels: { name: 'workflow-pod.quartermaster.dev' },
    told: 'The API server stores objects without asking the webhook workflow-pod.quartermaster.dev, which gives no answer.',
  },
  {
    alert: 'QuartermasterPassedOver',
    when: 'it could not for a moment, and webhooks of others cannot now',
    series: {
      [passedOver('workflow-pod.quartermaster.dev')]: '0 3x40',
      [passedOver('webhook.cert-manager.io')]: '0+3x20',
    },
    at: '20m',
  },
  {
    alert: 'QuartermasterDown',
    when: 'no replica was scraped for five minutes',
    series: { [up('a')]: '1x2 0x20', [up('b')]: '1x2 stale' },
    at: '10m',
    told: 'No replica answers.',
  },
  {
    alert: 'QuartermasterDown',
    when: 'one of two replicas is down',
    series: { [up('a')]: '1x20', [up('b')]: '0x20' },
    at: '15m',
  },
  {
    alert: 'QuartermasterCertificateExpiring',
    when: 'a certificate ends within the week',
    series: { [expiry]: '349260x80' },
    at: '61m',
    labels: serving,
    told: 'The serving certificate ends in 4d 0h 0m 0s.',
  },
  {
    alert: 'QuartermasterCertificateExpiring',
    when: 'it is due for its renewal, 30 days before its end',
    series: { [expiry]: '2592000x80' },
    at: '75m',
  },
  {
    alert: 'QuartermasterAdmissionErrors',
    when: 'two of a hundred admissions end in an error',
    series: { [requests('error')]: '0+2x20', [requests('changed')]: '0+98x20' },
    at: '15m',
    told: '2% of admissions end in an error of Quartermaster.',
  },
  {
    alert: 'QuartermasterAdmissionErrors',
    when: 'users make mistakes',
    series: { [requests('error')]: '0x20', [requests('refused')]: '0+98x20' },
    at: '15m',
  },
  {
    alert: 'QuartermasterAdmissionSlow',
    when: 'two of a hundred admissions take more than a second',
    series: { [bucket('1')]: '0+98x30', [bucket('2.5')]: '0+100x30', [bucket('+Inf')]: '0+100x30' },
    at: '25m',
    told: 'One admission in a hundred takes longer than 1.75s.',
  },
  {
    alert: 'QuartermasterAdmissionSlow',
    when: 'one in a thousand does',
    series: { [bucket('1')]: '0+999x30', [bucket('2.5')]: '0+1000x30', [bucket('+Inf')]: '0+1000x30' },
    at: '25m',
  },
  {
    alert: 'QuartermasterReconcilesFailing',
    when: 'three objects have been failing for half an hour',
    series: { [failing]: '3x60' },
    at: '35m',
    labels: { controller: 'object-store' },
    told: '3 objects of controller object-store have been failing for half an hour.',
  },
  {
    alert: 'QuartermasterReconcilesFailing',
    when: 'they went on after twenty minutes, while the API server was away',
    series: { [failing]: '3x20 0x40' },
    at: '35m',
  },
  {
    alert: 'QuartermasterEnforcedNotApplied',
    when: 'one object was not given what is enforced',
    series: { [enforced('Enforce', 'refused')]: '0x5 1x30', [enforced('Enforce', 'applied')]: '0+9x35' },
    at: '10m',
    labels: { default: 'platform/proxy' },
    told: 'Objects were not given all that PlatformDefaults platform/proxy enforces.',
  },
  {
    alert: 'QuartermasterEnforcedNotApplied',
    when: 'the last one was half an hour ago, and others keep back what is a default',
    series: { [enforced('Enforce', 'refused')]: '0x5 1x60', [enforced('Default', 'refused')]: '0+9x65' },
    at: '40m',
  },
  {
    alert: 'QuartermasterLeaderless',
    when: 'nobody leads',
    series: { [leader('a')]: '0x20', [leader('b')]: '0x20' },
    at: '10m',
    told: '0 replicas lead where one should.',
  },
  {
    alert: 'QuartermasterLeaderless',
    when: 'two lead',
    series: { [leader('a')]: '1x20', [leader('b')]: '1x20' },
    at: '10m',
    told: '2 replicas lead where one should.',
  },
  {
    alert: 'QuartermasterLeaderless',
    when: 'leadership is handed on, which takes two minutes',
    series: { [leader('a')]: '1x5 0x20', [leader('b')]: '0x7 1x20' },
    at: '15m',
  },
];

const asPromtool = ({ alert, series, at, told, labels }: Story): unknown => {
  const { severity, description = '' } = alerts.find((candidate) => candidate.alert === alert) ?? {};
  const filled = description.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels?.[label] ?? '');
  const expected = { exp_labels: { severity, ...labels }, exp_annotations: { summary: told, description: filled } };
  return {
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: [{ eval_time: at, alertname: alert, exp_alerts: told === undefined ? [] : [expected] }],
  };
};

describe('an alert', () => {
  it('is told in a story of when it fires, and in one of when it does not', () => {
    for (const { alert } of alerts) {
      const told = stories.filter((story) => story.alert === alert).map((story) => story.told !== undefined);
      expect(new Set(told), alert).toEqual(new Set([true, false]));
    }
  });

  it.each(
    stories.map((story) => [story.alert, story.told === undefined ? 'is silent' : 'fires', story.when, story] as const),
  )('%s %s where %s', async (_alert, _does, _when, story) => {
    await testRules([asPromtool(story)]);
  });
});

describe('Prometheus, scraping a replica', () => {
  const soon = { timeout: 30_000, interval: 200 };
  let cluster: ShippedCluster;
  let replica: ServeProcess;
  let prometheus: Prometheus;

  beforeAll(async () => {
    cluster = await startShippedCluster();
    await prepareSpark(cluster.admin);
    replica = await startReplica(cluster, { environment: { CLOUD: 'hetzner', OBJECT_STORE_LOOPBACK: 'allow' } });
    await untilReady(replica);
    await untilAdmitted(cluster.admin);
    prometheus = await startPrometheus({ a: new URL(replica.opsUrl).host });
  });
  afterAll(async () => {
    await prometheus?.[Symbol.asyncDispose]();
    await replica?.stop();
    await cluster?.controlPlane.stop();
  });

  /** All that makes it count something: PlatformDefaults of which one matches and one is audited, a claim for a class that is not there, and a bucket out of reach. */
  const giveWork = async (): Promise<void> => {
    const { admin } = cluster;
    const inDefault = (name: string) => ({ name, namespace: 'default' });
    const make = (resource: Resource, object: KubeObject & { readonly spec?: object; readonly stringData?: object }) =>
      admin.create(resource, object);
    const match = { kinds: ['SparkApplication'] };
    const give = (name: string, spec: object) =>
      make(resources.platformDefaults, {
        apiVersion: 'quartermaster.dev/v1alpha1',
        kind: 'PlatformDefaults',
        metadata: { name, namespace: SYSTEM_NAMESPACE },
        spec: { match, inject: { sparkConf: { [`spark.${name}`]: 'true' } }, ...spec },
      });
    await give('matching', {});
    await give('audited', { mode: 'Audit' });
    await give('elsewhere', { match: { ...match, selector: { matchLabels: { not: 'there' } } } });
    await make(resources.csiDrivers, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSIDriver',
      metadata: { name: 'csi.hetzner.cloud' },
      spec: {},
    });
    await make(resources.persistentVolumeClaims, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: inDefault('measured'),
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'fast',
        resources: { requests: { storage: '1Gi' } },
      },
    });
    await make(resources.secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: inDefault('keys'),
      stringData: { 'access-key': 'access', 'secret-key': 'secret' },
    });
    await make(resources.objectStores, {
      apiVersion: 'banzaicloud.com/v1alpha1',
      kind: 'ObjectStore',
      metadata: inDefault('out-of-reach'),
      spec: {
        name: 'out-of-reach',
        provider: 's3',
        s3: { endpoint: 'http://127.0.0.1:1' },
        credentialsSecretRef: { name: 'keys' },
      },
    });
  };

  it('gets an answer to the query of every panel', async () => {
    await giveWork();
    const load = startSteadyLoad(10, (index) => admitSpark(cluster.admin, `job-${index}`));
    for (const { title, queries } of panels)
      for (const { expr } of queries) {
        const query = inCluster(expr).replaceAll('$__rate_interval', '10s').replaceAll('$cluster', '.*');
        await expect
          .poll(async () => (await prometheus.query(query)).length, { ...soon, message: `${title}: ${query}` })
          .toBeGreaterThan(0);
      }
    await load.stop();
  });

  it('judges every rule, finds all well, and notices when the replica is gone', async () => {
    const states = async () =>
      (await prometheus.rules()).map(({ name, health, state }) => `${name}: ${health}, ${state}`).toSorted();
    const well = alerts.map(({ alert }) => `${alert}: ok, inactive`);
    await expect.poll(states, soon).toEqual(well.toSorted());
    await replica.stop();
    await expect.poll(states, soon).toContain('QuartermasterDown: ok, pending');
  });
});
