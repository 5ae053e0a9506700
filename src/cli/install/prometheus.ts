import type { KubeObject } from '../../api/kubernetes.ts';
import { fromNamespace } from './network.ts';
import { type InstallObject, type InstallOptions, labels, NAME, selectorLabels } from './options.ts';

/** The namespace Prometheus Operator's own examples put Prometheus in. */
const MONITORING_NAMESPACE = 'monitoring';

/** Has Prometheus Operator scrape every replica, and lets Prometheus through to the ops port. */
export const prometheusObjects = ({ namespace }: InstallOptions): readonly KubeObject[] => [
  serviceMonitor(namespace),
  scrapePolicy(namespace),
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
