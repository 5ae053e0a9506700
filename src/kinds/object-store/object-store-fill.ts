import type { Explanation } from '../../api/admission.ts';
import type { CloudVerdict } from '../../api/facts.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import type { ObjectStoreSpec } from '../../api/object-store.ts';
import { type Path, pointerTo, setAt } from '../../injection/path.ts';
import type { Placement } from './placement.ts';

/** One field that gets a value its author did not write. */
export interface FilledField {
  readonly path: Path;
  readonly value: string;
  readonly source: string;
  readonly why: string;
}

/** The fields that are in `known`, and so in the stored object, and were left out of the new one. */
export const preservedFields = (spec: ObjectStoreSpec, known: ObjectStoreSpec): readonly FilledField[] =>
  (['provider', 'location'] as const).flatMap((field) => {
    const value = known[field];
    if (value === undefined || value === spec[field]) return [];
    return [{ path: ['spec', field], value, source: 'stored object', why: 'it cannot change once it is set' }];
  });

/** The fields that the cloud says and nobody else did. */
export const discoveredFields = (
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
      value: placement.endpoint,
      why: 'the S3 of the cluster',
    },
  ];
  return fields.flatMap(({ path, asked, value, why }) =>
    asked || value === undefined ? [] : [{ path, value, source: `cloud ${cloud.name}`, why }],
  );
};

/** The object with all of them, or the very same where there are none. */
export const applyFields = (object: KubeObject, filledFields: readonly FilledField[]): KubeObject =>
  filledFields.reduce((filled, { path, value }) => setAt(filled, path, value), object);

export const explainField = ({ path, source, why }: FilledField): Explanation => ({
  path: pointerTo(path),
  source,
  mode: 'Derived',
  why,
});
