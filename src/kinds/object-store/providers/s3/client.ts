import { pipeline, type Readable, Transform } from 'node:stream';
import { rootCertificates } from 'node:tls';
import {
  type $Command,
  S3Client,
  type S3ClientResolvedConfig,
  S3ServiceException,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from '@aws-sdk/client-s3';
import { BucketError, type BucketReason } from '../bucket.ts';
import type { S3Credentials } from '../credentials.ts';
import { checkEndpoint, lookupGuard } from '../endpoints.ts';
import {
  type About,
  CALL_TIMEOUT_MS,
  createVendorCall,
  retryAfterMs,
  type VendorCall,
  type Verdict,
} from '../vendor-call.ts';

export interface S3Options {
  /** Needed for AWS. At an endpoint: what requests are signed for, us-east-1 where not given. */
  readonly region?: string | undefined;
  /** `https://host[:port]` of anything that speaks S3; AWS where not given. */
  readonly endpoint?: string | undefined;
  /** True where not given and there is an endpoint. */
  readonly forcePathStyle?: boolean | undefined;
  /** PEM; trusted besides the authorities Node knows. */
  readonly caBundle?: string | undefined;
  /** Needed at an endpoint; on AWS the SDK's own chain (web identity, pod identity, instance) where not given. */
  readonly credentials?: S3Credentials | undefined;
  /** False where not given: an endpoint is chosen by tenants. */
  readonly isLoopbackAllowed?: boolean | undefined;
  /** Where AWS IAM is asked; its own address where not given. */
  readonly iamEndpoint?: string | undefined;
  /** ARN of the OIDC provider by which IAM knows service accounts of the cluster; empty where it knows none. */
  readonly oidcProvider?: string | undefined;
  /** ARN of the cluster, where EKS Pod Identity gives its pods their roles; else empty. */
  readonly eksCluster?: string | undefined;
  /** Of each call; 10 s where not given. */
  readonly timeoutMs?: number | undefined;
}

type S3Command<Input extends ServiceInputTypes, Output extends ServiceOutputTypes> = $Command<
  Input,
  Output,
  S3ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes
>;

/** A client of one S3 service, and the ways to call it: each bounded in time and throwing BucketError only. */
export interface S3Session {
  readonly client: S3Client;
  readonly call: VendorCall;
  readonly send: <Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
    command: S3Command<Input, Output>,
    about: About,
  ) => Promise<Output>;
  /** Undefined where the bucket has no such thing, or whatever else `isMissing` takes for that. */
  readonly find: <Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
    command: S3Command<Input, Output>,
    about: About,
    isMissing?: (error: unknown) => boolean,
  ) => Promise<Output | undefined>;
  readonly region: string;
  /** Undefined for AWS. */
  readonly endpoint: URL | undefined;
  /** Whether buckets stand in the path of that. */
  readonly forcePathStyle: boolean;
}

const connectTimeoutMs = 3_000;
const idleSocketMs = 15_000;
const maxAnswerBytes = 16 * 1024 * 1024;

/** Throws BucketError where region, endpoint or credentials cannot be used. No connection is made yet. */
export const openS3Session = (options: S3Options): S3Session => {
  const endpoint = endpointOf(options);
  const region = regionOf(options);
  const { forcePathStyle = true, timeoutMs = CALL_TIMEOUT_MS } = options;
  const client = new S3Client({
    region,
    // Our own retries know what may be repeated, and when; the SDK's would run inside our time limit.
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: connectionOptions(options, timeoutMs),
    ...(endpoint && { endpoint: endpoint.href, forcePathStyle }),
    ...(options.credentials && { credentials: options.credentials }),
  });
  if (endpoint !== undefined) adaptToEndpoint(client);
  const target = endpoint?.origin ?? `AWS S3 in ${region}`;
  const call = createVendorCall({ target, timeoutMs, read: readS3Error });
  return { client, region, endpoint, forcePathStyle, call, ...sending(client, call) };
};

const sending = (client: S3Client, call: VendorCall): Pick<S3Session, 'send' | 'find'> => ({
  send: (command, about) => call(operationOf(command), (abortSignal) => client.send(command, { abortSignal }), about),
  find: (command, about, isMissing = isUnset) =>
    call(
      operationOf(command),
      (abortSignal) =>
        client.send(command, { abortSignal }).catch((error: unknown) => {
          if (isMissing(error)) return undefined;
          throw error;
        }),
      about,
    ),
});

/** `CreateBucket` of a CreateBucketCommand, or of a CreateBucketCommand2 as a bundler may call it. */
const operationOf = (command: object): string => command.constructor.name.replace(/Command\d*$/, '');

const endpointOf = ({ endpoint, credentials, isLoopbackAllowed = false }: S3Options): URL | undefined => {
  if (endpoint === undefined) return undefined;
  const wrong = checkEndpoint('spec.s3.endpoint', endpoint, isLoopbackAllowed);
  if (wrong !== undefined) throw new BucketError('EndpointUnreachable', wrong);
  // The platform's own identity must never sign, let alone send its session token, to a server that a tenant chose.
  if (credentials === undefined)
    throw new BucketError('CredentialsMissing', 'spec.s3.endpoint needs spec.credentialsSecretRef.');
  return new URL(endpoint);
};

/** The region becomes part of AWS' host name, and of every signature. */
const regionOf = ({ region, endpoint }: S3Options): string => {
  if (region !== undefined && /^[A-Za-z0-9-]{1,64}$/.test(region)) return region;
  if (region !== undefined)
    throw new BucketError('LocationMismatch', `spec.location ${JSON.stringify(region)} is not the name of a region.`);
  if (endpoint !== undefined) return 'us-east-1';
  throw new BucketError('LocationMismatch', 'spec.location is needed: the region of this cluster on AWS is not known.');
};

const connectionOptions = ({ endpoint, caBundle, isLoopbackAllowed = false }: S3Options, timeoutMs: number) => {
  const agent = {
    keepAlive: true,
    timeout: idleSocketMs,
    ...(endpoint !== undefined && { lookup: lookupGuard(isLoopbackAllowed) }),
  };
  return {
    connectionTimeout: Math.min(connectTimeoutMs, timeoutMs),
    requestTimeout: timeoutMs,
    throwOnRequestTimeout: true,
    httpAgent: agent,
    httpsAgent: { ...agent, ...(caBundle !== undefined && { ca: [...rootCertificates, caBundle] }) },
  };
};

const adaptToEndpoint = ({ middlewareStack }: S3Client): void => {
  // It would send the region as a LocationConstraint, which Ceph and others refuse unless they were set up with it.
  middlewareStack.remove('locationConstraintMiddleware');
  // The SDK reads answers whole into memory; a tenant's server must not fill ours.
  middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      if (isStreamed(result.response)) result.response.body = bounded(result.response.body);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'boundAnswer' },
  );
};

const bounded = (body: Readable): Readable => {
  let read = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      read += chunk.length;
      done(read > maxAnswerBytes ? Object.assign(new Error('too long'), { code: 'EBODYTOOLONG' }) : null, chunk);
    },
  });
  // Either end failing destroys both, and whoever reads the counter sees the error.
  return pipeline(body, counter, () => undefined);
};

const isStreamed = (response: unknown): response is { body: Readable } =>
  typeof response === 'object' &&
  response !== null &&
  'body' in response &&
  typeof response.body === 'object' &&
  response.body !== null &&
  'pipe' in response.body;

/** Codes of AWS, Ceph, Swift, MinIO; HEAD answers carry none, so the status decides where the code says nothing. */
const reasonOfCode: Readonly<Record<string, BucketReason>> = {
  BucketAlreadyExists: 'NameTaken',
  BucketAlreadyOwnedByYou: 'NotOwned',
  InvalidBucketName: 'InvalidName',
  TooManyBuckets: 'QuotaExceeded',
  QuotaExceeded: 'QuotaExceeded',
  BucketNotEmpty: 'BucketNotEmpty',
  InvalidAccessKeyId: 'CredentialsInvalid',
  SignatureDoesNotMatch: 'CredentialsInvalid',
  InvalidToken: 'CredentialsInvalid',
  ExpiredToken: 'CredentialsInvalid',
  InvalidClientTokenId: 'CredentialsInvalid',
  CredentialsProviderError: 'CredentialsMissing',
  AccessDenied: 'PermissionDenied',
  AllAccessDisabled: 'PermissionDenied',
  InvalidLocationConstraint: 'LocationMismatch',
  IllegalLocationConstraintException: 'LocationMismatch',
  AuthorizationHeaderMalformed: 'LocationMismatch',
  PermanentRedirect: 'LocationMismatch',
  TemporaryRedirect: 'LocationMismatch',
  NotImplemented: 'UnsupportedFeature',
  MalformedXML: 'UnsupportedFeature',
  InvalidArgument: 'UnsupportedFeature',
  InvalidBucketState: 'UnsupportedFeature',
  MethodNotAllowed: 'UnsupportedFeature',
  SlowDown: 'Throttled',
  ServiceUnavailable: 'Throttled',
  Throttling: 'Throttled',
  ThrottlingException: 'Throttled',
  TooManyRequests: 'Throttled',
  RequestLimitExceeded: 'Throttled',
  OperationAborted: 'Throttled',
};

const reasonOfStatus: Readonly<Record<number, BucketReason>> = {
  301: 'LocationMismatch',
  307: 'LocationMismatch',
  401: 'CredentialsInvalid',
  403: 'PermissionDenied',
  405: 'UnsupportedFeature',
  429: 'Throttled',
  501: 'UnsupportedFeature',
  503: 'Throttled',
};

/** Where no call was made at all the SDK throws an error of its own, and says by its name what was missing. */
const codeOf = (error: unknown): string | undefined => (error instanceof Error ? error.name : undefined);

/** What an error of the SDK means: by the server's code, then by the HTTP status. */
export const readS3Error = (error: unknown): Verdict => {
  const code = codeOf(error);
  const byCode = code === undefined ? undefined : reasonOfCode[code];
  if (!(error instanceof S3ServiceException)) return { reason: byCode ?? 'ProviderError', ...(code && { code }) };
  const status = error.$metadata.httpStatusCode;
  const reason = byCode ?? (status === undefined ? undefined : reasonOfStatus[status]) ?? 'ProviderError';
  const later = retryAfterMs(error.$response?.headers['retry-after']);
  return {
    reason,
    ...(code && code !== 'Unknown' && { code }),
    ...(status !== undefined && { status }),
    ...(later !== undefined && { retryAfterMs: later }),
  };
};

export const statusOf = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;

export const isAbsent = (error: unknown): boolean => statusOf(error) === 404;

/** What is not set is a 404 too, under many codes (NoSuchTagSet, NoSuchLifecycleConfiguration, …); a bucket that is gone has one. */
const isUnset = (error: unknown): boolean => isAbsent(error) && codeOf(error) !== 'NoSuchBucket';

/** The endpoint does not have the call at all. */
export const isUnsupported = (error: unknown): boolean => readS3Error(error).reason === 'UnsupportedFeature';
