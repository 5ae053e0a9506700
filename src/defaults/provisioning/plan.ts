import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, StringMap } from '../../api/kubernetes.ts';
import { INJECT_DISABLED, INJECT_LABEL } from '../../api/names.ts';
import type { ProvisionSpec } from '../../api/platform-defaults.ts';
import { compareEntries, type Entry } from '../entry.ts';
import { definitionFor } from '../plan.ts';
import { meetsAll } from '../selector.ts';
import { builtInValue, expandVariables, fillVariables, variablesIn } from '../variables.ts';

export type ProvisionedKind = 'ConfigMap' | 'Secret' | 'PersistentVolumeClaim';

/** One object that one namespace must hold. */
export type DesiredItem = { readonly namespace: string; readonly name: string } & (
  | { readonly kind: 'ConfigMap'; readonly data: StringMap }
  | { readonly kind: 'ConfigMap' | 'Secret'; readonly copyFrom: string }
  | { readonly kind: 'PersistentVolumeClaim'; readonly spec: Claim['spec'] }
);

/** Why something is not as `provision` says; the reason goes into the condition Provisioned. */
export interface Problem {
  readonly reason: 'VariableUnknown' | 'SourceMissing' | 'SourceRefused' | 'NotOurs';
  readonly message: string;
}

/** The cluster as `provision` looks at it. */
export interface ProvisionWorld {
  readonly namespaces: readonly KubeObject[];
  readonly entries: readonly Entry[];
  readonly cloud: string;
  /** Value of a built-in variable in a namespace. */
  readonly variable: (name: string, namespace: string) => string | undefined;
  readonly systemNamespace: string;
}

type Claim = NonNullable<ProvisionSpec['persistentVolumeClaims']>[number];

/** Names of the namespaces an entry provisions: those it matches, but for Kubernetes' own, ours, and those that end or opted out. */
export const provisionedNamespaces = (entry: Entry, world: ProvisionWorld): readonly string[] =>
  namespacesOf(entry, world).map(nameOf);

/** The desired state of an entry. With a problem among it not everything is known: nothing must be taken away for being absent here. */
export interface DesiredState {
  readonly desired: readonly DesiredItem[];
  readonly problems: readonly Problem[];
}

export const NOTHING_DESIRED: DesiredState = { desired: [], problems: [] };

/**
 * What an entry wants in its namespaces, variables filled in. Where a more specific entry gives the same name to a
 * namespace, that one provides it. Pure; what cannot be said without a variable's value is told as a problem.
 */
export const desiredStateOf = (entry: Entry, world: ProvisionWorld): DesiredState => {
  const moreSpecific = world.entries.filter((other) => other.spec.provision && compareEntries(other, entry) < 0);
  const found = namespacesOf(entry, world).flatMap((ns) => {
    const itemsFor = (provider: Entry) => filledItems(provider, ns, world);
    const taken = moreSpecific.filter((other) => isProvisioned(other, ns, world)).flatMap(itemsFor);
    return itemsFor(entry).filter((item) => !taken.some((other) => isSameObject(item, other)));
  });
  return {
    desired: found.filter((item) => 'kind' in item),
    problems: distinct(found.filter((item) => 'reason' in item)),
  };
};

const nameOf = ({ metadata }: KubeObject): string => metadata.name ?? '';
const labelsOf = ({ metadata }: KubeObject): StringMap => metadata.labels ?? {};

const namespacesOf = (entry: Entry, world: ProvisionWorld): readonly KubeObject[] =>
  world.namespaces.filter((ns) => isProvisioned(entry, ns, world));

const isProvisioned = (entry: Entry, ns: KubeObject, { cloud, systemNamespace }: ProvisionWorld): boolean => {
  const name = nameOf(ns);
  if (ns.metadata.deletionTimestamp || name === systemNamespace || name.startsWith('kube-')) return false;
  if (labelsOf(ns)[INJECT_LABEL] === INJECT_DISABLED && entry.mode !== 'Enforce') return false;
  return matchesNamespace(entry, ns, cloud);
};

const matchesNamespace = (
  { clouds, namespaceRequirements: onNamespace }: Entry,
  ns: KubeObject,
  cloud: string,
): boolean => (clouds.length === 0 || clouds.includes(cloud)) && meetsAll(onNamespace, labelsOf(ns));

/** The entry itself and those that ask nothing of an object, whose variables therefore hold for the namespace; best first. */
const definersOf = (entry: Entry, ns: KubeObject, { entries, cloud }: ProvisionWorld): readonly Entry[] =>
  entries
    .filter(
      (other) => other === entry || (other.isGlobal && other.labelRequirements.length === 0 && other.spec.variables),
    )
    .filter((other) => matchesNamespace(other, ns, cloud))
    .toSorted(compareEntries);

const filledItems = (entry: Entry, ns: KubeObject, world: ProvisionWorld): readonly (DesiredItem | Problem)[] => {
  const { cloud, variable } = world;
  const definers = definersOf(entry, ns, world);
  const namespace = nameOf(ns);
  const scope = {
    kind: '',
    name: '',
    labels: {},
    namespace,
    cloud,
    variable: (name: string) => variable(name, namespace),
  };
  return itemsOf(entry.spec.provision ?? {}, namespace).map((item) => {
    const expanded = expandVariables(item, (name) => definitionFor(entry, name, definers));
    const unknown = [...variablesIn(expanded)].find((name) => builtInValue(scope, name) === undefined);
    if (unknown === undefined) return fillVariables(expanded, (name) => builtInValue(scope, name) ?? '');
    const message = `${item.kind} ${item.name} is not provisioned: \${${unknown}} is not known in namespace ${namespace}.`;
    return { reason: 'VariableUnknown', message };
  });
};

const itemsOf = (provision: ProvisionSpec, namespace: string): readonly DesiredItem[] => [
  ...(provision.configMaps ?? []).map(({ name, data, copyFrom }): DesiredItem => {
    const kind = 'ConfigMap';
    return copyFrom === undefined ? { kind, namespace, name, data: data ?? {} } : { kind, namespace, name, copyFrom };
  }),
  ...(provision.secrets ?? []).map(
    ({ name, copyFrom }): DesiredItem => ({ kind: 'Secret', namespace, name, copyFrom }),
  ),
  ...(provision.persistentVolumeClaims ?? []).map(
    ({ name, spec }): DesiredItem => ({ kind: 'PersistentVolumeClaim', namespace, name, spec }),
  ),
];

const isSameObject = (item: DesiredItem | Problem, other: DesiredItem | Problem): boolean =>
  'kind' in item && 'kind' in other && item.kind === other.kind && item.name === other.name;

const distinct = (problems: readonly Problem[]): readonly Problem[] =>
  problems.filter((problem, at) => problems.findIndex((other) => isDeepStrictEqual(problem, other)) === at);
