import type { InjectSpec } from '../../api/inject-schema.ts';
import type { StringMap } from '../../api/kubernetes.ts';
import { dnsLabel, dnsSubdomain, envName, labelValue, type NameRule, qualifiedName } from './names.ts';

/** Names in `spec.inject` that Kubernetes would refuse. What holds a variable is judged when it is filled in. */
export const nameFlaws = (inject: InjectSpec): readonly string[] => [
  ...mapFlaws('labels', inject.labels, labelValue),
  ...mapFlaws('annotations', inject.annotations),
  ...mapFlaws('nodeSelector', inject.nodeSelector, labelValue),
  ...listFlaws('env', inject.env, envName),
  ...listFlaws('volumes', inject.volumes, dnsLabel),
  ...listFlaws('configMaps', inject.configMaps, dnsSubdomain),
  ...listFlaws('secrets', inject.secrets, dnsSubdomain),
  ...listFlaws('imagePullSecrets', inject.imagePullSecrets, dnsSubdomain),
  ...(inject.envFrom ?? []).flatMap(({ configMapRef, secretRef }, at) =>
    nameFlaw(`envFrom[${at}]`, (configMapRef ?? secretRef)?.name, dnsSubdomain),
  ),
  ...nameFlaw('serviceAccountName', inject.serviceAccountName, dnsSubdomain),
  ...nameFlaw('eventLog.objectStore', inject.eventLog?.objectStore, dnsSubdomain),
];

const nameFlaw = (field: string, name: string | undefined, rule: NameRule): readonly string[] =>
  name === undefined || name.includes('${') || rule.accepts(name)
    ? []
    : [`spec.inject.${field}: "${name}" is not ${rule.title}`];

const listFlaws = (
  field: string,
  items: readonly { readonly name: string }[] | undefined,
  rule: NameRule,
): readonly string[] => (items ?? []).flatMap(({ name }, at) => nameFlaw(`${field}[${at}].name`, name, rule));

const mapFlaws = (field: string, items: StringMap | undefined, values?: NameRule): readonly string[] =>
  Object.entries(items ?? {}).flatMap(([key, value]) => [
    ...(qualifiedName.accepts(key) ? [] : [`spec.inject.${field}: "${key}" is not ${qualifiedName.title}`]),
    ...(values === undefined ? [] : nameFlaw(`${field}[${key}]`, value, values)),
  ]);
