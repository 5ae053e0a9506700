import { createPrivateKey, KeyObject, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
// @peculiar/x509 resolves its parts through tsyringe, which refuses to load without this.
import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A certificate and its private key, both PEM (the key as PKCS #8). */
export interface PemPair {
  readonly cert: string;
  readonly key: string;
}

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signature = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** A new self-signed authority (ECDSA P-256) that may sign serving certificates and nothing else. */
export const issueAuthority = async (commonName: string, validity: Validity): Promise<PemPair> => {
  const keys = await webcrypto.subtle.generateKey(curve, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    ...validity,
    keys,
    signingAlgorithm: signature,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pem(certificate), key: exportKey(keys.privateKey) };
};

/** A serving certificate signed by `authority`; every name that is an IP address becomes an IP entry, the rest DNS ones. */
export const issueServing = async (
  authority: PemPair,
  names: readonly string[],
  validity: Validity,
): Promise<PemPair> => {
  const keys = await webcrypto.subtle.generateKey(curve, true, ['sign', 'verify']);
  const issuer = new X509Certificate(authority.cert);
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: ['quartermaster'] }],
    issuer: issuer.subjectName,
    ...validity,
    publicKey: keys.publicKey,
    signingKey: createPrivateKey(authority.key).toCryptoKey(curve, false, ['sign']),
    signingAlgorithm: signature,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      // During a rollover two authorities of one name are trusted: this says which of them to check against.
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const),
      ),
    ],
  });
  return { cert: pem(certificate), key: exportKey(keys.privateKey) };
};

const pem = (certificate: X509Certificate): string => `${certificate.toString('pem')}\n`;

const exportKey = (key: webcrypto.CryptoKey): string =>
  KeyObject.from(key).export({ format: 'pem', type: 'pkcs8' }).toString();
