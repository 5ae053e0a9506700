import { DEPLOYMENT_NAME, PRIORITY_CLASS } from '../api/names.ts';
import { settings } from '../settings/definitions.ts';
import {
  type InstallObject,
  type InstallOptions,
  labels,
  NAME,
  OPS_PORT,
  selectorLabels,
  VERSION,
  WEBHOOK_PORT,
} from './options.ts';

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
  env: [{ name: 'SYSTEM_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }],
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

const probe = (path: string): Readonly<Record<string, unknown>> => ({
  httpGet: { path, port: 'ops' },
  timeoutSeconds: 2,
});
