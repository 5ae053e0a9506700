import type { AdmissionRequest } from '../api/admission.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { mutators } from '../kinds/index.ts';

/** The dry-run request that creates an object in a namespace. */
export const asCreate = (object: KubeObject, namespace: string): AdmissionRequest => ({
  uid: 'preview',
  operation: 'CREATE',
  resource: { ...groupVersionOf(object.apiVersion), resource: pluralOf(object.kind) },
  namespace,
  ...(object.metadata.name !== undefined && { name: object.metadata.name }),
  object,
  dryRun: true,
  username: 'preview',
});

/** Whoever made what is stored already, and the groups they were in: nobody knows any more. */
export const UNKNOWN = 'unknown';

/** The request that would create an object like a stored one. */
export const asCreateAnew = (object: KubeObject, namespace: string): AdmissionRequest => ({
  ...asCreate(object, namespace),
  username: UNKNOWN,
  groups: [UNKNOWN],
});

/** `apps/v1` taken apart; the core group is empty. */
export const groupVersionOf = (apiVersion: string): { readonly group: string; readonly version: string } => {
  const at = apiVersion.indexOf('/');
  return { group: apiVersion.slice(0, Math.max(at, 0)), version: apiVersion.slice(at + 1) };
};

/** True of every kind that a mutator asks for. */
export const pluralOf = (kind: string): string => `${kind.toLowerCase()}s`;

const handled = new Set(mutators.flatMap(({ rules }) => rules.map(({ group, resource }) => `${group}/${resource}`)));

/** True for objects that some mutator asks for. */
export const isHandled = ({ apiVersion, kind }: KubeObject): boolean =>
  handled.has(`${groupVersionOf(apiVersion).group}/${pluralOf(kind)}`);
