import { readFile } from 'node:fs/promises';
import { AppError, messageOf } from '../api/errors.ts';
import { type CertificateSource, expiryOf, inspectPair, type ServingCertificate } from './certificate.ts';

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
 * kubelet swaps a symbolic link above them, which no watch on the files sees. A pair that does not fit together is read once more.
 * A certificate of another authority is not served before that one is trusted, as long as the one before it is valid; until
 * then the authority before it is published as well, for replicas whose files change later.
 */
export const fileSource = (options: FileSourceOptions): CertificateSource => {
  let served: ServingCertificate | undefined;
  /** Newest first. */
  let outgoing: readonly ServingCertificate[] = [];
  return async (signal) => {
    const found = await readCertificate(options, signal);
    const now = new Date();
    if (served === undefined || served.caBundle === found.caBundle || served.notAfter <= now) served = found;
    else if ((await options.isTrusted?.(found.caBundle ?? '', signal)) ?? true) {
      outgoing = [served, ...outgoing];
      served = found;
    }
    outgoing = outgoing.filter(({ notAfter }) => notAfter > now);
    return { ...served, caBundle: joinBundles([found, served, ...outgoing]) };
  };
};

/** Each authority once; undefined where none is ours to publish. */
const joinBundles = (certificates: readonly ServingCertificate[]): string | undefined => {
  const bundles = new Set(certificates.flatMap(({ caBundle }) => caBundle ?? []));
  return bundles.size === 0 ? undefined : [...bundles].join('');
};

const readCertificate = async (options: FileSourceOptions, signal: AbortSignal): Promise<ServingCertificate> => {
  const read = await readTexts(options, signal);
  // A swap between two reads gives halves of two pairs: the next poll sees it done.
  const texts = inspectPair(read).isUsable ? read : await readTexts(options, signal);
  const inspection = inspectPair(texts);
  if (!inspection.isUsable) {
    const files = `TLS_CERT_FILE ${options.certFile} with TLS_KEY_FILE ${options.keyFile}`;
    throw new AppError('InvalidInput', `${files}: ${inspection.why}.`);
  }
  return { ...texts, notAfter: inspection.validity.until, authorityNotAfter: expiryOf(texts.caBundle) };
};

/** One after the other, so that of several missing files it is always the same one that is reported. */
const readTexts = async (
  { certFile, keyFile, caFile }: FileSourceOptions,
  signal: AbortSignal,
): Promise<Pick<ServingCertificate, 'cert' | 'key' | 'caBundle'>> => {
  const cert = await readText(certFile, signal);
  const key = await readText(keyFile, signal);
  return { cert, key, caBundle: caFile === undefined ? undefined : await readText(caFile, signal) };
};

const readText = async (file: string, signal: AbortSignal): Promise<string> => {
  try {
    return await readFile(file, { encoding: 'utf8', signal });
  } catch (error) {
    throw new AppError('Unavailable', `${file} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
};
