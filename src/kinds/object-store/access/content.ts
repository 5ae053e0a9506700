import type { StringMap } from '../../../api/kubernetes.ts';
import type { IssuedKey } from '../providers/access.ts';
import type { BucketConnection } from '../providers/bucket.ts';

/** What the Secret of an ObjectStore holds, named as Rook's ObjectBucketClaims, the vendors' tools, COSI and Hadoop have it. */
export const contentOf = (bucket: string, connection: BucketConnection, key: IssuedKey): StringMap =>
  isAzure(connection) ? azureContent(bucket, connection, key) : s3Content(bucket, connection, key);

const isAzure = ({ url }: BucketConnection): boolean => url.startsWith('abfss:');

/** The key in such content. A token of Azure tells by itself which policy it is for. */
export const keyIn = (read: (name: string) => string): IssuedKey => {
  const token = read(SAS_TOKEN);
  return token === ''
    ? { id: read('AWS_ACCESS_KEY_ID'), secret: read('AWS_SECRET_ACCESS_KEY') }
    : { id: new URLSearchParams(token).get('si') ?? '', secret: token };
};

const SAS_TOKEN = 'AZURE_STORAGE_SAS_TOKEN';

const azureContent = (bucket: string, { url, host }: BucketConnection, { secret }: IssuedKey): StringMap => {
  const { hostname } = new URL(url);
  return {
    AZURE_STORAGE_ACCOUNT: host.split('.')[0] ?? '',
    [SAS_TOKEN]: secret,
    BucketInfo: JSON.stringify(
      bucketInfo(bucket, 'azure', { secretAzure: { accessToken: secret, expiryTimeStamp: null } }),
    ),
    'core-site.xml': hadoopConfiguration({
      [`fs.azure.account.auth.type.${hostname}`]: 'SAS',
      [`fs.azure.sas.fixed.token.${hostname}`]: secret,
    }),
  };
};

const s3Content = (bucket: string, connection: BucketConnection, { id, secret }: IssuedKey): StringMap => ({
  AWS_ACCESS_KEY_ID: id,
  AWS_SECRET_ACCESS_KEY: secret,
  BucketInfo: JSON.stringify(
    bucketInfo(bucket, 's3', {
      secretS3: {
        endpoint: connection.endpoint ?? `https://${connection.host}`,
        region: (connection.s3 ?? connection).region,
        accessKeyID: id,
        accessSecretKey: secret,
      },
    }),
  ),
  'core-site.xml': hadoopConfiguration(s3aConf(bucket, connection, { id, secret })),
});

/** BucketInfo of COSI v1alpha1, as its workloads read it from a file of that name. */
const bucketInfo = (bucket: string, protocol: 's3' | 'azure', secret: object) => ({
  metadata: { name: bucket },
  spec: {
    bucketName: bucket,
    authenticationType: 'KEY',
    protocols: [protocol],
    secretS3: null,
    secretAzure: null,
    ...secret,
  },
});

/** For this bucket alone: whoever has it may read others, elsewhere and with other keys. */
const s3aConf = (bucket: string, connection: BucketConnection, { id, secret }: IssuedKey): StringMap => {
  const { endpoint, region } = connection.s3 ?? connection;
  const conf = {
    'access.key': id,
    'secret.key': secret,
    'aws.credentials.provider': 'org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider',
    // What speaks S3 besides takes any region.
    ...(connection.s3 === undefined && { 'endpoint.region': region }),
    ...(endpoint !== undefined && { endpoint, 'path.style.access': String(connection.forcePathStyle ?? true) }),
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
