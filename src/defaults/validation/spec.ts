import type { Mode } from '../../api/injection.ts';
import type { LabelSelector } from '../../api/kubernetes.ts';
import {
  type PlatformDefaults,
  type PlatformDefaultsSpec,
  type ProvisionSpec,
  platformDefaultsSpec,
} from '../../api/platform-defaults.ts';
import { schemaViolations } from '../../api/schema-validation.ts';
import { isPodKind } from '../../api/target-kinds.ts';
import { type DefaultsOptions, requirementsOf, withoutNulls } from '../entry.ts';
import {
  BUILT_IN_VARIABLES,
  isBuiltIn,
  isOfObject,
  isOfRequest,
  malformedVariable,
  variablesIn,
} from '../variables.ts';
import { templateViolations, tenantContainerViolations } from './containers.ts';
import { injectViolations } from './inject.ts';
import { configKey, dnsSubdomain, labelValue, qualifiedName } from './names.ts';

/**
 * Everything wrong with a PlatformDefaults, one sentence each, the field first; none where it can be in force. Takes
 * any object of that kind, as read from a file too: the schema is checked before what no schema can say.
 */
export const validateDefaults = (defaults: PlatformDefaults, options: DefaultsOptions): readonly string[] => {
  if (!defaults.spec) return ['spec: is required'];
  const violations = schemaViolations(platformDefaultsSpec.json, defaults.spec, 'spec');
  if (violations.length > 0) return violations;
  const spec = withoutNulls(defaults.spec);
  const namespace = defaults.metadata.namespace ?? options.systemNamespace;
  return [
    ...selectorViolations(spec.match),
    ...podMatchViolations(spec.match),
    ...(spec.inject === undefined ? [] : injectViolations(spec.inject, spec.match.kinds, modeOf(spec))),
    ...templateViolations(spec),
    ...variableViolations(spec),
    ...(spec.provision === undefined ? [] : provisionViolations(spec.provision, spec.match)),
    ...(namespace === options.systemNamespace ? [] : tenantViolations(spec, options)),
    ...auditViolations(spec),
    ...emptyViolations(spec),
  ];
};

/** What is audited is held to what could be enforced. */
const modeOf = ({ mode = 'Default' }: PlatformDefaultsSpec): Mode => (mode === 'Audit' ? 'Enforce' : mode);

const auditViolations = ({ mode, provision }: PlatformDefaultsSpec): readonly string[] =>
  provision !== undefined && mode === 'Audit'
    ? ['spec.provision: cannot be audited; give it in a PlatformDefaults of another mode']
    : [];

/** A tenant can ask only for what they could write in their own manifests, and for their own namespace. */
const tenantViolations = (spec: PlatformDefaultsSpec, { systemNamespace }: DefaultsOptions): readonly string[] => {
  const only = `is allowed in namespace ${systemNamespace} only; remove it or ask the platform team`;
  return [
    ...(spec.match.namespaceSelector === undefined ? [] : [`spec.match.namespaceSelector: ${only}`]),
    ...(spec.provision === undefined ? [] : [`spec.provision: ${only}`]),
    ...(spec.templates === undefined ? [] : [`spec.templates: ${only}`]),
    ...tenantContainerViolations(spec.inject, `is allowed in namespace ${systemNamespace} only`),
    ...(spec.inject?.storageClass === undefined ? [] : [`spec.inject.storageClass: ${only}`]),
    ...(spec.inject?.serviceAccountName === undefined ? [] : [`spec.inject.serviceAccountName: ${only}`]),
  ];
};

const emptyViolations = ({ inject, provision, variables, templates }: PlatformDefaultsSpec): readonly string[] =>
  [inject, provision, variables, templates].every((part) => part === undefined)
    ? ['spec: gives nothing; add inject, provision, variables or templates']
    : [];

/** What no object could meet, or no API server would take, in the selectors of `spec.match`. */
const selectorViolations = (match: PlatformDefaultsSpec['match']): readonly string[] => [
  ...violationsOf('spec.match.selector', match.selector),
  ...violationsOf('spec.match.namespaceSelector', match.namespaceSelector),
];

/** Only pods have owners that frameworks are known by, and containers. */
const podMatchViolations = (match: PlatformDefaultsSpec['match']): readonly string[] =>
  (['owner', 'containers'] as const).flatMap((field) => {
    const other = match.kinds.find((kind) => !isPodKind(kind));
    return match[field] === undefined || other === undefined
      ? []
      : [`spec.match.${field}: ${other} is no kind of pods; remove ${field} or match kinds of pods only`];
  });

const violationsOf = (field: string, selector: LabelSelector | undefined): readonly string[] =>
  requirementsOf(selector).flatMap(({ key, operator, values }) => {
    if (!qualifiedName.accepts(key)) return [`${field}: "${key}" is not ${qualifiedName.title}`];
    // They become a webhook's, and one that no API server takes would keep the whole configuration from being written.
    const other = values.find((value) => !labelValue.accepts(value));
    if (other !== undefined) return [`${field}: ${key} has "${other}", which is not ${labelValue.title}`];
    const needsValues = operator === 'In' || operator === 'NotIn';
    if (needsValues && values.length === 0) return [`${field}: ${key} ${operator} needs values`];
    return needsValues || values.length === 0 ? [] : [`${field}: ${key} ${operator} takes no values`];
  });

/** What is wrong with the variables a spec defines and with the way its strings refer to any. */
const variableViolations = (spec: PlatformDefaultsSpec): readonly string[] => [
  ...Object.entries(spec.variables ?? {}).flatMap(([name, value]) => definitionViolations(name, value)),
  ...referenceViolations(spec.variables, 'spec.variables'),
  ...referenceViolations(spec.inject, 'spec.inject'),
  ...referenceViolations(spec.templates, 'spec.templates'),
  ...referenceViolations(spec.provision, 'spec.provision'),
  ...classVariableViolations(spec.inject?.storageClass),
];

/** The first claim of a class would decide what every other gets of it. */
const classVariableViolations = (storageClass: unknown): readonly string[] =>
  [...variablesIn(storageClass)]
    .filter(isOfObject)
    .map(
      (name) =>
        `spec.inject.storageClass: \${${name}} follows from one object, and a StorageClass is for the whole cluster; use a variable of spec.variables`,
    );

const definitionViolations = (name: string, value: string): readonly string[] => {
  const field = `spec.variables.${name}`;
  if (!/^[A-Za-z][A-Za-z0-9_.-]*$/.test(name))
    return [`${field}: a name is a letter, then letters, digits, _, - and .`];
  if (isBuiltIn(name)) return [`${field}: is built in and cannot be defined; choose another name`];
  const nested = [...variablesIn(value)].find((other) => !isBuiltIn(other));
  if (nested === undefined) return [];
  return [`${field}: \${${nested}} cannot be used here; a definition can use ${BUILT_IN_VARIABLES.join(', ')}`];
};

const referenceViolations = (value: unknown, field: string): readonly string[] => {
  if (typeof value === 'string') return textViolations(value, field);
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item, at) => referenceViolations(item, `${field}[${at}]`));
  return Object.entries(value).flatMap(([key, item]) => [
    ...(key.includes('${') ? [`${field}: "${key}" is a key, and variables are filled in values only`] : []),
    ...referenceViolations(item, `${field}.${key}`),
  ]);
};

const textViolations = (text: string, field: string): readonly string[] => {
  const malformed = malformedVariable(text);
  if (malformed === undefined) return [];
  return [`${field}: "${malformed}" is not a variable; write $\${ where \${ is meant literally`];
};

/** What a schema cannot say about `spec.provision`. */
const provisionViolations = (provision: ProvisionSpec, match: PlatformDefaultsSpec['match']): readonly string[] => [
  ...objectNameViolations(provision),
  ...dataViolations(provision),
  ...scopeViolations(provision, match),
  ...objectVariableViolations(provision),
];

const objectNameViolations = (provision: ProvisionSpec): readonly string[] =>
  Object.entries(provision).flatMap(([list, items]) =>
    items.flatMap(({ name }, at) =>
      name.includes('${') || dnsSubdomain.accepts(name)
        ? []
        : [`spec.provision.${list}[${at}].name: "${name}" is not ${dnsSubdomain.title}`],
    ),
  );

const dataViolations = ({ configMaps = [] }: ProvisionSpec): readonly string[] =>
  configMaps.flatMap(({ data, copyFrom }, at) => {
    const field = `spec.provision.configMaps[${at}]`;
    if ((data === undefined) === (copyFrom === undefined)) return [`${field}: give exactly one of data and copyFrom`];
    return Object.keys(data ?? {})
      .filter((key) => !configKey.accepts(key))
      .map((key) => `${field}.data: "${key}" is not ${configKey.title}`);
  });

/** A Secret for everybody is no secret, and a claim in every namespace costs money: both want namespaces named. */
const scopeViolations = (
  provision: ProvisionSpec,
  { namespaceSelector }: PlatformDefaultsSpec['match'],
): readonly string[] =>
  requirementsOf(namespaceSelector).length > 0
    ? []
    : (['secrets', 'persistentVolumeClaims'] as const)
        .filter((list) => (provision[list] ?? []).length > 0)
        .map(
          (list) => `spec.provision.${list}: would go to every namespace; say which in spec.match.namespaceSelector`,
        );

const objectVariableViolations = (provision: ProvisionSpec): readonly string[] =>
  [...variablesIn(provision)]
    .filter(isOfRequest)
    .map(
      (name) => `spec.provision: \${${name}} is about an object, and a namespace is provisioned before there is one`,
    );
