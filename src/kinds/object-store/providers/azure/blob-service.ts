import { createHmac } from 'node:crypto';
import type { TokenCredential } from '@azure/identity';
import type { StringMap } from '../../../../api/kubernetes.ts';
import { type BucketConnection, BucketError } from '../bucket.ts';
import type { About } from '../vendor-call.ts';
import type { AzureAnswer } from './errors.ts';
import { type Answered, exchange, isFine, refusalOf } from './exchange.ts';

/** What Azure Resource Manager cannot do or tell: the Blob service's own REST API, of containers only. */
export interface BlobService {
  /** Throws an Error with the fields of AzureAnswer where the answer is none of 2xx. */
  readonly send: (call: BlobCall, signal: AbortSignal) => Promise<BlobAnswer>;
}

export interface BlobCall {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly container: string;
  /** Besides `restype=container`, unless it says otherwise. */
  readonly query?: StringMap;
  /** In lower case, `x-ms-…` only. */
  readonly headers?: StringMap;
  /** XML. */
  readonly body?: string;
  /** A date as HTTP writes it: nothing is done where it was changed since. */
  readonly unmodifiedSince?: string;
}

export interface BlobAnswer {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

interface SignedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: StringMap;
  readonly contentLength?: number;
  readonly unmodifiedSince?: string | undefined;
}

/** Gives the Authorization header of a request. */
export type Authorize = (request: SignedRequest, signal: AbortSignal) => Promise<string>;

const version = '2021-12-02';

/** `endpoint`: `https://<account>.blob.core.windows.net/`. `caBundle`: PEM, trusted besides the authorities Node knows. */
export const openBlobService = (endpoint: URL, authorize: Authorize, caBundle?: string): BlobService => ({
  send: async ({ method, container, query = {}, headers = {}, body = '', unmodifiedSince }, signal) => {
    const url = new URL(endpoint);
    url.pathname = `${endpoint.pathname.replace(/\/$/, '')}/${container}`;
    url.search = new URLSearchParams({ restype: 'container', ...query }).toString();
    const unsigned = { ...headers, 'x-ms-date': new Date().toUTCString(), 'x-ms-version': version };
    const contentLength = Buffer.byteLength(body);
    const request = { method, url, headers: unsigned, contentLength, unmodifiedSince };
    const plain = {
      'content-length': String(contentLength),
      ...(unmodifiedSince !== undefined && { 'if-unmodified-since': unmodifiedSince }),
    };
    const authorization = await authorize(request, signal);
    const options = { method, headers: { ...unsigned, ...plain, authorization }, body, caBundle };
    const answer = await exchange(url, options, signal);
    if (!isFine(answer)) throw refusal(answer);
    return answer;
  },
});

const refusal = (answer: Answered): Error & AzureAnswer => {
  const code = answer.headers['x-ms-error-code'];
  return refusalOf('The Blob service', answer, typeof code === 'string' ? code : undefined);
};

/** Signs with a token of Microsoft Entra ID. */
export const bearerToken =
  (credential: TokenCredential): Authorize =>
  async (_request, abortSignal) => {
    const token = await credential.getToken('https://storage.azure.com/.default', { abortSignal });
    if (token === null) throw Object.assign(new Error('no token'), { code: 'CredentialUnavailableError' });
    return `Bearer ${token.token}`;
  };

/** Signs with the account's own key (Shared Key of the Blob service; the empty lines are headers we never send). */
export const sharedKey =
  (account: string, key: string): Authorize =>
  ({ method, url, headers, contentLength = 0, unmodifiedSince = '' }) => {
    const length = contentLength === 0 ? '' : String(contentLength);
    const plain = ['', '', length, '', '', '', '', '', '', unmodifiedSince, ''];
    const ours = sortedLines(Object.entries(headers));
    const resource = [`/${account}${url.pathname}`, ...sortedLines([...url.searchParams])];
    const text = [method, ...plain, ...ours, ...resource].join('\n');
    const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(text, 'utf8').digest('base64');
    return Promise.resolve(`SharedKey ${account}:${signature}`);
  };

const sortedLines = (pairs: readonly (readonly [string, string])[]): readonly string[] =>
  pairs.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}:${value}`);

/** Pages without a blob that are turned before a container counts as holding something. */
const maxEmptyPages = 10;

/**
 * True where the container certainly holds no blob, no version of one and no unfinished upload. `include`: what to count
 * besides the blobs themselves (`versions,uncommittedblobs`).
 */
export const isContainerEmpty = async (
  service: BlobService,
  container: string,
  include: string,
  signal: AbortSignal,
): Promise<boolean> => {
  let marker = '';
  for (let page = 0; page < maxEmptyPages; page += 1) {
    const query = { comp: 'list', include, maxresults: '1', ...(marker !== '' && { marker }) };
    const { body } = await service.send({ method: 'GET', container, query }, signal);
    if (!/<EnumerationResults[\s>]/.test(body) || /<Blob>/.test(body)) return false;
    marker = /<NextMarker>([^<]*)<\/NextMarker>/.exec(body)?.[1] ?? '';
    if (marker === '') return true;
  }
  return false;
};

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

/** Where each Azure keeps its blobs, by its Resource Manager. */
const suffixes: Readonly<Record<string, string>> = {
  'management.azure.com': 'core.windows.net',
  'management.usgovcloudapi.net': 'core.usgovcloudapi.net',
  'management.chinacloudapi.cn': 'core.chinacloudapi.cn',
};

/** `core.windows.net`, unless the management endpoint is another Azure's. */
export const storageSuffix = (managementEndpoint = 'https://management.azure.com'): string =>
  suffixes[new URL(managementEndpoint).hostname] ?? 'core.windows.net';

/** abfss:// is spoken with the account's dfs host. */
export const azureConnection = (
  account: string,
  container: string,
  region: string,
  suffix: string,
): BucketConnection => ({
  url: `abfss://${container}@${account}.dfs.${suffix}`,
  host: `${account}.blob.${suffix}`,
  port: 443,
  region,
  endpoint: undefined,
});
