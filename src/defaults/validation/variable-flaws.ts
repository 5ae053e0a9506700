import type { PlatformDefaultsSpec } from '../../api/platform-defaults.ts';
import { BUILT_IN_VARIABLES, isBuiltIn, malformedVariable, variablesIn } from '../variables.ts';

/** What is wrong with the variables a spec defines and with the way its strings refer to any. */
export const variableViolations = (spec: PlatformDefaultsSpec): readonly string[] => [
  ...Object.entries(spec.variables ?? {}).flatMap(([name, value]) => definitionViolations(name, value)),
  ...referenceViolations(spec.variables, 'spec.variables'),
  ...referenceViolations(spec.inject, 'spec.inject'),
  ...referenceViolations(spec.provision, 'spec.provision'),
];

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
