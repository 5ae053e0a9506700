import type { InjectSpec } from '../../api/inject-schema.ts';
import type { StringMap } from '../../api/kubernetes.ts';
import { dnsLabel, dnsSubdomain, envName, labelValue, type NameRule, qualifiedName } from './names.ts';

/** Names in `spec.inject` that Kubernetes would refuse. What holds a variable is judged when it is filled in. */
export const nameViolations = (inject: InjectSpec): readonly string[] => [
  ...mapViolations('labels', inject.labels, labelValue),
  ...mapViolations('annotations', inject.annotations),
  ...mapViolations('nodeSelector', inject.nodeSelector, labelValue),
  ...listViolations('env', inject.env, envName),
  ...listViolations('volumes', inject.volumes, dnsLabel),
  ...listViolations('configMaps', inject.configMaps, dnsSubdomain),
  ...listViolations('secrets', inject.secrets, dnsSubdomain),
  ...listViolations('imagePullSecrets', inject.imagePullSecrets, dnsSubdomain),
  ...(inject.envFrom ?? []).flatMap(({ configMapRef, secretRef }, at) =>
    nameViolation(`envFrom[${at}]`, (configMapRef ?? secretRef)?.name, dnsSubdomain),
  ),
  ...nameViolation('serviceAccountName', inject.serviceAccountName, dnsSubdomain),
  ...nameViolation('eventLog.objectStore', inject.eventLog?.objectStore, dnsSubdomain),
];

const nameViolation = (field: string, name: string | undefined, rule: NameRule): readonly string[] =>
  name === undefined || name.includes('${') || rule.accepts(name)
    ? []
    : [`spec.inject.${field}: "${name}" is not ${rule.title}`];

const listViolations = (
  field: string,
  items: readonly { readonly name: string }[] | undefined,
  rule: NameRule,
): readonly string[] => (items ?? []).flatMap(({ name }, at) => nameViolation(`${field}[${at}].name`, name, rule));

const mapViolations = (field: string, items: StringMap | undefined, values?: NameRule): readonly string[] =>
  Object.entries(items ?? {}).flatMap(([key, value]) => [
    ...(qualifiedName.accepts(key) ? [] : [`spec.inject.${field}: "${key}" is not ${qualifiedName.title}`]),
    ...(values === undefined ? [] : nameViolation(`${field}[${key}]`, value, values)),
  ]);
