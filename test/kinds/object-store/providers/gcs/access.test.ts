import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gcsError } from '../../../../../dev/stubs/gcs.ts';
import { type GoogleAccessStub, startGoogleAccessStub } from '../../../../../dev/stubs/google-access.ts';
import type { AccessProvider } from '../../../../../src/kinds/object-store/providers/access.ts';
import { createGcsProvider } from '../../../../../src/kinds/object-store/providers/gcs/provider.ts';
import { desiredAccess } from '../../../../fixtures/desired-bucket.ts';

const PROJECT = 'analytics';
const BUCKET = 'spark-history';
const signal = AbortSignal.timeout(60_000);

let google: GoogleAccessStub;
let provider: AccessProvider;

beforeEach(async () => {
  google = await startGoogleAccessStub(PROJECT, BUCKET);
  provider = createGcsProvider({
    project: PROJECT,
    endpoint: google.endpoint,
    iamEndpoint: google.endpoint,
    isAnonymous: true,
  }).access;
});

afterEach(() => google?.stop());

const theirs = { role: 'roles/storage.objectViewer', members: ['group:analysts@example.org'] };
const conditional = {
  role: 'roles/storage.objectUser',
  members: ['user:ann@example.org'],
  condition: { title: 'until new year', expression: 'true' },
};
const memberOf = (account: string | undefined): string => `serviceAccount:${account ?? ''}`;
const emails = (): readonly string[] => [...google.accounts.keys()];

describe('service accounts of Google Cloud', () => {
  it('have one role, on the one bucket, beside what others bound there', async () => {
    google.policy.bindings = [theirs, conditional];
    expect(await provider.observe(desiredAccess(), signal)).toBeUndefined();
    await provider.grant(desiredAccess(), signal);
    const [email] = emails();
    expect(google.accounts.get(email ?? '')).toEqual({
      displayName: 'quartermaster-uid-1',
      description: 'Keys of ObjectStore team-a/history',
    });
    const own = { role: 'roles/storage.objectUser', members: [memberOf(email)] };
    expect(google.policy.bindings).toEqual([theirs, conditional, own]);
    expect(await provider.observe(desiredAccess(), signal)).toEqual({ isGranted: true, keys: [] });
  });

  it('that are there already keep their keys and get the role that is asked for now, and no other', async () => {
    google.policy.bindings = [theirs];
    await provider.grant(desiredAccess(), signal);
    const key = await provider.issueKey(desiredAccess(), signal);
    expect(key).toEqual({ id: expect.stringMatching(/^GOOG/) as string, secret: `secret-of-${key.id}` });
    const reader = desiredAccess({ mode: 'ReadOnly' });
    expect(await provider.observe(reader, signal)).toEqual({ isGranted: false, keys: [key.id] });
    await provider.grant(reader, signal);
    expect(google.policy.bindings).toEqual([{ ...theirs, members: [...theirs.members, memberOf(emails()[0])] }]);
    expect(await provider.observe(reader, signal)).toEqual({ isGranted: true, keys: [key.id] });
    expect(await provider.observe(desiredAccess(), signal)).toMatchObject({ isGranted: false });
  });

  it('of two ObjectStores are two, each with keys of its own', async () => {
    const other = desiredAccess({ user: 'quartermaster-uid-2' });
    await provider.grant(desiredAccess(), signal);
    await provider.grant(other, signal);
    const [mine, key] = [await provider.issueKey(desiredAccess(), signal), await provider.issueKey(other, signal)];
    expect(emails()).toHaveLength(2);
    expect(await provider.observe(desiredAccess(), signal)).toEqual({ isGranted: true, keys: [mine.id] });
    await provider.revokeKey(desiredAccess(), mine.id, signal);
    await provider.revokeKey(desiredAccess(), mine.id, signal);
    expect([...google.keys.keys()]).toEqual([key.id]);
  });

  it('are gone with their keys and their role, however often one asks, and others’ bindings stay', async () => {
    google.policy.bindings = [theirs, conditional];
    await provider.grant(desiredAccess(), signal);
    await provider.issueKey(desiredAccess(), signal);
    await provider.revoke(desiredAccess(), signal);
    await provider.revoke(desiredAccess(), signal);
    expect(emails()).toEqual([]);
    expect(google.keys.size).toBe(0);
    expect(google.policy.bindings).toEqual([theirs, conditional]);
  });

  it('go where the bucket is gone already', async () => {
    await provider.grant(desiredAccess(), signal);
    const elsewhere = desiredAccess({ bucket: 'gone' });
    await provider.revoke(elsewhere, signal);
    expect(emails()).toEqual([]);
  });

  it('say which permission is missing', async () => {
    google.failNext('POST', /serviceAccounts$/, gcsError(403, 'forbidden', 'Permission denied.'));
    await expect(provider.grant(desiredAccess(), signal)).rejects.toMatchObject({
      reason: 'PermissionDenied',
      message: expect.stringContaining(
        'spec.access needs an identity that may make service accounts and HMAC keys in the project',
      ) as string,
    });
  });

  it.each([
    ['POST', /serviceAccounts$/, 429, 'QuotaExceeded'],
    ['PUT', /\/iam$/, 400, 'Throttled'],
    ['PUT', /\/iam$/, 412, 'Throttled'],
    ['GET', /serviceAccounts/, 401, 'CredentialsInvalid'],
    ['GET', /serviceAccounts/, 500, 'ProviderError'],
  ] as const)('take %s of %s answered %i for what it is', async (method, path, status, reason) => {
    google.failNext(method, path, gcsError(status, 'other', 'Other.'));
    await expect(provider.grant(desiredAccess(), signal)).rejects.toMatchObject({ reason });
  });

  it('wait for Google to know everywhere whom it just made', async () => {
    await expect(provider.issueKey(desiredAccess(), signal)).rejects.toMatchObject({ reason: 'Throttled' });
  });
});
