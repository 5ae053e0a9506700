import { AppError } from '../api/errors.ts';
import type { Policy } from '../api/facts.ts';
import { installedName } from '../api/names.ts';
import { settings } from './definitions.ts';
import type { Setting } from './setting.ts';

export type SettingName = keyof typeof settings;
export type Settings = { readonly [Name in SettingName]: ReturnType<(typeof settings)[Name]['parse']> };

export const flagOf = (name: SettingName): string => `--${settings[name].env.toLowerCase().replaceAll('_', '-')}`;

/** Those that name an object of the install. */
const INSTALLED: ReadonlySet<string> = new Set(['serviceName', 'webhookConfigurationName'] satisfies SettingName[]);

/**
 * Reads every setting: a flag wins over the environment, which wins over the default.
 * Throws AppError('InvalidSetting') naming each setting that is wrong, all of them in one sentence.
 */
export const readSettings = (
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Partial<Record<SettingName, string>>> = {},
): Settings => {
  const invalid: string[] = [];
  const account = flags.serviceAccount ?? environment[settings.serviceAccount.env];
  const read = ([name, { env, fallback, parse }]: [string, Setting<unknown>]): [string, unknown] => {
    const unsaid = INSTALLED.has(name) ? installedName(fallback, account) : fallback;
    const given = flags[name as SettingName] ?? environment[env] ?? unsaid;
    try {
      return [name, parse(given)];
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      invalid.push(`${env}=${JSON.stringify(given)} is not ${error.message}`);
      return [name, undefined];
    }
  };
  const values = Object.fromEntries(Object.entries(settings).map(read)) as Settings;
  const violations = invalid.length > 0 ? invalid : conflicts(values);
  if (violations.length > 0) throw new AppError('InvalidSetting', `Settings refused: ${violations.join('; ')}.`);
  return values;
};

/** Those that no running part has already acted upon. */
export const LIVE_SETTINGS = [
  'logLevel',
  'storageClassPattern',
  'storageClassLimit',
  'unknownClass',
  'rwxFallback',
  'podProfiles',
] as const satisfies readonly SettingName[];

/** What is wrong with the text of one setting, by its name in the environment: a part of a sentence. Undefined where nothing is. */
export const violationOfSetting = (env: string, text: string): string | undefined => {
  const definition = Object.values(settings).find((one) => one.env === env);
  try {
    definition?.parse(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `${JSON.stringify(text)} is not ${error.message}`;
  }
};

const conflicts = ({
  tlsCertFile,
  tlsKeyFile,
  tlsCaFile,
  drainSeconds,
  shutdownSeconds,
  s3Endpoint,
  s3Credentials,
  webhookClientCa,
  webhookClientNames,
}: Settings): readonly string[] => [
  ...((tlsCertFile === '') === (tlsKeyFile === '')
    ? []
    : ['TLS_CERT_FILE and TLS_KEY_FILE are given together or not at all']),
  ...(tlsCaFile !== '' && tlsCertFile === '' ? ['TLS_CA_FILE is given without TLS_CERT_FILE'] : []),
  ...(s3Credentials !== '' && s3Endpoint === '' ? ['S3_CREDENTIALS is given without S3_ENDPOINT'] : []),
  ...(webhookClientNames.length > 0 && webhookClientCa === ''
    ? ['WEBHOOK_CLIENT_NAMES is given without WEBHOOK_CLIENT_CA']
    : []),
  ...(drainSeconds > shutdownSeconds ? ['DRAIN_SECONDS is longer than SHUTDOWN_SECONDS'] : []),
];

/** The part of the settings that decisions depend on. */
export const policyOf = (values: Settings): Policy => ({
  systemNamespace: values.namespace,
  account: values.serviceAccount,
  refusesUnenforced: values.unenforced === 'deny',
  exemptUsers: new Set(values.exemptUsers),
  namespaceAnnotations: new Set(values.namespaceAnnotations),
  storageClassPattern: values.storageClassPattern,
  storageClassLimit: values.storageClassLimit,
  unknownClass: values.unknownClass,
  rwxFallback: values.rwxFallback,
  nfsNamespace: values.nfsNamespace,
  nfsImage: values.nfsImage,
  ...(values.nfsServerImage !== '' && { nfsServerImage: values.nfsServerImage }),
  nfsClients: values.nfsClients,
  ...(values.nfsServer !== '' && { nfsServer: values.nfsServer }),
  nfsShare: values.nfsShare,
  nfsLimitsGi: {
    claim: values.nfsClaimLimitGi,
    namespace: values.nfsNamespaceLimitGi,
    server: values.nfsServerLimitGi,
  },
  azureFileAccount: values.azureFileAccount,
  ...(values.s3Endpoint !== '' && {
    s3: {
      endpoint: new URL(values.s3Endpoint).origin,
      ...(values.s3Credentials !== '' && { secretName: values.s3Credentials }),
      ...(values.s3Region !== '' && { region: values.s3Region }),
      forcePathStyle: values.s3Addressing === 'path',
    },
  }),
  s3Services: values.s3Services,
  calrissian: {
    account: values.serviceAccount,
    serviceAccounts: values.calrissianServiceAccounts,
    bucket:
      values.calrissianObjectStore === ''
        ? { name: values.calrissianBucket }
        : { objectStore: values.calrissianObjectStore },
    secret: values.calrissianSecret,
  },
  podProfiles: values.podProfiles,
  allowLoopbackEndpoints: values.objectStoreLoopback === 'allow',
});
