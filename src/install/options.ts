import packageJson from '../../package.json' with { type: 'json' };
import { AppError } from '../api/errors.ts';
import type { KubeObject, StringMap } from '../api/kubernetes.ts';
import { didYouMean } from '../api/plain-text.ts';
import { choice, flag, type Infer, integer, list, map, object, open, set, text } from '../api/schema.ts';
import { schemaViolations } from '../api/schema-validation.ts';
import { alwaysExcluded } from '../controller/webhooks/configuration.ts';
import { webhookNames } from '../kinds/index.ts';
import { readSettings } from '../settings/config.ts';
import { LOG_LEVELS, settings } from '../settings/definitions.ts';
import { inWords, LABEL_VALUE, LABEL_WORDS, labelRequirement } from '../settings/label-requirements.ts';
import { namespacesBut, violationsOfRequirements } from './requirements.ts';

/** Any object of the install: beyond what all have in common, as its kind says. */
export type InstallObject = KubeObject & { readonly [field: string]: unknown };

export const VERSION = packageJson.version;

/** Name of Deployment, Service, service account and all else there is one of. */
export const NAME = settings.serviceName.fallback;
export const NFS_NAMESPACE = settings.nfsNamespace.fallback;
export const WEBHOOK_PORT = Number(settings.webhookPort.fallback);
export const OPS_PORT = Number(settings.opsPort.fallback);

/** What the Service and all policies select the pods by. Never changes: a Deployment's selector is immutable. */
export const selectorLabels: StringMap = { 'app.kubernetes.io/name': NAME, 'app.kubernetes.io/component': 'webhook' };
export const labels: StringMap = { ...selectorLabels, 'app.kubernetes.io/part-of': NAME };

/** A name with an optional registry before it, and a tag, a digest or both behind it, as the distribution specification has it. */
const IMAGE =
  '^(?:[a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?(?::\\d{1,5})?\\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::\\w[\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$';
const DNS_LABEL = '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$';

/** What to say instead of a pattern. */
const WORDS: StringMap = {
  ...LABEL_WORDS,
  [IMAGE]: 'an image, such as registry.example.org/quartermaster:0.1.0',
  [`^$|${IMAGE}`]: 'an image, such as registry.example.org/quartermaster-nfs-server:0.1.0, or empty',
  [DNS_LABEL]: 'a DNS label (a-z, 0-9 and "-", up to 63)',
};

/** What a person may choose about an install: `manifests --values`, and the values of the chart. Everything that is installed follows from it. */
export const optionsSchema = object('Values of an install of Quartermaster.', {
  image: text('Image to run, best by its digest.', { pattern: IMAGE }),
  nfsServerImage: text('Image of the NFS servers, best by its digest; empty for nfs-provisioner.', {
    pattern: `^$|${IMAGE}`,
  }),
  imagePullSecrets: list(
    'Secrets to pull it with, as a pod names them.',
    object('One of them.', { name: text('Its name.') }),
  ),
  replicas: integer('How many run; one answers while another is replaced.', { minimum: 0, maximum: 10 }),
  resources: open<object>('Requests and limits of the container. A limit of CPU makes a slow API server.'),
  priorityClassName: text('PriorityClass of the pods.', { minLength: 1 }),
  nodeSelector: map('Labels of the nodes that may run them.', text('Value of the label.')),
  tolerations: list('Taints that are tolerated.', open<object>('A toleration, as a pod has it.')),
  topologySpreadConstraints: list('How the pods are spread.', open<object>('A constraint, as a pod has it.')),
  podLabels: map('More labels of the pods, such as azure.workload.identity/use.', text('Value of the label.')),
  podAnnotations: map('Annotations of the pods.', text('Value of the annotation.')),
  serviceAccountAnnotations: map('Annotations of the service account: its identity at the cloud.', text('Value.')),
  logLevel: choice('Least level that is logged.', ...LOG_LEVELS),
  settings: map('Any other setting, by its name in the environment: docs/settings.md.', text('Its value, as text.')),
  failurePolicy: map(
    'Failure policy of webhooks by name, once a replica has answered.',
    choice('Its policy.', 'Ignore', 'Fail'),
  ),
  timeoutSeconds: integer('How long the API server waits for an answer.', { minimum: 1, maximum: 30 }),
  excludedNamespaces: set('Namespaces that are left alone, by name.', text('Its name.', { pattern: DNS_LABEL })),
  namespaceSelector: object('Which namespaces are looked at.', {
    matchExpressions: list('What their labels must be.', labelRequirement),
  }),
  objectSelector: object('Which objects are looked at.', {
    matchExpressions: list('What their labels must be.', labelRequirement),
  }),
  networkPolicy: flag('Whether a NetworkPolicy guards the ops port.'),
  certManager: flag('Whether cert-manager makes the certificate, instead of Quartermaster itself.'),
  monitoring: flag('Whether Prometheus Operator gets a ServiceMonitor, alerts and the dashboard.'),
  monitoringNamespace: text('The namespace Prometheus runs in.', { pattern: DNS_LABEL }),
  monitoringLabels: map(
    'Labels of the ServiceMonitor and the PrometheusRule that Prometheus selects them by, such as release.',
    text('Value of the label.', { pattern: LABEL_VALUE }),
  ),
});

export type InstallValues = Required<Infer<typeof optionsSchema>>;

/** The values, and the namespace to run in, which Helm knows by itself. */
export type InstallOptions = InstallValues & { readonly namespace: string };

export const defaultValues: InstallValues = {
  image: `quartermaster:${VERSION}`,
  nfsServerImage: settings.nfsServerImage.fallback,
  imagePullSecrets: [],
  replicas: 2,
  // No CPU limit: a throttled webhook is a slow API server.
  resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } },
  priorityClassName: NAME,
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  tolerations: [],
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: 'topology.kubernetes.io/zone',
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: selectorLabels },
    },
  ],
  podLabels: {},
  podAnnotations: {},
  serviceAccountAnnotations: {},
  logLevel: 'info',
  settings: {},
  failurePolicy: {},
  timeoutSeconds: Number(settings.webhookTimeoutSeconds.fallback),
  excludedNamespaces: [],
  namespaceSelector: { matchExpressions: [] },
  objectSelector: { matchExpressions: [] },
  networkPolicy: true,
  certManager: false,
  monitoring: false,
  monitoringNamespace: 'monitoring',
  monitoringLabels: {},
};

export const defaults: InstallOptions = { ...defaultValues, namespace: settings.namespace.fallback };

/** What was chosen over the defaults. Throws AppError('InvalidInput') that names each option that is wrong, all in one sentence. */
export const readOptions = (given: Partial<InstallOptions>): InstallOptions => {
  const { namespace = defaults.namespace, ...values } = given;
  const options = { ...defaultValues, ...withoutUndefined(values), namespace };
  const violations = [
    ...violationsOfNamespace(namespace),
    ...schemaViolations(optionsSchema.json, values, '').map((sentence) => inWords(sentence.replace(/^\./, ''), WORDS)),
  ];
  const more = violations.length > 0 ? violations : violationsBetween(options);
  if (more.length > 0) throw new AppError('InvalidInput', `Options refused: ${more.join('; ')}.`);
  return options;
};

const withoutUndefined = <T extends object>(values: T): T =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null)) as T;

/** Namespaces that are everybody's, or that the webhook keeps away from: what is installed there would hold for them. */
export const KUBERNETES_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const;

const violationsOfNamespace = (namespace: string): readonly string[] => {
  if (!new RegExp(DNS_LABEL).test(namespace))
    return [`namespace ${JSON.stringify(namespace)} is no DNS label (a-z, 0-9 and "-", up to 63)`];
  if (KUBERNETES_NAMESPACES.some((name) => name === namespace))
    return [`namespace ${namespace} is Kubernetes' own: give Quartermaster one for itself`];
  if (namespace === NFS_NAMESPACE) return [`namespace ${namespace} is that of the NFS servers: give another`];
  return [];
};

/** Settings that stand elsewhere among the values, or that the install itself must say. */
const elsewhere: Readonly<Record<string, string>> = {
  [settings.namespace.env]: 'namespace',
  [settings.logLevel.env]: 'logLevel',
  [settings.nfsServerImage.env]: 'nfsServerImage',
  [settings.failurePolicy.env]: 'failurePolicy',
  [settings.webhookTimeoutSeconds.env]: 'timeoutSeconds',
  [settings.excludedNamespaces.env]: 'excludedNamespaces',
  [settings.namespaceRequirements.env]: 'namespaceSelector',
  [settings.objectRequirements.env]: 'objectSelector',
};
const FIXED = [
  'serviceName',
  'serviceAccount',
  'webhookPort',
  'opsPort',
  'webhookConfigurationName',
  'nfsNamespace',
] as const;

/** Labels that the Deployment and the Service find the pods by, with those that say what they are. */
export const ownPodLabels: readonly string[] = [...Object.keys(labels), 'app.kubernetes.io/version'];

const violationsBetween = (options: InstallOptions): readonly string[] => {
  const names = Object.keys(options.failurePolicy).filter((name) => !webhookNames.includes(name));
  const away = alwaysExcluded({ systemNamespace: options.namespace, nfsNamespace: NFS_NAMESPACE });
  const taken = (['podLabels', 'monitoringLabels'] as const).flatMap((value) =>
    Object.keys(options[value])
      .filter((name) => ownPodLabels.includes(name))
      .map((name) => `${value}.${name}`),
  );
  return [
    ...names.map(
      (name) =>
        `failurePolicy.${name}: there is no such webhook${didYouMean(name, webhookNames)}, only ${webhookNames.join(', ')}`,
    ),
    ...taken.map((path) => `${path}: is what the Service finds the pods by, or says what they are`),
    ...violationsOfRequirements(
      'namespaceSelector',
      options.namespaceSelector.matchExpressions ?? [],
      namespacesBut([...away, ...options.excludedNamespaces]),
    ),
    ...violationsOfRequirements('objectSelector', options.objectSelector.matchExpressions ?? []),
    ...Object.keys(options.settings).flatMap(violationsOfSetting),
    ...violationsOfValues(options.settings),
  ];
};

const violationsOfSetting = (env: string): readonly string[] => {
  if (elsewhere[env] !== undefined) return [`settings.${env}: is said by the value ${elsewhere[env]}`];
  if (isFixed(env)) return [`settings.${env}: is fixed by what is installed`];
  return Object.values(settings).some((setting) => setting.env === env)
    ? []
    : [`settings.${env}: is no setting${didYouMean(env, settingNames)}`];
};

const isFixed = (env: string): boolean => FIXED.some((name) => settings[name].env === env);

/** What `settings` may name. */
export const settingNames: readonly string[] = Object.values(settings)
  .map(({ env }) => env)
  .filter((env) => elsewhere[env] === undefined && !isFixed(env));

const violationsOfValues = (given: StringMap): readonly string[] => {
  try {
    readSettings(given);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [`settings: ${error.message.replace(/^Settings refused: |\.$/g, '')}`];
  }
};
