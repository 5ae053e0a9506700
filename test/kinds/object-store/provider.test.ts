import { describe, expect, it } from 'vitest';
import type { ObjectStoreSpec } from '../../../src/api/object-store.ts';
import {
  openProviderFor,
  type References,
  readReferences,
  versionOf,
} from '../../../src/kinds/object-store/provider.ts';
import type { ProviderRequest } from '../../../src/kinds/object-store/providers/index.ts';
import { initialState } from '../../../src/kinds/object-store/state.ts';
import { createBucketWorld, fakeProvider } from '../../fixtures/bucket-world.ts';
import { factsIn, objectStore } from '../../fixtures/object-store.ts';

const nothing: References = { secret: undefined, caBundle: undefined };

const referenced = (kind: string, data: Readonly<Record<string, string>>, resourceVersion = '1') => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'x', namespace: 'team-a', uid: 'uid-9', resourceVersion },
  data,
});

/** What the provider of an ObjectStore would be opened with. */
const requestFor = async (
  spec: Partial<ObjectStoreSpec>,
  world: Parameters<typeof factsIn>[0],
  references = nothing,
): Promise<ProviderRequest> => {
  const requests: ProviderRequest[] = [];
  const { cloud, policy } = factsIn(world);
  const store = objectStore(spec, { uid: 'uid-1' });
  await openProviderFor(store, initialState(store, cloud, policy).placement, references, {
    kube: { get: () => Promise.resolve(undefined) },
    openProvider: (request) => {
      requests.push(request);
      return Promise.resolve(fakeProvider(createBucketWorld(), 'never'));
    },
    cloud: () => cloud,
    policy,
    clusterUid: 'cluster-1',
    clusterName: '',
    azureResourceGroup: '',
    azureManagementEndpoint: '',
    awsOidcProvider: '',
    awsEksCluster: '',
    azureOidcIssuer: '',
    onCall: () => undefined,
  });
  const [request] = requests;
  if (request === undefined) throw new Error('No provider was opened.');
  return request;
};

describe('what a provider is opened with', () => {
  it('is the cluster’s own identity, place and project where it is at home', async () => {
    expect(await requestFor({}, { cloud: 'gcp', region: 'europe-west1', project: 'analytics' })).toMatchObject({
      provider: 'gcs',
      location: 'europe-west1',
      secret: undefined,
      gcs: { project: 'analytics' },
    });
  });

  it('is the platform’s keys and CA at the platform’s S3 service, whatever the spec says of the connection', async () => {
    const s3 = {
      endpoint: 'https://s3.cloud.example',
      secretName: 's3-platform',
      region: 'waw3-1',
      forcePathStyle: true,
    };
    const world = { cloud: 'openstack', policy: { s3 } } as const;
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const keys = { 'access-key': base64('a'), 'secret-key': base64('b'), 'ca.crt': base64('PEM') };
    const references = { secret: referenced('Secret', keys), caBundle: undefined };
    const spec = { s3: { forcePathStyle: false, caBundleRef: { name: 'mine' } } };
    expect(await requestFor(spec, world, references)).toMatchObject({
      provider: 's3',
      location: 'waw3-1',
      secret: { name: 's3-platform', data: keys },
      s3: { endpoint: s3.endpoint, forcePathStyle: true, caBundle: 'PEM' },
    });
    await expect(requestFor(spec, world)).rejects.toMatchObject({
      reason: 'CredentialsMissing',
      message: 'Secret "s3-platform" of the setting S3_CREDENTIALS is not in namespace quartermaster-system: make it.',
    });
  });

  it('is the platform’s region and addressing for keys of the ObjectStore’s own, unless the spec says others', async () => {
    const s3 = { endpoint: 'https://s3.cloud.example', region: 'gra', forcePathStyle: false };
    const world = { cloud: 'openstack', policy: { s3 } } as const;
    const references = { secret: referenced('Secret', { 'access-key': 'YQ==' }), caBundle: undefined };
    const own = { credentialsSecretRef: { name: 'keys' } };
    expect(await requestFor(own, world, references)).toMatchObject({
      location: 'gra',
      secret: { name: 'keys' },
      s3: { endpoint: s3.endpoint, forcePathStyle: false },
    });
    expect(
      await requestFor({ ...own, location: 'sbg', s3: { forcePathStyle: true } }, world, references),
    ).toMatchObject({ location: 'sbg', s3: { endpoint: s3.endpoint, forcePathStyle: true } });
    const elsewhere = { ...own, s3: { endpoint: 'https://s3.elsewhere.example' } };
    const request = await requestFor(elsewhere, world, references);
    expect([request.location, request.s3?.forcePathStyle]).toEqual([undefined, undefined]);
  });

  it('reads the platform’s keys in the system namespace, and what a spec refers to in its own', async () => {
    const read: string[] = [];
    const kube = {
      get: (_: unknown, { namespace, name }: { readonly namespace: string; readonly name: string }) => {
        read.push(`${namespace}/${name}`);
        return Promise.resolve(undefined);
      },
    };
    const store = objectStore({ s3: { caBundleRef: { name: 'ca' } }, credentialsSecretRef: { name: 'keys' } });
    const placement = { provider: 's3', location: undefined, endpoint: 'https://s3.cloud.example' } as const;
    const from = { placement, systemNamespace: 'quartermaster-system' };
    await readReferences(kube, { store }, from, AbortSignal.timeout(1_000));
    await readReferences(
      kube,
      { store },
      {
        ...from,
        placement: {
          ...placement,
          platform: { endpoint: placement.endpoint, secretName: 's3-platform', forcePathStyle: true },
        },
      },
      AbortSignal.timeout(1_000),
    );
    expect(read).toEqual(['team-a/keys', 'team-a/ca', 'quartermaster-system/s3-platform']);
  });

  it('is never our own identity where the cluster is known to be elsewhere', async () => {
    for (const cloud of ['openstack', 'gcp', 'local'] as const) {
      await expect(requestFor({ provider: 's3', location: 'eu-west-1' }, { cloud })).rejects.toMatchObject({
        reason: 'CredentialsMissing',
        message: expect.stringContaining('spec.credentialsSecretRef is needed') as unknown,
      });
    }
  });

  it('is the project of the cluster on Google Cloud only', async () => {
    const secret = referenced('Secret', {});
    const spec = { provider: 'gcs', location: 'eu', credentialsSecretRef: { name: 'key' } } as const;
    const request = await requestFor(spec, { cloud: 'openstack', project: 'of-openstack' }, { ...nothing, secret });
    expect(request.gcs?.project).toBeUndefined();
  });

  it('is the Secret and the certificates of its own namespace', async () => {
    const spec = {
      s3: { endpoint: 'https://s3.example.org', caBundleRef: { name: 'ca', key: 'own.pem' } },
      credentialsSecretRef: { name: 'keys' },
    };
    const references = {
      secret: referenced('Secret', { 'access-key': 'YQ==' }),
      caBundle: referenced('ConfigMap', { 'own.pem': 'PEM' }),
    };
    expect(await requestFor(spec, { cloud: 'local' }, references)).toMatchObject({
      secret: { name: 'keys', data: { 'access-key': 'YQ==' } },
      s3: { endpoint: 'https://s3.example.org', caBundle: 'PEM' },
    });
    await expect(requestFor(spec, { cloud: 'local' })).rejects.toThrow('Secret "keys" in spec.credentialsSecretRef');
    await expect(requestFor(spec, { cloud: 'local' }, { ...references, caBundle: undefined })).rejects.toThrow(
      'ConfigMap "ca" in spec.s3.caBundleRef has no key own.pem',
    );
  });

  it('has another version as soon as one of them is made, changed or deleted', () => {
    const secret = referenced('Secret', {});
    const versions = [
      nothing,
      { ...nothing, secret },
      { ...nothing, secret: referenced('Secret', {}, '2') },
      { secret, caBundle: secret },
    ].map(versionOf);
    expect(new Set(versions).size).toBe(4);
  });
});
