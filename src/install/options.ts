import packageJson from '../../package.json' with { type: 'json' };
import { AppError } from '../api/errors.ts';
import type { KubeObject, StringMap } from '../api/kubernetes.ts';
import { settings } from '../settings/definitions.ts';

/** What a person may choose about an install; the rest follows from the settings' defaults. */
export interface InstallOptions {
  readonly namespace: string;
  readonly image: string;
}

/** Namespaces that are everybody's, or that the webhook keeps away from: what is installed there would hold for them. */
const TAKEN: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public', 'kube-node-lease']);

/** A name with an optional registry before it, and a tag, a digest or both behind it, as the distribution specification has it. */
const IMAGE =
  /^(?:[a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?(?::\d{1,5})?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;

/** What was chosen over the defaults. Throws AppError('InvalidInput') that names each option that is wrong, all in one sentence. */
export const readOptions = (given: Partial<InstallOptions>): InstallOptions => {
  const options = { ...defaults, ...given };
  const violations = [...violationsOfNamespace(options.namespace), ...violationsOfImage(options.image)];
  if (violations.length > 0) throw new AppError('InvalidInput', `Options refused: ${violations.join('; ')}.`);
  return options;
};

const violationsOfNamespace = (namespace: string): readonly string[] => {
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace))
    return [`namespace ${JSON.stringify(namespace)} is no DNS label (a-z, 0-9 and "-", up to 63)`];
  if (TAKEN.has(namespace)) return [`namespace ${namespace} is Kubernetes' own: give Quartermaster one for itself`];
  if (namespace === NFS_NAMESPACE) return [`namespace ${namespace} is that of the NFS servers: give another`];
  return [];
};

const violationsOfImage = (image: string): readonly string[] =>
  IMAGE.test(image)
    ? []
    : [`image ${JSON.stringify(image)} is no image reference, such as registry.example.org/quartermaster:${VERSION}`];

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
