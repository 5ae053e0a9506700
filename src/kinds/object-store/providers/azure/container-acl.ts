import type { BlobAnswer, BlobService } from './blob-service.ts';

/** A stored access policy of a container; what others made is kept as it was written. */
export interface SignedIdentifier {
  readonly id: string;
  readonly permission: string;
  readonly xml: string;
}

/** What stands on a container besides its metadata: its policies, and whether it is public. */
export interface ContainerAcl {
  readonly identifiers: readonly SignedIdentifier[];
  readonly publicAccess: string | undefined;
  readonly lastModified: string | undefined;
}

const query = { comp: 'acl' };

export const readContainerAcl = async (
  service: BlobService,
  container: string,
  signal: AbortSignal,
): Promise<ContainerAcl> => {
  const answer = await service.send({ method: 'GET', container, query }, signal);
  if (!/<SignedIdentifiers\b/.test(answer.body)) throw new Error('the answer has no policies');
  return {
    identifiers: Array.from(answer.body.matchAll(/<SignedIdentifier>.*?<\/SignedIdentifier>/gs), ([xml]) => ({
      id: textIn(xml, 'Id'),
      permission: textIn(xml, 'Permission'),
      xml,
    })),
    publicAccess: headerOf(answer, 'x-ms-blob-public-access'),
    lastModified: headerOf(answer, 'last-modified'),
  };
};

/** All of it at once, as Azure has it: what is left out goes. Refused with 412 where it was changed since it was read. */
export const writeContainerAcl = async (
  service: BlobService,
  container: string,
  { identifiers, publicAccess, lastModified }: ContainerAcl,
  signal: AbortSignal,
): Promise<void> => {
  const body = `<?xml version="1.0" encoding="utf-8"?><SignedIdentifiers>${identifiers.map(({ xml }) => xml).join('')}</SignedIdentifiers>`;
  const headers = publicAccess === undefined ? {} : { 'x-ms-blob-public-access': publicAccess };
  const unmodifiedSince = lastModified === undefined ? {} : { unmodifiedSince: lastModified };
  await service.send({ method: 'PUT', container, query, headers, body, ...unmodifiedSince }, signal);
};

const textIn = (xml: string, name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? '';

const headerOf = ({ headers }: BlobAnswer, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
};
