import { NAMESPACE_NAME_LABEL } from '../api/names.ts';
import { type InstallObject, type InstallOptions, labels, NAME, OPS_PORT, selectorLabels } from './options.ts';

/** What the API server calls, and Prometheus on a port of its own. */
export const serviceObject = ({ namespace }: InstallOptions): InstallObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: NAME, namespace, labels },
  spec: {
    selector: selectorLabels,
    ports: [
      { name: 'webhook', port: 443, targetPort: 'webhook', protocol: 'TCP' },
      { name: 'ops', port: OPS_PORT, targetPort: 'ops', protocol: 'TCP' },
    ],
  },
});

/**
 * Who may call. The API server is no pod and has no address one could count on, so anybody reaches the webhook port; the ops port is
 * for this namespace and the node's own probes. Calls out are not limited: buckets may be at any address and port.
 */
export const networkPolicyObject = ({ namespace }: InstallOptions): InstallObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: NAME, namespace, labels },
  spec: {
    podSelector: { matchLabels: selectorLabels },
    policyTypes: ['Ingress'],
    ingress: [
      { ports: [{ port: 'webhook', protocol: 'TCP' }] },
      { ports: [{ port: 'ops', protocol: 'TCP' }], from: [fromNamespace(namespace)] },
    ],
  },
});

/** A NetworkPolicy peer: every pod of one namespace. */
export const fromNamespace = (namespace: string): Readonly<Record<string, unknown>> => ({
  namespaceSelector: { matchLabels: { [NAMESPACE_NAME_LABEL]: namespace } },
});
