import type { ObjectStoreFact } from '../../../api/facts.ts';
import type { Injection } from '../../../api/injection.ts';
import type { KubeObject, StringMap } from '../../../api/kubernetes.ts';
import { textAt } from '../../../injection/path.ts';
import { confOf, hadoopKeys, ROLES, type Role, sparkVersionOf } from '../fields.ts';

/** What Azure's connector is to be told of one container. */
export interface AbfsConf {
  readonly hadoopConf: StringMap;
  /** Why there is none, as the end of a sentence. */
  readonly missing?: string;
}

/** Fixed tokens and workload identity came with Hadoop 3.4.1 (HADOOP-18516, HADOOP-18610), which is that of Spark 4. */
const OLDEST_SPARK = 4;

/**
 * How ABFS proves who it is at the storage account, by reference alone: Hadoop itself puts variables of the process in the
 * place of `${env.NAME}` (Configuration.substituteVars). `variable` holds the token of an ObjectStore whose workload has one.
 * Without one it is the pod's identity, where its pods ask AKS for it. Nothing where the app says how itself.
 */
export const abfsConf = (
  app: KubeObject,
  injection: Injection,
  { url, serviceAccount }: ObjectStoreFact,
  variable: string | undefined,
): AbfsConf => {
  const host = new URL(url).hostname;
  if (variable === undefined && !ROLES.every((role) => asksForIdentity(app, injection, role)))
    return serviceAccount === undefined || isSaid(app, injection, host)
      ? { hadoopConf: {} }
      : { hadoopConf: {}, missing: withoutLabel(serviceAccount) };
  const given = Object.entries(variable === undefined ? IDENTITY : tokenConf(variable));
  const hadoopConf = Object.fromEntries(given.map(([key, value]) => [`${key}.${host}`, value]));
  if (hadoopKeys(app, injection).some((key) => saysHow(key, host) && !(key in hadoopConf))) return { hadoopConf: {} };
  return sparkVersionOf(app) >= OLDEST_SPARK ? { hadoopConf } : { hadoopConf: {}, missing: TOO_OLD };
};

/** Whether the app says itself how it proves who it is. */
const isSaid = (app: KubeObject, injection: Injection, host: string): boolean =>
  hadoopKeys(app, injection).some((key) => saysHow(key, host));

const withoutLabel = (serviceAccount: string): string =>
  `service account ${serviceAccount} has it by its own identity, and driver and executors lack the label ${USE_IDENTITY}: "true", by which Azure gives pods that: say it, or give it by inject.labels`;

const TOO_OLD =
  'Spark before 4 has a Hadoop that takes neither tokens nor workload identity on Azure: use Spark 4, or give fs.azure.account.* in spec.hadoopConf';

const tokenConf = (variable: string): StringMap => ({
  'fs.azure.account.auth.type': 'SAS',
  'fs.azure.sas.fixed.token': `\${env.${variable}}`,
});

/** The variables are those that the webhook of Azure Workload Identity gives pods. */
const IDENTITY: StringMap = {
  'fs.azure.account.auth.type': 'OAuth',
  'fs.azure.account.oauth.provider.type': 'org.apache.hadoop.fs.azurebfs.oauth2.WorkloadIdentityTokenProvider',
  'fs.azure.account.oauth2.client.id': '${env.AZURE_CLIENT_ID}',
  'fs.azure.account.oauth2.msi.tenant': '${env.AZURE_TENANT_ID}',
  'fs.azure.account.oauth2.token.file': '${env.AZURE_FEDERATED_TOKEN_FILE}',
};

/** A word on it, for all accounts or for this one. */
const saysHow = (key: string, host: string): boolean =>
  /^fs\.azure\.(account\.(auth|key|oauth)|sas\.)/.test(key) && (isGeneral(key) || key.endsWith(`.${host}`));

const isGeneral = (key: string): boolean => !/\.(dfs|blob)\./.test(key);

const USE_IDENTITY = 'azure.workload.identity/use';

/** Whether a role's pods have the label by which the webhook of Azure Workload Identity knows them. */
const asksForIdentity = (app: KubeObject, injection: Injection, role: Role): boolean => {
  const places = [
    ['spec', role, 'labels'],
    ['spec', role, 'template', 'metadata', 'labels'],
    ['spec', `${role}Spec`, 'podTemplateSpec', 'metadata', 'labels'],
  ];
  const said = places.map((place) => textAt(app, [...place, USE_IDENTITY])).find((label) => label !== undefined);
  const label =
    said ??
    confOf(app, injection, `spark.kubernetes.${role}.label.${USE_IDENTITY}`) ??
    injection.labels.get(USE_IDENTITY)?.value;
  return label === 'true';
};
