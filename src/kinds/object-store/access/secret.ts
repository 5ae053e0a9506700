import type { KubeObject, StringMap } from '../../../api/kubernetes.ts';
import {
  ACCESS_FORMER_KEYS_ANNOTATION,
  ACCESS_FORMER_UNTIL_ANNOTATION,
  ACCESS_ISSUED_ANNOTATION,
  ACCESS_ROTATION_ANNOTATION,
  connectionNameFor,
  MANAGED_BY,
  MANAGED_BY_LABEL,
} from '../../../api/names.ts';
import type { ObjectStore } from '../../../api/object-store.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import { ownerOf } from '../connection.ts';
import type { IssuedKey } from '../providers/access.ts';
import { type BucketConnection, BucketError } from '../providers/bucket.ts';
import type { ObservedSecret } from './keys.ts';

export interface Secret extends KubeObject {
  readonly type?: string;
  readonly data?: StringMap;
}

/** What is noted on the Secret besides the key itself. */
export type KeyRecord = Pick<ObservedSecret, 'issuedAt' | 'rotation' | 'formerKeys' | 'formerUntil'>;

/** Name of the Secret that holds the keys: that of the ConfigMap, unless the spec gives another. */
export const accessSecretNameOf = ({ metadata, spec }: ObjectStore): string =>
  spec.access?.secretName ?? connectionNameFor(metadata.name ?? '');

/** The Secret as it should be, with its keys named as Rook's ObjectBucketClaims, COSI and Hadoop have them. */
export const accessSecretFor = (
  store: ObjectStore,
  connection: BucketConnection,
  key: IssuedKey,
  { issuedAt, rotation, formerKeys, formerUntil }: KeyRecord,
): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: accessSecretNameOf(store),
    namespace: store.metadata.namespace ?? '',
    labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
    annotations: {
      [ACCESS_ISSUED_ANNOTATION]: issuedAt,
      [ACCESS_ROTATION_ANNOTATION]: rotation,
      // Empty rather than absent: an apply takes nothing away that a create put there.
      [ACCESS_FORMER_KEYS_ANNOTATION]: formerKeys.join(','),
      [ACCESS_FORMER_UNTIL_ANNOTATION]: formerKeys.length > 0 ? formerUntil : '',
    },
    ownerReferences: [ownerOf(store)],
  },
  type: 'Opaque',
  data: encoded(contentOf(store.spec.name, connection, key)),
});

const contentOf = (bucket: string, connection: BucketConnection, { id, secret }: IssuedKey): StringMap => ({
  AWS_ACCESS_KEY_ID: id,
  AWS_SECRET_ACCESS_KEY: secret,
  BucketInfo: JSON.stringify(bucketInfo(bucket, connection, { id, secret })),
  'core-site.xml': hadoopConfiguration(s3aConf(bucket, connection, { id, secret })),
});

/** BucketInfo of COSI v1alpha1, as its workloads read it from a file of that name. */
const bucketInfo = (bucket: string, connection: BucketConnection, { id, secret }: IssuedKey) => ({
  metadata: { name: bucket },
  spec: {
    bucketName: bucket,
    authenticationType: 'KEY',
    protocols: ['s3'],
    secretS3: {
      endpoint: connection.endpoint ?? `https://${connection.host}`,
      region: (connection.s3 ?? connection).region,
      accessKeyID: id,
      accessSecretKey: secret,
    },
    secretAzure: null,
  },
});

/** For this bucket alone: whoever has it may read others, elsewhere and with other keys. */
const s3aConf = (bucket: string, connection: BucketConnection, { id, secret }: IssuedKey): StringMap => {
  const { endpoint, region } = connection.s3 ?? connection;
  const conf = {
    'access.key': id,
    'secret.key': secret,
    'aws.credentials.provider': 'org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider',
    ...(endpoint === undefined ? { 'endpoint.region': region } : { endpoint, 'path.style.access': 'true' }),
  };
  return Object.fromEntries(Object.entries(conf).map(([name, value]) => [`fs.s3a.bucket.${bucket}.${name}`, value]));
};

const hadoopConfiguration = (conf: StringMap): string => {
  const properties = Object.entries(conf).map(
    ([name, value]) => `  <property><name>${escaped(name)}</name><value>${escaped(value)}</value></property>`,
  );
  return ['<?xml version="1.0"?>', '<configuration>', ...properties, '</configuration>', ''].join('\n');
};

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

const encoded = (data: StringMap): StringMap =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));

/** The Secret under the name. Throws BucketError where somebody else made it. */
export const findAccessSecret = async (
  kube: Pick<Kube, 'get'>,
  store: ObjectStore,
  name: string,
  signal: AbortSignal,
): Promise<Secret | undefined> => {
  const key = { namespace: store.metadata.namespace ?? '', name };
  const found = await kube.get<Secret>(resources.secrets, key, signal);
  if (found === undefined || isOwn(found, store)) return found;
  throw new BucketError(
    'NotOwned',
    `Secret ${name} was made by somebody else: delete it, or give another spec.access.secretName.`,
  );
};

const isOwn = ({ metadata }: Secret, store: ObjectStore): boolean =>
  metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY &&
  (metadata.ownerReferences?.some(({ uid }) => uid === store.metadata.uid) ?? false);

/** The key in a Secret of ours. */
export const keyIn = ({ data }: Secret): IssuedKey => ({
  id: decoded(data, 'AWS_ACCESS_KEY_ID'),
  secret: decoded(data, 'AWS_SECRET_ACCESS_KEY'),
});

const decoded = (data: StringMap | undefined, key: string): string =>
  Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');

/** What is noted on a Secret of ours. */
export const recordIn = ({ metadata }: Secret): KeyRecord => {
  const noteOf = (annotation: string): string => metadata.annotations?.[annotation] ?? '';
  return {
    issuedAt: timeOf(noteOf(ACCESS_ISSUED_ANNOTATION)),
    rotation: noteOf(ACCESS_ROTATION_ANNOTATION),
    formerKeys: noteOf(ACCESS_FORMER_KEYS_ANNOTATION)
      .split(',')
      .filter((key) => key !== ''),
    formerUntil: timeOf(noteOf(ACCESS_FORMER_UNTIL_ANNOTATION)),
  };
};

/** Whoever may change the Secret may write anything there. */
const timeOf = (text: string): string =>
  Number.isNaN(Date.parse(text)) ? new Date(0).toISOString() : new Date(text).toISOString();

/** A Secret of ours compared with what it should be. Keys and labels that others added to ours are theirs. */
export const observeSecret = (found: Secret, store: ObjectStore, connection: BucketConnection): ObservedSecret => {
  const [key, record] = [keyIn(found), recordIn(found)];
  const desired = accessSecretFor(store, connection, key, record);
  const isCurrent = Object.entries(desired.data ?? {}).every(([name, value]) => found.data?.[name] === value);
  return { ...record, keyId: key.id, isCurrent };
};

/** Takes a Secret of ours away; somebody else's stays. */
export const removeAccessSecret = async (
  kube: Pick<Kube, 'get' | 'remove'>,
  store: ObjectStore,
  name: string,
  signal: AbortSignal,
): Promise<void> => {
  const key = { namespace: store.metadata.namespace ?? '', name };
  const found = await kube.get<Secret>(resources.secrets, key, signal);
  if (found?.metadata.uid === undefined || !isOwn(found, store)) return;
  await kube.remove(resources.secrets, key, { uid: found.metadata.uid }, { signal });
};
