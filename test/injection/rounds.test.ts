import { describe, expect, it } from 'vitest';
import type { InjectSpec, TargetKind } from '../../src/api/inject-spec.ts';
import type { Mode } from '../../src/api/injection.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { admitWithWarnings as admit } from '../fixtures/admitting.ts';

const defaultsOf = (name: string, kind: TargetKind, mode: Mode, inject: InjectSpec): PlatformDefaults => ({
  apiVersion: 'quartermaster.dev/v1alpha1',
  kind: 'PlatformDefaults',
  metadata: { name, namespace: 'quartermaster-system', generation: 1 },
  spec: { match: { kinds: [kind] }, mode, inject },
});

const appWith = (driver: object): KubeObject =>
  ({
    apiVersion: 'sparkoperator.k8s.io/v1beta2',
    kind: 'SparkApplication',
    metadata: { name: 'it', namespace: 'team-a' },
    spec: { driver, executor: {} },
  }) as KubeObject;

/** What is enforced in the place of a ConfigMap frees the name of a volume, which a mount needs, which a container needs. */
describe('what waits for what waits for something enforced', () => {
  const inject: InjectSpec = {
    secrets: [{ name: 'cm', mountPath: '/data' }],
    volumes: [{ name: 'cm-vol', emptyDir: {} }],
    volumeMounts: [{ name: 'cm-vol', mountPath: '/opt/x' }],
    sidecars: [{ name: 'shipper', image: 'tool:1', volumeMounts: [{ name: 'cm-vol', mountPath: '/data' }] }],
  };
  const files = { configMaps: [{ name: 'cm', path: '/data' }] };

  it('is put in', () => {
    const enforced = [defaultsOf('files', 'SparkApplication', 'Enforce', inject)];
    const { object } = admit(appWith(files), enforced);
    expect(object).toMatchObject({ spec: { driver: { initContainers: [{ name: 'shipper' }] } } });
    expect(admit(object, enforced).object).toEqual(object);
  });

  it('is put in where something else is refused for what came in', () => {
    const other = { name: 'other', image: 'tool:1', volumeMounts: [{ name: 'w', mountPath: '/data' }] };
    const enforced = [
      defaultsOf('files', 'SparkApplication', 'Enforce', { ...inject, sidecars: [other, ...(inject.sidecars ?? [])] }),
    ];
    const { object, warnings } = admit(
      appWith({ ...files, volumeMounts: [{ name: 'w', mountPath: '/opt/x' }] }),
      enforced,
    );
    expect(warnings.join()).toContain('other was not injected into spec.driver.initContainers');
    expect(object).toMatchObject({ spec: { driver: { initContainers: [{ name: 'shipper' }] } } });
    expect(admit(object, enforced).object).toEqual(object);
  });
});
