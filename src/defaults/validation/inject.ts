import { isIP } from 'node:net';
import { INJECT_KEYS, type InjectKey, type InjectSpec, mountKey, type TargetKind } from '../../api/inject-spec.ts';
import type { Mode } from '../../api/injection.ts';
import type { StringMap } from '../../api/kubernetes.ts';
import { bundlePathOf } from '../../api/network.ts';
import { namesOfKinds } from '../../api/target-kinds.ts';
import { isReservedEnv, isReservedLabel, isReservedPath, isReservedVolume } from '../../injection/reserved.ts';
import { containerRuleViolations } from './container-rules.ts';
import { addedContainerViolations } from './containers.ts';
import { coreViolations } from './core-v1.ts';
import { apacheSparkViolations, calrissianViolations, kubeflowSparkViolations, sparkViolations } from './kind-rules.ts';
import { nameViolations } from './names.ts';

/**
 * What a schema cannot say about `spec.inject`: one sentence each, the field first. Each is something Kubernetes or the
 * kind's own operator would refuse, or that would break the job. What holds a variable is judged once it is filled in.
 */
export const injectViolations = (inject: InjectSpec, kinds: readonly TargetKind[], mode: Mode): readonly string[] => [
  ...countViolations(inject),
  ...kindViolations(inject, kinds),
  ...nameViolations(inject),
  ...structureViolations(inject),
  ...mountViolations(inject, kinds),
  ...reservedViolations(inject, kinds),
  ...exclusiveFieldViolations(inject),
  ...containerRuleViolations(inject),
  ...imageViolations(inject, mode),
  ...addedContainerViolations(inject),
  ...(isAny(kinds, ['SparkApplication', 'SparkConnect', ...OF_APACHE]) ? sparkViolations(inject) : []),
  ...(isAny(kinds, ['SparkApplication', 'SparkConnect']) ? kubeflowSparkViolations(inject) : []),
  ...(isAny(kinds, OF_APACHE) ? apacheSparkViolations(inject) : []),
  ...(kinds.includes('CalrissianPod') ? calrissianViolations(inject, mode) : []),
];

const OF_APACHE: readonly TargetKind[] = ['ApacheSparkApplication', 'SparkCluster'];
const isAny = (kinds: readonly TargetKind[], some: readonly TargetKind[]): boolean =>
  kinds.some((kind) => some.includes(kind));

/** Within what the schema leaves open. */
const structureViolations = ({
  env = [],
  volumes = [],
  affinity,
  topologySpreadConstraints = [],
  securityContext,
  containerSecurityContext,
}: InjectSpec): readonly string[] => [
  ...env.flatMap((variable, at) => coreViolations('EnvVar', variable, `spec.inject.env[${at}]`)),
  ...volumes.flatMap((volume, at) => coreViolations('Volume', volume, `spec.inject.volumes[${at}]`)),
  ...coreViolations('Affinity', affinity ?? {}, 'spec.inject.affinity'),
  ...topologySpreadConstraints.flatMap((constraint, at) =>
    coreViolations('TopologySpreadConstraint', constraint, `spec.inject.topologySpreadConstraints[${at}]`),
  ),
  ...coreViolations('PodSecurityContext', securityContext ?? {}, 'spec.inject.securityContext'),
  ...coreViolations('SecurityContext', containerSecurityContext ?? {}, 'spec.inject.containerSecurityContext'),
];

const countViolations = (inject: InjectSpec): readonly string[] =>
  countValues(inject) > MAX_VALUES
    ? [
        `spec.inject: has ${countValues(inject)} values, of which one object is given ${MAX_VALUES} at most; remove some`,
      ]
    : [];

const kindViolations = (inject: InjectSpec, kinds: readonly TargetKind[]): readonly string[] =>
  keysOf(inject).flatMap((key) => {
    const supportedKinds: readonly TargetKind[] = INJECT_KEYS[key];
    return kinds
      .filter((kind) => !supportedKinds.includes(kind))
      .map(
        (kind) =>
          `spec.inject.${key}: ${kind} takes no ${key}; remove it or match ${namesOfKinds(supportedKinds)} only`,
      );
  });

const keysOf = (inject: InjectSpec): readonly InjectKey[] =>
  Object.keys(inject).filter((key): key is InjectKey => Object.hasOwn(INJECT_KEYS, key));

const reservedViolations = (inject: InjectSpec, kinds: readonly TargetKind[]): readonly string[] =>
  kinds.flatMap((kind) => [
    ...reservedKeyViolations(kind, 'labels', inject.labels),
    ...reservedKeyViolations(kind, 'annotations', inject.annotations),
    ...(inject.env ?? []).flatMap(({ name }, at) =>
      isReservedEnv(kind, name) ? [`spec.inject.env[${at}].name: ${name} belongs to the machinery of a ${kind}`] : [],
    ),
  ]);

const reservedKeyViolations = (kind: TargetKind, field: string, items: StringMap | undefined): readonly string[] =>
  Object.keys(items ?? {}).flatMap((key) =>
    isReservedLabel(kind, key) ? [`spec.inject.${field}: "${key}" is reserved on a ${kind}; remove it`] : [],
  );

/** What every pod says by the time it reaches us, so that a default would never be given. */
const imageViolations = ({ imagePullPolicy, imageRegistries = [] }: InjectSpec, mode: Mode): readonly string[] => [
  ...(imagePullPolicy !== undefined && mode === 'Default'
    ? ['spec.inject.imagePullPolicy: is on every pod already; use mode Enforce']
    : []),
  ...(imageRegistries.length > 0 && mode === 'Default'
    ? ['spec.inject.imageRegistries: changes what users say; use mode Enforce']
    : []),
  ...imageRegistries.flatMap(({ to }, at) =>
    imageRegistries.some(({ from }) => to.startsWith(from))
      ? [`spec.inject.imageRegistries[${at}].to: "${to}" would be replaced again; name a place that no from begins`]
      : [],
  ),
];

/** Rules of core/v1 validation beyond what the schema can say. */
const exclusiveFieldViolations = ({
  env = [],
  envFrom = [],
  tolerations = [],
  hostAliases = [],
  dnsConfig: { nameservers = [] } = {},
}: InjectSpec): readonly string[] => [
  ...env.flatMap(({ value, valueFrom }, at) => {
    if (value && valueFrom) return [`spec.inject.env[${at}]: give value or valueFrom, not both`];
    return valueFrom && Object.keys(valueFrom).length !== 1
      ? [`spec.inject.env[${at}].valueFrom: give exactly one source`]
      : [];
  }),
  ...envFrom.flatMap(({ configMapRef, secretRef }, at) =>
    (configMapRef === undefined) === (secretRef === undefined)
      ? [`spec.inject.envFrom[${at}]: give exactly one of configMapRef and secretRef`]
      : [],
  ),
  ...tolerations.flatMap(({ key, operator, value, effect, tolerationSeconds }, at) => {
    const field = `spec.inject.tolerations[${at}]`;
    if (operator === 'Exists' && value) return [`${field}.value: operator Exists takes no value`];
    if (!key && operator !== 'Exists') return [`${field}.key: may be empty with operator Exists only`];
    if (tolerationSeconds !== undefined && effect !== 'NoExecute')
      return [`${field}.tolerationSeconds: needs effect NoExecute`];
    return [];
  }),
  ...hostAliases.flatMap(({ ip }, at) => addressViolations(`hostAliases[${at}].ip`, ip)),
  ...nameservers.flatMap((address, at) => addressViolations(`dnsConfig.nameservers[${at}]`, address)),
];

const addressViolations = (field: string, address: string): readonly string[] =>
  isIP(address) || address.includes('${') ? [] : [`spec.inject.${field}: "${address}" is no IP address`];

/**
 * How many values all PlatformDefaults together may give one object: the work of giving each grows with the object, and
 * the annotation that records them has room for about so many.
 */
export const MAX_VALUES = 1_000;

/** Entries of its lists, fields of its maps, and all else. */
export const countValues = (inject: InjectSpec): number =>
  Object.values(inject).reduce<number>(
    (sum, value) => sum + (typeof value === 'object' ? Object.keys(value).length : 1),
    0,
  );

/** What would make a pod with these volumes and mounts invalid, or break the machinery of its kind. */
const mountViolations = (inject: InjectSpec, kinds: readonly TargetKind[]): readonly string[] => [
  ...volumeViolations(inject, kinds),
  ...danglingViolations(inject),
  ...pathViolations(inject, kinds),
];

const volumeViolations = ({ volumes = [] }: InjectSpec, kinds: readonly TargetKind[]): readonly string[] =>
  volumes.flatMap(({ name, ...sources }, at) => [
    ...kinds
      .filter((kind) => isReservedVolume(kind, name))
      .map((kind) => `spec.inject.volumes[${at}].name: "${name}" is reserved in a ${kind}; call it something else`),
    ...(Object.keys(sources).length === 1
      ? []
      : [`spec.inject.volumes[${at}]: give exactly one source beside its name`]),
  ]);

const danglingViolations = ({ volumeMounts = [], volumes = [] }: InjectSpec): readonly string[] =>
  volumeMounts.flatMap(({ name }, at) =>
    volumes.some((volume) => volume.name === name)
      ? []
      : [`spec.inject.volumeMounts[${at}].name: "${name}" is none of spec.inject.volumes; add that volume`],
  );

interface PlacedPath {
  readonly field: string;
  readonly path: string;
}

const placedPaths = ({ volumeMounts, configMaps, secrets, caBundle }: InjectSpec): readonly PlacedPath[] => [
  ...Object.entries({ volumeMounts, configMaps, secrets }).flatMap(([list, mounts]) =>
    (mounts ?? []).map(({ mountPath }, at) => ({ field: `spec.inject.${list}[${at}].mountPath`, path: mountPath })),
  ),
  ...(caBundle ? [{ field: 'spec.inject.caBundle.mountPath', path: bundlePathOf(caBundle) }] : []),
];

const pathViolations = (inject: InjectSpec, kinds: readonly TargetKind[]): readonly string[] => {
  const placed = placedPaths(inject);
  const keys = placed.map(({ path }) => mountKey(path));
  return placed.flatMap(({ field, path }, at) => {
    if (keys.indexOf(mountKey(path)) < at)
      return [`${field}: "${path}" is mounted twice; give each mount its own path`];
    if (!/^\/[^/:]/.test(path) || /:|\/\.\.(\/|$)/.test(path)) {
      return [`${field}: "${path}" is not an absolute path below / without : and ..`];
    }
    return kinds
      .filter((kind) => isReservedPath(kind, path))
      .map((kind) => `${field}: "${path}" is reserved in a ${kind}; mount elsewhere`);
  });
};
