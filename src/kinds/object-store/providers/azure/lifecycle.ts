import type { ManagementPolicyRule } from '@azure/arm-storage';
import type { LifecycleRule } from '../../../../api/object-store.ts';
import { BucketError } from '../bucket.ts';
import { createKeyedMutex } from '../keyed-mutex.ts';
import type { About, Setting } from '../vendor-call.ts';
import { orAbsent } from './errors.ts';
import type { AzureSession } from './resource-manager.ts';

/** Azure drops unfinished uploads by itself after a week, and not before. */
const uploadsLiveDays = 7;

/** An account has one list of rules for all its containers; those of this container are known by their names. */
export const lifecycleSetting = (session: AzureSession, rules: readonly LifecycleRule[]): Setting => ({
  name: 'lifecycle',
  isApplied: async (about) => {
    const found = (await readRules(session, about)).filter(isOf(about.bucket));
    if (!isSame(found, toAzureRules(rules, about.bucket))) return false;
    refuseUnsupported(rules, about);
    return true;
  },
  apply: async (about) => {
    await replaceRules(session, toAzureRules(rules, about.bucket), about);
    refuseUnsupported(rules, about);
  },
});

/** Accounts whose policy is being changed: it is read, changed and written as a whole. */
const policies = createKeyedMutex();

/**
 * Has a container have these rules in its account's policy; those of others stay. Azure knows no condition for the write (no ETag): of
 * two processes the last one wins, and the other finds its rules gone when it looks again.
 */
const replaceRules = (session: AzureSession, wanted: readonly ManagementPolicyRule[], about: About): Promise<void> =>
  policies(`${session.managementEndpoint} ${session.account.name}`, async () => {
    const found = await readRules(session, about);
    const others = found.filter((rule) => !isOf(about.bucket)(rule));
    if (wanted.length === 0 && others.length === found.length) return;
    await writeRules(session, [...others, ...wanted], about);
  });

/** Takes a container's rules out of its account's policy, which keeps them whether the container is there or not. */
export const removeRules = async (session: AzureSession, about: About): Promise<void> => {
  try {
    await replaceRules(session, [], about);
  } catch (error) {
    // Not every account can have a policy.
    if (!(error instanceof BucketError && error.reason === 'UnsupportedFeature')) throw error;
  }
};

/** Of what is asked for all else is applied before. */
const refuseUnsupported = (rules: readonly LifecycleRule[], { bucket }: About): void => {
  const isEarly = rules.some(({ abortMultipartDays = uploadsLiveDays }) => abortMultipartDays < uploadsLiveDays);
  // A version is as old as what is in it: one of a blob that was not changed for long would go as soon as it is replaced.
  const isNoncurrent = rules.some(({ noncurrentExpireDays }) => noncurrentExpireDays !== undefined);
  const refusals = [
    isEarly && `Azure drops unfinished uploads after ${uploadsLiveDays} days, not earlier as spec.lifecycle asks.`,
    isNoncurrent &&
      'Azure counts the days of a version from when it was written, not from when it was replaced as noncurrentExpireDays in spec.lifecycle asks; leave it out, and have versions deleted by a rule of your own.',
  ].filter((refusal) => refusal !== false);
  if (refusals.length === 0) return;
  throw new BucketError('UnsupportedFeature', `Container ${JSON.stringify(bucket)}: ${refusals.join(' ')}`);
};

const nameOf = (container: string, index: number): string => `quartermaster-${container}.${index + 1}`;

/** A container's name holds no dot, so that no other's begins with this. */
const isOf =
  (container: string) =>
  ({ name }: ManagementPolicyRule): boolean =>
    name.startsWith(`quartermaster-${container}.`);

const toAzureRules = (rules: readonly LifecycleRule[], container: string): readonly ManagementPolicyRule[] =>
  rules
    .flatMap(({ prefix, expireDays }) => (expireDays === undefined ? [] : [{ prefix, expireDays }]))
    .map(({ prefix = '', expireDays }, index) => ({
      name: nameOf(container, index),
      enabled: true,
      type: 'Lifecycle',
      definition: {
        filters: { blobTypes: ['blockBlob', 'appendBlob'], prefixMatch: [`${container}/${prefix}`] },
        actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: expireDays } } },
      },
    }));

const isSame = (left: readonly ManagementPolicyRule[], right: readonly ManagementPolicyRule[]): boolean => {
  const [a, b] = [left.map(essence).toSorted(), right.map(essence).toSorted()];
  return a.length === b.length && a.every((rule, index) => rule === b[index]);
};

const essence = ({ name, enabled = true, definition: { actions, filters } }: ManagementPolicyRule): string =>
  JSON.stringify([
    name,
    enabled,
    filters?.prefixMatch,
    actions.baseBlob?.delete?.daysAfterModificationGreaterThan,
    actions.version?.delete?.daysAfterCreationGreaterThan,
  ]);

const readRules = async (session: AzureSession, about: About): Promise<readonly ManagementPolicyRule[]> => {
  const { client, call, resourceGroup, account } = session;
  const get = orAbsent((abortSignal) =>
    client.managementPolicies.get(resourceGroup, account.name, 'default', { abortSignal }),
  );
  const found = await call('Microsoft.Storage/storageAccounts/managementPolicies/read', get, about);
  return found?.policy?.rules ?? [];
};

/** A policy without rules is none, and Azure refuses it. */
const writeRules = async (
  { client, call, resourceGroup, account }: AzureSession,
  rules: readonly ManagementPolicyRule[],
  about: About,
): Promise<void> => {
  if (rules.length === 0) {
    const remove = orAbsent((abortSignal) =>
      client.managementPolicies.delete(resourceGroup, account.name, 'default', { abortSignal }),
    );
    await call('Microsoft.Storage/storageAccounts/managementPolicies/delete', remove, about);
    return;
  }
  const policy = { policy: { rules: [...rules] } };
  const put = (abortSignal: AbortSignal) =>
    client.managementPolicies.createOrUpdate(resourceGroup, account.name, 'default', policy, { abortSignal });
  await call('Microsoft.Storage/storageAccounts/managementPolicies/write', put, about);
};
