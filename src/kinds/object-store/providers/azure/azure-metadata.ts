import type { StringMap } from '../../../../api/kubernetes.ts';
import { BucketError } from '../bucket.ts';
import type { About } from '../vendor-call.ts';

/** Metadata names are C# identifiers and travel as HTTP headers: `quartermaster-uid` becomes `quartermaster_uid`. */
export const metadataOf = (pairs: StringMap): StringMap =>
  Object.fromEntries(
    Object.entries(pairs).map(([key, value]) => [
      key
        .replace(/\W/g, '_')
        .replace(/^(?=\d)/, '_')
        .toLowerCase(),
      value,
    ]),
  );

/** Azure keeps a name's case as it was first written and compares without it. */
export const lowerCased = (metadata: StringMap = {}): StringMap =>
  Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key.toLowerCase(), value]));

/** Throws UnsupportedFeature for labels that no HTTP header can hold. */
export const refuseForeignText = (labels: StringMap, { bucket }: About): void => {
  const wrong = Object.entries(labels).find((pair) => pair.some((text) => !/^[ -~]*$/.test(text)));
  if (wrong === undefined) return;
  const [name, label] = [JSON.stringify(bucket), JSON.stringify(wrong[0])];
  const message = `Container ${name}: spec.labels ${label} holds more than ASCII, which Azure's metadata cannot.`;
  throw new BucketError('UnsupportedFeature', message);
};
