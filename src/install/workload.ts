import { DEPLOYMENT_NAME, NAMESPACE_NAME_LABEL, PRIORITY_CLASS } from '../api/names.ts';
import { settings } from '../settings/definitions.ts';
import {
  type InstallObject,
  type InstallOptions,
  labels,
  NAME,
  NFS_NAMESPACE,
  OPS_PORT,
  selectorLabels,
  VERSION,
  WEBHOOK_PORT,
} from './options.ts';

/** The two namespaces, and how strictly Pod Security holds there. */
export const namespaceObjects = ({ namespace }: InstallOptions): readonly InstallObject[] => [
  namespaceOf(namespace, 'restricted'),
  // The NFS server needs the capabilities DAC_READ_SEARCH and SYS_RESOURCE, which `baseline` refuses.
  namespaceOf(NFS_NAMESPACE, 'privileged'),
];

const namespaceOf = (name: string, level: 'restricted' | 'privileged'): InstallObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name,
    labels: {
      ...labels,
      // Set by hand as well: the webhook keeps away from these namespaces by it, on every version of Kubernetes.
      [NAMESPACE_NAME_LABEL]: name,
      'pod-security.kubernetes.io/enforce': level,
      'pod-security.kubernetes.io/audit': level,
      'pod-security.kubernetes.io/warn': level,
    },
  },
});

/** Beyond the time the process takes to end by itself. */
const GRACE_SECONDS = Number(settings.shutdownSeconds.fallback) + 10;

/** Two replicas that any node may take, away from each other, replaced one at a time with none missing. */
export const deploymentObject = ({ namespace, image }: InstallOptions): InstallObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: DEPLOYMENT_NAME, namespace, labels: { ...labels, 'app.kubernetes.io/version': VERSION } },
  spec: {
    replicas: 2,
    revisionHistoryLimit: 3,
    selector: { matchLabels: selectorLabels },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    template: { metadata: { labels: { ...labels, 'app.kubernetes.io/version': VERSION } }, spec: podSpec(image) },
  },
});

const podSpec = (image: string): Readonly<Record<string, unknown>> => ({
  serviceAccountName: NAME,
  priorityClassName: PRIORITY_CLASS,
  terminationGracePeriodSeconds: GRACE_SECONDS,
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 65_532,
    runAsGroup: 65_532,
    seccompProfile: { type: 'RuntimeDefault' },
  },
  affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [hostAntiAffinity] } },
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: 'topology.kubernetes.io/zone',
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: selectorLabels },
    },
  ],
  containers: [container(image)],
});

const hostAntiAffinity = {
  weight: 100,
  podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: selectorLabels } },
};

const container = (image: string): Readonly<Record<string, unknown>> => ({
  name: NAME,
  image,
  args: ['serve'],
  env: [
    fromField(settings.namespace.env, 'metadata.namespace'),
    fromField(settings.serviceAccount.env, 'spec.serviceAccountName'),
  ],
  ports: [
    { name: 'webhook', containerPort: WEBHOOK_PORT, protocol: 'TCP' },
    { name: 'ops', containerPort: OPS_PORT, protocol: 'TCP' },
  ],
  livenessProbe: { ...probe('/livez'), periodSeconds: 10, failureThreshold: 3 },
  // Ready within a second of its start, and out of the Service within two of a failure.
  readinessProbe: { ...probe('/readyz'), periodSeconds: 1, failureThreshold: 2 },
  // No CPU limit: a throttled webhook is a slow API server.
  resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } },
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
});

const fromField = (name: string, fieldPath: string): Readonly<Record<string, unknown>> => ({
  name,
  valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } },
});

const probe = (path: string): Readonly<Record<string, unknown>> => ({
  httpGet: { path, port: 'ops' },
  timeoutSeconds: 2,
});

/** A drain takes one replica at a time; one that is not ready keeps no node from being drained. */
export const disruptionBudgetObject = ({ namespace }: InstallOptions): InstallObject => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: NAME, namespace, labels },
  spec: {
    minAvailable: 1,
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
    selector: { matchLabels: selectorLabels },
  },
});

/** Above the jobs that wait for it and mount from its NFS servers, below what runs the nodes. */
export const priorityClassObject = (): InstallObject => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name: PRIORITY_CLASS, labels },
  value: 100_000_000,
  description: 'Quartermaster, and the NFS servers it runs.',
});

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
