import type { KubeObject } from '../../api/kubernetes.ts';
import { labelValue, type NameRule, qualifiedName } from '../../defaults/validation/names.ts';
import { isRecord, readAt } from '../../injection/path.ts';

/** Metadata as the API server reads it: what is null or an empty map is not there. The very object where nothing is. */
export const readMetadata = (object: KubeObject): KubeObject => {
  const fields = Object.entries(object.metadata);
  const given = fields.filter(([, value]) => value !== null && !isEmpty(value));
  return given.length === fields.length ? object : { ...object, metadata: Object.fromEntries(given) };
};

const SYSTEM_FIELDS = ['uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink'];

/** Without what the API server wipes from an object that is created. The very object where it has none of it. */
export const withoutSystemFields = (object: KubeObject): KubeObject => {
  const fields = Object.entries(object.metadata);
  const kept = fields.filter(([key]) => !SYSTEM_FIELDS.includes(key));
  return kept.length === fields.length ? object : { ...object, metadata: Object.fromEntries(kept) };
};

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

/** What the API server refuses in the metadata of any object (apimachinery's ValidateObjectMeta), the field first. */
export const metadataViolations = (object: KubeObject): readonly string[] => [
  ...mapViolations('labels', readAt(object, ['metadata', 'labels']), labelValue),
  ...mapViolations('annotations', readAt(object, ['metadata', 'annotations']), undefined),
];

const mapViolations = (field: string, map: unknown, values: NameRule | undefined): readonly string[] =>
  Object.entries(isRecord(map) ? map : {}).flatMap(([key, value]) => {
    // Annotations may be written in any case.
    const isKey = qualifiedName.accepts(values === undefined ? key.toLowerCase() : key);
    if (!isKey) return [`metadata.${field}: "${key}" is not ${qualifiedName.title}`];
    if (typeof value !== 'string') return [`metadata.${field}: ${key} must be a string; quote it`];
    return values === undefined || values.accepts(value)
      ? []
      : [`metadata.${field}: "${value}" is not ${values.title}`];
  });
