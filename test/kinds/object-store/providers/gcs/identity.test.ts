import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gcsError } from '../../../../../dev/stubs/gcs.ts';
import { type GoogleAccessStub, startGoogleAccessStub } from '../../../../../dev/stubs/google-access.ts';
import type { DesiredAccess, IdentityProvider } from '../../../../../src/kinds/object-store/providers/access.ts';
import { createGcsProvider } from '../../../../../src/kinds/object-store/providers/gcs/provider.ts';
import { desiredAccess } from '../../../../fixtures/desired-bucket.ts';

const BUCKET = 'spark-history';
const signal = AbortSignal.timeout(60_000);
const PRINCIPAL =
  'principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/analytics.svc.id.goog/subject/ns/team-a/sa/spark';

let google: GoogleAccessStub;
const identities = (clusterProject: string | undefined = 'analytics'): IdentityProvider | undefined =>
  createGcsProvider({ project: 'data', clusterProject, endpoint: google.endpoint, isAnonymous: true }).identities;

beforeEach(async () => {
  google = await startGoogleAccessStub('data', BUCKET);
});

afterEach(() => google?.stop());

const access = (fields: Partial<DesiredAccess> = {}) =>
  desiredAccess({ serviceAccount: { namespace: 'team-a', name: 'spark' }, ...fields });
const theirs = { role: 'roles/storage.objectViewer', members: ['group:analysts@example.org'] };

describe('service accounts of Kubernetes on Google Cloud', () => {
  it('have one role on the one bucket, in the pool of the cluster’s project, beside what others bound', async () => {
    google.policy.bindings = [theirs];
    expect(await identities()?.observe(access(), signal)).toMatchObject({ isGranted: false });
    await identities()?.grant(access(), signal);
    await identities()?.grant(access(), signal);
    expect(google.policy.bindings).toEqual([theirs, { role: 'roles/storage.objectUser', members: [PRINCIPAL] }]);
    expect(await identities()?.observe(access(), signal)).toEqual({ isGranted: true, keys: [] });
    expect(google.accounts.size).toBe(0);
    await identities()?.grant(access({ mode: 'ReadOnly' }), signal);
    expect(google.policy.bindings).toEqual([{ ...theirs, members: [...theirs.members, PRINCIPAL] }]);
  });

  it('lose it again, and nobody else does', async () => {
    google.policy.bindings = [theirs];
    await identities()?.grant(access(), signal);
    await identities()?.revoke(access(), signal);
    await identities()?.revoke(access(), signal);
    expect(google.policy.bindings).toEqual([theirs]);
  });

  it('have none to lose of a bucket that is gone', async () => {
    await identities()?.revoke(access({ bucket: 'gone' }), signal);
    expect(await identities()?.observe(access({ bucket: 'gone' }), signal)).toBeUndefined();
  });

  it('are not known of a cluster elsewhere, and then it is said so', async () => {
    const elsewhere = createGcsProvider({ project: 'data', endpoint: google.endpoint, isAnonymous: true }).identities;
    await expect(elsewhere?.grant(access(), signal)).rejects.toMatchObject({ reason: 'UnsupportedFeature' });
  });

  it('need a permission in the project of the cluster, which is named', async () => {
    google.failNext('GET', /serviceAccount$/, gcsError(403, 'forbidden', 'caller does not have permission'));
    await expect(identities()?.grant(access(), signal)).rejects.toMatchObject({
      reason: 'PermissionDenied',
      message: expect.stringContaining('resourcemanager.projects.get') as string,
    });
  });
});
