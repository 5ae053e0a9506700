import { claimSpec, containerTemplates, inject, injectKeyRules, labelSelector, named, strings } from './inject-spec.ts';
import type { KubeObject } from './kubernetes.ts';
import {
  type CustomResourceDefinition,
  choice,
  conditions,
  customResourceDefinition,
  flag,
  type Infer,
  integer,
  listBy,
  map,
  object,
  open,
  required,
  set,
  text,
} from './schema.ts';
import { POD_KINDS, TARGET_KINDS } from './target-kinds.ts';

export type { Condition } from './schema.ts';

const copied = (what: string) => named(`the ${what} in the system namespace whose data is copied and kept equal`);

const provision = object('What every matching namespace holds before a job is submitted. System namespace only.', {
  configMaps: listBy(
    'name',
    'ConfigMaps, by name.',
    object(
      'A ConfigMap: its data, or the one it is a copy of.',
      { name: required(named('the ConfigMap')), data: strings('Its data.'), copyFrom: copied('ConfigMap') },
      [{ rule: 'has(self.data) != has(self.copyFrom)', message: 'give exactly one of data and copyFrom' }],
    ),
    { maxItems: 64 },
  ),
  secrets: listBy(
    'name',
    'Secrets, by name.',
    object('A Secret: the one it is a copy of.', {
      name: required(named('the Secret')),
      copyFrom: required(copied('Secret')),
    }),
    { maxItems: 64 },
  ),
  persistentVolumeClaims: listBy(
    'name',
    'Claims, by name. They are kept when the rule goes, since they hold data.',
    object('A claim.', { name: required(named('the claim')), spec: required(claimSpec) }),
    { maxItems: 64 },
  ),
});

const match = object('Which objects. All that is given must hold.', {
  kinds: required(
    set('Kinds of objects; Pod is every pod.', choice('A kind of object.', ...TARGET_KINDS), {
      minItems: 1,
      maxItems: TARGET_KINDS.length,
    }),
  ),
  selector: labelSelector('The labels of the object. More requirements make the entry more specific.'),
  namespaceSelector: labelSelector('The labels of its namespace. System namespace only.'),
  owner: object('Of pods: what one of their owners must be.', {
    kind: required(
      text('Kind of the owner, such as RayCluster; of a Deployment’s pods ReplicaSet.', { maxLength: 63 }),
    ),
    group: text('API group of that kind, empty for core; any group where nothing is said.', { maxLength: 253 }),
  }),
  containers: set(
    'Of pods: which containers are given variables and mounts. Names, with * and ?; main: the one that the user’s program runs in; init and sidecars: the user’s others; all: all of the user’s. What a service mesh or the like put in is reached by its name alone. Where nothing is said, those that docs/platform-defaults.md gives for the kind.',
    text('A name, a pattern, or main, init, sidecars, all.', {
      minLength: 1,
      maxLength: 63,
      pattern: '^[-a-z0-9*?]+$',
    }),
    { minItems: 1, maxItems: 16 },
  ),
  clouds: set('The clouds this holds on; every cloud where nothing is said.', text('A cloud.', { maxLength: 32 }), {
    maxItems: 32,
  }),
});

const pods = POD_KINDS.map((kind) => `'${kind}'`).join(', ');

/** What only pods have. */
const podMatchRules = ['owner', 'containers'].map((field) => ({
  rule: `!has(self.match.${field}) || self.match.kinds.all(kind, kind in [${pods}])`,
  message: `match.${field} is for kinds of pods only`,
}));

/** What is provisioned is made once and kept, with nobody to tell. */
const auditRule = {
  rule: "!has(self.provision) || !has(self.mode) || self.mode != 'Audit'",
  message: 'provision cannot be audited: give it in a PlatformDefaults of another mode',
};

const spec = object(
  'What is given, to which objects.',
  {
    match: required(match),
    mode: choice(
      'Default: only where the user said nothing. Enforce: replaces what the user said. Audit: changes nothing and tells what Enforce would change. Default where nothing is said.',
      'Default',
      'Enforce',
      'Audit',
    ),
    auditWarnings: flag(
      'With the mode Audit: tell whoever makes an object what would be changed, as a warning; false where nothing is said.',
    ),
    priority: integer('Decides between equally specific entries; the higher wins, 0 where nothing is said.', {
      minimum: -1_000_000,
      maximum: 1_000_000,
      format: 'int32',
    }),
    variables: map(
      'Values of ${name} in the strings of this and other matching PlatformDefaults; the most specific wins.',
      text('A value; built-in ${variables} are filled in.', { maxLength: 4096 }),
    ),
    templates: containerTemplates,
    inject,
    provision,
  },
  [...injectKeyRules, ...podMatchRules, auditRule],
);

const status = object('What Quartermaster made of it.', {
  observedGeneration: integer('metadata.generation last looked at.', { minimum: 0, format: 'int64' }),
  conditions,
  provisionedNamespaces: integer('How many namespaces it provisions.', { minimum: 0, format: 'int32' }),
  admissions: object(
    'What it came to in admissions of objects that were made, written anew at most every five minutes.',
    {
      matched: required(integer('How many objects it matched.', { minimum: 0, format: 'int64' })),
      applied: required(
        integer('To how many it gave something, and nothing was missing.', { minimum: 0, format: 'int64' }),
      ),
      keptBack: required(
        integer('How many said all that it gives themselves, or were given it by others.', {
          minimum: 0,
          format: 'int64',
        }),
      ),
      refused: required(integer('To how many something of it could not be given.', { minimum: 0, format: 'int64' })),
      lastApplied: text('When it last gave an object something.', { format: 'date-time' }),
      asOf: required(text('When this was written.', { format: 'date-time' })),
    },
  ),
  inForce: object('The last valid version: it stays in force while a newer one is invalid.', {
    generation: required(integer('Its metadata.generation.', { minimum: 0, format: 'int64' })),
    spec: required(open<PlatformDefaultsSpec>('Its spec.')),
  }),
});

export type PlatformDefaultsSpec = Infer<typeof spec>;
export type ProvisionSpec = Infer<typeof provision>;
export type PlatformDefaultsStatus = Infer<typeof status>;

/** quartermaster.dev/v1alpha1 PlatformDefaults, as stored. */
export interface PlatformDefaults extends KubeObject {
  readonly spec: PlatformDefaultsSpec;
  readonly status?: PlatformDefaultsStatus;
}

/** The schema of `spec`, for checking what no API server has checked (`preview --defaults`). */
export const platformDefaultsSpec = spec;

/** The CustomResourceDefinition to install. */
export const platformDefaultsCrd: CustomResourceDefinition = customResourceDefinition({
  group: 'quartermaster.dev',
  version: 'v1alpha1',
  kind: 'PlatformDefaults',
  plural: 'platformdefaults',
  singular: 'platformdefaults',
  shortNames: ['pfd'],
  description:
    'What the platform owes its workloads. In the system namespace it holds cluster-wide; in any other it holds there alone.',
  spec,
  status,
  columns: [
    { name: 'Kinds', type: 'string', jsonPath: '.spec.match.kinds' },
    { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
    { name: 'Priority', type: 'integer', jsonPath: '.spec.priority' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
    { name: 'Matches', type: 'integer', jsonPath: '.status.admissions.matched' },
    { name: 'Last Applied', type: 'date', jsonPath: '.status.admissions.lastApplied' },
    { name: 'Degraded', type: 'string', jsonPath: '.status.conditions[?(@.type=="Degraded")].status' },
    { name: 'Namespaces', type: 'integer', jsonPath: '.status.provisionedNamespaces', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});
