import type { ObjectStore, ObjectStoreSpec } from '../../api/object-store.ts';

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
export const rememberedFields = (spec: ObjectStoreSpec, stored: Stored): ImmutableFields => {
  const missing = Object.entries(immutableFieldsOf(stored)).filter(
    ([field]) => specified(spec[field as keyof ImmutableFields]) === undefined,
  );
  return Object.fromEntries(missing);
};

/** Why the change of a field that cannot change is refused; undefined where none is changed. */
export const refuseChange = (spec: ObjectStoreSpec, stored: Stored): string | undefined => {
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
