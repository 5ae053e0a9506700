import { createHash } from 'node:crypto';
import type { KubeObject, StringMap } from '../../api/kubernetes.ts';
import { MANAGED_BY, MANAGED_BY_LABEL, PROVISIONED_BY_ANNOTATION, PROVISIONED_LABEL } from '../../api/names.ts';
import type { DesiredItem, Problem } from './plan.ts';

/** A ConfigMap or a Secret, as far as a copy needs it. */
export interface Source extends KubeObject {
  readonly data?: StringMap;
  readonly binaryData?: StringMap;
  readonly type?: string;
}

/** The whole object for what is wanted, marked as made by `owner` (`<namespace>/<name>` of a PlatformDefaults). */
export interface ProvisionedObject extends Source {
  readonly kind: DesiredItem['kind'];
  readonly metadata: KubeObject['metadata'] & { readonly name: string; readonly namespace: string };
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** `source` is what `copyFrom` names. A problem where there is none, or where it must not be copied. */
export const contentOf = (
  item: DesiredItem,
  owner: string,
  source: Source | undefined,
): ProvisionedObject | Problem => {
  const { kind, namespace, name } = item;
  const head = { apiVersion: 'v1', kind, metadata: { name, namespace, ...ownershipOf(owner) } };
  if ('spec' in item) return { ...head, spec: item.spec };
  if ('data' in item) return { ...head, data: item.data };
  if (source === undefined) {
    return {
      reason: 'SourceMissing',
      message: `${kind} ${item.copyFrom} is not in the system namespace; make it there.`,
    };
  }
  if (isUncopyable(source)) {
    return {
      reason: 'SourceRefused',
      message: `${kind} ${item.copyFrom} is Quartermaster's or Kubernetes' own and is not copied.`,
    };
  }
  const { data = {}, binaryData, type } = source;
  return { ...head, data, ...(binaryData && { binaryData }), ...(type !== undefined && { type }) };
};

/** Changes where data or type change, and with nothing else. */
export const digestOf = ({ data = {}, binaryData = {}, type = '' }: Source): string =>
  createHash('sha256')
    .update(JSON.stringify([sorted(data), sorted(binaryData), type]))
    .digest('base64url');

/** `<namespace>/<name>` of the PlatformDefaults that an object is marked as made by; undefined where it is not ours. */
export const ownerOf = ({ metadata }: KubeObject): string | undefined => {
  const isOurs = metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY && metadata.labels[PROVISIONED_LABEL] === 'true';
  return isOurs ? metadata.annotations?.[PROVISIONED_BY_ANNOTATION] : undefined;
};

/** The merge patch that takes our marks off again. */
export const RELEASE_PATCH = {
  metadata: {
    labels: { [MANAGED_BY_LABEL]: null, [PROVISIONED_LABEL]: null },
    annotations: { [PROVISIONED_BY_ANNOTATION]: null },
  },
} as const;

const ownershipOf = (owner: string) => ({
  labels: { [MANAGED_BY_LABEL]: MANAGED_BY, [PROVISIONED_LABEL]: 'true' },
  annotations: { [PROVISIONED_BY_ANNOTATION]: owner },
});

/** Our own keys must not leave the system namespace, and a service account's token is void outside its own. */
const isUncopyable = ({ metadata, type }: Source): boolean =>
  metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY || type === 'kubernetes.io/service-account-token';

const sorted = (values: StringMap): readonly (readonly [string, string])[] =>
  Object.entries(values).toSorted(([a], [b]) => (a < b ? -1 : 1));
