import type { IncomingMessage } from 'node:http';
import http from 'node:http';
import https from 'node:https';
import { rootCertificates } from 'node:tls';
import { textWithin } from '../../../../kube/bounded-text.ts';
import type { AzureAnswer } from './errors.ts';

/** One request, and what came back whatever its status. */
export interface Exchange {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM; trusted besides the authorities Node knows. */
  readonly caBundle?: string | undefined;
}

export interface Answered {
  readonly statusCode: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const maxBodyBytes = 1024 * 1024;

/** Sends a request on a connection of its own, and reads the answer into memory as far as that is safe. */
export const exchange = async (
  url: URL,
  { method, headers, body = '', caBundle }: Exchange,
  signal: AbortSignal,
): Promise<Answered> => {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { request } = url.protocol === 'http:' ? http : https;
  const trusted = caBundle === undefined ? {} : { ca: [...rootCertificates, caBundle] };
  request(url, { method, headers, signal, agent: false, ...trusted }, resolve)
    .on('error', reject)
    .end(body);
  const answer = await promise;
  return { statusCode: answer.statusCode ?? 0, headers: answer.headers, body: await read(answer) };
};

const read = async (answer: IncomingMessage): Promise<string> => {
  const body = await textWithin(answer, maxBodyBytes);
  if (body === undefined) throw Object.assign(new Error('too long'), { code: 'EBODYTOOLONG' });
  return body;
};

export const isFine = ({ statusCode }: Answered): boolean => statusCode >= 200 && statusCode <= 299;

/** An Error with the fields of AzureAnswer. */
export const refusalOf = (
  service: string,
  { statusCode, headers }: Answered,
  code: string | undefined,
): Error & AzureAnswer => {
  const get = (name: string) => (name === 'retry-after' ? headers['retry-after'] : undefined);
  return Object.assign(new Error(`${service} answered ${statusCode}.`), {
    statusCode,
    ...(code !== undefined && { code }),
    response: { headers: { get } },
  });
};
