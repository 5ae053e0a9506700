import { expect, it } from 'vitest';
import type { KubeObject, Pod } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { decide } from '../../src/kinds/index.ts';
import { platformDefaults } from '../fixtures/defaults.ts';
import { fc } from '../fixtures/fast-check.ts';
import { requestFor } from '../fixtures/golden-case.ts';
import { factsOf } from '../fixtures/golden-world.ts';

const circumstances = { namespace: 'team-a' };

const MIRROR = 'mirror.example.org';
const registry = fc.constantFrom('docker.io', 'registry-1.docker.io', 'quay.io', MIRROR, 'Quay.io:443');
const beginning = fc
  .tuple(registry, fc.constantFrom('', 'library/', 'x/', 'x/x/'))
  .map(([host, path]) => `${host}/${path}`);
const imageRegistries = fc
  .uniqueArray(fc.record({ from: beginning, to: beginning }), {
    minLength: 1,
    maxLength: 3,
    selector: ({ from }) => from,
  })
  .filter((list) => !list.some(({ to }) => list.some(({ from }) => to.startsWith(from))));
/** Of which none leads to what another moves: the platform's, which are its own business. */
const mirrors = imageRegistries.map((list) =>
  list
    .filter(({ from }) => !from.startsWith(MIRROR))
    .map(({ from, to }) => ({ from, to: to.replace(/^[^/]+/, MIRROR) })),
);
const image = fc.oneof(
  fc.constantFrom('nginx', 'nginx:1', 'x/app'),
  fc.tuple(beginning, fc.constantFrom('app:1', 'x/app', 'library/app')).map((parts) => parts.join('')),
);

const enforcing = (list: readonly object[], namespace: string): PlatformDefaults =>
  platformDefaults(
    `of-${namespace}`,
    { match: { kinds: ['Pod'] }, mode: 'Enforce', inject: { imageRegistries: list as never } },
    { namespace },
  );

const imageIn = (defaults: readonly PlatformDefaults[], image: string): string | undefined => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'it', namespace: 'team-a' },
    spec: { containers: [{ name: 'main', image }] },
  };
  const facts = factsOf({ defaults, circumstances });
  const { object } = decide(requestFor({ circumstances, oldObject: undefined }, pod), facts) as {
    readonly object: KubeObject & Pod;
  };
  return object.spec?.containers?.[0]?.image;
};

it('comes from where the platform says, whatever the registries of its namespace are, and stays there', () => {
  fc.assert(
    fc.property(mirrors, imageRegistries, image, (platforms, tenants, image) => {
      const platform = enforcing(platforms, 'quartermaster-system');
      const alone = imageIn([platform], image) ?? '';
      const both = imageIn([platform, enforcing(tenants, 'team-a')], image) ?? '';
      expect(imageIn([platform], both)).toBe(both);
      expect(imageIn([platform], alone)).toBe(alone);
      if (alone !== image) expect(both).toBe(alone);
    }),
    { numRuns: 300 },
  );
});
