import { describe, expect, test } from 'vitest';
import { MANAGED_BY, MANAGED_BY_LABEL, SHIPPED_ROLES } from '../../../src/api/names.ts';
import { verdictFor } from '../../../src/clouds/index.ts';
import { shippedRoles } from '../../../src/install/rbac.ts';
import { calrissianObjects } from '../../../src/kinds/calrissian/objects.ts';
import { policyOf, readSettings } from '../../../src/settings/config.ts';
import { calrissianClass } from '../../../src/storage-classes/calrissian.ts';
import { GUIDE_CLASS, GUIDE_ROLES, guideObjects, OPENEO_ACCOUNTS } from '../../fixtures/calrissian-guide.ts';

const objectsFor = (accounts: string, environment: Readonly<Record<string, string>> = {}) => {
  const { calrissian } = policyOf(readSettings({ ...environment, CALRISSIAN_SERVICE_ACCOUNTS: accounts }));
  if (calrissian === undefined) throw new Error('no policy');
  return calrissianObjects('calrissian-demo-project', calrissian);
};
const fact = (value: string) => ({ value, source: 'test' });

describe('a Calrissian namespace', () => {
  const { roleBindings, defaults, claims } = objectsFor(OPENEO_ACCOUNTS);

  test('holds what the guide has people make, object by object', () => {
    const made = [...roleBindings, ...claims].map(({ metadata: { name, namespace }, ...rest }) => ({
      ...rest,
      metadata: { name, namespace },
    }));
    expect(made).toEqual(guideObjects('calrissian-demo-project'));
  });

  test('holds nothing that is not marked as ours', () => {
    for (const { kind, metadata } of [...roleBindings, defaults, ...claims]) {
      expect(metadata.labels, kind).toMatchObject({ [MANAGED_BY_LABEL]: MANAGED_BY });
    }
  });

  test('holds default.json with the two arguments Calrissian cannot do without', () => {
    const { max_ram, max_cores } = JSON.parse(defaults.data?.['default.json'] ?? '') as Record<string, unknown>;
    expect([typeof max_ram, typeof max_cores]).toEqual(['string', 'string']);
  });

  test('binds the roles of an install with a prefix by their names there', () => {
    const { roleBindings: renamed } = objectsFor('', { SERVICE_ACCOUNT: 'team-quartermaster' });
    expect(renamed.map(({ roleRef }) => roleRef.name)).toEqual([
      'team-quartermaster-calrissian-pod-manager',
      'team-quartermaster-calrissian-log-reader',
    ]);
  });

  test('needs no foreign service account', () => {
    expect(objectsFor('').roleBindings.map(({ metadata }) => metadata.name)).toEqual([
      'quartermaster-pod-manager-default',
      'quartermaster-log-reader-default',
    ]);
  });

  test('binds two accounts whose names come to the same together', () => {
    const binding = objectsFor('a-b:c,a:b-c').roleBindings.filter(
      ({ metadata }) => metadata.name === 'job-manager-a-b-c',
    );
    expect(binding.map(({ subjects }) => subjects.map(({ namespace, name }) => `${namespace}:${name}`))).toEqual([
      ['a-b:c', 'a:b-c'],
    ]);
  });
});

test.each([
  ['pod-manager-role', SHIPPED_ROLES.calrissianPodManager],
  ['log-reader-role', SHIPPED_ROLES.calrissianLogReader],
  ['job-manager-role', SHIPPED_ROLES.calrissianJobManager],
  ['pvc-reader-role', SHIPPED_ROLES.calrissianPvcReader],
] as const)('the guide’s %s is shipped as %s, verb for verb', (guide, shipped) => {
  const { group, resource, verbs } = GUIDE_ROLES[guide];
  expect(shippedRoles[shipped]).toEqual([{ apiGroups: [group], resources: [resource], verbs }]);
});

describe('the class csi-s3-calrissian', () => {
  const [, claim] = objectsFor('').claims;
  const classFor = (bucket: string, secret = 'csi-s3/csi-s3-secret') =>
    claim && calrissianClass(claim, verdictFor('openstack', {}, []), { bucket: fact(bucket), secret: fact(secret) });

  test('is the guide’s, with options that begin as there', () => {
    const { options, ...parameters } = classFor('calrissian')?.parameters ?? {};
    const { options: guideOptions = '', ...guide } = GUIDE_CLASS['parameters'] as Readonly<Record<string, string>>;
    expect(parameters).toEqual(guide);
    expect(options?.startsWith(guideOptions)).toBe(true);
    expect(classFor('calrissian')).toMatchObject({
      provisioner: GUIDE_CLASS['provisioner'],
      metadata: GUIDE_CLASS.metadata,
    });
  });

  test('is for the bucket and Secret of the settings', () => {
    expect(classFor('results', 'storage/keys')?.parameters).toMatchObject({
      bucket: 'results',
      'csi.storage.k8s.io/node-publish-secret-name': 'keys',
      'csi.storage.k8s.io/node-publish-secret-namespace': 'storage',
    });
  });

  test('is the same on a cloud nobody knows', () => {
    const unknown =
      claim &&
      calrissianClass(claim, verdictFor('unknown', {}, []), {
        bucket: fact('calrissian'),
        secret: fact('csi-s3/csi-s3-secret'),
      });
    expect(unknown?.parameters).toEqual(classFor('calrissian')?.parameters);
  });
});

test.each([
  ['CALRISSIAN_SERVICE_ACCOUNTS', 'openeo'],
  ['CALRISSIAN_OBJECT_STORE', 'results'],
  ['CALRISSIAN_SECRET', 'csi-s3-secret'],
])('the setting %s=%s is refused by name', (name, value) => {
  expect(() => readSettings({ [name]: value })).toThrow(name);
});
