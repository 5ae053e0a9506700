import type { KubeObject } from '../api/kubernetes.ts';
import { dashboard } from './dashboard.ts';
import { type InstallObject, type InstallOptions, labels, NAME, selectorLabels } from './options.ts';
import { entriesOf, when } from './template.ts';
import { fromNamespace, toWebhook } from './workload.ts';

/** Has Prometheus Operator scrape every replica and judge what it finds, and lets Prometheus through the policy of the install. */
export const prometheusObjects = (options: InstallOptions): readonly KubeObject[] => [
  serviceMonitor(options),
  ...when(options.networkPolicy, [scrapePolicy(options.namespace, options.monitoringNamespace)]),
  alertRules(options),
  dashboardConfigMap(options.namespace),
];

/** Of what Prometheus selects by labels. */
const selectedMetadata = ({ namespace, monitoringLabels }: InstallOptions): InstallObject['metadata'] => ({
  name: NAME,
  namespace,
  labels: { ...labels, ...entriesOf(monitoringLabels) },
});

const serviceMonitor = (options: InstallOptions): InstallObject => ({
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'ServiceMonitor',
  metadata: selectedMetadata(options),
  spec: {
    // What alerts and panels ask for as `job`, whatever the Service is called.
    jobLabel: 'app.kubernetes.io/name',
    selector: { matchLabels: selectorLabels },
    endpoints: [{ port: 'ops', path: '/metrics', interval: '30s' }],
  },
});

/** Of itself it closes every port that it does not name, and the component of it may be taken without that of the install's policy. */
const scrapePolicy = (namespace: string, monitoringNamespace: string): InstallObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: `${NAME}-scrape`, namespace, labels },
  spec: {
    podSelector: { matchLabels: selectorLabels },
    policyTypes: ['Ingress'],
    ingress: [toWebhook, { ports: [{ port: 'ops', protocol: 'TCP' }], from: [fromNamespace(monitoringNamespace)] }],
  },
});

const alertRules = (options: InstallOptions): InstallObject => ({
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PrometheusRule',
  metadata: selectedMetadata(options),
  spec: {
    groups: [
      {
        name: NAME,
        rules: alerts.map(({ severity, summary, description, ...rule }) => ({
          ...rule,
          labels: { severity },
          annotations: { summary, description },
        })),
      },
    ],
  },
});

/** Found by its label by the sidecar that Grafana's chart runs; its one file can be imported by hand as well. */
const dashboardConfigMap = (namespace: string): InstallObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: `${NAME}-dashboard`, namespace, labels: { ...labels, grafana_dashboard: '1' } },
  data: { 'quartermaster.json': `${JSON.stringify(dashboard(), undefined, 2)}\n` },
});

/** One alert of monitoring.coreos.com/v1 PrometheusRule. */
export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: 'warning' | 'critical';
  readonly summary: string;
  readonly description: string;
}

const DAY_SECONDS = 86_400;
/** The webhooks of ours among those that an API server counts. */
const OURS = 'name=~".+[.]quartermaster[.]dev"';

/**
 * What is worth waking somebody up for, and what only a look; each for every cluster by itself where Prometheus tells them apart by a
 * label `cluster`. `docs/runbook.md` has a section for each, by name.
 */
export const alerts: readonly Alert[] = [
  {
    alert: 'QuartermasterDown',
    expr: '(group by (cluster) (last_over_time(up{job="quartermaster"}[1h])) unless group by (cluster) (up{job="quartermaster"} == 1)) or on () absent(up{job="quartermaster"} == 1)',
    for: '5m',
    severity: 'critical',
    summary: 'No replica answers.',
    description:
      'Objects of kinds whose webhook fails closed cannot be made; the others are stored without their defaults.',
  },
  {
    alert: 'QuartermasterCertificateExpiring',
    expr: `min by (cluster, certificate) (quartermaster_certificate_expiry_timestamp_seconds) - time() < ${7 * DAY_SECONDS}`,
    for: '1h',
    severity: 'critical',
    summary: 'The {{ $labels.certificate }} certificate ends in {{ $value | humanizeDuration }}.',
    description:
      'It should have been renewed weeks ago. When it ends, the API server refuses every answer of the webhook.',
  },
  {
    alert: 'QuartermasterAdmissionErrors',
    expr: 'sum by (cluster) (rate(quartermaster_admission_requests_total{result="error"}[5m])) / sum by (cluster) (rate(quartermaster_admission_requests_total[5m])) > 0.01',
    for: '5m',
    severity: 'critical',
    summary: '{{ $value | humanizePercentage }} of admissions end in an error of Quartermaster.',
    description: 'These objects were refused or stored without their defaults, by the failure policy of their kind.',
  },
  {
    alert: 'QuartermasterAdmissionSlow',
    expr: 'histogram_quantile(0.99, sum by (cluster, le) (rate(quartermaster_admission_duration_seconds_bucket[5m]))) > 1',
    for: '10m',
    severity: 'warning',
    summary: 'One admission in a hundred takes longer than {{ $value | humanizeDuration }}.',
    description:
      'The API server waits five seconds at most. Only making a StorageClass should take longer than some milliseconds.',
  },
  {
    alert: 'QuartermasterReconcilesFailing',
    expr: 'max by (cluster, controller) (quartermaster_queue_failing) > 0',
    for: '30m',
    severity: 'warning',
    summary: '{{ $value }} objects of controller {{ $labels.controller }} have been failing for half an hour.',
    description: 'The Events and conditions of the objects concerned say why.',
  },
  {
    alert: 'QuartermasterEnforcedNotApplied',
    expr: 'sum by (cluster, default) (increase(quartermaster_defaults_objects_total{mode="Enforce",outcome="refused"}[15m])) > 0',
    for: '1m',
    severity: 'warning',
    summary: 'Objects were not given all that PlatformDefaults {{ $labels.default }} enforces.',
    description:
      'They were refused, or stored without it, as UNENFORCED says. The condition Degraded of the PlatformDefaults names a value and an object.',
  },
  {
    alert: 'QuartermasterLeaderless',
    expr: 'sum by (cluster) (quartermaster_leader) != 1',
    for: '5m',
    severity: 'critical',
    summary: '{{ $value }} replicas lead where one should.',
    description:
      'Without a leader nothing is reconciled: missed claims, buckets and NFS servers wait, admissions go on.',
  },
  {
    alert: 'QuartermasterUnreachable',
    expr: `sum by (cluster, name, error_type) (rate(apiserver_admission_webhook_rejection_count{${OURS},error_type!="no_error"}[5m])) > 0`,
    for: '5m',
    severity: 'critical',
    summary: 'The API server refuses objects since the webhook {{ $labels.name }} gives it no answer.',
    description:
      'It fails closed, and whatever it is about cannot be made. The API server counts {{ $labels.error_type }}.',
  },
  {
    alert: 'QuartermasterPassedOver',
    expr: `sum by (cluster, name) (rate(apiserver_admission_webhook_fail_open_count{${OURS}}[5m])) > 0`,
    for: '5m',
    severity: 'warning',
    summary: 'The API server stores objects without asking the webhook {{ $labels.name }}, which gives no answer.',
    description:
      'They are without their defaults. Claims get their class a moment later; for the others see quartermaster report.',
  },
];
