import type { Facts } from '../api/facts.ts';
import type { KubeObject, PersistentVolumeClaim } from '../api/kubernetes.ts';
import { CALRISSIAN_CLASS, CALRISSIAN_ENABLED, CALRISSIAN_LABEL } from '../api/names.ts';
import { type Entry, namespacedName } from '../defaults/entry.ts';
import { contentOf, type DesiredItem, desiredStateOf } from '../defaults/provisioning/plan.ts';
import type { PreviewCluster } from '../explanation/cluster.ts';
import { variableOf } from '../injection/target.ts';
import { calrissianWarnings } from '../kinds/calrissian/applier.ts';
import { calrissianObjects } from '../kinds/calrissian/objects.ts';
import { nextClaimStep } from '../kinds/persistent-volume-claim/controller.ts';
import { calrissianBucket, calrissianClass, mountOf } from '../storage-classes/calrissian.ts';

/** What the controller makes for an object that no admission sees. */
export interface NamespaceCompanions {
  readonly companions: readonly KubeObject[];
  readonly warnings: readonly string[];
}

const NO_COMPANIONS: NamespaceCompanions = { companions: [], warnings: [] };

/** What a namespace comes to hold, in the order to make it; nothing for any other object. */
export const companionsOf = (
  object: KubeObject,
  cluster: Pick<PreviewCluster, 'facts' | 'entries'>,
): NamespaceCompanions => {
  if (object.apiVersion !== 'v1' || object.kind !== 'Namespace') return NO_COMPANIONS;
  const provisioned = cluster.entries.map((entry) => provisionedCompanions(entry, object, cluster));
  return merged([calrissianCompanions(object, cluster.facts), ...provisioned]);
};

const merged = (all: readonly NamespaceCompanions[]): NamespaceCompanions => ({
  companions: all.flatMap(({ companions }) => companions),
  warnings: all.flatMap(({ warnings }) => warnings),
});

/** What one labelled for Calrissian holds. */
const calrissianCompanions = ({ metadata }: KubeObject, facts: Facts): NamespaceCompanions => {
  const { calrissian } = facts.policy;
  const isLabelled = metadata.labels?.[CALRISSIAN_LABEL] === CALRISSIAN_ENABLED;
  if (!isLabelled || calrissian === undefined) return NO_COMPANIONS;
  const { roleBindings, defaults, claims } = calrissianObjects(metadata.name ?? '', calrissian);
  const own = [...roleBindings, defaults];
  const bucket = calrissianBucket(calrissian, facts);
  if (typeof bucket === 'string') return { companions: own, warnings: [bucket] };
  const [, shared] = claims;
  const isThere = facts.storage.storageClass(CALRISSIAN_CLASS) !== undefined;
  const storageClass = isThere
    ? undefined
    : shared && calrissianClass(shared, facts.cloud, mountOf(bucket, calrissian));
  const warnings = calrissianWarnings(facts).map(({ message }) => message);
  return { companions: [...own, ...(storageClass ? [storageClass] : []), ...claims], warnings };
};

/** What one PlatformDefaults provides it with. */
const provisionedCompanions = (
  entry: Entry,
  namespace: KubeObject,
  { facts, entries }: Pick<PreviewCluster, 'facts' | 'entries'>,
): NamespaceCompanions => {
  if (entry.spec.provision === undefined) return NO_COMPANIONS;
  const { desired, problems } = desiredStateOf(entry, {
    namespaces: [namespace],
    entries,
    cloud: facts.cloud.name,
    variable: (name, place) => variableOf(name, place, facts),
    systemNamespace: facts.policy.systemNamespace,
  });
  const reported = { companions: [], warnings: problems.map(({ message }) => message) };
  return merged([reported, ...desired.map((one) => companionsFor(one, entry, facts))]);
};

const companionsFor = (desired: DesiredItem, entry: Entry, facts: Facts): NamespaceCompanions => {
  const { kind, name } = desired;
  if ('copyFrom' in desired) {
    const source = `${facts.policy.systemNamespace}/${desired.copyFrom}`;
    return { companions: [], warnings: [`${kind} ${name} will be a copy of ${source}, which preview does not read.`] };
  }
  const object = contentOf(desired, namespacedName(entry), undefined);
  if ('reason' in object) return { companions: [], warnings: [object.message] };
  return object.kind === 'PersistentVolumeClaim'
    ? withStorageClass(object, facts)
    : { companions: [object], warnings: [] };
};

const withStorageClass = (claim: PersistentVolumeClaim, facts: Facts): NamespaceCompanions => {
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
