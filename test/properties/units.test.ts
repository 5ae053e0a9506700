import { dirname } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults, PlatformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import { validateDefaults } from '../../src/defaults/validation/spec.ts';
import { admitWithWarnings, runs } from '../fixtures/admitting.ts';
import { platformDefaults, system } from '../fixtures/defaults.ts';
import { fc } from '../fixtures/fast-check.ts';

// Few names for many things, and those of each other's volumes among them.
const fileName = fc.constantFrom('cm', 'keys', 'cm.dotted');
const volumeName = fc.constantFrom('v', 'configmap-cm', 'secret-keys', 'cm-vol', 'keys-volume', 'configmap-keys');
const path = fc.constantFrom('/etc/ca', '/etc/ca/deep', '/etc', '/data', '/etc/platform-ca');
const containers = fc.constantFrom(['main'], ['sidecars'], ['init'], undefined);
const pathOf = ({ mountPath }: { readonly mountPath: string }): string => mountPath;

const files = fc.uniqueArray(fc.record({ name: fileName, mountPath: path }), { maxLength: 2, selector: pathOf });

/** What one gives: each source names who gives it, so that no two agree by chance. */
const injectOf = (by: string) =>
  fc
    .record({
      volumes: fc.uniqueArray(volumeName, { minLength: 1, maxLength: 2 }),
      paths: fc.uniqueArray(path, { maxLength: 2 }),
      configMaps: files,
      secrets: files,
      bundle: fc.constantFrom({ configMap: 'cm' }, { configMap: by, mountPath: '/data' }, undefined),
    })
    .map(({ volumes, paths, configMaps, secrets, bundle }) => {
      const taken = new Set<string>(bundle ? [bundle.mountPath ?? '/etc/platform-ca'] : []);
      const once = <T extends { readonly mountPath: string }>(list: readonly T[]): T[] =>
        list.filter(({ mountPath }) => !taken.has(mountPath) && taken.add(mountPath));
      const mounts = once(paths.map((mountPath, at) => ({ name: volumes[at % volumes.length] ?? '', mountPath })));
      return {
        volumes: volumes.map((name) => ({ name, hostPath: { path: `/${by}/${name}` } })),
        volumeMounts: mounts,
        configMaps: once(configMaps),
        secrets: once(secrets),
        ...(bundle && { caBundle: bundle }),
      };
    });

const tenants = fc.array(
  fc.record({
    inject: injectOf('tenant'),
    mode: fc.constantFrom('Default' as const, 'Enforce' as const),
    containers,
  }),
  { minLength: 1, maxLength: 2 },
);

type Match = PlatformDefaultsSpec['match'];

const given = (
  name: string,
  namespace: string,
  spec: Omit<PlatformDefaultsSpec, 'match'>,
  match: Match,
): PlatformDefaults => {
  const { metadata, ...one } = platformDefaults(name, {});
  return { ...one, metadata: { ...metadata, name, namespace }, spec: { ...spec, match } };
};

const isValid = (defaults: PlatformDefaults): boolean => validateDefaults(defaults, system).length === 0;

const pod: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'team-a' },
  spec: {
    initContainers: [{ name: 'fetch', image: 'x' }],
    containers: [
      { name: 'c', image: 'x' },
      { name: 'd', image: 'x' },
    ],
  },
} as KubeObject;

type Fields = Readonly<Record<string, unknown>>;
const listOf = (owner: unknown, field: string): readonly Fields[] =>
  ((owner as Fields | undefined)?.[field] ?? []) as readonly Fields[];

const app: KubeObject = {
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name: 'a', namespace: 'team-a' },
  spec: { type: 'Python', sparkVersion: '3.5.7', mainApplicationFile: 'local:///x.py', driver: {}, executor: {} },
} as KubeObject;

/** What each container or role mounts, by its name and path: a ConfigMap, a Secret or the source of a volume, whatever that is called. */
const mountsIn = (object: KubeObject): ReadonlyMap<string, string> => {
  const spec = specOf(object);
  const sources = new Map(listOf(spec, 'volumes').map(({ name, ...source }) => [name, sourceOf(source)]));
  const owners = [
    ...['initContainers', 'containers'].flatMap((list) => listOf(spec, list)),
    ...['driver', 'executor'].map((name) => ({ ...(spec[name] as Fields | undefined), name })),
  ];
  return new Map(
    owners.flatMap((owner) => [
      ...listOf(owner, 'volumeMounts').map(
        ({ name, mountPath }) =>
          [`${String(owner['name'])} ${String(mountPath)}`, sources.get(name) ?? 'none'] as const,
      ),
      ...listOf(owner, 'configMaps').map(
        ({ name, path }) => [`${String(owner['name'])} ${String(path)}`, `configMap ${String(name)}`] as const,
      ),
      ...listOf(owner, 'secrets').map(
        ({ name, path }) => [`${String(owner['name'])} ${String(path)}`, `secret ${String(name)}`] as const,
      ),
    ]),
  );
};

const specOf = (object: KubeObject): Fields => (object as unknown as { readonly spec: Fields }).spec;

const sourceOf = ({ configMap, secret, ...source }: Fields): string => {
  if (configMap) return `configMap ${String((configMap as Fields)['name'])}`;
  return secret ? `secret ${String((secret as Fields)['secretName'])}` : JSON.stringify(source);
};

describe('what one PlatformDefaults says as a whole', () => {
  it.each([pod, app])(
    'is mounted in a $kind as it is without what a tenant gives besides, where the platform enforces it',
    (object) => {
      fc.assert(
        fc.property(injectOf('platform'), tenants, containers, (inject, others, some) => {
          const matching = (selected: readonly string[] | undefined): Match => ({
            kinds: [object === pod ? 'Pod' : 'SparkApplication'],
            ...(object === pod && selected && { containers: [...selected] }),
          });
          const platform = given('platform', system.systemNamespace, { mode: 'Enforce', inject }, matching(some));
          const own = others.map((one, at) =>
            given(`own-${at}`, 'team-a', { mode: one.mode, inject: one.inject }, matching(one.containers)),
          );
          fc.pre([platform, ...own].every(isValid));
          const alone = mountsIn(admitWithWarnings(object, [platform]).object);
          const beside = mountsIn(admitWithWarnings(object, [platform, ...own]).object);
          expect([...beside].filter(([at]) => alone.has(at))).toEqual(expect.arrayContaining([...alone]));
        }),
        runs,
      );
    },
  );

  it('has variables of a bundle where its ConfigMap is mounted, and nowhere else', () => {
    const held = fc.uniqueArray(fc.record({ mountPath: path, name: fc.constantFrom('own', 'cm') }), {
      maxLength: 2,
      selector: pathOf,
    });
    fc.assert(
      fc.property(tenants, held, (others, mounts) => {
        const own = others.map((one, at) =>
          given(
            `own-${at}`,
            'team-a',
            { mode: one.mode, inject: one.inject },
            { kinds: ['Pod'], ...(one.containers && { containers: [...one.containers] }) },
          ),
        );
        fc.pre(own.every(isValid));
        const { object } = admitWithWarnings(withMounts(mounts), own);
        const mounted = mountsIn(object);
        for (const list of ['initContainers', 'containers'])
          for (const container of listOf(specOf(object), list)) {
            const files = listOf(container, 'env').flatMap(({ name, value }) =>
              name === 'SSL_CERT_FILE' ? [String(value)] : [],
            );
            for (const file of files)
              expect(mounted.get(`${String(container['name'])} ${dirname(file)}`)).toMatch(/^configMap (cm|tenant)$/);
          }
      }),
      runs,
    );
  });
});

/** The pod with mounts of its user's in its first container. */
const withMounts = (mounts: readonly { readonly name: string; readonly mountPath: string }[]): KubeObject => {
  const [first, ...others] = listOf(specOf(pod), 'containers');
  const volumes = [
    { name: 'own', secret: { secretName: 'own' } },
    { name: 'cm', configMap: { name: 'cm' } },
  ].filter(({ name }) => mounts.some((mount) => mount.name === name));
  return {
    ...pod,
    spec: {
      ...specOf(pod),
      volumes,
      containers: [{ ...first, volumeMounts: mounts }, ...others],
    },
  } as KubeObject;
};
