import type { ObjectStore, ObjectStoreStatus } from '../../../api/object-store.ts';
import { createIfAbsent } from '../../../controller/apply.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import type { AccessProvider, DesiredAccess, IssuedKey } from '../providers/access.ts';
import type { BucketConnection } from '../providers/bucket.ts';
import type { ObservedState, Step } from '../state.ts';
import { type AccessStep, formerUntilOf, type ObservedAccess } from './keys.ts';
import {
  accessSecretFor,
  accessSecretNameOf,
  findAccessSecret,
  type KeyRecord,
  keyIn,
  observeSecret,
  recordIn,
  removeAccessSecret,
} from './secret.ts';

/** What the steps about users and keys are done with. */
export interface AccessTools {
  readonly kube: Pick<Kube, 'get' | 'create' | 'apply' | 'remove'>;
  /** For what the spec asks for; with `isRecorded` for what was given, which may be something else. */
  readonly open: (isRecorded?: boolean) => Promise<{
    readonly provider: AccessProvider;
    readonly desired: DesiredAccess;
    readonly connection: BucketConnection;
  }>;
  readonly writeStatus: (status: ObjectStoreStatus) => Promise<ObjectStore>;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

type Step_ = AccessStep | Extract<Step, { readonly do: 'observeAccess' | 'recordAccess' | 'revokeAccess' }>;

/** Does one step. Throws BucketError for what the provider refused, AppError for what the API server did. */
export const applyAccessStep = async (
  step: Step_,
  { store, access }: ObservedState,
  tools: AccessTools,
): Promise<Partial<ObservedState>> => {
  const { provider, desired } = await tools.open();
  const { serviceAccount } = store.spec.access ?? {};
  switch (step.do) {
    case 'observeAccess':
      return { access: await observeAccess(store, tools) };
    case 'recordAccess':
      return {
        store: await tools.writeStatus({
          ...store.status,
          access: { user: desired.user, ...(serviceAccount !== undefined && { serviceAccount }) },
        }),
      };
    case 'grantAccess':
      await provider.grant(desired, tools.signal);
      return { access: granted(access, await identityOf(provider, desired, tools.signal)) };
    case 'issueKey':
      return { access: await issueKey(step.formerKeys, store, access, tools) };
    case 'revokeKey':
      await provider.revokeKey(desired, step.key, tools.signal);
      return { access: withKeys(access, (keys) => keys.filter((key) => key !== step.key)) };
    case 'writeAccessSecret':
      return { access: await refreshSecret(store, access, tools) };
    case 'revokeAccess':
      return { store: await revokeAccess(store, tools), access: 'unobserved' };
  }
};

const observeAccess = async (store: ObjectStore, tools: AccessTools): Promise<ObservedAccess> => {
  const { provider, desired, connection } = await tools.open();
  const user = (await provider.observe(desired, tools.signal)) ?? 'absent';
  if (desired.serviceAccount !== undefined) return { user, secret: 'absent' };
  const found = await findAccessSecret(tools.kube, store, accessSecretNameOf(store), tools.signal);
  return { user, secret: found === undefined ? 'absent' : observeSecret(found, store, connection) };
};

type Access = ObservedState['access'];

/** What a service account that was just given its access is annotated with. */
const identityOf = async (
  provider: AccessProvider,
  desired: DesiredAccess,
  signal: AbortSignal,
): Promise<string | undefined> =>
  desired.serviceAccount === undefined ? undefined : (await provider.observe(desired, signal))?.identity;

/** Providers show what was just made a moment later only: our own writes are taken for done. */
const granted = (access: Access, identity: string | undefined): Access => {
  if (typeof access === 'string') return access;
  const keys = access.user === 'absent' ? [] : access.user.keys;
  return { ...access, user: { keys, isGranted: true, ...(identity !== undefined && { identity }) } };
};

const withKeys = (access: Access, change: (keys: readonly string[]) => readonly string[]): Access =>
  typeof access === 'string' || access.user === 'absent'
    ? access
    : { ...access, user: { ...access.user, keys: change(access.user.keys) } };

/** A key that was made and did not come into the Secret is found again as one that nobody has. */
const issueKey = async (
  formerKeys: readonly string[],
  store: ObjectStore,
  access: Access,
  tools: AccessTools,
): Promise<Access> => {
  const { provider, desired } = await tools.open();
  const key = await provider.issueKey(desired, tools.signal);
  const now = tools.now();
  const spec = store.spec.access ?? {};
  const record = {
    issuedAt: now.toISOString(),
    rotation: spec.rotation ?? '',
    formerKeys,
    formerUntil: formerUntilOf(spec, now),
  };
  return putSecret(
    store,
    withKeys(access, (keys) => [...keys, key.id]),
    { key, record },
    tools,
  );
};

const putSecret = async (
  store: ObjectStore,
  access: Access,
  { key, record }: { readonly key: IssuedKey; readonly record: KeyRecord },
  { kube, open, signal }: AccessTools,
): Promise<Access> => {
  if (typeof access === 'string') return access;
  const { connection } = await open();
  const secret = accessSecretFor(store, connection, key, record);
  if (access.secret !== 'absent') await kube.apply(resources.secrets, secret, { signal });
  else if (!(await createIfAbsent(kube, resources.secrets, secret, signal))) return 'unobserved';
  return { ...access, secret: { ...record, keyId: key.id, isCurrent: true } };
};

/** The same key, and all else as it should be; former keys that ceased to work are not told of any more. */
const refreshSecret = async (store: ObjectStore, access: Access, tools: AccessTools): Promise<Access> => {
  const found = await findAccessSecret(tools.kube, store, accessSecretNameOf(store), tools.signal);
  if (found === undefined) return 'unobserved';
  const record = recordIn(found);
  const isOver = Date.parse(record.formerUntil) <= tools.now().getTime();
  const kept = { ...record, formerKeys: isOver ? [] : record.formerKeys };
  return putSecret(store, access, { key: keyIn(found), record: kept }, tools);
};

/** The user first: what is in a Secret of somebody's works no more then. That it is gone is recorded at the end. */
const revokeAccess = async (store: ObjectStore, tools: AccessTools): Promise<ObjectStore> => {
  const { provider, desired } = await tools.open(true);
  await provider.revoke(desired, tools.signal);
  const { access, ...status } = store.status ?? {};
  await removeAccessSecret(tools.kube, store, access?.secretName ?? accessSecretNameOf(store), tools.signal);
  return tools.writeStatus(status);
};

/** Removes the Secret of a former `spec.access.secretName`, if it is ours. */
export const removeFormerSecret = async (
  kube: AccessTools['kube'],
  { store }: ObservedState,
  signal: AbortSignal,
): Promise<void> => {
  const former = store.status?.access?.secretName;
  if (former === undefined || store.spec.access === undefined || former === accessSecretNameOf(store)) return;
  await removeAccessSecret(kube, store, former, signal);
};
