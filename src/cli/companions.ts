import type { Facts } from '../api/facts.ts';
import type { KubeObject, PersistentVolumeClaim } from '../api/kubernetes.ts';
import { CALRISSIAN_CLASS, CALRISSIAN_DEFAULTS, CALRISSIAN_ENABLED, CALRISSIAN_LABEL } from '../api/names.ts';
import { type Entry, namespacedName } from '../defaults/entry.ts';
import { contentOf, type DesiredItem, type DesiredState, desiredStateOf } from '../defaults/provisioning/plan.ts';
import type { PreviewCluster } from '../explanation/cluster.ts';
import { listAt, textAt } from '../injection/path.ts';
import { variableOf } from '../injection/target.ts';
import { calrissianWarnings } from '../kinds/calrissian/applier.ts';
import { calrissianObjects } from '../kinds/calrissian/objects.ts';
import { desiredStorageClass, warningsOf } from '../kinds/persistent-volume-claim/mutator.ts';
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
  const states = cluster.entries
    .filter(({ spec }) => spec.provision !== undefined)
    .map((entry) => ({ entry, ...provisionedBy(entry, object, cluster) }));
  const isProvisioned = (configMap: string): boolean =>
    states.some(({ desired }) => desired.some(({ kind, name }) => kind === 'ConfigMap' && name === configMap));
  const provisioned = states.flatMap(({ entry, desired, problems }) => [
    { companions: [], warnings: problems.map(({ message }) => message) },
    ...desired.map((one) => companionsFor(one, entry, cluster.facts)),
  ]);
  return merged([calrissianCompanions(object, cluster.facts, isProvisioned), ...provisioned]);
};

/** Each object once, where the first stands: two claims may name one class. */
const merged = (all: readonly NamespaceCompanions[]): NamespaceCompanions => {
  const found = Map.groupBy(
    all.flatMap(({ companions }) => companions),
    ({ apiVersion, kind, metadata }) => [apiVersion, kind, metadata.namespace, metadata.name].join(' '),
  );
  return {
    companions: [...found.values()].flatMap(([first]) => first ?? []),
    warnings: [...new Set(all.flatMap(({ warnings }) => warnings))],
  };
};

/** What one labelled for Calrissian holds. */
const calrissianCompanions = (
  { metadata }: KubeObject,
  facts: Facts,
  isProvisioned: (configMap: string) => boolean,
): NamespaceCompanions => {
  const { calrissian } = facts.policy;
  const isLabelled = metadata.labels?.[CALRISSIAN_LABEL] === CALRISSIAN_ENABLED;
  if (!isLabelled || calrissian === undefined) return NO_COMPANIONS;
  const { roleBindings, defaults, claims } = calrissianObjects(metadata.name ?? '', calrissian);
  const own = [...roleBindings, ...(isProvisioned(CALRISSIAN_DEFAULTS) ? [] : [defaults])];
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
const provisionedBy = (
  entry: Entry,
  namespace: KubeObject,
  { facts, entries }: Pick<PreviewCluster, 'facts' | 'entries'>,
): DesiredState =>
  desiredStateOf(entry, {
    namespaces: [namespace],
    entries,
    cloud: facts.cloud.name,
    variable: (name, place, isOfPlatform) => variableOf(name, place, facts, isOfPlatform),
    systemNamespace: facts.policy.systemNamespace,
  });

const companionsFor = (desired: DesiredItem, entry: Entry, facts: Facts): NamespaceCompanions => {
  const { kind, name } = desired;
  if ('copyFrom' in desired) {
    const source = `${facts.policy.systemNamespace}/${desired.copyFrom}`;
    return { companions: [], warnings: [`${kind} ${name} will be a copy of ${source}, which preview does not read.`] };
  }
  const object = contentOf(desired, namespacedName(entry), undefined);
  if ('reason' in object) return { companions: [], warnings: [object.message] };
  const itself = { companions: [object], warnings: [] };
  return object.kind === 'PersistentVolumeClaim' ? merged([claimCompanions(object, facts), itself]) : itself;
};

/** What of a companion's needs is made too and cannot be shown: a sentence each. */
export const unshownFor = (companion: KubeObject): readonly string[] =>
  companion.kind !== 'Deployment'
    ? []
    : listAt(companion, ['spec', 'template', 'spec', 'containers'])
        .flatMap((container) => listAt(container, ['env']))
        .flatMap((variable) => textAt(variable, ['valueFrom', 'secretKeyRef', 'name']) ?? [])
        .map(
          (name) =>
            `Secret ${companion.metadata.namespace}/${name} is made too, by Quartermaster: its token is drawn by chance.`,
        );

/** What the controllers make for a claim that no webhook is sent: its class, and servers that this needs. */
export const claimCompanions = (claim: PersistentVolumeClaim, facts: Facts): NamespaceCompanions => {
  const choice = desiredStorageClass(claim, facts);
  return {
    companions: choice.kind === 'make' ? [...choice.companions, choice.storageClass] : [],
    warnings: warningsOf(choice),
  };
};
