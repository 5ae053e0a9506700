import type { SecureContextOptions } from 'node:tls';

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
