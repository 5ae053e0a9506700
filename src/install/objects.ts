import type { KubeObject } from '../api/kubernetes.ts';
import { objectStoreCrd } from '../api/object-store.ts';
import { platformDefaultsCrd } from '../api/platform-defaults.ts';
import { webhookConfiguration } from '../controller/webhook-configuration.ts';
import { mutators } from '../kinds/index.ts';
import { settings } from '../settings/definitions.ts';
import { disruptionBudgetObject, priorityClassObject } from './availability.ts';
import { namespaceObjects } from './namespaces.ts';
import { networkPolicyObject, serviceObject } from './network.ts';
import { type InstallOptions, NAME, NFS_NAMESPACE } from './options.ts';
import { rbacObjects } from './rbac-objects.ts';
import { deploymentObject } from './workload.ts';

/**
 * The install, file by file, in the order to apply and to delete it. The webhook configuration comes first: when all this is deleted,
 * nothing may wait for a webhook whose pods are going.
 */
export const installFiles = (options: InstallOptions): Readonly<Record<string, readonly KubeObject[]>> => ({
  'webhook-configuration.yaml': [webhookObject(options)],
  'namespaces.yaml': namespaceObjects(options),
  'crds.yaml': [platformDefaultsCrd, objectStoreCrd],
  'priority-class.yaml': [priorityClassObject()],
  'rbac.yaml': rbacObjects(options),
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
    rules: mutators.flatMap(({ rules }) => rules),
    target: { service: { name: NAME, namespace } },
    caBundle: undefined,
    systemNamespace: namespace,
    nfsNamespace: NFS_NAMESPACE,
  });
