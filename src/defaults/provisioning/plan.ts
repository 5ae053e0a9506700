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
export type Wanted = { readonly namespace: string; readonly name: string } & (
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
  placesOf(entry, world).map(nameOf);

/** All that an entry wants. With a problem among it not everything is known: nothing must be taken away for being absent here. */
export interface Wants {
  readonly wanted: readonly Wanted[];
  readonly problems: readonly Problem[];
}

export const NO_WANTS: Wants = { wanted: [], problems: [] };

/**
 * What an entry wants in its namespaces, variables filled in. Where a more specific entry gives the same name to a
 * namespace, that one provides it. Pure; what cannot be said without a variable's value is told as a problem.
 */
export const wantedBy = (entry: Entry, world: ProvisionWorld): Wants => {
  const better = world.entries.filter((other) => other.spec.provision && compareEntries(other, entry) < 0);
  const found = placesOf(entry, world).flatMap((place) => {
    const itemsFor = (giver: Entry) => filledItems(giver, place, world);
    const taken = better.filter((other) => isProvisioned(other, place, world)).flatMap(itemsFor);
    return itemsFor(entry).filter((item) => !taken.some((other) => isSameObject(item, other)));
  });
  return {
    wanted: found.filter((item) => 'kind' in item),
    problems: distinct(found.filter((item) => 'reason' in item)),
  };
};

const nameOf = ({ metadata }: KubeObject): string => metadata.name ?? '';
const labelsOf = ({ metadata }: KubeObject): StringMap => metadata.labels ?? {};

const placesOf = (entry: Entry, world: ProvisionWorld): readonly KubeObject[] =>
  world.namespaces.filter((place) => isProvisioned(entry, place, world));

const isProvisioned = (entry: Entry, place: KubeObject, { cloud, systemNamespace }: ProvisionWorld): boolean => {
  const name = nameOf(place);
  if (place.metadata.deletionTimestamp || name === systemNamespace || name.startsWith('kube-')) return false;
  if (labelsOf(place)[INJECT_LABEL] === INJECT_DISABLED && entry.mode !== 'Enforce') return false;
  return holdsIn(entry, place, cloud);
};

const holdsIn = ({ clouds, onNamespace }: Entry, place: KubeObject, cloud: string): boolean =>
  (clouds.length === 0 || clouds.includes(cloud)) && meetsAll(onNamespace, labelsOf(place));

/** The entry itself and those that ask nothing of an object, whose variables therefore hold for the namespace; best first. */
const definersOf = (entry: Entry, place: KubeObject, { entries, cloud }: ProvisionWorld): readonly Entry[] =>
  entries
    .filter((other) => other === entry || (other.isGlobal && other.onLabels.length === 0 && other.spec.variables))
    .filter((other) => holdsIn(other, place, cloud))
    .toSorted(compareEntries);

const filledItems = (entry: Entry, place: KubeObject, world: ProvisionWorld): readonly (Wanted | Problem)[] => {
  const { cloud, variable } = world;
  const definers = definersOf(entry, place, world);
  const namespace = nameOf(place);
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

const itemsOf = (provision: ProvisionSpec, namespace: string): readonly Wanted[] => [
  ...(provision.configMaps ?? []).map(({ name, data, copyFrom }): Wanted => {
    const kind = 'ConfigMap';
    return copyFrom === undefined ? { kind, namespace, name, data: data ?? {} } : { kind, namespace, name, copyFrom };
  }),
  ...(provision.secrets ?? []).map(({ name, copyFrom }): Wanted => ({ kind: 'Secret', namespace, name, copyFrom })),
  ...(provision.persistentVolumeClaims ?? []).map(
    ({ name, spec }): Wanted => ({ kind: 'PersistentVolumeClaim', namespace, name, spec }),
  ),
];

const isSameObject = (item: Wanted | Problem, other: Wanted | Problem): boolean =>
  'kind' in item && 'kind' in other && item.kind === other.kind && item.name === other.name;

const distinct = (problems: readonly Problem[]): readonly Problem[] =>
  problems.filter((problem, at) => problems.findIndex((other) => isDeepStrictEqual(problem, other)) === at);
