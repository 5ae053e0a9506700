import { type PlatformDefaults, type PlatformDefaultsSpec, platformDefaultsSpec } from '../../api/platform-defaults.ts';
import { schemaViolations } from '../../api/schema-validation.ts';
import type { DefaultsOptions } from '../entry.ts';
import { withoutNulls } from '../without-nulls.ts';
import { injectViolations } from './inject.ts';
import { selectorViolations } from './selector-flaws.ts';
import { provisionViolations } from './spec.ts';
import { variableViolations } from './variable-flaws.ts';

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
    ...(spec.inject === undefined ? [] : injectViolations(spec.inject, spec.match.kinds, spec.mode ?? 'Default')),
    ...variableViolations(spec),
    ...(spec.provision === undefined ? [] : provisionViolations(spec.provision, spec.match)),
    ...(namespace === options.systemNamespace ? [] : tenantViolations(spec, options)),
    ...emptyViolations(spec),
  ];
};

/** A tenant can ask only for what they could write in their own manifests, and for their own namespace. */
const tenantViolations = (spec: PlatformDefaultsSpec, { systemNamespace }: DefaultsOptions): readonly string[] => {
  const only = `is allowed in namespace ${systemNamespace} only; remove it or ask the platform team`;
  return [
    ...(spec.match.namespaceSelector === undefined ? [] : [`spec.match.namespaceSelector: ${only}`]),
    ...(spec.provision === undefined ? [] : [`spec.provision: ${only}`]),
    ...(spec.inject?.storageClass === undefined ? [] : [`spec.inject.storageClass: ${only}`]),
    ...(spec.inject?.serviceAccountName === undefined ? [] : [`spec.inject.serviceAccountName: ${only}`]),
  ];
};

const emptyViolations = ({ inject, provision, variables }: PlatformDefaultsSpec): readonly string[] =>
  inject === undefined && provision === undefined && variables === undefined
    ? ['spec: gives nothing; add inject, provision or variables']
    : [];
