import { stringify } from 'yaml';
import type { KubeObject } from '../api/kubernetes.ts';
import { NAMESPACE_NAME_LABEL, type ReportApi } from '../api/names.ts';
import { objectStoreCrd } from '../api/object-store.ts';
import { platformDefaultsCrd } from '../api/platform-defaults.ts';
import { webhookConfiguration } from '../controller/webhooks/configuration.ts';
import { rulesInForce } from '../kinds/index.ts';
import { settings } from '../settings/definitions.ts';
import { accountPolicies } from './account-policy.ts';
import { certManagerObjects, certManagerPatch, SERVING } from './cert-manager.ts';
import { type InstallOptions, NAME, NFS_NAMESPACE } from './options.ts';
import { peopleObjects } from './people.ts';
import { chosenReportObjects, REPORT_API_NAMES, reportObjects, reportPatch } from './policy-reports.ts';
import { prometheusObjects } from './prometheus.ts';
import { nfsRbacObjects, rbacObjects } from './rbac.ts';
import { itemsOf, when } from './template.ts';
import {
  deploymentObject,
  disruptionBudgetObject,
  namespaceObject,
  networkPolicyObject,
  nfsNamespaceObject,
  priorityClassObject,
  serviceObject,
} from './workload.ts';

/** The install without what can be left out, file by file, in the order to apply and to delete it. */
const baseFiles = (options: InstallOptions): Readonly<Record<string, readonly KubeObject[]>> => ({
  'webhook-configuration.yaml': [webhookObject(options)],
  'namespace.yaml': [namespaceObject(options)],
  'crds.yaml': crdObjects,
  'priority-class.yaml': [priorityClassObject()],
  'rbac.yaml': rbacObjects(options),
  'account-policy.yaml': accountPolicies(),
  'people.yaml': peopleObjects(options),
  'service.yaml': [serviceObject(options)],
  'disruption-budget.yaml': [disruptionBudgetObject(options)],
  'deployment.yaml': [deploymentObject({ ...options, certManager: false })],
});

const crdObjects: readonly KubeObject[] = [platformDefaultsCrd, objectStoreCrd];

/** Where NFS servers run, and what Quartermaster may do there. */
export const nfsObjects = (options: InstallOptions): readonly KubeObject[] => [
  nfsNamespaceObject(),
  ...nfsRbacObjects(options),
];

/**
 * Everything the cluster needs to run Quartermaster, file by file, in an order to apply and to delete it in. The webhook configuration
 * comes first: when all this is deleted, nothing needs to wait for a webhook whose pods are going.
 */
export const installFiles = (options: InstallOptions): Readonly<Record<string, readonly KubeObject[]>> => ({
  ...baseFiles(options),
  'deployment.yaml': [deploymentObject(options)],
  'nfs.yaml': nfsObjects(options),
  'network-policy.yaml': when(options.networkPolicy, [networkPolicyObject(options)]),
  'cert-manager.yaml': when(options.certManager, certManagerObjects(options)),
  'monitoring.yaml': when(options.monitoring, prometheusObjects(options)),
  'policy-reports.yaml': chosenReportObjects(options),
});

export const installObjects = (options: InstallOptions): readonly KubeObject[] =>
  Object.values(installFiles(options)).flat();

/** As the running Quartermaster makes it, but for the caBundle, which is made at its first start, and for what fails closed. */
const webhookObject = (options: InstallOptions): KubeObject =>
  webhookConfiguration({
    name: settings.webhookConfigurationName.fallback,
    rules: rulesInForce([]),
    target: { service: { name: NAME, namespace: options.namespace } },
    caBundle: undefined,
    systemNamespace: options.namespace,
    nfsNamespace: NFS_NAMESPACE,
    timeoutSeconds: options.timeoutSeconds,
    excludedNamespaces: itemsOf(options.excludedNamespaces),
    namespaceRequirements: itemsOf(options.namespaceSelector.matchExpressions ?? []),
    objectRequirements: itemsOf(options.objectSelector.matchExpressions ?? []),
  });

/** Several objects as one YAML text: a document each, nothing folded, no anchors. */
export const toYaml = (objects: readonly unknown[]): string =>
  objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');

/**
 * The files under manifests/, by path. `kubectl apply -k manifests` takes the root; an overlay is applied instead of it. What can be
 * left out is a component, so that any of them can be taken together.
 */
export const kustomizeTree = (options: InstallOptions): Readonly<Record<string, string>> => {
  const files = baseFiles(options);
  const components = [
    'nfs',
    ...(options.networkPolicy ? ['network-policy'] : []),
    ...(options.certManager ? ['cert-manager'] : []),
    ...(options.monitoring ? ['prometheus'] : []),
    ...REPORT_API_NAMES.filter((api) => options.settings[settings.policyReports.env] === api).map(reportComponent),
  ];
  return {
    'kustomization.yaml': kustomization({
      resources: ['base'],
      components: components.map((name) => `components/${name}`),
    }),
    'base/kustomization.yaml': kustomization({ resources: Object.keys(files), configurations: ['names.yaml'] }),
    'base/names.yaml': toYaml([{ nameReference: nameReferences }]),
    ...filesUnder('base', files),
    ...componentOf('nfs', nfsObjects(options)),
    'components/namespace/kustomization.yaml': component({
      replacements: [namespaceReplacement, nameReplacement],
    }),
    ...componentOf('network-policy', [networkPolicyObject(options)]),
    ...componentOf('cert-manager', certManagerObjects(options), certManagerPatch(options)),
    ...componentOf('prometheus', prometheusObjects(options)),
    ...Object.fromEntries(
      REPORT_API_NAMES.flatMap((api) =>
        Object.entries(componentOf(reportComponent(api), reportObjects(api, options), reportPatch(api, options))),
      ),
    ),
    'overlays/cert-manager/kustomization.yaml': overlay('nfs', 'network-policy', 'cert-manager'),
    'overlays/prometheus/kustomization.yaml': overlay('nfs', 'network-policy', 'prometheus'),
    'overlays/cert-manager-and-prometheus/kustomization.yaml': overlay(
      'nfs',
      'network-policy',
      'cert-manager',
      'prometheus',
    ),
  };
};

/** Named for the API that reports are kept in. */
const reportComponent = (api: ReportApi): string => `policy-reports-${api}`;

/** Where names of the install stand that a `namePrefix:` or `nameSuffix:` changes, besides those that kustomize knows. */
const nameReferences = [
  ['MutatingWebhookConfiguration', 'rules/resourceNames', 'ClusterRole'],
  ['ClusterRole', 'rules/resourceNames', 'ClusterRole'],
  ['Deployment', 'rules/resourceNames', 'Role'],
  ['Service', 'rules/resourceNames', 'Role'],
  ['ValidatingAdmissionPolicy', 'spec/policyName', 'ValidatingAdmissionPolicyBinding'],
  ['Issuer', 'spec/issuerRef/name', 'Certificate'],
].map(([kind, path, referrer]) => ({ kind, fieldSpecs: [{ path, kind: referrer }] }));

/** Part of the names that the serving certificate is for, which stand between dots: of the Service first, of the namespace next. */
const servingNames = (index: number) => ({
  select: { kind: 'Certificate', name: SERVING },
  fieldPaths: ['spec.dnsNames.*'],
  options: { delimiter: '.', index },
});

/** Carries the name that a `namePrefix:` gave the Service to where kustomize sees a text. */
const nameReplacement = {
  source: { kind: 'Service', name: NAME, fieldPath: 'metadata.name' },
  targets: [servingNames(0)],
};

/** Carries the namespace that a `namespace:` gave the account to where kustomize sees none. */
const namespaceReplacement = {
  source: { kind: 'ServiceAccount', name: NAME, fieldPath: 'metadata.namespace' },
  targets: [
    {
      select: { kind: 'MutatingWebhookConfiguration' },
      // Third of the namespaces that webhooks keep away from.
      fieldPaths: [`webhooks.*.namespaceSelector.matchExpressions.[key=${NAMESPACE_NAME_LABEL}].values.2`],
    },
    { select: { kind: 'RoleBinding', namespace: NFS_NAMESPACE }, fieldPaths: ['subjects.0.namespace'] },
    servingNames(1),
  ],
};

/** A component of these objects, and of a patch of the Deployment. */
const componentOf = (
  name: string,
  objects: readonly KubeObject[],
  patch?: KubeObject,
): Readonly<Record<string, string>> => ({
  [`components/${name}/kustomization.yaml`]: component({
    resources: ['objects.yaml'],
    ...(patch && { patches: [{ path: 'deployment.yaml' }] }),
  }),
  ...filesUnder(`components/${name}`, { 'objects.yaml': objects, ...(patch && { 'deployment.yaml': [patch] }) }),
});

/** Objects in the order they are listed in, which kustomize would else sort: the webhook configuration is to be deleted first. */
const kustomization = (parts: Readonly<Record<string, unknown>>): string =>
  toYaml([
    { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', sortOptions: { order: 'fifo' }, ...parts },
  ]);

const component = (parts: Readonly<Record<string, unknown>>): string =>
  toYaml([{ apiVersion: 'kustomize.config.k8s.io/v1alpha1', kind: 'Component', ...parts }]);

const overlay = (...components: readonly string[]): string =>
  kustomization({ resources: ['../../base'], components: components.map((name) => `../../components/${name}`) });

const filesUnder = (
  folder: string,
  files: Readonly<Record<string, readonly KubeObject[]>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(files).map(([name, objects]) => [`${folder}/${name}`, toYaml(objects)]));
