import { isDeepStrictEqual } from 'node:util';
import type { AdmissionRequest, Mutation } from '../../api/admission.ts';
import type { Facts } from '../../api/facts.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Mutator, untouched } from '../../api/mutator.ts';
import { OBJECT_STORE_GROUP } from '../../api/names.ts';
import { type ObjectStore, type ObjectStoreSpec, objectStoreSpec } from '../../api/object-store.ts';
import { decodeAs } from '../../api/shape.ts';
import { isRecord, readAt } from '../../injection/path.ts';
import { namespaceOf, targetOf } from '../../injection/target.ts';
import { applyFields, discoveredFields, explainField, preservedFields } from './object-store-fill.ts';
import { labelStore } from './object-store-labels.ts';
import { refuseChange, rememberedFields } from './object-store-memory.ts';
import { type Placement, resolvePlacement } from './placement.ts';
import { findViolation } from './validation.ts';

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
      group: OBJECT_STORE_GROUP,
      versions: ['v1alpha1'],
      resource: 'objectstores',
      operations: ['CREATE', 'UPDATE'],
      failurePolicy: 'Ignore',
    },
  ],
  mutate: (object, request, facts) => {
    // What is going must be able to go, whatever it looks like.
    if (object.metadata.deletionTimestamp || request.oldObject?.metadata.deletionTimestamp) return untouched(object);
    if (isNameless(object)) return deny(object, 'spec.name is missing: it names the bucket or container to have.');
    const spec = specOf(object);
    return spec === undefined ? untouched(object) : mutateSpec({ object, spec, request, facts });
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
  const placement = resolvePlacement(known, facts.cloud);
  const target = targetOf('ObjectStore', object, request, facts);
  const { isDisabled } = target;
  const injection = facts.defaults.resolve(target);
  const filledFields = [
    ...preservedFields(spec, known),
    ...(isDisabled ? [] : discoveredFields(known, placement, facts.cloud)),
  ];
  const filled = applyFields(object, filledFields);
  const labelled = injection
    ? labelStore(filled, { provider: placement.provider, injection, isDisabled })
    : untouched(filled);
  const refused = (stored && refuseChange(spec, stored)) ?? refuse(input, labelled.object, placement);
  if (refused !== undefined) return deny(object, refused);
  return {
    object: labelled.object,
    warnings: [...warningsOf(known, placement), ...labelled.warnings],
    explain: [...filledFields.map(explainField), ...labelled.explain],
    companions: [],
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

const warningsOf = ({ adopt, deletionPolicy }: ObjectStoreSpec, { unknown, warning }: Placement): readonly string[] => {
  const adopted =
    adopt === 'Always' && deletionPolicy === 'Delete'
      ? 'spec.deletionPolicy: Delete is for a bucket made for this ObjectStore; one that was there before is never deleted.'
      : undefined;
  return [unknown, warning, adopted].filter((sentence) => sentence !== undefined);
};
