import { readFile } from 'node:fs/promises';
import { AppError, messageOf } from '../errors.ts';
import type { CertificateSource, ServingCertificate } from './certificate.ts';
import { expiryOf, inspectPair } from './inspect.ts';

export interface FileSourceOptions {
  readonly certFile: string;
  readonly keyFile: string;
  /** What callers must trust; left out: whoever writes the certificate also keeps the webhook configuration's caBundle. */
  readonly caFile?: string;
  /** Whether the API server trusts an authority (PEM) by now. Left out: it is taken to. */
  readonly isTrusted?: (authority: string, signal: AbortSignal) => Promise<boolean>;
}

/**
 * A certificate that somebody else keeps in files (cert-manager through a mounted Secret). Files are read whole each time: the
 * kubelet swaps a symbolic link above them, which no watch on the files sees. A half-swapped pair is refused, and right next time.
 * A certificate of another authority is not served before that one is trusted, as long as the one before it is valid.
 */
export const fileSource = (options: FileSourceOptions): CertificateSource => {
  let served: ServingCertificate | undefined;
  return async (signal) => {
    const found = await readCertificate(options, signal);
    if (served === undefined || served.caBundle === found.caBundle || served.notAfter <= new Date()) {
      served = found;
      return found;
    }
    const caBundle = `${found.caBundle ?? ''}${served.caBundle ?? ''}`;
    const isTrusted = (await options.isTrusted?.(found.caBundle ?? '', signal)) ?? true;
    return { ...(isTrusted ? found : served), caBundle };
  };
};

const readCertificate = async (
  { certFile, keyFile, caFile }: FileSourceOptions,
  signal: AbortSignal,
): Promise<ServingCertificate> => {
  const [cert, key, caBundle] = await Promise.all([
    readText(certFile, signal),
    readText(keyFile, signal),
    caFile === undefined ? undefined : readText(caFile, signal),
  ]);
  const inspection = inspectPair({ cert, key });
  if (!inspection.isUsable)
    throw new AppError('InvalidInput', `TLS_CERT_FILE ${certFile} with TLS_KEY_FILE ${keyFile}: ${inspection.why}.`);
  return { cert, key, caBundle, notAfter: inspection.validity.until, authorityNotAfter: expiryOf(caBundle) };
};

const readText = async (file: string, signal: AbortSignal): Promise<string> => {
  try {
    return await readFile(file, { encoding: 'utf8', signal });
  } catch (error) {
    throw new AppError('Unavailable', `${file} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
};
