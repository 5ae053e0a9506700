import { isIP } from 'node:net';
import type { BucketProviderName } from '../../api/object-store.ts';

interface NameRule {
  readonly isBroken: (name: string) => boolean;
  /** Ends the sentence `spec.name "x" cannot be …: it `. */
  readonly says: string;
}

const broken = (pattern: RegExp, says: string): NameRule => ({ isBroken: (name) => pattern.test(name), says });
const required = (pattern: RegExp, says: string): NameRule => ({ isBroken: (name) => !pattern.test(name), says });

const notAnAddress: NameRule = { isBroken: (name) => isIP(name) === 4, says: 'must not look like an IP address' };
const notTwoDots = broken(/\.\./, 'must not hold two dots in a row');
const alphanumericEnds = required(/^[a-z0-9].*[a-z0-9]$/, 'must begin and end with a letter or a digit');

const reservedPrefix = /^(xn--|sthree-|amzn-s3-demo-)/;
const reservedSuffix = /(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/;
/** `<prefix>-<12-digit account>-<region>-an`: the account-regional namespace, made by a call of its own. */
const accountRegional = /-\d{12}-[a-z]{2}-[a-z0-9-]+-an$/;

const nameRules: Readonly<Record<BucketProviderName, readonly NameRule[]>> = {
  s3: [
    required(/^.{3,63}$/s, 'must be 3 to 63 characters long'),
    required(/^[a-z0-9.-]+$/, 'may hold only a-z, 0-9, "." and "-"'),
    alphanumericEnds,
    notTwoDots,
    notAnAddress,
    broken(reservedPrefix, 'must not begin with xn--, sthree- or amzn-s3-demo-, which S3 keeps for itself'),
    broken(reservedSuffix, 'must not end in -s3alias, --ol-s3, .mrap, --x-s3 or --table-s3, which S3 keeps for itself'),
    broken(accountRegional, 'must not end like an account-regional bucket (-<account>-<region>-an)'),
  ],
  gcs: [
    required(
      /^(?=.{3,222}$)[^.]{0,63}(\.[^.]{0,63})*$/,
      'must be 3 to 63 characters long (222 with dots, 63 between them)',
    ),
    required(/^[a-z0-9._-]+$/, 'may hold only a-z, 0-9, ".", "_" and "-"'),
    alphanumericEnds,
    notTwoDots,
    notAnAddress,
    broken(/^goog/, 'must not begin with goog'),
    broken(/g[o0][o0]gle/, 'must not hold google or anything that looks like it'),
  ],
  azure: [
    required(/^.{3,63}$/s, 'must be 3 to 63 characters long'),
    required(/^[a-z0-9-]+$/, 'may hold only a-z, 0-9 and "-"'),
    alphanumericEnds,
    broken(/--/, 'must not hold two hyphens in a row'),
  ],
};

const titles: Readonly<Record<BucketProviderName, string>> = {
  s3: 'an S3 bucket',
  gcs: 'a Google Cloud Storage bucket',
  azure: 'an Azure Blob container',
};

/**
 * The naming rule of the provider that `name` breaks, as one sentence that begins with `spec.name`; undefined where it breaks none.
 * Sources: the vendors' naming pages (S3 general purpose buckets, GCS buckets, Azure containers).
 */
export const checkBucketName = (provider: BucketProviderName, name: string): string | undefined => {
  const rule = nameRules[provider].find(({ isBroken }) => isBroken(name));
  return rule && `spec.name ${JSON.stringify(name)} cannot be ${titles[provider]}: it ${rule.says}.`;
};

/** The same for the storage account that holds Azure containers; the sentence begins with `spec.azure.storageAccount`. */
export const checkStorageAccountName = (name: string): string | undefined =>
  /^[a-z0-9]{3,24}$/.test(name)
    ? undefined
    : `spec.azure.storageAccount ${JSON.stringify(name)} must be 3 to 24 characters long and hold only a-z and 0-9.`;
