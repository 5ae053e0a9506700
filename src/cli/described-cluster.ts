import { AppError } from '../api/errors.ts';
import type { CloudFacts, CloudName, CloudVerdict, Facts, Policy } from '../api/facts.ts';
import type { DefaultsIndex } from '../api/injection.ts';
import type {
  KubeObject,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  StringMap,
  VolumeAttributesClass,
} from '../api/kubernetes.ts';
import { DEFAULT_CLASS_ANNOTATION, NAMESPACE_NAME_LABEL } from '../api/names.ts';
import { didYouMean } from '../api/plain-text.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import { FACT_NAMES } from '../clouds/cloud.ts';
import { cloudNamed, clouds, verdictFor } from '../clouds/index.ts';
import { indexEntries } from '../defaults/entries-index.ts';
import { askedBy, entryOf } from '../defaults/entry.ts';
import { labelValue, qualifiedName } from '../defaults/validation/names.ts';
import type { PreviewCluster } from '../explanation/cluster.ts';
import { installedWebhooks, type SendingChoices } from '../explanation/webhook-rules.ts';
import { keyOf } from '../kube/store.ts';
import { ZONE_LABEL } from '../kube/stores.ts';
import { policyOf, type Settings } from '../settings/config.ts';
import { accessModesOf } from '../storage-classes/claim.ts';
import { readSurroundings } from './given-defaults.ts';

/** The flags that describe a cluster which is not there. */
export interface DescribedClusterOptions {
  readonly cloud: string;
  readonly fact?: readonly string[];
  readonly csiDrivers?: string;
  readonly defaults?: readonly string[];
  readonly namespaceLabels?: string;
  /** Of objects that name none. */
  readonly namespace: string;
}

/** The cluster that flags describe. Throws AppError('InvalidInput') naming the flag that is wrong. */
export const describedCluster = (options: DescribedClusterOptions, settings: Settings): PreviewCluster => {
  const policy = policyOf(settings);
  const facts = (options.fact ?? []).flatMap(listOf).map((pair) => pairOf('--fact', pair));
  const { defaults, others } = readSurroundings(options.defaults ?? [], policy, options.namespace);
  const cluster = clusterOf({
    cloud: cloudName(options.cloud),
    facts: givenFacts(facts, '--fact '),
    ...(options.csiDrivers !== undefined && { csiDrivers: listOf(options.csiDrivers) }),
    defaults,
    namespaceLabels: labelsIn(options.namespaceLabels ?? ''),
    policy,
    sending: settings,
  });
  return { ...cluster, stored: others };
};

const labelsIn = (text: string): StringMap => {
  const labels = Object.fromEntries(listOf(text).map((pair) => pairOf('--namespace-labels', pair)));
  const wrong = labelViolation(labels);
  if (wrong !== undefined) throw new AppError('InvalidInput', `--namespace-labels ${wrong}.`);
  return labels;
};

/** What Kubernetes would refuse in labels, the first of it. */
export const labelViolation = (labels: StringMap): string | undefined =>
  Object.entries(labels)
    .flatMap(([key, value]) => {
      if (!qualifiedName.accepts(key)) return [`"${key}" is not ${qualifiedName.title}`];
      return labelValue.accepts(value) ? [] : [`${key}: "${value}" is not ${labelValue.title}`];
    })
    .at(0);

/** A cluster by what is there. */
export interface ClusterDescription {
  readonly cloud: CloudName;
  readonly facts: CloudFacts;
  /** The usual ones of the cloud where nothing is said. */
  readonly csiDrivers?: readonly string[];
  /** Valid ones. */
  readonly defaults: readonly PlatformDefaults[];
  readonly namespaceLabels: StringMap;
  readonly policy: Policy;
  readonly sending?: SendingChoices;
}

/** The cluster that is described. */
export const clusterOf = (description: ClusterDescription): PreviewCluster => {
  const { defaults, csiDrivers, namespaceLabels, policy, sending } = description;
  const cloud = cloudNamed(description.cloud);
  const verdict = verdictFor(cloud?.name ?? 'unknown', description.facts, [
    cloud === undefined ? 'No cloud was named; give one with --cloud.' : `--cloud ${cloud.name}`,
  ]);
  const entries = defaults.map((one) => entryOf(one, policy));
  const facts = offlineFacts({
    cloud: verdict,
    csiDrivers: csiDrivers ?? cloud?.usualDrivers ?? [],
    defaults: indexEntries(entries),
    policy,
    namespaceLabels,
    objects: [],
  });
  const asked = entries.flatMap((entry) => askedBy(entry, cloud?.name));
  return {
    facts,
    entries,
    invalid: [],
    webhooks: installedWebhooks(policy.systemNamespace, policy.nfsNamespace, asked, sending),
  };
};

/** Facts as somebody gives them; `from` stands before the name in what is told. Throws AppError('InvalidInput') for one that there is not. */
export const givenFacts = (pairs: readonly (readonly [string, string])[], from: string): CloudFacts =>
  Object.fromEntries(
    pairs.map(([name, value]) => {
      if (Object.hasOwn(FACT_NAMES, name)) return [name, { value, source: `${from}${name}` }];
      const known = Object.keys(FACT_NAMES);
      throw new AppError(
        'InvalidInput',
        `${from}${name} is not known; the facts are ${known.join(', ')}${didYouMean(name, known)}.`,
      );
    }),
  );

const cloudName = (text: string): CloudName => {
  const names = [...clouds.map(({ name }) => name), 'unknown' as const];
  const name = names.find((known) => known === text);
  if (name !== undefined) return name;
  throw new AppError('InvalidInput', `--cloud ${text} is not known; use one of ${names.join(', ')}.`);
};

const listOf = (text: string): readonly string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const pairOf = (flag: string, pair: string): readonly [string, string] => {
  const at = pair.indexOf('=');
  if (at < 1) throw new AppError('InvalidInput', `${flag} ${pair} is not name=value.`);
  return [pair.slice(0, at), pair.slice(at + 1)];
};

export interface OfflineCluster {
  readonly cloud: CloudVerdict;
  readonly csiDrivers: readonly string[];
  readonly defaults: DefaultsIndex;
  readonly policy: Policy;
  /** Labels of every namespace that no manifest describes. */
  readonly namespaceLabels: StringMap;
  /** What the manifests themselves bring along: classes, volumes, claims, namespaces. */
  readonly objects: readonly KubeObject[];
  /** Of objects that name none. */
  readonly namespace?: string;
}

/** The facts of a cluster that is only described: by flags, and by the manifests under preview. */
export const offlineFacts = ({
  cloud,
  csiDrivers,
  defaults,
  policy,
  namespaceLabels,
  objects,
  namespace: fallback = 'default',
}: OfflineCluster): Facts => {
  const storageClasses = new Map(objects.filter(isStorageClass).map((object) => [object.metadata.name ?? '', object]));
  const namespaces = new Map(objects.filter(isNamespace).map(({ metadata }) => [metadata.name, metadata]));
  const volumeClasses = new Set(objects.filter(isVolume).map(({ spec }) => spec?.storageClassName));
  const claimModes = new Map(
    objects.filter(isClaim).map((claim) => [keyOf({ namespace: fallback, ...claim.metadata }), accessModesOf(claim)]),
  );
  const attributes = new Map(objects.filter(isAttributesClass).map((one) => [one.metadata.name ?? '', one.driverName]));
  const zones = objects
    .filter(({ kind }) => kind === 'Node')
    .flatMap(({ metadata }) => metadata.labels?.[ZONE_LABEL] ?? []);
  const drivers = new Set(csiDrivers);
  return {
    cloud,
    defaults,
    policy,
    namespaceLabels: (namespace) => ({
      ...(namespaces.has(namespace) ? namespaces.get(namespace)?.labels : namespaceLabels),
      [NAMESPACE_NAME_LABEL]: namespace,
    }),
    namespaceAnnotations: (namespace) => namespaces.get(namespace)?.annotations,
    objectStore: () => undefined,
    isClaimMissing: () => false,
    hasSparkPodWebhook: () => true,
    claimModes: (namespace, name) => claimModes.get(keyOf({ namespace, name })),
    storage: {
      storageClass: (name) => storageClasses.get(name),
      classNames: () => [...storageClasses.keys()],
      defaultStorageClass: () => [...storageClasses.values()].find(isDefault),
      hasVolumeOfClass: (name) => volumeClasses.has(name),
      hasCsiDriver: (name) => drivers.has(name),
      ownedClassCount: () => 0,
      attributesDriver: (name) => attributes.get(name),
      zoneCalled: (text) => zones.find((zone) => zone.toLowerCase() === text),
      kernelVersions: () => [],
    },
  };
};

const isStorageClass = (object: KubeObject): object is StorageClass => object.kind === 'StorageClass';
const isAttributesClass = (object: KubeObject): object is VolumeAttributesClass =>
  object.kind === 'VolumeAttributesClass';
const isVolume = (object: KubeObject): object is PersistentVolume => object.kind === 'PersistentVolume';
const isClaim = (object: KubeObject): object is PersistentVolumeClaim => object.kind === 'PersistentVolumeClaim';
const isNamespace = (object: KubeObject): boolean => object.kind === 'Namespace' && object.apiVersion === 'v1';
const isDefault = ({ metadata }: StorageClass): boolean => metadata.annotations?.[DEFAULT_CLASS_ANNOTATION] === 'true';
