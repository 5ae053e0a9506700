import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, type UnknownRecord } from '../../injection/path.ts';
import { type MergedFields, mergeThree } from './strategic-merge.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * What `kubectl apply` makes of a stored object and its manifest: what the manifest says, and of the rest what was not in the
 * manifest applied last. Lists are merged where `fields` say so, and else replaced as a whole, as all are of custom resources.
 */
export const applied = (stored: KubeObject, manifest: KubeObject, fields: MergedFields = {}): KubeObject => {
  const last = lastApplied(stored);
  const merged = mergeThree(last, stored, manifest, fields) as unknown as KubeObject;
  return withLastApplied(merged, stored);
};

const lastApplied = ({ metadata }: KubeObject): UnknownRecord => {
  const text = metadata.annotations?.[LAST_APPLIED];
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
};

/** The manifest says nothing about kubectl's own copy; the API server keeps it. Annotations that are no map are for it to refuse. */
const withLastApplied = (object: KubeObject, { metadata }: KubeObject): KubeObject => {
  const copy = metadata.annotations?.[LAST_APPLIED];
  if (copy === undefined || !isRecord(object.metadata.annotations ?? {})) return object;
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [LAST_APPLIED]: copy } },
  };
};

/** Without what only the API server writes, and kubectl's own copy: what may be applied again. */
export const withoutServerFields = (object: KubeObject): KubeObject => {
  const { status: _, ...told } = object as KubeObject & { readonly status?: unknown };
  const { labels, annotations, name, generateName, namespace, finalizers, ownerReferences } = object.metadata;
  const { [LAST_APPLIED]: __, ...own } = annotations ?? {};
  const metadata = { name, generateName, namespace, labels, finalizers, ownerReferences };
  const given = Object.entries({ ...metadata, annotations: Object.keys(own).length > 0 ? own : undefined });
  return { ...told, metadata: Object.fromEntries(given.filter(([, value]) => value !== undefined)) };
};
