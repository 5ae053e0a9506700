import type { KubeObject } from '../../api/kubernetes.ts';
import { mapAt, readAt, textAt, type UnknownRecord } from '../../injection/path.ts';
import { type FieldError, invalid, required, tooLong } from './field-error.ts';

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

/** What the API server refuses in the labels and annotations of any object (apimachinery's ValidateObjectMeta). */
export const labelErrors = (object: KubeObject): readonly FieldError[] => [
  ...Object.entries(mapAt(object, ['metadata', 'labels'])).flatMap(([key, value]) => [
    ...keyErrors('metadata.labels', key, key),
    ...(typeof value === 'string'
      ? labelValueMessages(value).map((message) => invalid('metadata.labels', message, value))
      : [notText('metadata.labels', key)]),
  ]),
  ...annotationErrors(mapAt(object, ['metadata', 'annotations'])),
];

const MOST_ANNOTATION_BYTES = 256 * 1024;

const annotationErrors = (annotations: UnknownRecord): readonly FieldError[] => {
  const entries = Object.entries(annotations);
  const bytes = entries.reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
    0,
  );
  return [
    ...entries.flatMap(([key, value]) => [
      // Annotations may be written in any case.
      ...keyErrors('metadata.annotations', key, key.toLowerCase()),
      ...(typeof value === 'string' ? [] : [notText('metadata.annotations', key)]),
    ]),
    ...(bytes > MOST_ANNOTATION_BYTES ? [tooLong('metadata.annotations', MOST_ANNOTATION_BYTES)] : []),
  ];
};

/** The API server refuses to read these at all, in the words of a JSON decoder. */
const notText = (field: string, key: string): FieldError => invalid(`${field}.${key}`, 'must be a string; quote it');

const keyErrors = (field: string, key: string, judged: string): readonly FieldError[] =>
  labelKeyMessages(judged).map((message) => invalid(field, message, key));

/** The same of all that a custom resource has by its metadata. `isNew`: before it is stored. */
export const metadataErrors = (object: KubeObject, isNew: boolean): readonly FieldError[] => [
  ...(isNew ? nameErrors(object) : []),
  ...labelErrors(object),
  ...finalizersOf(object).flatMap((finalizer) =>
    labelKeyMessages(finalizer).map((message) => invalid('metadata.finalizers', message, finalizer)),
  ),
];

const nameErrors = (object: KubeObject): readonly FieldError[] => {
  const prefix = textAt(object, ['metadata', 'generateName']);
  const name = textAt(object, ['metadata', 'name']);
  // What is generated ends in letters.
  const generated = prefix === undefined ? [] : subdomainMessages(prefix.replace(/.-$/, 'a'));
  if (name === undefined && prefix === undefined)
    return [required('metadata.name', 'name or generateName is required')];
  return [
    ...generated.map((message) => invalid('metadata.generateName', message, prefix)),
    ...(name === undefined ? [] : subdomainMessages(name)).map((message) => invalid('metadata.name', message, name)),
  ];
};

const finalizersOf = (object: KubeObject | undefined): readonly string[] => {
  const finalizers = readAt(object, ['metadata', 'finalizers']);
  return Array.isArray(finalizers) ? finalizers.filter((finalizer) => typeof finalizer === 'string') : [];
};

/** Finalizers of Kubernetes itself, which have no domain. */
const STANDARD_FINALIZERS: ReadonlySet<string> = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

/** What the API server warns of in the finalizers that a custom resource has and its old self had not. */
export const finalizerWarnings = (object: KubeObject, old: KubeObject | undefined): readonly string[] => {
  const known = new Set(finalizersOf(old));
  const added = [...new Set(finalizersOf(object))].filter((finalizer) => !known.has(finalizer)).toSorted();
  return added.flatMap((finalizer) => {
    if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) return [];
    const path = finalizer.includes('.') ? ' including a path (/)' : '';
    const advice = `prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`;
    return [`metadata.finalizers: ${JSON.stringify(finalizer)}: ${advice}`];
  });
};

const KEY = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const ALPHANUMERIC = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

const labelKeyMessages = (key: string): readonly string[] => {
  const parts = key.split('/');
  const [prefix, name = ''] = parts.length === 1 ? [undefined, parts[0]] : parts;
  const byPattern = `must consist of ${ALPHANUMERIC} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${KEY}')`;
  if (parts.length > 2)
    return [`a valid label key ${byPattern} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  return [
    ...(prefix === '' ? ['prefix part must be non-empty'] : []),
    ...(prefix ? subdomainMessages(prefix).map((message) => `prefix part ${message}`) : []),
    ...(name === '' ? ['name part must be non-empty'] : []),
    ...(Buffer.byteLength(name) > 63 ? ['name part must be no more than 63 bytes'] : []),
    ...(new RegExp(`^${KEY}$`).test(name) ? [] : [`name part ${byPattern}`]),
  ];
};

const labelValueMessages = (value: string): readonly string[] => [
  ...(Buffer.byteLength(value) > 63 ? ['must be no more than 63 bytes'] : []),
  ...(new RegExp(`^(${KEY})?$`).test(value)
    ? []
    : [
        `a valid label must be an empty string or consist of ${ALPHANUMERIC} (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(${KEY})?')`,
      ]),
];

const subdomainMessages = (name: string): readonly string[] => [
  ...(Buffer.byteLength(name) > 253 ? ['must be no more than 253 bytes'] : []),
  ...(new RegExp(`^${SUBDOMAIN}$`).test(name)
    ? []
    : [
        `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`,
      ]),
];
