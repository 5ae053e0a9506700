import { isDeepStrictEqual } from 'node:util';
import {
  type AdmissionRequest,
  type Explanation,
  type Mutation,
  type Mutator,
  untouched,
} from '../../api/admission.ts';
import type { CloudVerdict, Facts } from '../../api/facts.ts';
import type { Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { OBJECT_STORE_GROUP } from '../../api/names.ts';
import {
  type BucketProviderName,
  MAX_LABELS,
  type ObjectStore,
  type ObjectStoreSpec,
  objectStoreSpec,
} from '../../api/object-store.ts';
import { decodeAs } from '../../api/schema-validation.ts';
import { editsOf } from '../../injection/edit.ts';
import { denialFor, keepEnforced } from '../../injection/enforcement.ts';
import { type InjectionPlan, inject } from '../../injection/injector.ts';
import { isRecord, mapAt, type Path, pointerTo, readAt, setAt } from '../../injection/path.ts';
import type { Rules } from '../../injection/settlement.ts';
import { readInjected } from '../../injection/snapshot.ts';
import { namespaceOf, targetOf } from '../../injection/target.ts';
import { type Placement, resolvePlacement } from './placement.ts';
import { checkBucketLabel, findViolation } from './validation.ts';

/**
 * Fills in provider, location and labels, and refuses what no provider would take.
 *
 * Ignore: the controller checks and fills in the same before it calls a provider, and CEL keeps what cannot change,
 * so that an ObjectStore stored while the webhook was away does no harm.
 */
export const objectStoreMutator: Mutator = {
  rules: [
    {
      name: 'objectstore',
      kind: 'ObjectStore',
      group: OBJECT_STORE_GROUP,
      versions: ['v1alpha1'],
      resource: 'objectstores',
      operations: ['CREATE', 'UPDATE'],
      failurePolicy: 'Ignore',
    },
  ],
  mutate: (object, request, facts) => {
    // What is going must be able to go, whatever it looks like. What is being created only says that it goes.
    if (request.oldObject?.metadata.deletionTimestamp) return untouched(object);
    if (isNameless(object)) return deny(object, 'spec.name is missing: it names the bucket or container to have.');
    const kept =
      request.oldObject === undefined ? untouched(object) : keepEnforced(object, request.oldObject, request, facts);
    const spec = specOf(kept.object);
    if (spec === undefined) return kept;
    const next = mutateSpec({ object: kept.object, spec, request, facts });
    if (next.denied !== undefined) return next;
    return { ...next, warnings: [...kept.warnings, ...next.warnings], explain: [...kept.explain, ...next.explain] };
  },
};

interface MutationInput {
  readonly object: KubeObject;
  readonly spec: ObjectStoreSpec;
  readonly request: AdmissionRequest;
  readonly facts: Facts;
}

const mutateSpec = (input: MutationInput): Mutation => {
  const { object, spec, request, facts } = input;
  const stored = storedAs(request.oldObject);
  const known = { ...spec, ...(stored && rememberedFields(spec, stored)) };
  const placement = resolvePlacement(
    known,
    facts.cloud,
    facts.policy,
    facts.namespaceLabels(namespaceOf(object, request)) ?? {},
  );
  const target = targetOf('ObjectStore', object, request, facts);
  const { isDisabled } = target;
  const injection = facts.defaults.resolve(target);
  const filledFields = [
    ...preservedFields(spec, known),
    ...(isDisabled || spec.sharedFrom !== undefined ? [] : discoveredFields(known, placement, facts.cloud)),
  ];
  const filled = applyFields(object, filledFields);
  const denial = denialFor(injection ? [injection] : [], request, facts);
  const labelled =
    injection || readInjected(filled) !== undefined
      ? labelStore(filled, { provider: placement.provider, injection: injection ?? NO_INJECTION, isDisabled, denial })
      : untouched(filled);
  if (labelled.denied !== undefined) return { ...labelled, object, warnings: [] };
  const refused = (stored && refuseChange(spec, stored)) ?? refuse(input, labelled.object, placement);
  if (refused !== undefined) return deny(object, refused);
  return {
    object: labelled.object,
    warnings: [...warningsOf(known, placement), ...labelled.warnings],
    explain: [...filledFields.map(explainField), ...labelled.explain],
    companions: [],
    outcomes: labelled.outcomes,
    application: labelled.application,
  };
};

const specOf = (object: KubeObject): ObjectStoreSpec | undefined => decodeAs(objectStoreSpec, readAt(object, ['spec']));

const isNameless = (object: KubeObject): boolean =>
  isRecord(readAt(object, ['spec'])) && (readAt(object, ['spec', 'name']) ?? undefined) === undefined;

/** Undefined where nothing is stored, or nothing in our shape: there is nothing to keep to. */
const storedAs = (old: KubeObject | undefined): Pick<ObjectStore, 'spec' | 'status'> | undefined => {
  const spec = old && specOf(old);
  // Only the controller writes the status, and the API server holds it to the schema.
  return spec && { ...(old as ObjectStore), spec };
};

const deny = (object: KubeObject, denied: string): Mutation => ({ ...untouched(object), denied });

/** What is stored already is not refused when something else of the object changes. */
const refuse = (
  { spec, request, facts }: MutationInput,
  object: KubeObject,
  placement: Placement,
): string | undefined => {
  if (request.oldObject !== undefined && isDeepStrictEqual(spec, specOf(request.oldObject))) return undefined;
  const { systemNamespace, allowLoopbackEndpoints } = facts.policy;
  return findViolation({
    spec: specOf(object) ?? spec,
    placement,
    isLoopbackAllowed: allowLoopbackEndpoints ?? false,
    isPlatform: namespaceOf(object, request) === systemNamespace,
  })?.message;
};

const warningsOf = (
  { adopt, deletionPolicy, sharedFrom }: ObjectStoreSpec,
  { unknown, warning }: Placement,
): readonly string[] => {
  // Where the bucket is, its own ObjectStore says.
  if (sharedFrom !== undefined) return [];
  const adopted =
    adopt === 'Always' && deletionPolicy === 'Delete'
      ? 'spec.deletionPolicy: Delete is for a bucket made for this ObjectStore; one that was there before is never deleted.'
      : undefined;
  return [unknown, warning, adopted].filter((sentence) => sentence !== undefined);
};

/** One field that gets a value its author did not write. */
interface FilledField {
  readonly path: Path;
  readonly value: string;
  readonly source: string;
  readonly why: string;
}

/** The fields that are in `known`, and so in the stored object, and were left out of the new one. */
const preservedFields = (spec: ObjectStoreSpec, known: ObjectStoreSpec): readonly FilledField[] =>
  (['provider', 'location'] as const).flatMap((field) => {
    const value = known[field];
    if (value === undefined || value === spec[field]) return [];
    return [{ path: ['spec', field], value, source: 'stored object', why: 'it cannot change once it is set' }];
  });

/** The fields that the cloud says and nobody else did. */
const discoveredFields = (
  known: ObjectStoreSpec,
  placement: Placement,
  cloud: CloudVerdict,
): readonly FilledField[] => {
  const asked = known.provider === 'auto' ? undefined : known.provider;
  const fields = [
    { path: ['spec', 'provider'], asked, value: placement.provider, why: 'whose buckets this cluster uses' },
    { path: ['spec', 'location'], asked: known.location, value: placement.location, why: 'the region of the cluster' },
    {
      path: ['spec', 's3', 'endpoint'],
      asked: known.s3?.endpoint,
      // One that the platform has the keys for stays the platform's to name: a tenant's endpoint needs the tenant's keys.
      value: placement.platform === undefined && known.s3?.service === undefined ? placement.endpoint : undefined,
      why: 'the S3 of the cluster',
    },
  ];
  return fields.flatMap(({ path, asked, value, why }) =>
    asked || value === undefined ? [] : [{ path, value, source: `cloud ${cloud.name}`, why }],
  );
};

/** The object with all of them, or the very same where there are none: a handful, none of them in a list. */
const applyFields = (object: KubeObject, filledFields: readonly FilledField[]): KubeObject => {
  let filled = object;
  for (const { path, value } of filledFields) filled = setAt(filled, path, value);
  return filled;
};

const explainField = ({ path, source, why }: FilledField): Explanation => ({
  path: pointerTo(path),
  source,
  mode: 'Derived',
  why,
});

type Stored = Pick<ObjectStore, 'spec' | 'status'>;

const immutableFields = ['provider', 'location'] as const;
type ImmutableFields = Pick<ObjectStoreSpec, (typeof immutableFields)[number]>;

const specified = <T extends string>(value: T | undefined): T | undefined =>
  value === '' || value === 'auto' ? undefined : value;

/** A provider counts as set once a bucket is recorded, even where spec never named it. */
const immutableFieldsOf = ({ spec, status }: Stored): ImmutableFields => {
  const provider = specified(spec.provider) ?? (status?.bucketName === undefined ? undefined : status.provider);
  const location = specified(spec.location);
  return { ...(provider !== undefined && { provider }), ...(location !== undefined && { location }) };
};

/** What cannot change and the new spec leaves out, as a manifest that is applied again does: the stored values stay. */
const rememberedFields = (spec: ObjectStoreSpec, stored: Stored): ImmutableFields => {
  const missing = Object.entries(immutableFieldsOf(stored)).filter(
    ([field]) => specified(spec[field as keyof ImmutableFields]) === undefined,
  );
  return Object.fromEntries(missing);
};

/** Why the change of a field that cannot change is refused; undefined where none is changed. */
const refuseChange = (spec: ObjectStoreSpec, stored: Stored): string | undefined => {
  if (spec.name !== stored.spec.name) return cannotChange('name', stored.spec.name);
  const current = immutableFieldsOf(stored);
  const changed = immutableFields.find((field) => {
    const asked = specified(spec[field]);
    return asked !== undefined && current[field] !== undefined && asked !== current[field];
  });
  return changed && cannotChange(changed, current[changed] ?? '');
};

const cannotChange = (field: string, current: string): string =>
  `spec.${field} is ${JSON.stringify(current)} and cannot be changed: make another ObjectStore instead.`;

const BUCKET_LABELS = ['spec', 'labels'];

interface LabelInjection {
  /** Undefined where nobody knows whose bucket it will be: then any label may go on it. */
  readonly provider: BucketProviderName | undefined;
  readonly injection: Pick<Injection, 'labels' | 'annotations' | 'warnings' | 'matched' | 'notApplied'>;
  readonly isDisabled: boolean;
  readonly denial: NonNullable<InjectionPlan['denial']>;
}

const NO_INJECTION: LabelInjection['injection'] = {
  ...{ labels: new Map(), annotations: new Map() },
  ...{ warnings: [], matched: [], notApplied: [] },
};

/** Labels go on the object and, where the provider takes them, on the bucket; annotations on the object alone. */
const labelStore = (object: KubeObject, { provider, injection, isDisabled, denial }: LabelInjection): Mutation => {
  const { labels, annotations, warnings } = injection;
  const edits = [
    ...editsOf(['metadata', 'labels'], labels),
    ...editsOf(['metadata', 'annotations'], annotations),
    ...editsOf(BUCKET_LABELS, labels),
  ];
  const plan = { edits, warnings, isDisabled, denial, injections: [injection] };
  return inject(object, { ...plan, rulesFor: () => rulesFor(provider), form: 'names' });
};

const rulesFor = (provider: BucketProviderName | undefined): Rules => ({
  conflictsOf: () => [],
  refusalOf: (object, { at, key, value }) => {
    if (at !== BUCKET_LABELS) return undefined;
    const existing = mapAt(object, BUCKET_LABELS);
    if (!Object.hasOwn(existing, key) && Object.keys(existing).length >= MAX_LABELS)
      return `there are ${MAX_LABELS} already`;
    return provider && checkBucketLabel(provider, key, String(value))?.replace(/\.$/, '');
  },
});
