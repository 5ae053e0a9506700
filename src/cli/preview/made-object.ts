import type { KubeObject } from '../../api/kubernetes.ts';
import type { UnknownRecord } from '../../injection/path.ts';

/** An object that another one will make, as far as its template tells. */
export interface Templated {
  readonly object: KubeObject;
  /** Where in the other it stands: `spec.template`. */
  readonly from: string;
}

/** An object beside the one that makes it, without the metadata that are undefined. */
export const made = (
  { metadata: { namespace } }: KubeObject,
  apiVersion: string,
  kind: string,
  { metadata, spec }: { readonly metadata: UnknownRecord; readonly spec: unknown },
): KubeObject => {
  const said = Object.entries({ ...metadata, namespace }).filter(([, value]) => value !== undefined);
  return { apiVersion, kind, metadata: Object.fromEntries(said), ...(spec !== undefined && { spec }) } as KubeObject;
};

export interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** There is no UID of an owner before it is stored. */
export const controllerReference = (owner: Owner): UnknownRecord => ({
  ...owner,
  controller: true,
  blockOwnerDeletion: true,
});

/** What is not known before an object is stored is as long here as it will be: a generated end of a name, a hash, a number, a UID. */
export const unknownOf = (length: number): string => 'x'.repeat(length);

/** The name of an object, as long as it will be. */
export const nameOf = ({ metadata: { name, generateName } }: KubeObject): string =>
  name ?? `${generateName ?? ''}${unknownOf(5)}`;
