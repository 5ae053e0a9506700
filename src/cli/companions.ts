import type { Facts } from '../api/facts.ts';
import type { KubeObject, PersistentVolumeClaim } from '../api/kubernetes.ts';
import { CALRISSIAN_CLASS, CALRISSIAN_ENABLED, CALRISSIAN_LABEL } from '../api/names.ts';
import { type Entry, titleOf } from '../defaults/entry.ts';
import { type Wanted, wantedBy } from '../defaults/provisioning/plan.ts';
import { contentOf } from '../defaults/provisioning/provision-content.ts';
import { variableOf } from '../injection/target.ts';
import { calrissianCautions } from '../kinds/calrissian/calrissian-class.ts';
import { calrissianObjects } from '../kinds/calrissian/objects.ts';
import { nextClaimStep } from '../kinds/persistent-volume-claim/claim-step.ts';
import { calrissianBucket, calrissianClass, mountOf } from '../storage-classes/calrissian.ts';

/** The cluster under preview: what decisions are made from, and every PlatformDefaults that is in force. */
export interface PreviewWorld {
  readonly facts: Facts;
  readonly entries: readonly Entry[];
}

/** What the controller makes for an object that no admission sees. */
export interface Furnishing {
  readonly companions: readonly KubeObject[];
  readonly warnings: readonly string[];
}

const NOTHING: Furnishing = { companions: [], warnings: [] };

/** What a namespace comes to hold, in the order to make it; nothing for any other object. */
export const furnish = (object: KubeObject, world: PreviewWorld): Furnishing => {
  if (object.apiVersion !== 'v1' || object.kind !== 'Namespace') return NOTHING;
  const provisioned = world.entries.map((entry) => provision(entry, object, world));
  return joined([forCalrissian(object, world.facts), ...provisioned]);
};

const joined = (all: readonly Furnishing[]): Furnishing => ({
  companions: all.flatMap(({ companions }) => companions),
  warnings: all.flatMap(({ warnings }) => warnings),
});

/** What one labelled for Calrissian holds. */
const forCalrissian = ({ metadata }: KubeObject, facts: Facts): Furnishing => {
  const { calrissian } = facts.policy;
  const isLabelled = metadata.labels?.[CALRISSIAN_LABEL] === CALRISSIAN_ENABLED;
  if (!isLabelled || calrissian === undefined) return NOTHING;
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

/** What one PlatformDefaults provides it with. */
const provision = (entry: Entry, namespace: KubeObject, { facts, entries }: PreviewWorld): Furnishing => {
  if (entry.spec.provision === undefined) return NOTHING;
  const { wanted, problems } = wantedBy(entry, {
    namespaces: [namespace],
    entries,
    cloud: facts.cloud.name,
    variable: (name, place) => variableOf(name, place, facts),
    systemNamespace: facts.policy.systemNamespace,
  });
  const told = { companions: [], warnings: problems.map(({ message }) => message) };
  return joined([told, ...wanted.map((one) => provide(one, entry, facts))]);
};

const provide = (wanted: Wanted, entry: Entry, facts: Facts): Furnishing => {
  const { kind, name } = wanted;
  if ('copyFrom' in wanted) {
    const source = `${facts.policy.systemNamespace}/${wanted.copyFrom}`;
    return { companions: [], warnings: [`${kind} ${name} will be a copy of ${source}, which preview does not read.`] };
  }
  const object = contentOf(wanted, titleOf(entry), undefined);
  if ('reason' in object) return { companions: [], warnings: [object.message] };
  return object.kind === 'PersistentVolumeClaim' ? withItsClass(object, facts) : { companions: [object], warnings: [] };
};

const withItsClass = (claim: PersistentVolumeClaim, facts: Facts): Furnishing => {
  const step = nextClaimStep(claim, facts);
  switch (step.do) {
    case 'nothing':
      return { companions: [claim], warnings: [] };
    case 'tell':
      return { companions: [claim], warnings: [step.note.message] };
    case 'make':
      return { companions: [...step.classes, claim], warnings: [] };
  }
};
