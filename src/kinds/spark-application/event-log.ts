import type { Facts, ObjectStoreFact } from '../../api/facts.ts';
import type { Injection, Resolved } from '../../api/injection.ts';
import type { KubeObject, StringMap } from '../../api/kubernetes.ts';
import { type Edit, editOf, titleOf } from '../../injection/edit.ts';
import { textAt } from '../../injection/path.ts';
import { objectStoreOf } from '../../injection/target.ts';
import { confOf, hadoopKeys } from './fields.ts';

/** Edits, and what could not be made one and why. */
export interface Proposal {
  readonly edits: readonly Edit[];
  readonly warnings: readonly string[];
}

export const NOTHING: Proposal = { edits: [], warnings: [] };

/**
 * Spark's event log in an ObjectStore that is Ready, with the conf its connector needs. Nothing where the app says
 * anything of an event log itself. Spark ends the driver when the directory is not there, so a bucket that is not Ready
 * gives a warning instead.
 */
export const eventLogEdits = (app: KubeObject, injection: Injection, namespace: string, facts: Facts): Proposal => {
  const { eventLog } = injection;
  if (eventLog === undefined) return NOTHING;
  const store = objectStoreOf(eventLog.value, namespace, facts);
  if (!store?.ready) return { edits: [], warnings: [notReady(eventLog)] };
  const dir = rootOf(store.url);
  const said = confOf(app, injection, 'spark.eventLog.dir') ?? dir;
  if (said !== dir || confOf(app, injection, 'spark.eventLog.enabled') === 'false') return NOTHING;
  const conf = { 'spark.eventLog.enabled': 'true', 'spark.eventLog.dir': dir };
  const connector = connectorConf(store, facts.cloud.facts['region']?.value, awsCredentials(app, injection));
  return {
    edits: [
      ...editsFor(['spec', 'sparkConf'], conf, eventLog),
      ...editsFor(['spec', 'hadoopConf'], connector, eventLog),
    ],
    warnings: [],
  };
};

/**
 * The root of a bucket, as Spark is to be told: it takes one slash off the end (SparkContext), and S3A of Hadoop 3.3
 * refuses what is left of `s3a://bucket/` ("path must be absolute"). A folder in it would have to be there first.
 */
const rootOf = (url: string): string => url.replace(/\/*$/, '//');

const editsFor = (at: readonly string[], conf: StringMap, resolved: Resolved<string>): readonly Edit[] =>
  Object.entries(conf).map(([key, value]) => ({
    ...editOf(at, key, resolved, value),
    why: `ObjectStore ${resolved.value} is Ready`,
  }));

/** What S3A needs is said for this bucket alone: the app may read others, elsewhere and with other credentials. */
const connectorConf = (
  { provider, bucket, endpoint }: ObjectStoreFact,
  region: string | undefined,
  credentials: StringMap,
): StringMap => {
  if (provider === 'azure') return {};
  if (provider === 'gcs') {
    return {
      'fs.gs.impl': 'com.google.cloud.hadoop.fs.gcs.GoogleHadoopFileSystem',
      'fs.AbstractFileSystem.gs.impl': 'com.google.cloud.hadoop.fs.gcs.GoogleHadoopFS',
    };
  }
  const conf =
    endpoint === undefined
      ? { ...(region !== undefined && { 'endpoint.region': region }), ...credentials }
      : { endpoint, 'path.style.access': 'true' };
  return Object.fromEntries(Object.entries(conf).map(([key, value]) => [`fs.s3a.bucket.${bucket}.${key}`, value]));
};

/**
 * The SDK's own chain of credentials, which finds those of a service account bound to an AWS role: Hadoop's list leaves
 * them out, and a list that begins with them ends the driver where there are none. Nothing where the app has keys in its
 * conf. The class follows the AWS SDK: version 2 from Hadoop 3.4 on, which comes with Spark 4.
 */
const awsCredentials = (app: KubeObject, injection: Injection): StringMap => {
  const isKey = (key: string): boolean =>
    /^fs\.s3a\.(bucket\..+\.)?(access\.key|secret\.key|session\.token)$/.test(key);
  if (hadoopKeys(app, injection).some(isKey)) return {};
  const isSdk2 = Number.parseInt(textAt(app, ['spec', 'sparkVersion']) ?? '', 10) >= 4;
  return {
    'aws.credentials.provider': isSdk2
      ? 'software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider'
      : 'com.amazonaws.auth.DefaultAWSCredentialsProviderChain',
  };
};

const notReady = ({ value, source }: Resolved<string>): string =>
  `PlatformDefaults ${titleOf(source)}: the event log was not injected: no ObjectStore ${value} is Ready in this namespace or the platform's.`;
