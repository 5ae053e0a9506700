import type { Facts, ObjectStoreFact } from '../../../api/facts.ts';
import type { Injection, Resolved } from '../../../api/injection.ts';
import type { KubeObject, StringMap } from '../../../api/kubernetes.ts';
import { connectionNameFor } from '../../../api/names.ts';
import { type Edit, editOf, outranks, titleOf } from '../../../injection/edit.ts';
import { textAt } from '../../../injection/path.ts';
import type { Refusal } from '../../../injection/settlement.ts';
import { objectStoreOf } from '../../../injection/target.ts';
import { hadoopKeys, SPARK_CONF, sparkVersionOf } from '../fields.ts';
import { type IsOfPlatform, isEnforcedGlobally, isOfNamespace, PLAIN_APP, platformAlone } from '../platform-alone.ts';
import { abfsConf } from './abfs.ts';

/** Edits, and what could not be made one and why: for whoever submits the app, and for those who count what is missing. */
export interface Proposal {
  readonly edits: readonly Edit[];
  readonly warnings: readonly string[];
  readonly refused: readonly Refusal[];
}

export const NOTHING: Proposal = { edits: [], warnings: [], refused: [] };

/** The app that asks, and what it is to be given. */
interface Request {
  readonly app: KubeObject;
  readonly injection: Injection;
  readonly namespace: string;
  readonly facts: Facts;
  readonly isOfPlatform: IsOfPlatform;
}

/**
 * What an app is given of ObjectStores that are Ready: the conf their connectors need, Spark's event log, and how output is
 * committed. Spark ends the driver when the directory of its log is not there, so a bucket that is not Ready gives a warning.
 */
export const objectStoreEdits = (app: KubeObject, injection: Injection, namespace: string, facts: Facts): Proposal => {
  const isOfPlatform = isOfNamespace(facts.policy.systemNamespace);
  const request = { app, injection, namespace, facts, isOfPlatform };
  const { objectStore } = injection;
  const eventLog = injection.eventLog ?? objectStore;
  if (eventLog === undefined) return NOTHING;
  const log = eventLogProposal(request, eventLog);
  return objectStore === undefined ? log : joined(log, storeProposal(request, objectStore, eventLog));
};

/** One bucket can be that of the log and the app's own. */
const joined = (log: Proposal, own: Proposal): Proposal => ({
  edits: firstOfEach([...log.edits, ...own.edits]),
  warnings: [...new Set([...log.warnings, ...own.warnings])],
  refused: [...log.refused, ...own.refused],
});

const storeProposal = (request: Request, objectStore: Resolved<string>, eventLog: Resolved<string>): Proposal => {
  const store = objectStoreOf(objectStore.value, request.namespace, request.facts);
  if (!store?.ready) return objectStore === eventLog ? NOTHING : notReady(objectStore, 'store');
  const connector = connectorProposal(request, store, objectStore, tokenOf(request, objectStore));
  return { ...connector, edits: [...connector.edits, ...committerEdits(store, request.injection)] };
};

/** Nothing where anything is said of an event log already. What the app says of it what is enforced does not replace either: it keeps the app out. */
const eventLogProposal = (request: Request, eventLog: Resolved<string>): Proposal => {
  const { app, injection, isOfPlatform } = request;
  const store = logStoreOf(request, eventLog);
  if (!store?.ready) return notReady(eventLog, injection.eventLog ? 'log' : 'store');
  const dir = rootOf(store.url);
  const own = ownEventLog(app, injection, dir);
  if (own !== undefined) {
    const { key, given } = own;
    // What says it is settled before, and is told to be in the way.
    if (injection.eventLog?.mode !== 'Enforce')
      return { ...NOTHING, edits: editsFor(SPARK_CONF, { [key]: key === LOG_DIR ? dir : 'true' }, eventLog) };
    const isGeneral = ownEventLog(PLAIN_APP, platformAlone(injection, isOfPlatform), dir) !== undefined;
    return notGiven(eventLog, 'log', { key, why: whyNoLog(own), isGeneral, isOutdone: given?.mode === 'Enforce' });
  }
  const token = eventLogToken(request, eventLog, store);
  if ('refusal' in token) {
    const isGeneral = injection.objectStore === undefined || isOfPlatform(injection.objectStore);
    return notGiven(eventLog, 'log', { why: token.refusal, isGeneral });
  }
  const conf = { [LOG_ENABLED]: 'true', [LOG_DIR]: dir, ...token.sparkConf };
  const connector = connectorProposal(request, store, eventLog, token.variable);
  return { ...connector, edits: [...editsFor(SPARK_CONF, conf, eventLog), ...connector.edits] };
};

/** What the platform enforces is a log in its own bucket, whatever else a namespace calls by that name. */
const logStoreOf = (request: Request, eventLog: Resolved<string>): ObjectStoreFact | undefined => {
  const { namespace, facts } = request;
  return platformLogStore(request, eventLog) ?? objectStoreOf(eventLog.value, namespace, facts);
};

const platformLogStore = (
  { injection, facts, isOfPlatform }: Request,
  eventLog: Resolved<string>,
): ObjectStoreFact | undefined =>
  injection.eventLog !== undefined && isEnforcedGlobally(eventLog, isOfPlatform)
    ? facts.objectStore(facts.policy.systemNamespace, eventLog.value)
    : undefined;

/** What is said of an event log besides what would be given. */
interface OwnEventLog {
  readonly key: string;
  /** Undefined where the app says it. */
  readonly given: Resolved<string> | undefined;
}

const ownEventLog = (app: KubeObject, injection: Injection, dir: string): OwnEventLog | undefined => {
  const said = (key: string): OwnEventLog & { readonly value: string | undefined } => {
    const given = confBeside(injection, key);
    const text = textAt(app, [...SPARK_CONF, key]);
    const isGiven = given !== undefined && (given.mode === 'Enforce' || text === undefined || text === given.value);
    return { key, given: isGiven ? given : undefined, value: isGiven ? given.value : text };
  };
  const [directory, enabled] = [said(LOG_DIR), said(LOG_ENABLED)];
  if ((directory.value ?? dir) !== dir) return directory;
  return enabled.value === 'false' ? enabled : undefined;
};

/** A key of sparkConf that holds beside an event log: one that is given by name holds over what is worse. */
const confBeside = (injection: Injection, key: string): Resolved<string> | undefined => {
  const given = injection.sparkConf.get(key);
  const { eventLog } = injection;
  return given === undefined || (eventLog !== undefined && outranks(injection, eventLog, given)) ? undefined : given;
};

const whyNoLog = ({ key, given }: OwnEventLog): string => {
  if (given !== undefined)
    return `PlatformDefaults ${titleOf(given.source)} ${key === LOG_DIR ? 'gives another directory for it' : 'switches it off'}`;
  return key === LOG_DIR ? 'the app has an event log directory of its own' : 'the app switches its event log off';
};

const LOG_DIR = 'spark.eventLog.dir';
const LOG_ENABLED = 'spark.eventLog.enabled';

/** The variable that holds the token of the app's own ObjectStore, whose Secret is among its sources of variables. */
const tokenOf = (
  { namespace, facts }: Request,
  { value: name }: Pick<Resolved<string>, 'value'>,
): string | undefined =>
  facts.objectStore(namespace, name)?.keysSecret === connectionNameFor(name) ? 'AZURE_STORAGE_SAS_TOKEN' : undefined;

type Token = { readonly variable: string | undefined; readonly sparkConf: StringMap } | { readonly refusal: string };

/** A token of another ObjectStore than the app's own comes to the driver alone, which writes the log, as a variable of its own. */
const eventLogToken = (request: Request, eventLog: Resolved<string>, store: ObjectStoreFact): Token => {
  const { injection, namespace, facts } = request;
  const own = injection.objectStore?.value;
  const isElsewhere = namespace !== facts.policy.systemNamespace && platformLogStore(request, eventLog) !== undefined;
  if (eventLog.value === own && !isElsewhere) return { variable: tokenOf(request, eventLog), sparkConf: {} };
  const secret = isElsewhere ? undefined : facts.objectStore(namespace, eventLog.value)?.keysSecret;
  if (store.provider !== 'azure' || secret === undefined) return { variable: undefined, sparkConf: {} };
  const ownStore = own === undefined ? undefined : objectStoreOf(own, namespace, facts);
  if (ownStore?.ready && ownStore.provider === 'azure' && hostOf(ownStore) === hostOf(store))
    return { refusal: `ObjectStore ${own} is in the same storage account, and Hadoop takes one token for an account` };
  const variable = 'EVENT_LOG_SAS_TOKEN';
  return {
    variable,
    sparkConf: { [`spark.kubernetes.driver.secretKeyRef.${variable}`]: `${secret}:AZURE_STORAGE_SAS_TOKEN` },
  };
};

const hostOf = ({ url }: ObjectStoreFact): string => new URL(url).hostname;

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

/** What the bucket's connector needs; `token` is the variable with a token of Azure. */
const connectorProposal = (
  { app, injection, facts }: Request,
  store: ObjectStoreFact,
  given: Resolved<string>,
  token: string | undefined,
): Proposal => {
  if (store.provider === 'azure') {
    const { hadoopConf, missing } = abfsConf(app, injection, store, token);
    const omitted = missing === undefined ? NOTHING : notGiven(given, 'access', { why: missing });
    return { ...omitted, edits: editsFor(HADOOP_CONF, hadoopConf, given) };
  }
  const conf = store.provider === 'gcs' ? GCS_CONF : s3aConf(store, facts, awsCredentials(app, injection));
  return { ...NOTHING, edits: editsFor(HADOOP_CONF, conf, given) };
};

const HADOOP_CONF = ['spec', 'hadoopConf'];

const GCS_CONF: StringMap = {
  'fs.gs.impl': 'com.google.cloud.hadoop.fs.gcs.GoogleHadoopFileSystem',
  'fs.AbstractFileSystem.gs.impl': 'com.google.cloud.hadoop.fs.gcs.GoogleHadoopFS',
};

/** What S3A needs is said for this bucket alone: the app may read others, elsewhere and with other credentials. */
const s3aConf = (store: ObjectStoreFact, { cloud, policy }: Facts, credentials: StringMap): StringMap => {
  const { bucket, endpoint } = store;
  const service = [policy.s3, ...(policy.s3Services ?? [])].find((one) => one?.endpoint === endpoint);
  const region = store.location ?? (endpoint === undefined ? cloud.facts['region']?.value : service?.region);
  const isInPath = store.forcePathStyle ?? service?.forcePathStyle ?? true;
  const conf = {
    ...(region !== undefined && { 'endpoint.region': region }),
    ...(endpoint === undefined ? credentials : { endpoint, 'path.style.access': String(isInPath) }),
  };
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
  const isSdk2 = sparkVersionOf(app) >= 4;
  return {
    'aws.credentials.provider': isSdk2
      ? 'software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider'
      : 'com.amazonaws.auth.DefaultAWSCredentialsProviderChain',
  };
};

/** What is not given. */
const WHAT = { log: 'the event log was', store: 'what Spark needs for it was', access: 'its access was' } as const;

interface Omitted {
  readonly why: string;
  /** Of sparkConf, where it is one setting. */
  readonly key?: string;
  readonly isGeneral?: boolean;
  readonly isOutdone?: boolean;
}

/** It may be Ready for the next app. */
const notReady = (given: Resolved<string>, what: keyof typeof WHAT): Proposal => {
  const why = `no ObjectStore ${given.value} is Ready in this namespace or the platform's`;
  return notGiven(given, what, { why, isGeneral: true });
};

const notGiven = (
  given: Resolved<string>,
  what: keyof typeof WHAT,
  { why, key = LOG_DIR, isGeneral = false, isOutdone = false }: Omitted,
): Proposal => {
  const [at, field] = what === 'log' ? [SPARK_CONF, key] : [['inject'], 'objectStore'];
  return {
    edits: [],
    warnings: [`PlatformDefaults ${titleOf(given.source)}: ${WHAT[what]} not injected: ${why}.`],
    refused: [{ edit: editOf(at, field, given, given.value), why, isGeneral, isOutdone }],
  };
};
