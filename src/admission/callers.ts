import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';
import { TLSSocket, type TlsOptions } from 'node:tls';
import { PROBE_PATH } from '../api/names.ts';
import { hostOf } from './exchange.ts';
import { type Answer, failure } from './review.ts';

/** Who may ask for reviews; what is empty asks nothing of anybody. All that is said must hold. */
export interface CallerOptions {
  /** PEM of the authorities behind the certificate that an API server shows. */
  readonly authorities: string;
  /** Common names of such certificates; any that the authorities signed where there are none. */
  readonly names: readonly string[];
  /** CIDRs of the addresses that API servers call from. */
  readonly ranges: readonly string[];
  readonly onRefused?: (reason: RefusedCaller, address: string) => void;
}

/** What tells that a review comes from no API server of this cluster. */
export type RefusedCaller = 'address' | 'certificate' | 'name';

/** Who may ask a server for reviews. */
export interface Callers {
  /** What the server must be made with for that, and given again with each certificate. */
  readonly tls: Pick<TlsOptions, 'ca' | 'requestCert' | 'rejectUnauthorized'>;
  /** What a request is answered whose body is not worth reading; undefined where an API server may have sent it. */
  readonly refusalOf: (request: IncomingMessage) => Answer | undefined;
}

/** Tells API servers from everybody else, by address and by certificate, before anything of a review is read. */
export const createCallers = ({ authorities, names, ranges, onRefused }: CallerOptions): Callers => {
  const isListed = listOf(ranges);
  const reasonOf = ({ socket }: IncomingMessage): RefusedCaller | undefined => {
    if (!isListed(socket.remoteAddress)) return 'address';
    if (authorities === '') return undefined;
    const shown = commonNamesOf(socket);
    if (shown === undefined) return 'certificate';
    return names.length === 0 || shown.some((name) => names.includes(name)) ? undefined : 'name';
  };
  return {
    // Whom nobody vouches for is told so in HTTP: an alert of TLS would not reach whoever reads the API server's log.
    tls: authorities === '' ? {} : { ca: authorities, requestCert: true, rejectUnauthorized: false },
    refusalOf: (request) => {
      if (isSmallProbe(request)) return undefined;
      const reason = reasonOf(request);
      if (reason === undefined) return undefined;
      onRefused?.(reason, hostOf(request));
      return REFUSALS[reason];
    },
  };
};

/** Where nothing is said: whoever reaches the port may ask. */
export const ANYBODY: Callers = { tls: {}, refusalOf: () => undefined };

const listOf = (ranges: readonly string[]): ((address: string | undefined) => boolean) => {
  if (ranges.length === 0) return () => true;
  const listed = new BlockList();
  for (const range of ranges) {
    const [network = '', bits] = range.split('/');
    listed.addSubnet(network, Number(bits), familyOf(network));
  }
  return (address) => address !== undefined && listed.check(address, familyOf(address));
};

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4');

/** Undefined where no certificate was shown that the authorities vouch for. */
const commonNamesOf = (socket: IncomingMessage['socket']): readonly string[] | undefined => {
  if (!(socket instanceof TLSSocket && socket.authorized)) return undefined;
  const { CN = [] }: { readonly CN?: string | readonly string[] } = socket.getPeerCertificate().subject;
  return [CN].flat();
};

/** Of bytes: the leader's own have some 500. */
const MAX_PROBE_BYTES = 2_048;

/** The leader asks whether anybody answers, and cannot show an API server's certificate. It is told nothing else: see `isProbe`. */
const isSmallProbe = ({ url, headers }: IncomingMessage): boolean =>
  url === PROBE_PATH && Number(headers['content-length'] ?? Number.NaN) <= MAX_PROBE_BYTES;

const refusal = (why: string): Answer => failure(403, 'Forbidden', `Reviews are answered to API servers only: ${why}.`);

const REFUSALS: Readonly<Record<RefusedCaller, Answer>> = {
  address: refusal('this address is not in WEBHOOK_CLIENTS'),
  certificate: refusal('no certificate was shown that WEBHOOK_CLIENT_CA vouches for'),
  name: refusal('the common name of the certificate is not in WEBHOOK_CLIENT_NAMES'),
};
