import { INJECT_KEYS, type InjectKey, type TargetKind } from '../../api/inject-keys.ts';
import type { InjectSpec } from '../../api/inject-schema.ts';
import type { Mode } from '../../api/injection.ts';
import type { StringMap } from '../../api/kubernetes.ts';
import { isReservedEnv, isReservedLabel } from '../../injection/reserved.ts';
import { countValues, MAX_VALUES } from './amount.ts';
import { calrissianViolations } from './calrissian-flaws.ts';
import { sparkViolations } from './kind-rules.ts';
import { mountViolations } from './mount-flaws.ts';
import { nameViolations } from './name-flaws.ts';

/**
 * What a schema cannot say about `spec.inject`: one sentence each, the field first. Each is something Kubernetes or the
 * kind's own operator would refuse, or that would break the job. What holds a variable is judged once it is filled in.
 */
export const injectViolations = (inject: InjectSpec, kinds: readonly TargetKind[], mode: Mode): readonly string[] => [
  ...countViolations(inject),
  ...kindViolations(inject, kinds),
  ...nameViolations(inject),
  ...mountViolations(inject, kinds),
  ...reservedViolations(inject, kinds),
  ...exclusiveFieldViolations(inject),
  ...(kinds.includes('SparkApplication') || kinds.includes('SparkConnect') ? sparkViolations(inject) : []),
  ...(kinds.includes('CalrissianPod') ? calrissianViolations(inject, mode) : []),
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
        (kind) => `spec.inject.${key}: ${kind} takes no ${key}; remove it or match ${supportedKinds.join(', ')} only`,
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

/** Rules of core/v1 validation that span two fields. */
const exclusiveFieldViolations = ({ env = [], envFrom = [], tolerations = [] }: InjectSpec): readonly string[] => [
  ...env.flatMap(({ value, valueFrom }, at) =>
    value && valueFrom ? [`spec.inject.env[${at}]: give value or valueFrom, not both`] : [],
  ),
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
];
