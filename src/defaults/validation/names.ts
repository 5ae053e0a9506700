import type { InjectSpec } from '../../api/inject-spec.ts';
import type { StringMap } from '../../api/kubernetes.ts';

const DNS_LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const DNS_SUBDOMAIN = new RegExp(`^${DNS_LABEL}(\\.${DNS_LABEL})*$`);
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** The name rules of Kubernetes' apimachinery validation, each with what a message calls it. */
export interface NameRule {
  readonly title: string;
  readonly accepts: (name: string) => boolean;
}

export const dnsLabel: NameRule = {
  title: 'a DNS label (lower case, digits and -, at most 63 characters)',
  accepts: (name) => name.length <= 63 && new RegExp(`^${DNS_LABEL}$`).test(name),
};

export const dnsSubdomain: NameRule = {
  title: 'a DNS subdomain (lower case, digits, - and ., at most 253 characters)',
  accepts: (name) => name.length <= 253 && DNS_SUBDOMAIN.test(name),
};

/** Keys of labels and annotations: a name of at most 63 characters, which can have a DNS subdomain and / before it. */
export const qualifiedName: NameRule = {
  title: 'a label key ([domain/]name)',
  accepts: (key) => {
    const slash = key.indexOf('/');
    const name = key.slice(slash + 1);
    return name.length <= 63 && NAME.test(name) && (slash < 0 || dnsSubdomain.accepts(key.slice(0, slash)));
  },
};

export const labelValue: NameRule = {
  title: 'a label value (at most 63 letters, digits, -, _ and .)',
  accepts: (value) => value === '' || (value.length <= 63 && NAME.test(value)),
};

export const envName: NameRule = {
  title: 'the name of an environment variable',
  accepts: (name) => /^[-._A-Za-z][-._A-Za-z0-9]*$/.test(name),
};

export const configKey: NameRule = {
  title: 'a key of a ConfigMap (letters, digits, -, _ and ., at most 253 characters)',
  accepts: (key) => key.length <= 253 && /^[-._A-Za-z0-9]+$/.test(key) && key !== '.' && !key.startsWith('..'),
};

const searchDomain: NameRule = {
  title: 'a domain to search (labels with dots between them, lower case)',
  accepts: (name) => name === '.' || dnsSubdomain.accepts(name.replace(/\.$/, '').replaceAll('_', 'a')),
};

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
  ...(inject.hostAliases ?? []).flatMap(({ hostnames }, at) =>
    hostnames.flatMap((name, i) => nameViolation(`hostAliases[${at}].hostnames[${i}]`, name, dnsSubdomain)),
  ),
  ...(inject.dnsConfig?.searches ?? []).flatMap((name, at) =>
    nameViolation(`dnsConfig.searches[${at}]`, name, searchDomain),
  ),
  ...(inject.tolerations ?? []).flatMap(({ key, value }, at) => [
    ...nameViolation(`tolerations[${at}].key`, key || undefined, qualifiedName),
    ...nameViolation(`tolerations[${at}].value`, value, labelValue),
  ]),
  ...(inject.envFrom ?? []).flatMap(({ configMapRef, secretRef }, at) =>
    nameViolation(`envFrom[${at}]`, (configMapRef ?? secretRef)?.name, dnsSubdomain),
  ),
  ...nameViolation('caBundle.configMap', inject.caBundle?.configMap, dnsSubdomain),
  ...nameViolation('caBundle.key', inject.caBundle?.key, configKey),
  ...nameViolation('caBundle.trustStoreKey', inject.caBundle?.trustStoreKey, configKey),
  ...nameViolation('serviceAccountName', inject.serviceAccountName, dnsSubdomain),
  ...nameViolation('priorityClassName', inject.priorityClassName, dnsSubdomain),
  ...nameViolation('runtimeClassName', inject.runtimeClassName, dnsSubdomain),
  ...nameViolation('objectStore', inject.objectStore, dnsSubdomain),
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
