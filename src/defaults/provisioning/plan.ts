import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, StringMap } from '../../api/kubernetes.ts';
import {
  INJECT_DISABLED,
  INJECT_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  PROVISIONED_BY_ANNOTATION,
  PROVISIONED_LABEL,
} from '../../api/names.ts';
import type { ProvisionSpec } from '../../api/platform-defaults.ts';
import { compareEntries, type Entry, isEnforcedGlobally, meetsAll } from '../entry.ts';
import { definitionFor } from '../resolution.ts';
import { builtInValue, createLookup, fillVariables, requiredVariablesIn } from '../variables.ts';

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
  /** Value of a built-in variable in a namespace. `isOfPlatform`: of ObjectStores of one name the platform's. */
  readonly variable: (name: string, namespace: string, isOfPlatform: boolean) => string | undefined;
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
      (other) =>
        other === entry ||
        (!other.isAudit && other.isGlobal && other.labelRequirements.length === 0 && other.spec.variables),
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
    variable: (name: string) => variable(name, namespace, isEnforcedGlobally(entry)),
  };
  const variables = createLookup({
    definitionOf: (name) => definitionFor(entry, name, definers),
    builtIn: (name) => builtInValue(scope, name),
  });
  return itemsOf(entry.spec.provision ?? {}, namespace).map((item) => {
    const required = [...requiredVariablesIn(item)];
    const unknown = required.map(variables.lackedBy).find((name) => name !== undefined);
    if (unknown === undefined)
      return fillVariables(item, (name, fallback) => variables.valueOf(name) ?? fallback ?? '');
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

/** A ConfigMap or a Secret, as far as a copy needs it. */
export interface Source extends KubeObject {
  readonly data?: StringMap;
  readonly binaryData?: StringMap;
  readonly type?: string;
}

/** The whole object for what is wanted, marked as made by `owner` (`<namespace>/<name>` of a PlatformDefaults). */
export interface ProvisionedObject extends Source {
  readonly kind: DesiredItem['kind'];
  readonly metadata: KubeObject['metadata'] & { readonly name: string; readonly namespace: string };
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** `source` is what `copyFrom` names. A problem where there is none, or where it must not be copied. */
export const contentOf = (
  item: DesiredItem,
  owner: string,
  source: Source | undefined,
): ProvisionedObject | Problem => {
  const { kind, namespace, name } = item;
  const head = { apiVersion: 'v1', kind, metadata: { name, namespace, ...ownershipOf(owner) } };
  if ('spec' in item) return { ...head, spec: item.spec };
  if ('data' in item) return { ...head, data: item.data };
  if (source === undefined) {
    return {
      reason: 'SourceMissing',
      message: `${kind} ${item.copyFrom} is not in the system namespace; make it there.`,
    };
  }
  if (isUncopyable(source)) {
    return {
      reason: 'SourceRefused',
      message: `${kind} ${item.copyFrom} is Quartermaster's or Kubernetes' own and is not copied.`,
    };
  }
  const { data = {}, binaryData, type } = source;
  return { ...head, data, ...(binaryData && { binaryData }), ...(type !== undefined && { type }) };
};

/** Changes where data or type change, and with nothing else. */
export const digestOf = ({ data = {}, binaryData = {}, type = '' }: Source): string =>
  hash('sha256', JSON.stringify([sorted(data), sorted(binaryData), type]), 'base64url');

/** `<namespace>/<name>` of the PlatformDefaults that an object is marked as made by; undefined where it is not ours. */
export const ownerOf = ({ metadata }: KubeObject): string | undefined => {
  const isOurs = metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY && metadata.labels[PROVISIONED_LABEL] === 'true';
  return isOurs ? metadata.annotations?.[PROVISIONED_BY_ANNOTATION] : undefined;
};

/** The merge patch that takes our marks off again. */
export const RELEASE_PATCH = {
  metadata: {
    labels: { [MANAGED_BY_LABEL]: null, [PROVISIONED_LABEL]: null },
    annotations: { [PROVISIONED_BY_ANNOTATION]: null },
  },
} as const;

const ownershipOf = (owner: string) => ({
  labels: { [MANAGED_BY_LABEL]: MANAGED_BY, [PROVISIONED_LABEL]: 'true' },
  annotations: { [PROVISIONED_BY_ANNOTATION]: owner },
});

/** Our own keys must not leave the system namespace, and a service account's token is void outside its own. */
const isUncopyable = ({ metadata, type }: Source): boolean =>
  metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY || type === 'kubernetes.io/service-account-token';

const sorted = (values: StringMap): readonly (readonly [string, string])[] =>
  Object.entries(values).toSorted(([a], [b]) => (a < b ? -1 : 1));

/** What is observed of an object that carries our labels: its data as a digest alone. */
export interface ObservedObject extends Source {
  readonly kind: DesiredItem['kind'];
  readonly digest: string;
}

/** One thing to do. `replace` deletes first, for what cannot be changed in place; `release` takes our marks off and keeps the rest. */
export type ProvisionStep =
  | { readonly do: 'create'; readonly object: ProvisionedObject }
  | { readonly do: 'update' | 'replace'; readonly object: ProvisionedObject; readonly observed: ObservedObject }
  | { readonly do: 'remove' | 'release'; readonly observed: ObservedObject };

export interface ProvisionPlanInput {
  readonly owner: string;
  /** What is desired, contents known. */
  readonly objects: readonly ProvisionedObject[];
  /** What is desired or to stay as it is, its contents known or not. */
  readonly desired: readonly DesiredItem[];
  /** False where not everything that is desired is known: then nothing is taken away. */
  readonly isComplete: boolean;
  /** Everything that carries our marks and is this owner's, or has the name of something desired. */
  readonly observed: readonly ObservedObject[];
}

/** What is to be done so that the owner's objects are what it wants. Pure; nothing where all is well. */
export const planProvision = ({
  owner,
  objects,
  desired,
  isComplete,
  observed,
}: ProvisionPlanInput): readonly ProvisionStep[] => {
  const live = new Map(observed.map((object) => [idOf(object), object]));
  const kept = new Set(desired.map(({ kind, namespace, name }) => idOf({ kind, metadata: { namespace, name } })));
  const obsolete = observed.filter((object) => isComplete && ownerOf(object) === owner && !kept.has(idOf(object)));
  return [
    ...objects.flatMap((object) => stepFor(object, live.get(idOf(object)), owner)),
    ...obsolete.map((object): ProvisionStep => {
      return { do: object.kind === 'PersistentVolumeClaim' ? 'release' : 'remove', observed: object };
    }),
  ];
};

const idOf = ({ kind, metadata }: Pick<KubeObject, 'kind' | 'metadata'>): string =>
  `${kind} ${metadata.namespace}/${metadata.name}`;

const stepFor = (
  object: ProvisionedObject,
  observed: ObservedObject | undefined,
  owner: string,
): readonly ProvisionStep[] => {
  if (observed === undefined) return [{ do: 'create', object }];
  if (object.kind === 'PersistentVolumeClaim') return [];
  if (object.type !== observed.type) return [{ do: 'replace', object, observed }];
  const isUpToDate = ownerOf(observed) === owner && digestOf(object) === observed.digest;
  return isUpToDate ? [] : [{ do: 'update', object, observed }];
};
