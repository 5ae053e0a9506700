import type { ObjectStore, ObjectStoreSpec } from '../../api/object-store.ts';

type Stored = Pick<ObjectStore, 'spec' | 'status'>;

const setOnce = ['provider', 'location'] as const;
type SetOnce = Pick<ObjectStoreSpec, (typeof setOnce)[number]>;

const settled = <T extends string>(value: T | undefined): T | undefined =>
  value === '' || value === 'auto' ? undefined : value;

/** A provider counts as set once a bucket is recorded, even where spec never named it. */
const heldBy = ({ spec, status }: Stored): SetOnce => {
  const provider = settled(spec.provider) ?? (status?.bucketName === undefined ? undefined : status.provider);
  const location = settled(spec.location);
  return { ...(provider !== undefined && { provider }), ...(location !== undefined && { location }) };
};

/** What cannot change and the new spec leaves out, as a manifest that is applied again does: the stored values stay. */
export const rememberedFields = (spec: ObjectStoreSpec, stored: Stored): SetOnce => {
  const left = Object.entries(heldBy(stored)).filter(([field]) => settled(spec[field as keyof SetOnce]) === undefined);
  return Object.fromEntries(left);
};

/** Why the change of a field that cannot change is refused; undefined where none is changed. */
export const refuseChange = (spec: ObjectStoreSpec, stored: Stored): string | undefined => {
  if (spec.name !== stored.spec.name) return cannotChange('name', stored.spec.name);
  const held = heldBy(stored);
  const changed = setOnce.find((field) => {
    const asked = settled(spec[field]);
    return asked !== undefined && held[field] !== undefined && asked !== held[field];
  });
  return changed && cannotChange(changed, held[changed] ?? '');
};

const cannotChange = (field: string, held: string): string =>
  `spec.${field} is ${JSON.stringify(held)} and cannot be changed: make another ObjectStore instead.`;
