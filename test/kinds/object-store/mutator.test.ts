import { describe, expect, it } from 'vitest';
import type { CloudName } from '../../../src/api/facts.ts';
import type { ObjectStore, ObjectStoreSpec } from '../../../src/api/object-store.ts';
import { platformDefaults } from '../../fixtures/defaults.ts';
import { admit, admittedSpec, objectStore } from '../../fixtures/object-store.ts';

const secret = { credentialsSecretRef: { name: 's3-keys' } };
const elsewhere = { s3: { endpoint: 'https://s3.example.org' }, ...secret };

describe('what an ObjectStore is given at admission', () => {
  it.each([
    ['gcp', 'gcs'],
    ['azure', 'azure'],
    ['aws', 's3'],
  ] as const)('on %s the provider is %s and the location the cluster’s region', (cloud, provider) => {
    expect(admittedSpec(objectStore(), { cloud, region: 'region-1' })).toEqual({
      name: 'spark-history',
      provider,
      location: 'region-1',
    });
  });

  it.each<CloudName>(['openstack', 'oracle', 'local', 'unknown'])(
    'on %s an S3 endpoint settles the provider, and the region of the cluster means nothing there',
    (cloud) => {
      const spec = admittedSpec(objectStore({ provider: 'auto', ...elsewhere }), { cloud });
      expect(spec).toEqual({ name: 'spark-history', provider: 's3', ...elsewhere });
    },
  );

  it('says what to do where there is no object store to be found', () => {
    const { object, warnings } = admit(objectStore(), { cloud: 'local' });
    expect((object as ObjectStore).spec).toEqual({ name: 'spark-history' });
    expect(warnings).toEqual([expect.stringContaining('give spec.s3.endpoint and spec.credentialsSecretRef')]);
  });

  it('uses the endpoint the platform gives, with the tenant’s credentials only', () => {
    const world = { cloud: 'openstack', s3Endpoint: 'https://s3.cloud.example' } as const;
    expect(admittedSpec(objectStore(secret), world)).toEqual({
      name: 'spark-history',
      provider: 's3',
      s3: { endpoint: 'https://s3.cloud.example' },
      ...secret,
    });
    expect(admittedSpec(objectStore(), world).s3).toBeUndefined();
    expect(admit(objectStore(), world).warnings[0]).toContain('spec.credentialsSecretRef');
  });

  describe('where the platform named its S3 service', () => {
    const s3 = { endpoint: 'https://s3.cloud.example', forcePathStyle: true };
    const withKeys = { policy: { s3: { ...s3, secretName: 's3-platform' } } };

    it.each<CloudName>(['openstack', 'oracle', 'hetzner', 'digitalocean', 'local', 'unknown'])(
      'on %s the name alone is enough',
      (cloud) => {
        expect(admittedSpec(objectStore(), { cloud, ...withKeys })).toEqual({ name: 'spark-history', provider: 's3' });
        const once = admit(objectStore(), { cloud, ...withKeys });
        expect(once.warnings).toEqual([]);
        expect(admit(once.object, { cloud, ...withKeys }).object).toBe(once.object);
      },
    );

    it('keys of the tenant’s own go before it, and a cloud’s own object store does too', () => {
      expect(admittedSpec(objectStore(secret), { cloud: 'openstack', ...withKeys })).toMatchObject({
        ...secret,
        s3: { endpoint: s3.endpoint },
      });
      expect(admittedSpec(objectStore(), { cloud: 'gcp', ...withKeys })).toMatchObject({ provider: 'gcs' });
      expect(admittedSpec(objectStore({ provider: 'gcs' }), { cloud: 'openstack', ...withKeys }).s3).toBeUndefined();
    });

    it('without its keys ObjectStores bring theirs, and the warning names the setting', () => {
      const world = { cloud: 'openstack', policy: { s3 } } as const;
      expect(admit(objectStore(), world).warnings).toEqual([expect.stringContaining('setting S3_CREDENTIALS')]);
      expect(admittedSpec(objectStore(secret), world).s3).toEqual({ endpoint: s3.endpoint });
    });

    it('where it named none, the warning names the settings', () => {
      expect(admit(objectStore(), { cloud: 'openstack' }).warnings).toEqual([
        expect.stringContaining('settings S3_ENDPOINT and S3_CREDENTIALS'),
      ]);
    });

    it('its keys are for no address that a tenant names', () => {
      for (const endpoint of [
        s3.endpoint,
        'https://s3.evil.example',
        'https://s3.cloud.example:8443',
        'http://s3.cloud.example',
      ]) {
        const { denied } = admit(objectStore({ s3: { endpoint } }), { cloud: 'openstack', ...withKeys });
        expect(denied, endpoint).toContain('spec.s3.endpoint needs spec.credentialsSecretRef');
      }
    });
  });

  it('leaves alone what its author wrote', () => {
    const object = objectStore({ provider: 'gcs', location: 'EU' });
    expect(admit(object, { cloud: 'aws' }).object).toBe(object);
  });

  it('warns that an endpoint is not used where the cloud has its own object store', () => {
    const { object, warnings } = admit(objectStore(elsewhere), { cloud: 'gcp' });
    expect((object as ObjectStore).spec.provider).toBe('gcs');
    expect(warnings).toEqual([expect.stringContaining('spec.s3.endpoint is not used')]);
  });

  it('explains each field it filled in', () => {
    expect(admit(objectStore(), { cloud: 'gcp' }).explain).toEqual([
      expect.objectContaining({ path: '/spec/provider', source: 'cloud gcp', mode: 'Derived' }),
      expect.objectContaining({ path: '/spec/location', source: 'cloud gcp', mode: 'Derived' }),
    ]);
  });

  it('fills in nothing where object or namespace opted out', () => {
    const optOut = { 'quartermaster.dev/inject': 'disabled' };
    const labelled = objectStore({}, { labels: optOut });
    expect(admit(labelled).object).toBe(labelled);
    const plain = objectStore();
    expect(admit(plain, { namespaceLabels: optOut }).object).toBe(plain);
  });

  it('changes nothing the second time', () => {
    const defaults = [
      platformDefaults('cost', { match: { kinds: ['ObjectStore'] }, inject: { labels: { team: 'a' } } }),
    ];
    const once = admit(objectStore(), { cloud: 'gcp', defaults }).object;
    expect(admit(once, { cloud: 'gcp', defaults }).object).toBe(once);
  });
});

describe('labels from PlatformDefaults', () => {
  const give = (labels: Readonly<Record<string, string>>, mode: 'Default' | 'Enforce' = 'Default') => [
    platformDefaults('cost', { match: { kinds: ['ObjectStore'] }, mode, inject: { labels } }),
  ];

  it('go on the object and on the bucket', () => {
    const object = admit(objectStore(), { defaults: give({ team: 'a' }) }).object as ObjectStore;
    expect(object.metadata.labels).toEqual({ team: 'a' });
    expect(object.spec.labels).toEqual({ team: 'a' });
  });

  it('stand back for the user’s own unless they are enforced', () => {
    const object = objectStore({ labels: { team: 'mine' } });
    expect(admittedSpec(object, { defaults: give({ team: 'a' }) }).labels).toEqual({ team: 'mine' });
    expect(admittedSpec(object, { defaults: give({ team: 'a' }, 'Enforce') }).labels).toEqual({ team: 'a' });
  });

  it('stay off a bucket whose provider does not take them, and the warning says so', () => {
    const world = { cloud: 'gcp', defaults: give({ 'example.org/team': 'a' }) } as const;
    const { object, warnings } = admit(objectStore(), world);
    expect((object as ObjectStore).spec.labels).toBeUndefined();
    expect(object.metadata.labels).toEqual({ 'example.org/team': 'a' });
    expect(warnings.join(' ')).toContain('example.org/team');
  });
});

describe('what is refused', () => {
  const cases: readonly (readonly [string, Partial<ObjectStoreSpec>, RegExp])[] = [
    [
      'a name the provider does not take',
      { name: 'Spark_History' },
      /^spec\.name "Spark_History" cannot be an S3 bucket/,
    ],
    ['forceDelete without Delete', { forceDelete: true }, /^spec\.forceDelete needs spec\.deletionPolicy: Delete/],
    ['forceDelete with Retain', { forceDelete: true, deletionPolicy: 'Retain' }, /^spec\.forceDelete needs/],
    [
      'an endpoint without credentials',
      { s3: { endpoint: 'https://s3.example.org' } },
      /^spec\.s3\.endpoint needs spec\.cred/,
    ],
    [
      'an endpoint that is no address',
      { s3: { endpoint: 'host:9000' }, ...secret },
      /^spec\.s3\.endpoint must be a whole/,
    ],
    ['loopback', { s3: { endpoint: 'http://127.0.0.1:9000' }, ...secret }, /^spec\.s3\.endpoint must not point at/],
    ['a retention of no days', { retention: { days: 0 } }, /^spec\.retention\.days must be a whole number from 1 to/],
    ['a retention of centuries', { retention: { days: 36_501 } }, /^spec\.retention\.days/],
    ['retention without versions on S3', { retention: { days: 1 }, versioning: false }, /^spec\.retention needs/],
    ['a lifecycle rule that says nothing', { lifecycle: [{ prefix: 'tmp/' }] }, /^spec\.lifecycle\[0\] says nothing/],
    ['half a day', { lifecycle: [{ expireDays: -1 }] }, /^spec\.lifecycle\[0\]\.expireDays must be/],
    ['101 lifecycle rules', { lifecycle: Array(101).fill({ expireDays: 1 }) }, /^spec\.lifecycle holds more than 100/],
    ['an empty part', { s3: {} }, /^spec\.s3 is empty/],
    [
      'a Secret that is a path',
      { credentialsSecretRef: { name: '../other/keys' } },
      /^spec\.credentialsSecretRef\.name/,
    ],
    ['a ConfigMap that is no name', { writeConnectionTo: { configMapName: 'A B' } }, /^spec\.writeConnectionTo\.conf/],
    ['a storage account that is no name', { azure: { storageAccount: 'team-a' } }, /^spec\.azure\.storageAccount/],
    ['a resource group that is a path', { azure: { resourceGroup: '..' } }, /^spec\.azure\.resourceGroup/],
    ['a resource group with a path in it', { azure: { resourceGroup: 'a/../b' } }, /^spec\.azure\.resourceGroup/],
    ['a resource group with a query', { azure: { resourceGroup: 'a?b=c' } }, /^spec\.azure\.resourceGroup/],
    ['a project that is a path', { gcp: { project: '../other' } }, /^spec\.gcp\.project/],
    ['a label the provider does not take', { labels: { 'aws:x': 'y' } }, /^spec\.labels "aws:x"/],
    [
      'adopting with the platform’s identity',
      { adopt: 'Always' },
      /^spec\.adopt: Always needs spec\.credentialsSecretRef/,
    ],
  ];

  it.each(cases)('%s', (_, spec, sentence) => {
    const object = objectStore(spec);
    const { denied, object: answered } = admit(object);
    expect(denied).toMatch(sentence);
    expect(denied).toMatch(/^[^\n]*\.$/);
    expect(answered).toBe(object);
  });

  it('a name that no provider takes, even where none is settled', () => {
    expect(admit(objectStore({ name: 'A' }), { cloud: 'local' }).denied).toContain('spec.name');
    expect(admit(objectStore({ name: 'spark_history' }), { cloud: 'local' }).denied).toBeUndefined();
  });

  it('no loopback endpoint where tests and demos allow it', () => {
    const object = objectStore({ s3: { endpoint: 'http://127.0.0.1:9000' }, ...secret });
    expect(admit(object, { policy: { allowLoopbackEndpoints: true } }).denied).toBeUndefined();
  });

  it('no adoption by the platform itself', () => {
    const object = objectStore({ adopt: 'Always' }, { namespace: 'quartermaster-system' });
    expect(admit(object).denied).toBeUndefined();
  });

  it('a spec without a name, and leaves what has another shape to the API server', () => {
    const nameless = { ...objectStore(), spec: { provider: 's3' } };
    expect(admit(nameless).denied).toContain('spec.name is missing');
    for (const spec of [{ name: 7 }, { name: 'spark-history', lifecycle: 'x' }, 'text', null, undefined]) {
      const object = { ...objectStore(), spec };
      expect(admit(object)).toMatchObject({ object, warnings: [] });
      expect(admit(object).denied).toBeUndefined();
    }
  });

  it('nothing for being null', () => {
    const object = { ...objectStore(), spec: { name: 'spark-history', s3: null, location: null, labels: { a: null } } };
    expect(admittedSpec(object)).toMatchObject({ provider: 's3', location: 'eu-west-1' });
  });
});

describe('a change', () => {
  const stored = objectStore({ provider: 'gcs', location: 'europe-west1' });

  it.each([
    ['name', { name: 'other-name' }, 'spec.name is "spark-history" and cannot be changed'],
    ['provider', { provider: 's3' }, 'spec.provider is "gcs" and cannot be changed'],
    ['location', { location: 'us' }, 'spec.location is "europe-west1" and cannot be changed'],
  ] as const)('of %s is refused', (_, change, sentence) => {
    const object = { ...stored, spec: { ...stored.spec, ...change } };
    expect(admit(object, { cloud: 'gcp' }, stored).denied).toContain(sentence);
  });

  it('that leaves them out, or says auto, keeps what is stored, wherever the cluster is now', () => {
    for (const spec of [{}, { provider: 'auto' as const, location: '' }]) {
      expect(admittedSpec(objectStore(spec), { cloud: 'aws' }, stored)).toEqual(stored.spec);
    }
  });

  it('from auto to a provider is taken until a bucket is recorded', () => {
    const auto = objectStore({ provider: 'auto' });
    const named = objectStore({ provider: 'gcs' });
    expect(admit(named, { cloud: 'local' }, auto).denied).toBeUndefined();
    const recorded = { ...auto, status: { bucketName: 'spark-history', provider: 's3' as const } };
    expect(admit(named, { cloud: 'local' }, recorded).denied).toContain('spec.provider is "s3"');
  });

  it('of something else does not meet rules that came after it was stored', () => {
    const old = objectStore({ name: 'Old_Name', provider: 's3', location: 'eu-west-1' });
    const labelled = { ...old, metadata: { ...old.metadata, labels: { touched: 'yes' } } };
    expect(admit(labelled, {}, old).denied).toBeUndefined();
    const changed = { ...old, spec: { ...old.spec, versioning: true } };
    expect(admit(changed, {}, old).denied).toContain('spec.name "Old_Name"');
  });

  it('is refused where a new one only says that it is being deleted', () => {
    const going = { ...stored, metadata: { ...stored.metadata, deletionTimestamp: '2026-11-20T00:00:00Z' } };
    const object = { ...going, spec: { name: 'A' } };
    expect(admit(object, {}).denied).toContain('spec.name "A"');
  });

  it('to what is being deleted is never refused', () => {
    const going = { ...stored, metadata: { ...stored.metadata, deletionTimestamp: '2026-11-20T00:00:00Z' } };
    const object = { ...going, spec: { name: 'A', forceDelete: true } };
    expect(admit(object, {}, going)).toEqual({ object, warnings: [], explain: [], companions: [] });
  });
});
