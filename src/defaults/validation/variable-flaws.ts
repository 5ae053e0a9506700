import type { PlatformDefaultsSpec } from '../../api/platform-defaults.ts';
import { BUILT_IN_VARIABLES, isBuiltIn, malformedVariable, variablesIn } from '../variables.ts';

/** What is wrong with the variables a spec defines and with the way its strings refer to any. */
export const variableFlaws = (spec: PlatformDefaultsSpec): readonly string[] => [
  ...Object.entries(spec.variables ?? {}).flatMap(([name, value]) => definitionFlaws(name, value)),
  ...referenceFlaws(spec.variables, 'spec.variables'),
  ...referenceFlaws(spec.inject, 'spec.inject'),
  ...referenceFlaws(spec.provision, 'spec.provision'),
];

const definitionFlaws = (name: string, value: string): readonly string[] => {
  const field = `spec.variables.${name}`;
  if (!/^[A-Za-z][A-Za-z0-9_.-]*$/.test(name))
    return [`${field}: a name is a letter, then letters, digits, _, - and .`];
  if (isBuiltIn(name)) return [`${field}: is built in and cannot be defined; choose another name`];
  const nested = [...variablesIn(value)].find((other) => !isBuiltIn(other));
  if (nested === undefined) return [];
  return [`${field}: \${${nested}} cannot be used here; a definition can use ${BUILT_IN_VARIABLES.join(', ')}`];
};

const referenceFlaws = (value: unknown, field: string): readonly string[] => {
  if (typeof value === 'string') return textFlaws(value, field);
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item, at) => referenceFlaws(item, `${field}[${at}]`));
  return Object.entries(value).flatMap(([key, item]) => [
    ...(key.includes('${') ? [`${field}: "${key}" is a key, and variables are filled in values only`] : []),
    ...referenceFlaws(item, `${field}.${key}`),
  ]);
};

const textFlaws = (text: string, field: string): readonly string[] => {
  const malformed = malformedVariable(text);
  if (malformed === undefined) return [];
  return [`${field}: "${malformed}" is not a variable; write $\${ where \${ is meant literally`];
};
