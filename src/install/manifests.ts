import { stringify } from 'yaml';
import type { KubeObject } from '../api/kubernetes.ts';
import { objectStoreCrd } from '../api/object-store.ts';
import { platformDefaultsCrd } from '../api/platform-defaults.ts';
import { webhookConfiguration } from '../controller/webhooks/configuration.ts';
import { rulesInForce } from '../kinds/index.ts';
import { settings } from '../settings/definitions.ts';
import { accountPolicies } from './account-policy.ts';
import { certManagerObjects, certManagerPatch } from './cert-manager.ts';
import { type InstallOptions, NAME, NFS_NAMESPACE } from './options.ts';
import { peopleObjects } from './people.ts';
import { prometheusObjects } from './prometheus.ts';
import { rbacObjects } from './rbac.ts';
import {
  deploymentObject,
  disruptionBudgetObject,
  namespaceObjects,
  networkPolicyObject,
  priorityClassObject,
  serviceObject,
} from './workload.ts';

/**
 * The install, file by file, in the order to apply and to delete it. The webhook configuration comes first: when all this is deleted,
 * nothing may wait for a webhook whose pods are going.
 */
const installFiles = (options: InstallOptions): Readonly<Record<string, readonly KubeObject[]>> => ({
  'webhook-configuration.yaml': [webhookObject(options)],
  'namespaces.yaml': namespaceObjects(options),
  'crds.yaml': [platformDefaultsCrd, objectStoreCrd],
  'priority-class.yaml': [priorityClassObject()],
  'rbac.yaml': rbacObjects(options),
  'account-policy.yaml': accountPolicies(options),
  'people.yaml': peopleObjects(options),
  'service.yaml': [serviceObject(options)],
  'network-policy.yaml': [networkPolicyObject(options)],
  'disruption-budget.yaml': [disruptionBudgetObject(options)],
  'deployment.yaml': [deploymentObject(options)],
});

/** Everything the cluster needs to run Quartermaster, in that order. */
export const installObjects = (options: InstallOptions): readonly KubeObject[] =>
  Object.values(installFiles(options)).flat();

/** As the running Quartermaster keeps it, but for the caBundle, which is made at its first start. */
const webhookObject = ({ namespace }: InstallOptions): KubeObject =>
  webhookConfiguration({
    name: settings.webhookConfigurationName.fallback,
    rules: rulesInForce([]),
    target: { service: { name: NAME, namespace } },
    caBundle: undefined,
    systemNamespace: namespace,
    nfsNamespace: NFS_NAMESPACE,
  });

/** Several objects as one YAML text: a document each, nothing folded, no anchors. */
export const toYaml = (objects: readonly unknown[]): string =>
  objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');

/**
 * The files under manifests/, by path. `kubectl apply -k manifests` takes the root; an overlay is applied instead of it. What an
 * overlay adds is a component, so that any of them can be taken together.
 */
export const kustomizeTree = (options: InstallOptions): Readonly<Record<string, string>> => {
  const files = installFiles(options);
  return {
    'kustomization.yaml': kustomization({ resources: ['base'] }),
    'base/kustomization.yaml': kustomization({ resources: Object.keys(files) }),
    ...filesUnder('base', files),
    'components/cert-manager/kustomization.yaml': component({
      resources: ['certificates.yaml'],
      patches: [{ path: 'deployment.yaml' }],
    }),
    ...filesUnder('components/cert-manager', {
      'certificates.yaml': certManagerObjects(options),
      'deployment.yaml': [certManagerPatch(options)],
    }),
    'components/prometheus/kustomization.yaml': component({ resources: ['monitoring.yaml'] }),
    ...filesUnder('components/prometheus', { 'monitoring.yaml': prometheusObjects(options) }),
    'overlays/cert-manager/kustomization.yaml': overlay('cert-manager'),
    'overlays/prometheus/kustomization.yaml': overlay('prometheus'),
    'overlays/cert-manager-and-prometheus/kustomization.yaml': overlay('cert-manager', 'prometheus'),
  };
};

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
