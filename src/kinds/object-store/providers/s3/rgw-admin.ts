import type { StringMap } from '../../../../api/kubernetes.ts';
import { BucketError, type BucketReason } from '../bucket.ts';
import { type About, createVendorCall, type Verdict } from '../vendor-call.ts';
import type { S3Session } from './client.ts';

/** A user as the gateway has it. */
export interface RgwUser {
  readonly max_buckets: number;
  /** 1 where it is shut out. */
  readonly suspended: number;
  readonly caps: readonly unknown[];
  readonly keys: readonly { readonly access_key: string; readonly secret_key: string }[];
}

/** Calls the admin API. What it answers; undefined where it answers nothing, or an error that `isMissing` knows. */
export type RgwAdmin = <T>(
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  resource: 'user' | 'bucket',
  query: StringMap,
  about: About,
  isMissing?: (error: unknown) => boolean,
) => Promise<T | undefined>;

/** A refusal of the admin API. */
class AdminError extends Error {
  readonly status: number;

  constructor(status: number, code: string) {
    super(`The admin API answered ${status}.`);
    this.name = code;
    this.status = status;
  }
}

/** `NoSuchUser`; undefined for what is no refusal of the admin API. */
export const adminErrorCode = (error: unknown): string | undefined =>
  error instanceof AdminError ? error.name : undefined;

/**
 * The admin API of a Ceph object gateway, below `/admin` at its S3 endpoint, with the client, the connections and the signer
 * of the session. Its parameters stand in the query alone: what has a body, Ceph does not take signed.
 */
export const rgwAdmin = (session: S3Session): RgwAdmin => {
  const call = createVendorCall({
    target: session.endpoint?.origin ?? 'S3',
    read: readAdminError,
  });
  return async <T>(
    method: Parameters<RgwAdmin>[0],
    resource: Parameters<RgwAdmin>[1],
    query: StringMap,
    about: About,
    isMissing: (error: unknown) => boolean = () => false,
  ): Promise<T | undefined> =>
    call(
      `${method} admin/${resource}`,
      (signal) =>
        ask(session, { method, path: `/admin/${resource}`, query: { ...query, format: 'json' } }, signal).catch(
          (error: unknown) => {
            if (isMissing(error)) return undefined;
            throw error;
          },
        ) as Promise<T | undefined>,
      about,
    );
};

interface AdminRequest {
  readonly method: string;
  readonly path: string;
  readonly query: StringMap;
}

const ask = async (
  { client, endpoint }: S3Session,
  request: AdminRequest,
  abortSignal: AbortSignal,
): Promise<unknown> => {
  const { hostname = '', host = '', protocol = 'https:', port = '' } = endpoint ?? {};
  const { signer, requestHandler, streamCollector } = client.config;
  const unsigned = { ...request, hostname, protocol, headers: { host }, ...(port !== '' && { port: Number(port) }) };
  const signed = await (await signer()).sign(unsigned);
  const { response } = (await requestHandler.handle(signed as Handled, { abortSignal })) as Answered;
  const text = Buffer.from(await streamCollector(response.body)).toString('utf8');
  if (response.statusCode < 300) return text === '' ? undefined : JSON.parse(text);
  throw new AdminError(response.statusCode, codeIn(text));
};

/** The signer answers with the class that the handler takes, and says so in its code alone. */
type Handled = Parameters<S3Session['client']['config']['requestHandler']['handle']>[0];

interface Answered {
  readonly response: { readonly statusCode: number; readonly body: unknown };
}

/** Ceph answers in JSON, what is no Ceph in XML or HTML. */
const codeIn = (text: string): string =>
  /"Code":\s*"(\w+)"/.exec(text)?.[1] ?? /<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? '';

const NO_ADMIN =
  'spec.access needs the admin API of a Ceph object gateway, and this endpoint has none: leave spec.access out and bring keys that somebody made';
const NO_CAPS =
  'spec.access needs keys that may make users: give their user the caps, as radosgw-admin caps add --uid=USER --caps="users=*;buckets=*"';

const reasons: Readonly<Record<string, BucketReason>> = {
  InvalidAccessKeyId: 'CredentialsInvalid',
  SignatureDoesNotMatch: 'CredentialsInvalid',
  SlowDown: 'Throttled',
  ServiceUnavailable: 'Throttled',
};

const readAdminError = (error: unknown): Verdict => {
  if (error instanceof SyntaxError) return { reason: 'UnsupportedFeature', advice: NO_ADMIN };
  if (error instanceof BucketError || !(error instanceof AdminError)) return { reason: 'ProviderError' };
  const { status, name: code } = error;
  const known = reasons[code];
  if (known !== undefined) return { reason: known, status, code };
  if (status === 403) return { reason: 'PermissionDenied', status, code, advice: NO_CAPS };
  if (status === 404 || status === 405 || status === 501)
    return { reason: 'UnsupportedFeature', status, code, advice: NO_ADMIN };
  return { reason: 'ProviderError', status, code };
};
