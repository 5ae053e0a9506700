import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { messageOf } from '../api/errors.ts';
import type { PemPair } from './issue.ts';

/** What the webhook serves with, and what its callers must trust. All PEM. */
export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
  /** For the webhook configuration; undefined where somebody else puts it there. */
  readonly caBundle: string | undefined;
  readonly notAfter: Date;
  /** Until when the authority behind it is valid; undefined where that is not known. */
  readonly authorityNotAfter: Date | undefined;
}

/** Reconciles the place where the certificate is kept, and returns what to serve. Throws AppError only. */
export type CertificateSource = (signal: AbortSignal) => Promise<ServingCertificate>;

/** For `https.createServer` and, as it replaces every option at once, for `server.setSecureContext` alike. */
export const tlsOptions = ({ cert, key }: ServingCertificate): SecureContextOptions => ({
  cert,
  key,
  minVersion: 'TLSv1.2',
});

export const isSameCertificate = (one: ServingCertificate, other: ServingCertificate): boolean =>
  one.cert === other.cert && one.key === other.key && one.caBundle === other.caBundle;

/** What a certificate says about itself, or one clause saying why it cannot be used. */
export type Inspection =
  | { readonly isUsable: true; readonly certificate: X509Certificate; readonly validity: Period }
  | { readonly isUsable: false; readonly why: string };

export interface Period {
  readonly from: Date;
  readonly until: Date;
}

/** Reads the first certificate of a PEM text. */
export const inspectCertificate = (pem: string): Inspection => {
  try {
    const certificate = new X509Certificate(pem);
    const validity = { from: new Date(certificate.validFrom), until: new Date(certificate.validTo) };
    return { isUsable: true, certificate, validity };
  } catch (error) {
    return { isUsable: false, why: `the certificate cannot be read (${messageOf(error)})` };
  }
};

/** Until when the first certificate of a PEM text is valid; undefined where there is none to read. */
export const expiryOf = (pem: string | undefined): Date | undefined => {
  const inspection = pem === undefined ? undefined : inspectCertificate(pem);
  return inspection?.isUsable ? inspection.validity.until : undefined;
};

/** Reads a pair; one whose key does not belong to its certificate is not usable. */
export const inspectPair = ({ cert, key }: PemPair): Inspection => {
  const inspection = inspectCertificate(cert);
  if (!inspection.isUsable) return inspection;
  try {
    if (inspection.certificate.checkPrivateKey(createPrivateKey(key))) return inspection;
    return { isUsable: false, why: 'the private key does not belong to the certificate' };
  } catch (error) {
    return { isUsable: false, why: `the private key cannot be read (${messageOf(error)})` };
  }
};

/** True where a client that knows only `authority` (PEM) accepts the certificate, dates aside. */
export const isSignedBy = (certificate: X509Certificate, authority: string): boolean => {
  const inspection = inspectCertificate(authority);
  return inspection.isUsable && certificate.verify(inspection.certificate.publicKey);
};

export const isIssuedFor = (certificate: X509Certificate, names: readonly string[]): boolean =>
  names.every((name) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined);

/** True where less than a third of the whole validity is left. */
export const isDue = ({ from, until }: Period, now: Date): boolean =>
  until.getTime() - now.getTime() < (until.getTime() - from.getTime()) / 3;
