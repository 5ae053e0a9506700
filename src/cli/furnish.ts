import type { Facts } from '../api/facts.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { calrissianBucket, calrissianCautions, mountOf } from '../controller/calrissian-class.ts';
import { calrissianObjects } from '../controller/calrissian-objects.ts';
import { CALRISSIAN_CLASS, CALRISSIAN_ENABLED, CALRISSIAN_LABEL } from '../names.ts';
import { calrissianClass } from '../storage/calrissian-class.ts';

/** What the controller makes for an object that no admission sees. */
export interface Furnishing {
  readonly companions: readonly KubeObject[];
  readonly warnings: readonly string[];
}

const NOTHING: Furnishing = { companions: [], warnings: [] };

/** What a namespace holds once it is labelled for Calrissian, in the order to make it; nothing for any other object. */
export const furnish = ({ apiVersion, kind, metadata }: KubeObject, facts: Facts): Furnishing => {
  const { calrissian } = facts.policy;
  const isLabelled = metadata.labels?.[CALRISSIAN_LABEL] === CALRISSIAN_ENABLED;
  if (apiVersion !== 'v1' || kind !== 'Namespace' || !isLabelled || calrissian === undefined) return NOTHING;
  const { roleBindings, defaults, claims } = calrissianObjects(metadata.name ?? '', calrissian);
  const own = [...roleBindings, defaults];
  const bucket = calrissianBucket(calrissian, facts);
  if (typeof bucket === 'string') return { companions: own, warnings: [bucket] };
  const [, shared] = claims;
  const isThere = facts.storage.storageClass(CALRISSIAN_CLASS) !== undefined;
  const storageClass = isThere
    ? undefined
    : shared && calrissianClass(shared, facts.cloud, mountOf(bucket, calrissian));
  const warnings = calrissianCautions(facts).map(({ message }) => message);
  return { companions: [...own, ...(storageClass ? [storageClass] : []), ...claims], warnings };
};
