import type { KubeObject } from '../api/kubernetes.ts';
import { dashboard } from './dashboard.ts';
import { fromNamespace } from './network.ts';
import { type InstallObject, type InstallOptions, labels, NAME, selectorLabels } from './options.ts';
import { alerts } from './prometheus.ts';

/** The namespace Prometheus Operator's own examples put Prometheus in. */
const MONITORING_NAMESPACE = 'monitoring';

/** Has Prometheus Operator scrape every replica and judge what it finds, and lets Prometheus through to the ops port. */
export const prometheusObjects = ({ namespace }: InstallOptions): readonly KubeObject[] => [
  serviceMonitor(namespace),
  scrapePolicy(namespace),
  alertRules(namespace),
  dashboardConfigMap(namespace),
];

const serviceMonitor = (namespace: string): InstallObject => ({
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'ServiceMonitor',
  metadata: { name: NAME, namespace, labels },
  spec: {
    selector: { matchLabels: selectorLabels },
    endpoints: [{ port: 'ops', path: '/metrics', interval: '30s' }],
  },
});

const scrapePolicy = (namespace: string): InstallObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: `${NAME}-scrape`, namespace, labels },
  spec: {
    podSelector: { matchLabels: selectorLabels },
    policyTypes: ['Ingress'],
    ingress: [{ ports: [{ port: 'ops', protocol: 'TCP' }], from: [fromNamespace(MONITORING_NAMESPACE)] }],
  },
});

const alertRules = (namespace: string): InstallObject => ({
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PrometheusRule',
  metadata: { name: NAME, namespace, labels },
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
