import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, listAt, mapAt, textAt, type UnknownRecord } from '../../injection/path.ts';
import { type FieldError, goQuote, invalid, invalidStruct, notSupported, required, tooLong } from './field-error.ts';
import { type ReadObject, readObjectMeta } from './object-meta.ts';

/** Metadata as the API server tells them: what is null or an empty map is not there. The very object where nothing is. */
export const withoutEmpty = (object: KubeObject): KubeObject => {
  const fields = Object.entries(object.metadata);
  const given = fields.filter(([, value]) => value !== null && !isEmpty(value));
  return given.length === fields.length ? object : { ...object, metadata: Object.fromEntries(given) };
};

/** A custom resource with its metadata as the API server reads them. The very object where only what is empty goes. */
export const readMetadata = (object: KubeObject): ReadObject => {
  const { metadata, unknown, unreadable } = readObjectMeta(object.metadata, 'metadata');
  const isAsItWas = isDeepStrictEqual(metadata, withoutEmpty(object).metadata);
  return {
    object: isAsItWas ? object : { ...object, metadata },
    unknown,
    unreadable: unreadable === undefined ? [] : [unreadable],
  };
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
export const labelErrors = ({ metadata }: KubeObject): readonly FieldError[] => labelErrorsAt('metadata', metadata);

const labelErrorsAt = (path: string, metadata: object): readonly FieldError[] => [
  ...Object.entries(mapAt(metadata, ['labels'])).flatMap(([key, value]) => [
    ...keyErrors(`${path}.labels`, key, key),
    ...(typeof value === 'string'
      ? labelValueMessages(value).map((message) => invalid(`${path}.labels`, message, value))
      : [notText(`${path}.labels`, key)]),
  ]),
  ...annotationErrors(`${path}.annotations`, mapAt(metadata, ['annotations'])),
];

const MOST_ANNOTATION_BYTES = 256 * 1024;

const annotationErrors = (path: string, annotations: UnknownRecord): readonly FieldError[] => {
  const entries = Object.entries(annotations);
  const bytes = entries.reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
    0,
  );
  return [
    ...entries.flatMap(([key, value]) => [
      // Annotations may be written in any case.
      ...keyErrors(path, key, key.toLowerCase()),
      ...(typeof value === 'string' ? [] : [notText(path, key)]),
    ]),
    ...(bytes > MOST_ANNOTATION_BYTES ? [tooLong(path, MOST_ANNOTATION_BYTES)] : []),
  ];
};

/** Of kinds that an API server brings itself: it refuses to read these at all, in words of its decoder for each of them. */
const notText = (path: string, key: string): FieldError => invalid(`${path}.${key}`, 'must be a string; quote it');

const keyErrors = (path: string, key: string, judged: string): readonly FieldError[] =>
  labelKeyMessages(judged).map((message) => invalid(path, message, key));

/** The same of all that a custom resource has by its metadata. `isNew`: before it is stored. */
export const metadataErrors = (object: KubeObject, isNew: boolean): readonly FieldError[] => [
  ...(isNew ? nameErrors(object) : []),
  ...labelErrors(object),
  ...ownerErrors('metadata.ownerReferences', object.metadata),
  ...finalizerErrors('metadata.finalizers', object.metadata),
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

/** The same of an object within a custom resource, which may be called as a path can be, or not at all. */
export const embeddedMetadataErrors = (metadata: UnknownRecord, path: string): readonly FieldError[] => {
  const { name, generateName, namespace, generation } = metadata;
  const wrong = (field: string, messages: readonly string[], value: unknown): readonly FieldError[] =>
    messages.map((message) => invalid(`${path}.${field}`, message, value));
  return [
    ...(typeof generateName === 'string' ? wrong('generateName', pathMessages(generateName), generateName) : []),
    ...(name === '.' || name === '..' ? wrong('name', [`may not be '${name}'`], name) : []),
    ...(typeof name === 'string' ? wrong('name', pathMessages(name), name) : []),
    ...(typeof namespace === 'string' ? wrong('namespace', labelMessages(namespace), namespace) : []),
    ...(Number(generation) < 0 ? wrong('generation', ['must be greater than or equal to 0'], generation) : []),
    ...labelErrorsAt(path, metadata),
    ...ownerErrors(`${path}.ownerReferences`, metadata),
    ...finalizerErrors(`${path}.finalizers`, metadata),
    ...listAt(metadata, ['managedFields'])
      .filter(isRecord)
      .flatMap((entry, at) => managerErrors(entry, `${path}.managedFields[${at}]`)),
  ];
};

const unprintableMessages = (text: string): readonly string[] =>
  [...text.matchAll(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu)].map(({ 0: character, index }) => {
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return `invalid character U+${code} (at position ${Buffer.byteLength(text.slice(0, index))})`;
  });

const OPERATIONS = ['Apply', 'Update'];

const managerErrors = (entry: UnknownRecord, path: string): readonly FieldError[] => {
  const { manager = '', operation, fieldsType = 'FieldsV1', subresource = '' } = entry;
  return [
    ...(operation === undefined ? [required(`${path}.operation`, 'must not be empty')] : []),
    ...(operation === undefined || (typeof operation === 'string' && OPERATIONS.includes(operation))
      ? []
      : [notSupported(`${path}.operation`, operation, OPERATIONS)]),
    ...(fieldsType === 'FieldsV1' ? [] : [invalid(`${path}.fieldsType`, 'must be `FieldsV1`', fieldsType)]),
    ...(Buffer.byteLength(String(manager)) > 128 ? [tooLong(`${path}.manager`, 128)] : []),
    ...unprintableMessages(String(manager)).map((message) => invalid(`${path}.manager`, message, manager)),
    ...(Buffer.byteLength(String(subresource)) > 256 ? [tooLong(`${path}.subresource`, 256)] : []),
  ];
};

const pathMessages = (name: string): readonly string[] =>
  ['/', '%'].flatMap((character) => (name.includes(character) ? [`may not contain '${character}'`] : []));

const ownerErrors = (path: string, metadata: object): readonly FieldError[] => {
  const owners = listAt(metadata, ['ownerReferences']).filter(isRecord);
  const [first, ...others] = owners.filter(({ controller }) => controller === true);
  const called = ({ kind, name }: UnknownRecord): string => `${String(kind)}/${String(name)}`;
  return [
    ...owners.flatMap((owner, at) => ownerErrorsOf(owner, `${path}[${at}]`)),
    ...others.map((other) => {
      const which = `Found "true" in references for ${called(first ?? other)} and ${called(other)}`;
      return invalidStruct(path, `Only one reference can have Controller set to true. ${which}`, owners.map(inGoOrder));
    }),
  ];
};

const ownerErrorsOf = (owner: UnknownRecord, path: string): readonly FieldError[] => {
  const { apiVersion, kind } = owner;
  const isVersion = /^[^/]*\/?[^/]+$/.test(String(apiVersion));
  const banned = '/v1, Kind=Event is disallowed from being an owner';
  return [
    ...['apiVersion', 'kind', 'name', 'uid']
      .filter((field) => owner[field] === '')
      .map((field) => required(`${path}.${field}`, 'must not be empty')),
    ...(apiVersion === '' || isVersion
      ? []
      : [invalid(`${path}.apiVersion`, 'must be <group>/<version> or <version>', apiVersion)]),
    ...(apiVersion === 'v1' && kind === 'Event' ? [invalidStruct(path, banned, inGoOrder(owner))] : []),
  ];
};

const inGoOrder = ({ apiVersion, kind, name, uid, controller, blockOwnerDeletion }: UnknownRecord): UnknownRecord => ({
  ...{ apiVersion, kind, name, uid },
  ...{ controller, blockOwnerDeletion },
});

const finalizersOf = (metadata: object | undefined): readonly string[] =>
  listAt(metadata, ['finalizers']).filter((finalizer) => typeof finalizer === 'string');

const finalizerErrors = (path: string, metadata: object): readonly FieldError[] => {
  const finalizers = finalizersOf(metadata);
  const isBoth = finalizers.includes('orphan') && finalizers.includes('foregroundDeletion');
  return [
    ...finalizers.flatMap((finalizer) =>
      labelKeyMessages(finalizer).map((message) => invalid(path, message, finalizer)),
    ),
    ...(isBoth ? [invalid(path, 'finalizer orphan and foregroundDeletion cannot be both set', finalizers)] : []),
  ];
};

/** Finalizers of Kubernetes itself, which have no domain. */
const STANDARD_FINALIZERS: ReadonlySet<string> = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

/** What the API server warns of in the finalizers that a custom resource has and its old self had not. */
export const finalizerWarnings = (object: KubeObject, old: KubeObject | undefined): readonly string[] => {
  const known = new Set(finalizersOf(old?.metadata));
  const added = [...new Set(finalizersOf(object.metadata))].filter((finalizer) => !known.has(finalizer)).toSorted();
  return added.flatMap((finalizer) =>
    adviceOn(finalizer).map((advice) => `metadata.finalizers: ${goQuote(finalizer)}: ${advice}`),
  );
};

const adviceOn = (finalizer: string): readonly string[] => {
  if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) return [];
  const path = finalizer.includes('.') ? ' including a path (/)' : '';
  return [`prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`];
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

const labelMessages = (name: string): readonly string[] => [
  ...(Buffer.byteLength(name) > 63 ? ['must be no more than 63 bytes'] : []),
  ...(new RegExp(`^${LABEL}$`).test(name)
    ? []
    : [
        `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`,
      ]),
];

const KIND = '[a-z]([-a-z0-9]*[a-z0-9])?';

/** What is wrong with a kind, which is to be a label of DNS but for its case. */
export const kindMessages = (kind: string): readonly string[] => {
  const messages = [
    ...(Buffer.byteLength(kind) > 63 ? ['must be no more than 63 bytes'] : []),
    ...(new RegExp(`^${KIND}$`).test(kind.toLowerCase())
      ? []
      : [
          `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '${KIND}')`,
        ]),
  ];
  return messages.length === 0 ? [] : [`may have mixed case, but should otherwise match: ${messages.join(',')}`];
};
