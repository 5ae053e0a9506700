import type { ObjectStoreFact } from './facts.ts';
import type { KubeObject } from './kubernetes.ts';
import {
  type CustomResourceDefinition,
  choice,
  conditions,
  customResourceDefinition,
  flag,
  type Infer,
  integer,
  list,
  listBy,
  map,
  object,
  type Rule,
  required,
  text,
} from './schema.ts';

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
const specRules: readonly Rule[] = [
  { rule: 'self.name == oldSelf.name', message: `spec.name cannot be changed: ${another}.` },
  immutableOnceSet('provider', 'auto'),
  immutableOnceSet('location', ''),
  {
    rule:
      'has(oldSelf.sharedFrom) ? has(self.sharedFrom) && self.sharedFrom.name == oldSelf.sharedFrom.name && ' +
      'self.sharedFrom.__namespace__ == oldSelf.sharedFrom.__namespace__ : !has(self.sharedFrom)',
    message: `spec.sharedFrom cannot be changed: ${another}.`,
  },
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
    rule: '!has(self.s3) || !has(self.s3.endpoint) || !has(self.s3.service)',
    message: 'spec.s3.service and spec.s3.endpoint are one or the other.',
  },
  {
    rule: '!has(self.s3) || !has(self.s3.endpoint) || has(self.credentialsSecretRef)',
    message: 'spec.s3.endpoint needs spec.credentialsSecretRef.',
  },
];

/** CEL over the whole object. */
const objectRules: readonly Rule[] = [
  {
    rule:
      '!has(self.status) || !has(self.status.bucketName) || !has(self.status.provider) || ' +
      "!has(self.spec.provider) || self.spec.provider == 'auto' || self.spec.provider == self.status.provider",
    message: `spec.provider cannot be changed once it is set: ${another}.`,
  },
];

/** S3 and GCS take this many years; past it their own limits differ. */
export const MAX_DAYS = 36_500;
/** What Google Cloud Storage and Azure take; S3 takes 1,000. */
export const MAX_LIFECYCLE_RULES = 100;
/** S3 and Azure take 50 tags, and the owner mark needs some of them. */
export const MAX_LABELS = 40;

const days = (description: string) => integer(description, { minimum: 1, maximum: MAX_DAYS });
const nameOf = (what: string) => required(text(what, { minLength: 1, maxLength: 253 }));

const lifecycleRule = object('What becomes of objects as they age. Gives at least one number of days.', {
  prefix: text('Only objects whose name begins so; all of them when absent.', { maxLength: 1024 }),
  expireDays: days('Objects are deleted this many days after they were written.'),
  noncurrentExpireDays: days(
    'Older versions are deleted this many days after a newer one replaced them. Not on Azure, which counts from when they were written.',
  ),
  abortMultipartDays: days('Uploads that were never finished are dropped after this many days; Azure: 7, or more.'),
});

const s3 = object('Where and how S3 is spoken: AWS when absent.', {
  endpoint: text('Address of an S3-compatible server, as https://host[:port]. Needs credentialsSecretRef.', {
    maxLength: 2048,
    pattern: '^[hH][tT][tT][pP][sS]?://',
  }),
  service: text('S3 service of the platform by its name (setting S3_SERVICES); holds when the bucket is made.', {
    minLength: 1,
    maxLength: 63,
  }),
  forcePathStyle: flag('Bucket in the path rather than in the host name. True by default where endpoint is given.'),
  caBundleRef: object('The certificates the endpoint is trusted by, as PEM in a ConfigMap of this namespace.', {
    name: nameOf('Name of the ConfigMap.'),
    key: text('Key in it; ca.crt when absent.', { minLength: 1, maxLength: 253 }),
  }),
});

const azure = object('Where the container is made on Azure.', {
  storageAccount: text('Storage account; made, under a name derived from cluster and namespace, when absent.', {
    pattern: '^[a-z0-9]{3,24}$',
  }),
  resourceGroup: text("Resource group of the account; the platform's own when absent.", {
    minLength: 1,
    maxLength: 90,
  }),
  sku: text('Redundancy of an account that is made: Standard_LRS when absent.', { minLength: 1, maxLength: 64 }),
});

const spec = object(
  'The bucket to have. Only name is needed.',
  {
    name: required(
      text('Name of the bucket (GCS, S3) or container (Azure). Cannot be changed.', {
        minLength: 3,
        maxLength: 222,
        pattern: '^[a-z0-9][a-z0-9._-]*[a-z0-9]$',
      }),
    ),
    provider: choice(
      "Whose bucket. auto, as when absent: the detected cloud's own. Cannot be changed once it is set.",
      'auto',
      'gcs',
      's3',
      'azure',
    ),
    location: text("Region of the bucket; the cluster's when absent. Cannot be changed once it is set.", {
      maxLength: 64,
    }),
    storageClass: text(
      "Google: storage class of what is written. Azure: tier (Hot, Cool, Cold) of an account that is made; a given one must have it. Not on S3, where each object has one. The provider's default when absent.",
      { maxLength: 64 },
    ),
    versioning: flag(
      'Keep older versions. False suspends them; left as it is when absent. On Azure they are the account’s: kept in one that is made with it or keeps them already, never suspended.',
    ),
    lifecycle: list('What becomes of objects as they age; left as it is when absent.', lifecycleRule, {
      maxItems: MAX_LIFECYCLE_RULES,
    }),
    retention: object(
      'How long what is written is kept, by a policy that is not locked: it can be lowered or got round by who may do so at the provider. Left as it is when absent.',
      { days: required(days('Days after an object was written.')) },
    ),
    publicAccess: choice(
      'Blocked: the bucket cannot be made public; on Azure the container is not, whatever a given account allows. Unmanaged: left as it is. When absent: Blocked, but at S3 other than AWS left as it is.',
      'Blocked',
      'Unmanaged',
    ),
    encryption: object("Encryption with a key of one's own; the provider's when absent. S3 and Google.", {
      keyRef: required(
        text(
          'The key as the provider names it: KMS key ARN or id, Cloud KMS resource name. Not on Azure, whose keys belong to accounts.',
          {
            minLength: 1,
            maxLength: 2048,
          },
        ),
      ),
    }),
    labels: map('Labels or tags of the bucket.', text('Value.', { maxLength: 256 }), { maxProperties: MAX_LABELS }),
    s3,
    azure,
    gcp: object('Where the bucket is made on Google Cloud.', {
      project: text("Project; the cluster's when absent.", { minLength: 1, maxLength: 64 }),
    }),
    credentialsSecretRef: object(
      "Secret of this namespace; the platform's workload identity when absent. S3: access-key and secret-key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Google: key.json. Azure: AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or account-key.",
      { name: nameOf('Name of the Secret.') },
    ),
    adopt: choice(
      'What to do with a bucket that is there already. IfOwned, as when absent: take it only if it carries our mark for this object.',
      'Never',
      'IfOwned',
      'Always',
    ),
    deletionPolicy: choice(
      'What becomes of the bucket with this object. Retain, as when absent: it stays. Delete: it goes if it was made for this object and is empty.',
      'Retain',
      'Delete',
    ),
    forceDelete: flag('With deletionPolicy Delete: the bucket goes with all it holds.'),
    grants: listBy(
      'namespace',
      'Namespaces whose ObjectStores may have this bucket with spec.sharedFrom.',
      object('One namespace.', {
        namespace: nameOf('Its name.'),
        mode: choice(
          'What its workloads may do at most. ReadOnly, as when absent, or ReadWrite.',
          'ReadOnly',
          'ReadWrite',
        ),
      }),
      { maxItems: 32 },
    ),
    sharedFrom: object(
      'An ObjectStore of another namespace, which grants this one its bucket: nothing is made but access. Cannot be changed.',
      { namespace: nameOf('Its namespace.'), name: nameOf('Its name.') },
    ),
    quota: object('What the bucket may hold, on Ceph; left as it is when absent, and {} lifts it.', {
      maxSize: text('All objects together, such as 100Gi; any when absent.', {
        pattern: '^[0-9]+(\\.[0-9]+)?(k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$',
        maxLength: 32,
      }),
      maxObjects: integer('How many objects; any when absent.', { minimum: 1, format: 'int64' }),
    }),
    access: object(
      'Keys for the workload, good for this bucket alone, in a Secret. None are made when absent; {} is enough.',
      {
        mode: choice(
          'What they may do with the objects. ReadWrite, as when absent, or ReadOnly.',
          'ReadWrite',
          'ReadOnly',
        ),
        serviceAccount: text(
          'Service account of this namespace that gets the access by its own identity, instead of keys in a Secret. Google, AWS and Azure.',
          { minLength: 1, maxLength: 253 },
        ),
        secretName: text('Secret of this namespace; <metadata.name>-objectstore when absent.', {
          minLength: 1,
          maxLength: 253,
        }),
        rotation: text('Any text, such as a date: another one has new keys made.', { maxLength: 63 }),
        rotateAfterDays: integer('New keys are made when they are this many days old; never when absent.', {
          minimum: 1,
          maximum: MAX_DAYS,
        }),
        overlapSeconds: integer('How long keys work still after new ones replaced them; 86400 when absent.', {
          minimum: 0,
          maximum: 2_592_000,
        }),
      },
    ),
    writeConnectionTo: object('Where the connection is written.', {
      configMapName: text('ConfigMap of this namespace; <metadata.name>-objectstore when absent.', {
        minLength: 1,
        maxLength: 253,
      }),
    }),
  },
  specRules,
);

const status = object('What was last observed.', {
  bucketName: text('The bucket or container this object stands for.'),
  provider: choice('Whose bucket it is.', 'gcs', 's3', 'azure'),
  location: text('Where it is.'),
  endpoint: text("Where it is reached, if not at the provider's own address."),
  url: text('The bucket as Hadoop and Spark name it: gs://, s3a:// or abfss://.'),
  ownership: choice(
    'Whether the bucket was made for this object or was there before; Shared: another object has it.',
    'Created',
    'Adopted',
    'Shared',
  ),
  creationStarted: text('When making the bucket began; absent once it is known how that ended.', {
    format: 'date-time',
  }),
  creationProof: text('That Quartermaster wrote creationStarted, which nobody else can prove.'),
  configMapName: text('ConfigMap that holds the connection.'),
  inUse: list('What of this namespace is kept until this object no longer needs it, as Kind/name.', text('Kind/name.')),
  access: object('The user that workloads are given the keys of.', {
    user: required(text('Its name at the provider.')),
    serviceAccount: text('Service account that has the access instead of keys.'),
    identity: text(
      'What that service account is to be annotated with: on AWS the ARN of its role, on Azure the client ID of its identity.',
    ),
    secretName: text('Secret that holds the key.'),
    keyId: text('ID of the key.'),
    keyIssued: text('When the key was made.', { format: 'date-time' }),
    formerKeysUntil: text('Until when the keys work that it replaced.', { format: 'date-time' }),
  }),
  observedGeneration: integer('metadata.generation this was observed at.', { minimum: 0, format: 'int64' }),
  lastSyncTime: text('When the bucket was last brought in line with this object.', { format: 'date-time' }),
  conditions,
});

export type ObjectStoreSpec = Infer<typeof spec>;
export type ObjectStoreStatus = Infer<typeof status>;
export type LifecycleRule = Infer<typeof lifecycleRule>;
export type BucketProviderName = NonNullable<ObjectStoreStatus['provider']>;

/** banzaicloud.com/v1alpha1 ObjectStore. `spec.name` alone is valid. */
export interface ObjectStore extends KubeObject {
  readonly spec: ObjectStoreSpec;
  readonly status?: ObjectStoreStatus;
}

/** What of its namespace an ObjectStore reaches its bucket with, as `Secret/name` and `ConfigMap/name`. */
export const referencesOf = ({ spec }: Pick<ObjectStore, 'spec'>): readonly string[] => [
  ...(spec.credentialsSecretRef === undefined ? [] : [`Secret/${spec.credentialsSecretRef.name}`]),
  ...(spec.s3?.caBundleRef === undefined ? [] : [`ConfigMap/${spec.s3.caBundleRef.name}`]),
];

const ready = (part: string) => `.status.conditions[?(@.type=="Ready")].${part}`;

/** The schema of `spec`, for checking what no API server has checked. */
export const objectStoreSpec = spec;

/** The CustomResourceDefinition to install. */
export const objectStoreCrd: CustomResourceDefinition = customResourceDefinition({
  group: 'banzaicloud.com',
  version: 'v1alpha1',
  kind: 'ObjectStore',
  plural: 'objectstores',
  singular: 'objectstore',
  shortNames: [],
  description: 'A bucket for the asking, on Google Cloud Storage, S3 and what speaks it, or Azure.',
  spec,
  status,
  rules: objectRules,
  columns: [
    { name: 'Provider', type: 'string', jsonPath: '.status.provider' },
    { name: 'Bucket', type: 'string', jsonPath: '.spec.name' },
    { name: 'Ready', type: 'string', jsonPath: ready('status') },
    { name: 'Reason', type: 'string', jsonPath: ready('reason') },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    { name: 'URL', type: 'string', jsonPath: '.status.url', priority: 1 },
    { name: 'Location', type: 'string', jsonPath: '.status.location', priority: 1 },
    { name: 'Synced', type: 'string', jsonPath: '.status.conditions[?(@.type=="Synced")].status', priority: 1 },
    { name: 'Message', type: 'string', jsonPath: ready('message'), priority: 1 },
  ],
});

/** What admission may rely on. Ready only while nothing asks for the bucket's end; the provider is s3 until one is known. */
export const objectStoreFact = ({ metadata, spec, status }: ObjectStore): ObjectStoreFact => {
  const asked = spec.provider === 'auto' ? undefined : spec.provider;
  const isReady = status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  return {
    ready: isReady && !metadata.deletionTimestamp && status?.url !== undefined,
    bucket: status?.bucketName ?? spec.name,
    url: status?.url ?? '',
    provider: status?.provider ?? asked ?? 's3',
    ...(status?.endpoint !== undefined && { endpoint: status.endpoint }),
    ...addressOf(spec, status?.location),
    ...(status?.access?.keyId !== undefined && { keysSecret: status.access.secretName ?? '' }),
    ...(status?.access?.serviceAccount !== undefined && { serviceAccount: status.access.serviceAccount }),
  };
};

const addressOf = ({ location, s3 }: ObjectStoreSpec, found = location): Partial<ObjectStoreFact> => ({
  ...(found && { location: found }),
  ...(s3?.forcePathStyle !== undefined && { forcePathStyle: s3.forcePathStyle }),
});
