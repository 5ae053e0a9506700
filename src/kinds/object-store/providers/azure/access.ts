import { createHmac, randomBytes } from 'node:crypto';
import { type AccessProvider, type DesiredAccess, type IssuedKey, MAX_KEYS, type ObservedUser } from '../access.ts';
import { BucketError } from '../bucket.ts';
import { type About, aboutAccess, type VendorCall } from '../vendor-call.ts';
import type { BlobService } from './blob-service.ts';
import { readContainerAcl, type SignedIdentifier, writeContainerAcl } from './container-acl.ts';
import { orAbsent } from './errors.ts';

/** A storage account that was opened by its own key. */
export interface KeyedAccount {
  readonly account: string;
  /** In base64. */
  readonly key: string;
  readonly service: BlobService;
}

interface AzureAccess {
  readonly call: VendorCall;
  /** Undefined where the account is gone. */
  readonly open: (about: About) => Promise<KeyedAccount | undefined>;
}

/** What a workload may do with blobs: read, add, create, write, delete and list. Letters of SAS, in the order Azure wants. */
const permissions: Readonly<Record<DesiredAccess['mode'], string>> = { ReadWrite: 'racwdl', ReadOnly: 'rl' };

/**
 * Tokens (service SAS) for one container, each signed for a policy that stands on the container: a token works while its policy
 * stands there, with the permissions that the policy says. The policies of an ObjectStore are its user.
 */
export const azureAccess = (azure: AzureAccess): AccessProvider => {
  return {
    observe: (access, signal) => observe(azure, access, aboutAccess(access, signal)),
    grant: (access, signal) => grant(azure, access, aboutAccess(access, signal)),
    issueKey: (access, signal) => issueKey(azure, access, aboutAccess(access, signal)),
    revokeKey: (access, id, signal) => keepOnly(azure, (each) => each.id !== id, aboutAccess(access, signal)),
    revoke: (access, signal) => keepOnly(azure, (each) => !isOf(access, each), aboutAccess(access, signal)),
  };
};

const isOf = ({ user }: DesiredAccess, { id }: SignedIdentifier): boolean => id.startsWith(`${user}-`);

const aclOf = async ({ call, open }: AzureAccess, about: About) => {
  const opened = await open(about);
  if (opened === undefined) return undefined;
  const read = orAbsent((signal) => readContainerAcl(opened.service, about.bucket, signal));
  const acl = await call('Get Container ACL', read, about);
  return acl && { ...opened, acl };
};

const observe = async (azure: AzureAccess, access: DesiredAccess, about: About): Promise<ObservedUser | undefined> => {
  const found = await aclOf(azure, about);
  if (found === undefined) return undefined;
  const own = found.acl.identifiers.filter((each) => isOf(access, each));
  return {
    keys: own.map(({ id }) => id),
    isGranted: own.every(({ permission }) => permission === permissions[access.mode]),
  };
};

type Change = (identifiers: readonly SignedIdentifier[]) => readonly SignedIdentifier[];

/** Azure refuses it where somebody else wrote in between. Undefined where account or container are gone. */
const rewrite = async (azure: AzureAccess, change: Change, about: About): Promise<KeyedAccount | undefined> => {
  const found = await aclOf(azure, about);
  if (found === undefined) return undefined;
  const changed = { ...found.acl, identifiers: change(found.acl.identifiers) };
  const write = (signal: AbortSignal) => writeContainerAcl(found.service, about.bucket, changed, signal);
  await azure.call('Set Container ACL', write, about, {
    412: { reason: 'Throttled', advice: 'somebody else changed its policies; it is tried again later' },
  });
  return found;
};

const grant = async (azure: AzureAccess, access: DesiredAccess, about: About): Promise<void> => {
  const permission = permissions[access.mode];
  await rewrite(
    azure,
    (all) => all.map((each) => (isOf(access, each) ? signedIdentifier(each.id, permission) : each)),
    about,
  );
};

const keepOnly = async (
  azure: AzureAccess,
  isKept: (identifier: SignedIdentifier) => boolean,
  about: About,
): Promise<void> => {
  await rewrite(azure, (all) => all.filter(isKept), about);
};

/** What Azure lets a container have. */
const MAX_POLICIES = 5;

/** By chance, since a policy of a name that was there before would open the container to the token of that time again. */
const newId = ({ user }: DesiredAccess): string => `${user}-${randomBytes(4).toString('hex')}`;

const issueKey = async (azure: AzureAccess, access: DesiredAccess, about: About): Promise<IssuedKey> => {
  const id = newId(access);
  const add: Change = (all) => {
    if (all.length >= MAX_POLICIES) throw full(about);
    return [...all, signedIdentifier(id, permissions[access.mode])];
  };
  const opened = await rewrite(azure, add, about);
  if (opened !== undefined) return { id, secret: sasToken(opened, about.bucket, id) };
  throw new BucketError('ProviderError', `Container ${JSON.stringify(about.bucket)} is gone: no token is made for it.`);
};

const full = ({ bucket }: About): BucketError =>
  new BucketError(
    'QuotaExceeded',
    `Container ${JSON.stringify(bucket)} has ${MAX_POLICIES} stored access policies, which is all that Azure lets it have; each ObjectStore with access needs up to ${MAX_KEYS}.`,
  );

/** Until the policy is taken away: a token has to say an end, or its policy for it. */
const END = '9999-12-31T00:00:00Z';

const signedIdentifier = (id: string, permission: string): SignedIdentifier => ({
  id,
  permission,
  xml: `<SignedIdentifier><Id>${id}</Id><AccessPolicy><Expiry>${END}</Expiry><Permission>${permission}</Permission></AccessPolicy></SignedIdentifier>`,
});

const VERSION = '2021-12-02';

/** A service SAS for a container by a stored policy; the lines are those of "Create a service SAS", the empty ones not said. */
const sasToken = ({ account, key }: KeyedAccount, container: string, id: string): string => {
  const resource = `/blob/${account}/${container}`;
  const lines = ['', '', '', resource, id, '', 'https', VERSION, 'c', '', '', '', '', '', '', ''];
  const sig = createHmac('sha256', Buffer.from(key, 'base64')).update(lines.join('\n'), 'utf8').digest('base64');
  return new URLSearchParams({ sv: VERSION, sr: 'c', si: id, spr: 'https', sig }).toString();
};
