import type { About, Meaning } from '../vendor-call.ts';
import { orAbsent } from './errors.ts';
import { exchange, isFine, refusalOf } from './exchange.ts';
import type { AzureSession } from './resource-manager.ts';

/** A call of Azure Resource Manager that the storage client has no method for. */
export interface ManagementCall {
  /** As Azure names the permission for it. */
  readonly operation: string;
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** From the subscription on: `/subscriptions/…`. */
  readonly path: string;
  readonly apiVersion: string;
  readonly body?: unknown;
  readonly meaning?: Meaning;
}

type Json = Readonly<Record<string, unknown>>;

/** What it answers; undefined where there is no such thing. */
export const manage = (
  session: AzureSession,
  { operation, meaning, ...call }: ManagementCall,
  about: About,
): Promise<Json | undefined> =>
  session.call(
    operation,
    orAbsent((signal) => ask(session, call, signal)),
    about,
    meaning,
  );

const ask = async (
  { credential, managementEndpoint = 'https://management.azure.com', caBundle }: AzureSession,
  { method, path, apiVersion, body }: Omit<ManagementCall, 'operation' | 'meaning'>,
  signal: AbortSignal,
): Promise<Json> => {
  const url = new URL(`${path}?api-version=${apiVersion}`, managementEndpoint);
  const token = await credential.getToken(new URL('/.default', managementEndpoint).href, { abortSignal: signal });
  if (token === null) throw Object.assign(new Error('no token'), { code: 'CredentialUnavailableError' });
  const content = body === undefined ? '' : JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${token.token}`,
    'content-length': String(Buffer.byteLength(content)),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  const answer = await exchange(url, { method, headers, body: content, caBundle }, signal);
  if (!isFine(answer)) throw refusalOf('Azure Resource Manager', answer, codeIn(answer.body));
  return answer.body === '' ? {} : objectIn(answer.body);
};

const objectIn = (text: string): Json => {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null) throw new Error('the answer is no object');
  return parsed as Json;
};

/** The code of its error; undefined for what is no answer of Resource Manager. */
const codeIn = (body: string): string | undefined => /"code"\s*:\s*"(\w+)"/.exec(body)?.[1];
