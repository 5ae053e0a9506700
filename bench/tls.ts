import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { issueAuthority, issueServing } from '../src/certificates/issue.ts';

/** One certificate for all that is measured. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Where both lie, as tls.crt and tls.key. */
  readonly folder: string;
  /** PEM of the authority that issued it. */
  readonly authority: string;
}

/** Writes a certificate for 127.0.0.1 and its key into a folder. Good for a day. */
export const writeTls = async (folder: string): Promise<TlsFiles> => {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };
  const authority = await issueAuthority('bench', validity);
  const pair = await issueServing(authority, ['127.0.0.1'], validity);
  const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key'), folder, authority: authority.cert };
  writeFileSync(files.cert, pair.cert);
  writeFileSync(files.key, pair.key);
  return files;
};
