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
 * What an app is given of ObjectStores that are Ready: the conf their connectors need, Spark's event log, and how output is
 * committed. Spark ends the driver when the directory of its log is not there, so a bucket that is not Ready gives a warning.
 */
export const objectStoreEdits = (app: KubeObject, injection: Injection, namespace: string, facts: Facts): Proposal => {
  const { objectStore } = injection;
  const eventLog = injection.eventLog ?? objectStore;
  if (eventLog === undefined) return NOTHING;
  const connectorOf = (store: ObjectStoreFact): StringMap =>
    connectorConf(store, facts.cloud.facts['region']?.value, awsCredentials(app, injection));
  const log = eventLogEdits(app, injection, eventLog, {
    store: objectStoreOf(eventLog.value, namespace, facts),
    connectorOf,
  });
  if (objectStore === undefined) return log;
  const store = objectStoreOf(objectStore.value, namespace, facts);
  if (!store?.ready)
    return objectStore === eventLog ? log : { ...log, warnings: [...log.warnings, notReady(objectStore, WHAT.store)] };
  const own = [
    ...editsFor(['spec', 'hadoopConf'], connectorOf(store), objectStore),
    ...committerEdits(store, injection),
  ];
  return { ...log, edits: firstOfEach([...log.edits, ...own]) };
};

interface EventLogStore {
  readonly store: ObjectStoreFact | undefined;
  readonly connectorOf: (store: ObjectStoreFact) => StringMap;
}

/** Nothing where the app says anything of an event log itself. */
const eventLogEdits = (
  app: KubeObject,
  injection: Injection,
  eventLog: Resolved<string>,
  { store, connectorOf }: EventLogStore,
): Proposal => {
  if (!store?.ready) return { edits: [], warnings: [notReady(eventLog, injection.eventLog ? WHAT.log : WHAT.store)] };
  const dir = rootOf(store.url);
  const said = confOf(app, injection, 'spark.eventLog.dir') ?? dir;
  if (said !== dir || confOf(app, injection, 'spark.eventLog.enabled') === 'false') return NOTHING;
  const conf = { 'spark.eventLog.enabled': 'true', 'spark.eventLog.dir': dir };
  return {
    edits: [
      ...editsFor(['spec', 'sparkConf'], conf, eventLog),
      ...editsFor(['spec', 'hadoopConf'], connectorOf(store), eventLog),
    ],
    warnings: [],
  };
};

/** One bucket can be that of the log and the app's own. */
const firstOfEach = (edits: readonly Edit[]): readonly Edit[] =>
  [...new Map(edits.toReversed().map((edit) => [`${edit.at.join('/')} ${edit.key}`, edit])).values()].toReversed();

/**
 * S3A's committer that renames nothing. The two classes of Spark come with its module spark-hadoop-cloud: without them Spark
 * would write past the committer, so that it is all or nothing.
 */
const committerEdits = (
  { provider, bucket }: ObjectStoreFact,
  { s3aCommitter, objectStore }: Injection,
): readonly Edit[] => {
  if (s3aCommitter === undefined || objectStore === undefined || provider !== 's3') return [];
  const given = { ...s3aCommitter, value: objectStore.value };
  const sparkConf = {
    'spark.sql.sources.commitProtocolClass': 'org.apache.spark.internal.io.cloud.PathOutputCommitProtocol',
    'spark.sql.parquet.output.committer.class': 'org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter',
  };
  const hadoopConf = {
    [`fs.s3a.bucket.${bucket}.committer.name`]: 'magic',
    'mapreduce.outputcommitter.factory.scheme.s3a': 'org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory',
  };
  return [...editsFor(['spec', 'sparkConf'], sparkConf, given), ...editsFor(['spec', 'hadoopConf'], hadoopConf, given)];
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
  const version = textAt(app, ['spec', 'sparkVersion']) ?? textAt(app, ['spec', 'runtimeVersions', 'sparkVersion']);
  const isSdk2 = Number.parseInt(version ?? '', 10) >= 4;
  return {
    'aws.credentials.provider': isSdk2
      ? 'software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider'
      : 'com.amazonaws.auth.DefaultAWSCredentialsProviderChain',
  };
};

/** What is not given where an ObjectStore is not Ready. */
const WHAT = { log: 'the event log was', store: 'what Spark needs for it was' } as const;

const notReady = ({ value, source }: Resolved<string>, what: string): string =>
  `PlatformDefaults ${titleOf(source)}: ${what} not injected: no ObjectStore ${value} is Ready in this namespace or the platform's.`;
