import { BUCKET_MARK_PREFIX } from '../../api/names.ts';
import type { BucketProviderName } from '../../api/object-store.ts';

interface LabelRule {
  readonly key: RegExp;
  readonly value: RegExp;
  readonly says: string;
}

/** Google Cloud Storage labels, S3 bucket tags, Azure container metadata, as the vendors' pages have them. */
const labelRules: Readonly<Record<BucketProviderName, LabelRule>> = {
  gcs: {
    key: /^\p{Ll}[\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u,
    value: /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u,
    says: 'Google Cloud Storage takes a-z, 0-9, "_" and "-", at most 63 of them, in keys that begin with a letter',
  },
  s3: {
    key: /^(?!aws:)[\p{L}\p{N} +\-=._:/@]{1,128}$/u,
    value: /^[\p{L}\p{N} +\-=._:/@]{0,256}$/u,
    says: 'S3 takes letters, digits, spaces and + - = . _ : / @, at most 128 in a key and 256 in a value',
  },
  azure: {
    key: /^[!-~][ -~]{0,127}$/,
    value: /^[ -~]{0,256}$/,
    says: 'Azure takes printable ASCII, at most 128 in a key and 256 in a value',
  },
};

/** Why the provider would not take a label, as one sentence that begins with its field; undefined where it takes it. */
export const checkBucketLabel = (provider: BucketProviderName, key: string, value: string): string | undefined => {
  const rule = labelRules[provider];
  if (key.startsWith(BUCKET_MARK_PREFIX))
    return `spec.labels ${JSON.stringify(key)} cannot be put on the bucket: ${BUCKET_MARK_PREFIX} is for the owner mark.`;
  return rule.key.test(key) && rule.value.test(value)
    ? undefined
    : `spec.labels ${JSON.stringify(key)}: ${JSON.stringify(value)} cannot be put on the bucket: ${rule.says}.`;
};
