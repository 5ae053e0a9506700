import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, type UnknownRecord } from '../../injection/path.ts';
import { inGoTime, timeError } from './go-time.ts';

/** An object as the API server reads it. */
export interface ReadObject {
  readonly object: KubeObject;
  /** The paths of fields that there are not. */
  readonly unknown: readonly string[];
  /** Why it cannot be read at all; the API server tells one of them. */
  readonly unreadable: readonly string[];
}

/** Metadata as the API server holds it, and what it found on the way. */
export interface ReadMeta {
  /** Without what it cannot hold, what is empty and what it does not know. */
  readonly metadata: UnknownRecord;
  /** The paths of fields that it does not know. */
  readonly unknown: readonly string[];
  /** Why it cannot read them at all, in the words of its decoder (sigs.k8s.io/json). */
  readonly unreadable?: string;
}

/** Reads the metadata of a custom resource, or of an object within one, as Go does; `path` is where they stand. */
export const readObjectMeta = (value: unknown, path: string): ReadMeta => {
  const found: Found = { unknown: [], mismatches: [], times: [] };
  const metadata = readAs(objectMeta, value, { struct: '', fields: [], path, found });
  // A time that is none ends the reading; of all else the first is told at its end.
  const unreadable = found.times[0] ?? found.mismatches[0];
  return {
    metadata: isRecord(metadata) ? metadata : {},
    unknown: found.unknown,
    ...(unreadable !== undefined && { unreadable }),
  };
};

interface Found {
  readonly unknown: string[];
  readonly mismatches: string[];
  readonly times: string[];
}

interface Place {
  /** The struct of Go and the fields in it by which an error calls the place. */
  readonly struct: string;
  readonly fields: readonly string[];
  readonly path: string;
  readonly found: Found;
}

interface GoType {
  /** As errors call it. */
  readonly name: string;
  /** What null stands for; undefined for nothing. */
  readonly zero?: unknown;
  readonly read: (value: unknown, place: Place) => unknown;
}

const readAs = (type: GoType, value: unknown, place: Place): unknown =>
  value === null ? type.zero : type.read(value, place);

const typeOf = (value: unknown): string => {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
};

const cannotRead = (what: string, { name, zero }: Pick<GoType, 'name' | 'zero'>, { struct, fields, found }: Place) => {
  const where = struct === '' ? 'value' : `struct field ${struct}.${fields.join('.')}`;
  found.mismatches.push(`json: cannot unmarshal ${what} into Go ${where} of type ${name}`);
  return zero;
};

const scalar = (name: string, is: (value: unknown) => boolean, zero?: unknown): GoType => ({
  name,
  zero,
  read: (value, place) => (is(value) ? value : cannotRead(typeOf(value), { name, zero }, place)),
});

const textOf = (name: string): GoType => scalar(name, (value) => typeof value === 'string', '');
const text = textOf('string');
const truth = scalar('bool', (value) => typeof value === 'boolean');
const anything = scalar('', () => true);

const whole: GoType = {
  name: 'int64',
  read: (value, place) => {
    if (Number.isInteger(value)) return value;
    return cannotRead(typeof value === 'number' ? `number ${value}` : typeOf(value), whole, place);
  },
};

const time: GoType = {
  name: 'v1.Time',
  read: (value, place) => {
    const { mismatches, times } = place.found;
    if (typeof value !== 'string') {
      cannotRead(typeOf(value), text, place);
      times.push(...mismatches.slice(-1));
      return undefined;
    }
    const error = timeError(value);
    if (error === undefined) return inGoTime(value);
    times.push(error);
    return undefined;
  },
};

const inKeyOrder = (map: UnknownRecord): readonly (readonly [string, unknown])[] =>
  Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1));

const texts: GoType = {
  name: 'map[string]string',
  read: (value, place) =>
    isRecord(value)
      ? Object.fromEntries(inKeyOrder(value).map(([key, item]) => [key, readAs(text, item, place)]))
      : cannotRead(typeOf(value), texts, place),
};

const listOf = (item: GoType): GoType => {
  const type: GoType = {
    name: `[]${item.name}`,
    read: (value, place) =>
      Array.isArray(value)
        ? value.map((one: unknown, at) => readAs(item, one, { ...place, path: `${place.path}[${at}]` }))
        : cannotRead(typeOf(value), type, place),
  };
  return type;
};

/** `always` are there with nothing in them, too. */
const structOf = (name: string, fields: Readonly<Record<string, GoType>>, always: readonly string[] = []): GoType => {
  const type: GoType = {
    name: `v1.${name}`,
    zero: Object.fromEntries(always.map((field) => [field, ''])),
    read: (value, place) => {
      if (!isRecord(value)) return cannotRead(typeOf(value), type, place);
      const read = inKeyOrder(value).flatMap(([field, item]): readonly (readonly [string, unknown])[] => {
        const path = `${place.path}.${field}`;
        const known = Object.hasOwn(fields, field) ? fields[field] : undefined;
        if (known === undefined) place.found.unknown.push(path);
        else return [[field, readAs(known, item, { ...place, struct: name, fields: [...place.fields, field], path })]];
        return [];
      });
      return { ...(type.zero as object), ...Object.fromEntries(read.filter(([, item]) => !isNothing(item))) };
    },
  };
  return type;
};

const isNothing = (value: unknown): boolean =>
  value === undefined ||
  value === '' ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

const ownerReference = structOf(
  'OwnerReference',
  {
    apiVersion: text,
    kind: text,
    name: text,
    uid: textOf('types.UID'),
    controller: truth,
    blockOwnerDeletion: truth,
  },
  ['apiVersion', 'kind', 'name', 'uid'],
);

const managedFields = structOf('ManagedFieldsEntry', {
  manager: text,
  operation: textOf('v1.ManagedFieldsOperationType'),
  apiVersion: text,
  time,
  fieldsType: text,
  fieldsV1: anything,
  subresource: text,
});

const objectMeta = structOf('ObjectMeta', {
  name: text,
  generateName: text,
  namespace: text,
  selfLink: text,
  uid: textOf('types.UID'),
  resourceVersion: text,
  generation: { ...whole, read: (value, place) => whole.read(value, place) || undefined },
  creationTimestamp: time,
  deletionTimestamp: time,
  deletionGracePeriodSeconds: whole,
  labels: texts,
  annotations: texts,
  ownerReferences: listOf(ownerReference),
  finalizers: listOf(text),
  managedFields: listOf(managedFields),
});
