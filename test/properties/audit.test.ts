import { describe, expect, it } from 'vitest';
import type { TARGET_KINDS } from '../../src/api/inject-spec.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../../src/api/names.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { admit, runs } from '../fixtures/admitting.ts';
import { fc } from '../fixtures/fast-check.ts';
import { defaultsFor, objectsOf } from '../fixtures/mutation-inputs.ts';
import { changedPaths } from './changed-paths.ts';

const withMode = (one: PlatformDefaults, mode: 'Audit' | 'Enforce'): PlatformDefaults => ({
  ...one,
  spec: { ...one.spec, mode },
});

/** The places that differ, but for the record of what was injected. */
const differences = (without: KubeObject, enforced: KubeObject): readonly string[] =>
  changedPaths(without, enforced).filter((path) => !path.startsWith('/metadata/annotations') || !path.endsWith(RECORD));
const RECORD = INJECTED_ANNOTATION.replace('/', '~1');

const holdsFor = (object: KubeObject, [audited, ...others]: readonly PlatformDefaults[]): void => {
  if (audited === undefined) return;
  const without = admit(object, others);
  const auditing = admit(object, [...others, withMode(audited, 'Audit')]);
  const enforcing = admit(object, [...others, withMode(audited, 'Enforce')]);
  expect(auditing.patch).toEqual(without.patch);
  expect(auditing.companions).toEqual(without.companions);
  expect(auditing.warnings).toEqual(without.warnings);
  expect(auditing.denied).toBe(without.denied);
  expect(auditing.audited?.denied).toBe(without.denied === undefined ? enforcing.denied : undefined);
  if (without.denied !== undefined || enforcing.denied !== undefined) return;
  const changes = auditing.audited?.changes ?? [];
  const set = changes.filter(({ effect }) => effect === 'set').map(({ path }) => path);
  const differing = differences(without.object, enforcing.object);
  for (const path of set)
    expect(
      differing.some((one) => isOne(one, path)),
      path,
    ).toBe(true);
  const removed = changes.filter(({ effect }) => ['removed', 'kept'].includes(effect)).map(({ path }) => path);
  const isTold = (path: string): boolean =>
    set.some((one) => isOne(one, path)) ||
    removed.some((one) => parentOf(one) === parentOf(path) || one.startsWith(`${path}/`));
  for (const path of differing) expect(isTold(path), path).toBe(true);
};

/** The same place; a container that is added is told whole, and what it is given besides. */
const isOne = (path: string, other: string): boolean =>
  path === other ||
  (/\/initContainers\/\d/.test(path) && (path.startsWith(`${other}/`) || other.startsWith(`${path}/`)));

/** What would go, or would stay, is told by its map or list: its place depends on what else goes. */
const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

/** As it comes to a server: fast-check also makes objects without a prototype, which equal no other. */
const asRead = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

describe('what is audited changes nothing and tells what it would change', () => {
  it.each(Object.entries(objectsOf))(
    'of any %s and any defaults',
    (kind, objects) => {
      const defaults = defaultsFor(kind as keyof typeof objectsOf & (typeof TARGET_KINDS)[number]);
      fc.assert(
        fc.property(objects, defaults, (object, list) => holdsFor(asRead(object), asRead(list))),
        { numRuns: Math.ceil(runs.numRuns / 4) },
      );
    },
    240_000,
  );
});
