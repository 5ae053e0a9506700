import type { Verdict } from './failure.ts';

const certificate =
  "the endpoint's certificate is not trusted; the authority of an S3 endpoint goes into a ConfigMap that spec.s3.caBundleRef names";

const adviceByCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the endpoint refuses connections',
  ECONNRESET: 'the endpoint closed the connection before it answered',
  EPIPE: 'the endpoint closed the connection before it answered',
  ETIMEDOUT: 'the endpoint did not answer in time',
  ESOCKETTIMEDOUT: 'the endpoint did not answer in time',
  TimeoutError: 'the endpoint did not answer in time',
  EHOSTUNREACH: 'there is no route to the endpoint',
  ENETUNREACH: 'there is no route to the endpoint',
  ENOTFOUND: "the endpoint's host name is not known",
  EAI_AGAIN: "the endpoint's host name cannot be looked up at the moment",
  EFORBIDDENADDRESS:
    "the endpoint's host name leads to a loopback, link-local or metadata address, which is not allowed",
  EBODYTOOLONG: "the endpoint's answer is too long to be read",
  EPROTO: 'the endpoint does not speak TLS as expected; see whether the address begins with http:// or https://',
  ERR_TLS_CERT_ALTNAME_INVALID: "the endpoint's certificate is for another host name",
  CERT_HAS_EXPIRED: "the endpoint's certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: certificate,
  SELF_SIGNED_CERT_IN_CHAIN: certificate,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificate,
  UNABLE_TO_GET_ISSUER_CERT: certificate,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: certificate,
};

const adviceOf = (code: string): string | undefined => {
  if (code.startsWith('HPE_')) return 'the endpoint does not answer as an HTTP server does';
  if (code.startsWith('ERR_SSL_')) return adviceByCode['EPROTO'];
  return adviceByCode[code];
};

/** The error and its causes, outermost first; vendors wrap what Node threw, some of them several times. */
const chain = (error: unknown): readonly Error[] => {
  const errors: Error[] = [];
  for (let each = error; each instanceof Error && errors.length < 5; each = each.cause) errors.push(each);
  return errors;
};

const codesOf = (error: Error): readonly string[] => {
  const code = 'code' in error && typeof error.code === 'string' ? [error.code] : [];
  return [...code, error.name];
};

/** What kept a call from being answered at all; undefined where it was not the network. */
export const networkFailure = (error: unknown): Verdict | undefined => {
  for (const code of chain(error).flatMap(codesOf)) {
    const advice = adviceOf(code);
    if (advice !== undefined) return { reason: 'EndpointUnreachable', code, advice };
  }
  return undefined;
};
