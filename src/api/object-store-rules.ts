import type { Rule } from './schema.ts';

const another = 'make another ObjectStore instead';

/** A field that cannot be changed once it holds something; `nothing` is the value that holds nothing yet. */
const immutableOnceSet = (field: string, nothing: string): Rule => ({
  rule:
    `!has(oldSelf.${field}) || oldSelf.${field} == '${nothing}' || ` +
    `(has(self.${field}) && self.${field} == oldSelf.${field})`,
  message: `spec.${field} cannot be changed once it is set: ${another}.`,
});

const named = (provider: string, condition: string, message: string): Rule => ({
  rule: `!has(self.provider) || self.provider != '${provider}' || (${condition})`,
  message: `spec.name must be ${message} on ${provider}.`,
});

/** CEL over spec. The webhook refuses the same and more exactly, and for API servers that are too old for these. */
export const specRules: readonly Rule[] = [
  { rule: 'self.name == oldSelf.name', message: `spec.name cannot be changed: ${another}.` },
  immutableOnceSet('provider', 'auto'),
  immutableOnceSet('location', ''),
  named(
    's3',
    "self.name.matches('^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$') && !self.name.contains('..')",
    '3 to 63 of a-z, 0-9, "." and "-"',
  ),
  named(
    'gcs',
    "self.name.matches('^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$') && !self.name.contains('..')",
    '3 to 222 of a-z, 0-9, ".", "_" and "-"',
  ),
  named(
    'azure',
    "self.name.matches('^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$') && !self.name.contains('--')",
    '3 to 63 of a-z, 0-9 and single "-"',
  ),
  {
    rule: "!has(self.forceDelete) || !self.forceDelete || (has(self.deletionPolicy) && self.deletionPolicy == 'Delete')",
    message: 'spec.forceDelete needs spec.deletionPolicy: Delete.',
  },
  {
    rule: '!has(self.s3) || !has(self.s3.endpoint) || has(self.credentialsSecretRef)',
    message: 'spec.s3.endpoint needs spec.credentialsSecretRef.',
  },
];

/** CEL over the whole object. */
export const objectRules: readonly Rule[] = [
  {
    rule:
      '!has(self.status) || !has(self.status.bucketName) || !has(self.status.provider) || ' +
      "!has(self.spec.provider) || self.spec.provider == 'auto' || self.spec.provider == self.status.provider",
    message: `spec.provider cannot be changed once it is set: ${another}.`,
  },
];
