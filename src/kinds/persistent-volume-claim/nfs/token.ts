import { randomBytes } from 'node:crypto';
import { AppError } from '../../../api/errors.ts';
import type { Facts } from '../../../api/facts.ts';
import type { Secret } from '../../../api/kubernetes.ts';
import { notManaged } from '../../../controller/apply.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import { isPartOf } from './observed.ts';
import { TOKEN_KEY } from './own-server.ts';
import { metadataOf } from './parts.ts';

interface TokenTools {
  readonly kube: Pick<Kube, 'create' | 'get'>;
  readonly facts: () => Facts;
}

/** What a server's agent wants to be shown, made by chance where there is none. Throws AppError('Conflict') where the Secret is somebody else's. */
export const ensureToken = async (
  className: string,
  { kube, facts }: TokenTools,
  signal: AbortSignal,
): Promise<string> => {
  const metadata = metadataOf(className, facts().policy.nfsNamespace);
  const present = await kube.get<Secret>(resources.secrets, metadata, signal);
  if (present !== undefined && !isPartOf(present, className)) throw notManaged(present);
  const kept = present?.data?.[TOKEN_KEY];
  if (kept !== undefined) return Buffer.from(kept, 'base64').toString('utf8');
  if (present !== undefined) {
    throw new AppError(
      'InvalidInput',
      `Secret ${metadata.namespace}/${metadata.name} has no ${TOKEN_KEY}; delete it, and it is made again.`,
    );
  }
  const token = randomBytes(32).toString('base64url');
  const data = { [TOKEN_KEY]: Buffer.from(token).toString('base64') };
  await kube.create(resources.secrets, { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data } as Secret, {
    signal,
  });
  return token;
};

/** Already gone is success. */
export const removeToken = async (
  className: string,
  { kube, facts }: { readonly kube: Pick<Kube, 'get' | 'remove'>; readonly facts: () => Facts },
  signal: AbortSignal,
): Promise<void> => {
  const key = metadataOf(className, facts().policy.nfsNamespace);
  const secret = await kube.get<Secret>(resources.secrets, key, signal);
  if (secret !== undefined && isPartOf(secret, className)) await kube.remove(resources.secrets, key, {}, { signal });
};
