import packageJson from '../../package.json' with { type: 'json' };
import type { KubeObject, StringMap } from '../api/kubernetes.ts';
import { settings } from '../settings/definitions.ts';

/** What a person may choose about an install; the rest follows from the settings' defaults. */
export interface InstallOptions {
  readonly namespace: string;
  readonly image: string;
}

/** Any object of the install: beyond what all have in common, as its kind says. */
export type InstallObject = KubeObject & { readonly [field: string]: unknown };

export const VERSION = packageJson.version;
export const defaults: InstallOptions = {
  namespace: settings.namespace.fallback,
  image: `quartermaster:${VERSION}`,
};

/** Name of Deployment, Service, service account and all else there is one of. */
export const NAME = settings.serviceName.fallback;
export const NFS_NAMESPACE = settings.nfsNamespace.fallback;
export const WEBHOOK_PORT = Number(settings.webhookPort.fallback);
export const OPS_PORT = Number(settings.opsPort.fallback);

/** What the Service and all policies select the pods by. Never changes: a Deployment's selector is immutable. */
export const selectorLabels: StringMap = { 'app.kubernetes.io/name': NAME, 'app.kubernetes.io/component': 'webhook' };
export const labels: StringMap = { ...selectorLabels, 'app.kubernetes.io/part-of': NAME };
