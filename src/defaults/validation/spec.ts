import type { PlatformDefaultsSpec, ProvisionSpec } from '../../api/platform-defaults.ts';
import { requirementsOf } from '../selector.ts';
import { variablesIn } from '../variables.ts';
import { configKey, dnsSubdomain } from './names.ts';

/** What a schema cannot say about `spec.provision`. */
export const provisionViolations = (
  provision: ProvisionSpec,
  match: PlatformDefaultsSpec['match'],
): readonly string[] => [
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
    .filter((name) => name === 'name' || name === 'kind' || name.startsWith('labels.'))
    .map(
      (name) => `spec.provision: \${${name}} is about an object, and a namespace is provisioned before there is one`,
    );
