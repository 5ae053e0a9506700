import type { StringMap } from '../api/kubernetes.ts';
import { DEPLOYMENT_NAME, NAMESPACE_NAME_LABEL, PRIORITY_CLASS } from '../api/names.ts';
import { settings } from '../settings/definitions.ts';
import { certificateMount, certificateSettings, certificateVolume } from './cert-manager.ts';
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
import { entriesOf, fieldOf, fieldWhen, madeOf, variablesOf, when } from './template.ts';

/** The namespace, under the strictest Pod Security. */
export const namespaceObject = ({ namespace }: Pick<InstallOptions, 'namespace'>): InstallObject =>
  namespaceOf(namespace, 'restricted');

/** That of the NFS servers, which need the capabilities DAC_READ_SEARCH and SYS_RESOURCE: `baseline` refuses them. */
export const nfsNamespaceObject = (): InstallObject => namespaceOf(NFS_NAMESPACE, 'privileged');

const namespaceOf = (name: string, level: 'restricted' | 'privileged'): InstallObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name,
    labels: {
      ...labels,
      'pod-security.kubernetes.io/enforce': level,
      'pod-security.kubernetes.io/audit': level,
      'pod-security.kubernetes.io/warn': level,
    },
  },
});

/** Beyond the time the process takes to end by itself. */
const GRACE_SECONDS = 10;

const graceSeconds = (chosen: StringMap): number => {
  const { env, fallback } = settings.shutdownSeconds;
  return madeOf(
    chosen,
    (map) => Number(map[env] ?? fallback) + GRACE_SECONDS,
    `add (get (% | default dict) "${env}" | default "${fallback}") ${GRACE_SECONDS}`,
  );
};

/** Replicas that any node may take, away from each other, replaced one at a time with none missing. */
export const deploymentObject = (options: InstallOptions): InstallObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: DEPLOYMENT_NAME,
    namespace: options.namespace,
    labels: { ...labels, 'app.kubernetes.io/version': VERSION },
  },
  spec: {
    replicas: options.replicas,
    revisionHistoryLimit: 3,
    selector: { matchLabels: selectorLabels },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    template: {
      metadata: {
        labels: { ...labels, 'app.kubernetes.io/version': VERSION, ...entriesOf(options.podLabels) },
        ...fieldOf('annotations', options.podAnnotations),
      },
      spec: podSpec(options),
    },
  },
});

const podSpec = (options: InstallOptions): Readonly<Record<string, unknown>> => ({
  ...plainPodSpec(options),
  priorityClassName: options.priorityClassName,
  terminationGracePeriodSeconds: graceSeconds(options.settings),
  affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [hostAntiAffinity] } },
  ...fieldOf('topologySpreadConstraints', options.topologySpreadConstraints),
  containers: [container(options)],
  ...fieldWhen(options.certManager, 'volumes', [certificateVolume]),
});

/** What every pod of the image has: whom it runs as, and where it may. */
const plainPodSpec = (options: InstallOptions): Readonly<Record<string, unknown>> => ({
  serviceAccountName: NAME,
  ...fieldOf('imagePullSecrets', options.imagePullSecrets),
  ...fieldOf('nodeSelector', options.nodeSelector),
  ...fieldOf('tolerations', options.tolerations),
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 65_532,
    runAsGroup: 65_532,
    seccompProfile: { type: 'RuntimeDefault' },
  },
});

/** For `helm test`: a pod that ends well once Quartermaster has answered about a claim that is not stored. No selector of ours fits it. */
export const checkPodObject = (options: InstallOptions): InstallObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `${NAME}-check`,
    namespace: options.namespace,
    labels: { ...labels, 'app.kubernetes.io/component': 'check' },
  },
  spec: {
    ...plainPodSpec(options),
    restartPolicy: 'Never',
    containers: [
      {
        name: 'check',
        image: options.image,
        args: ['check'],
        ...fieldOf('resources', options.resources),
        securityContext: containerSecurity,
      },
    ],
  },
});

const containerSecurity = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

const hostAntiAffinity = {
  weight: 100,
  podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: selectorLabels } },
};

const container = (options: InstallOptions): Readonly<Record<string, unknown>> => ({
  name: NAME,
  image: options.image,
  args: ['serve'],
  env: [
    fromField(settings.namespace.env, 'metadata.namespace'),
    fromField(settings.serviceAccount.env, 'spec.serviceAccountName'),
    ...chosenSettings(options),
    ...when(options.certManager, certificateSettings),
    ...variablesOf(options.settings),
  ],
  ports: [
    { name: 'webhook', containerPort: WEBHOOK_PORT, protocol: 'TCP' },
    { name: 'ops', containerPort: OPS_PORT, protocol: 'TCP' },
  ],
  livenessProbe: { ...probe('/livez'), periodSeconds: 10, failureThreshold: 3 },
  // Ready within a second of its start, and out of the Service within two of a failure.
  readinessProbe: { ...probe('/readyz'), periodSeconds: 1, failureThreshold: 2 },
  ...fieldOf('resources', options.resources),
  securityContext: containerSecurity,
  ...fieldWhen(options.certManager, 'volumeMounts', [certificateMount]),
});

interface EnvVar {
  readonly name: string;
  readonly value: string;
}

/** What the running program must know of the values: to make the same webhook configuration again where it is deleted. */
const chosenSettings = (options: InstallOptions): readonly EnvVar[] => [
  { name: settings.nfsServerImage.env, value: madeOf(options.nfsServerImage, String, '% | quote') },
  { name: settings.logLevel.env, value: madeOf(options.logLevel, String, '% | quote') },
  {
    name: settings.failurePolicy.env,
    value: madeOf(options.failurePolicy, pairsText, 'include "quartermaster.pairs" % | quote'),
  },
  {
    name: settings.webhookTimeoutSeconds.env,
    value: madeOf(options.timeoutSeconds, String, '% | toString | quote'),
  },
  {
    name: settings.excludedNamespaces.env,
    value: madeOf(options.excludedNamespaces, (names) => names.join(','), 'join "," % | quote'),
  },
  {
    name: settings.namespaceRequirements.env,
    value: madeOf(options.namespaceSelector.matchExpressions ?? [], sortedJson, 'toJson % | quote'),
  },
  {
    name: settings.objectRequirements.env,
    value: madeOf(options.objectSelector.matchExpressions ?? [], sortedJson, 'toJson % | quote'),
  },
];

const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : 1;

const pairsText = (map: Readonly<Record<string, string>>): string =>
  Object.entries(map)
    .toSorted(byName)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');

/** With the fields of each item in the order of their names, as Go has them. */
const sortedJson = (items: readonly object[]): string =>
  JSON.stringify(items.map((item) => Object.fromEntries(Object.entries(item).toSorted(byName))));

const fromField = (name: string, fieldPath: string): Readonly<Record<string, unknown>> => ({
  name,
  valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } },
});

const probe = (path: string): Readonly<Record<string, unknown>> => ({
  httpGet: { path, port: 'ops' },
  timeoutSeconds: 2,
});

/** A drain takes one replica at a time, though it be the only one; one that is not ready keeps no node from being drained. */
export const disruptionBudgetObject = ({ namespace }: InstallOptions): InstallObject => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: NAME, namespace, labels },
  spec: {
    maxUnavailable: 1,
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

/** A rule of NetworkPolicies. The API server is no pod and has no address one could count on, so anybody reaches the webhook port. */
export const toWebhook = { ports: [{ port: 'webhook', protocol: 'TCP' }] };

/**
 * Who may call: the ops port is for this namespace and the node's own probes. Calls out are not limited: buckets may be at any address
 * and port.
 */
export const networkPolicyObject = ({ namespace }: InstallOptions): InstallObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: NAME, namespace, labels },
  spec: {
    podSelector: { matchLabels: selectorLabels },
    policyTypes: ['Ingress'],
    ingress: [toWebhook, { ports: [{ port: 'ops', protocol: 'TCP' }], from: [{ podSelector: {} }] }],
  },
});

/** A NetworkPolicy peer: every pod of one namespace. */
export const fromNamespace = (namespace: string): Readonly<Record<string, unknown>> => ({
  namespaceSelector: { matchLabels: { [NAMESPACE_NAME_LABEL]: namespace } },
});
