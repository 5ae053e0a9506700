import { expect, it } from 'vitest';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { admitWithWarnings as admit } from '../fixtures/admitting.ts';

/** What is enforced in the place of a ConfigMap frees the name of a volume, which a mount needs, which a container needs. */
it('puts in what waits for what waits for something enforced', () => {
  const app = {
    apiVersion: 'sparkoperator.k8s.io/v1beta2',
    kind: 'SparkApplication',
    metadata: { name: 'it', namespace: 'team-a' },
    spec: { driver: { configMaps: [{ name: 'cm', path: '/data' }] }, executor: {} },
  };
  const enforced: PlatformDefaults = {
    apiVersion: 'quartermaster.dev/v1alpha1',
    kind: 'PlatformDefaults',
    metadata: { name: 'files', namespace: 'quartermaster-system', generation: 1 },
    spec: {
      match: { kinds: ['SparkApplication'] },
      mode: 'Enforce',
      inject: {
        secrets: [{ name: 'cm', mountPath: '/data' }],
        volumes: [{ name: 'cm-vol', emptyDir: {} }],
        volumeMounts: [{ name: 'cm-vol', mountPath: '/opt/x' }],
        sidecars: [{ name: 'shipper', image: 'tool:1', volumeMounts: [{ name: 'cm-vol', mountPath: '/data' }] }],
      },
    },
  };
  const { object } = admit(app, [enforced]);
  expect(object).toMatchObject({ spec: { driver: { initContainers: [{ name: 'shipper' }] } } });
  expect(admit(object, [enforced]).object).toEqual(object);
});
