import { describe, expect, it } from 'vitest';
import type { DefaultsTarget, Injection } from '../../src/api/injection.ts';
import type { LabelSelector, StringMap } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { indexDefaults } from '../../src/defaults/entries-index.ts';
import { createDefaultsInForce } from '../../src/defaults/in-force.ts';
import { validateDefaults } from '../../src/defaults/validation/spec.ts';
import { system, target } from '../fixtures/defaults.ts';
import { fc } from '../fixtures/fast-check.ts';

const { systemNamespace } = system;
const key = fc.constantFrom('a', 'b', 'c');
const value = fc.constantFrom('x', 'y');
const labels = fc.dictionary(key, value, { maxKeys: 3 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const given = <T extends object>(fields: T) =>
  Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

const expression = fc.oneof(
  fc.record({
    key,
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.uniqueArray(value, { minLength: 1 }),
  }),
  fc.record({ key, operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const) }),
);
const selector = fc
  .record({ matchLabels: maybe(labels), matchExpressions: maybe(fc.array(expression, { maxLength: 2 })) })
  .map(given);

const mounts = fc.uniqueArray(
  fc.record({ list: fc.constantFrom('volumeMounts', 'configMaps', 'secrets'), path: fc.constantFrom('/one', '/two') }),
  { maxLength: 2, selector: ({ path }) => path },
);

/** Each value holds the name of the entry that gives it, so that two entries never agree by chance. */
const injectOf = (id: string, keys: readonly string[], placed: readonly { list: string; path: string }[]) => {
  const at = (list: string) => placed.filter((mount) => mount.list === list);
  return {
    labels: Object.fromEntries(keys.map((name) => [name, id])),
    env: keys.map((name) => ({ name, value: id })),
    volumes: at('volumeMounts').map((_, index) => ({ name: `v${index}-${id.replace('.', '-')}`, emptyDir: {} })),
    volumeMounts: at('volumeMounts').map(({ path }, index) => ({
      name: `v${index}-${id.replace('.', '-')}`,
      mountPath: path,
    })),
    configMaps: at('configMaps').map(({ path }, index) => ({ name: `c${index}-${id}`, mountPath: path })),
    secrets: at('secrets').map(({ path }, index) => ({ name: `s${index}-${id}`, mountPath: path })),
    sparkConf: Object.fromEntries(keys.map((name) => [`spark.${name}`, id])),
  };
};

const defaults: fc.Arbitrary<PlatformDefaults> = fc
  .record({
    name: fc.constantFrom('d', 'e', 'f', 'g', 'h', 'i'),
    namespace: fc.constantFrom(systemNamespace, systemNamespace, 'team-a', 'team-b'),
    selector: maybe(selector),
    namespaceSelector: maybe(selector),
    clouds: maybe(fc.uniqueArray(fc.constantFrom('aws', 'gcp'), { minLength: 1 })),
    mode: maybe(fc.constantFrom('Default' as const, 'Enforce' as const)),
    priority: maybe(fc.integer({ min: 0, max: 2 })),
    keys: fc.uniqueArray(key, { minLength: 1 }),
    mounts,
  })
  .map(({ name, namespace, selector, namespaceSelector, clouds, mode, priority, keys, mounts }) => ({
    apiVersion: 'quartermaster.dev/v1alpha1',
    kind: 'PlatformDefaults',
    metadata: { name, namespace, generation: 1 },
    spec: {
      match: {
        kinds: ['SparkApplication'] as const,
        ...given({
          selector,
          clouds,
          namespaceSelector: namespace === systemNamespace ? namespaceSelector : undefined,
        }),
      },
      ...given({ mode, priority }),
      inject: injectOf(`${namespace}.${name}`, keys, mounts),
    },
  }));

const list = fc.uniqueArray(defaults, {
  maxLength: 12,
  selector: ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
});

const object: fc.Arbitrary<DefaultsTarget> = fc
  .record({
    namespace: fc.constantFrom('team-a', 'team-b', 'team-c', systemNamespace),
    labels,
    namespaceLabels: labels,
    cloud: fc.constantFrom('aws', 'gcp', 'unknown'),
    isDisabled: fc.boolean(),
  })
  .map(target);

const holds = (selector: LabelSelector | undefined, found: StringMap): boolean => {
  const wanted = Object.entries(selector?.matchLabels ?? {});
  if (!wanted.every(([name, text]) => found[name] === text)) return false;
  return (selector?.matchExpressions ?? []).every(({ key: name, operator, values }) => {
    const isIn = name in found && (values ?? []).includes(found[name] ?? '');
    return { In: isIn, NotIn: !isIn, Exists: name in found, DoesNotExist: !(name in found) }[operator];
  });
};

const countOf = (selector: LabelSelector | undefined): number =>
  Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions ?? []).length;

/** The rules as the documentation has them, one look at every entry, no index: what the real one must agree with. */
const matching = (entries: readonly PlatformDefaults[], object: DefaultsTarget): readonly PlatformDefaults[] => {
  const isGlobal = ({ metadata }: PlatformDefaults) => metadata.namespace === systemNamespace;
  const strength = (entry: PlatformDefaults) => {
    const order = isGlobal(entry) ? ['Default', '', '', 'Enforce'] : ['', 'Default', 'Enforce', ''];
    return order.indexOf(entry.spec.mode ?? 'Default');
  };
  const ranks = (entry: PlatformDefaults) => [
    strength(entry),
    countOf(entry.spec.match.selector),
    countOf(entry.spec.match.namespaceSelector),
    entry.spec.priority ?? 0,
  ];
  return entries
    .filter((entry) => isGlobal(entry) || entry.metadata.namespace === object.namespace)
    .filter((entry) => !object.isDisabled || strength(entry) === 3)
    .filter(({ spec: { match } }) => match.clouds?.includes(object.cloud) ?? true)
    .filter(({ spec: { match } }) => holds(match.selector, object.labels))
    .filter(({ spec: { match } }) => holds(match.namespaceSelector, object.namespaceLabels))
    .toSorted((a, b) => {
      const difference = ranks(b)
        .map((rank, at) => rank - (ranks(a)[at] ?? 0))
        .find((step) => step !== 0);
      return difference ?? ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);
    });
};

const idOf = ({ metadata }: PlatformDefaults): string => `${metadata.namespace}.${metadata.name}`;

const expected = (entries: readonly PlatformDefaults[], object: DefaultsTarget): StringMap => {
  const won: Record<string, string> = {};
  for (const entry of matching(entries, object)) {
    const {
      labels = {},
      sparkConf = {},
      env = [],
      volumeMounts = [],
      configMaps = [],
      secrets = [],
    } = entry.spec.inject ?? {};
    const keys = [
      ...Object.keys(labels).map((name) => `label ${name}`),
      ...Object.keys(sparkConf).map((name) => `conf ${name}`),
      ...env.map(({ name }) => `env ${name}`),
      ...[...volumeMounts, ...configMaps, ...secrets].map(({ mountPath }) => `mount ${mountPath}`),
    ];
    for (const name of keys) won[name] ??= idOf(entry);
  }
  return won;
};

const actual = (injection: Injection | undefined): StringMap => {
  if (injection === undefined) return {};
  const named = (what: string, items: ReadonlyMap<string, { readonly source: { namespace: string; name: string } }>) =>
    [...items].map(([name, { source }]) => [`${what} ${name}`, `${source.namespace}.${source.name}`] as const);
  const mounted = [injection.volumeMounts, injection.configMaps, injection.secrets].flatMap((items) =>
    named('mount', items),
  );
  expect(new Set(mounted.map(([path]) => path)).size).toBe(mounted.length);
  return Object.fromEntries([
    ...named('label', injection.labels),
    ...named('conf', injection.sparkConf),
    ...named('env', injection.env),
    ...mounted,
  ]);
};

describe('resolution, over generated defaults and objects', () => {
  it('agrees with a look at every entry, one by one', () => {
    fc.assert(
      fc.property(list, object, (entries, object) => {
        expect(actual(indexDefaults(entries, system).resolve(object))).toEqual(expected(entries, object));
      }),
      { numRuns: 1000 },
    );
  });

  it('does not depend on the order of the list', () => {
    const shuffled = list.chain((entries) =>
      fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })),
    );
    fc.assert(
      fc.property(shuffled, object, ([entries, others], object) => {
        expect(indexDefaults(others, system).resolve(object)).toEqual(indexDefaults(entries, system).resolve(object));
      }),
    );
  });

  it('is the same after changes as where all of it is read anew', () => {
    const change = fc.record({
      defaults,
      mode: fc.constantFrom('Default' as const, 'Enforce' as const, 'Audit' as const),
      isGone: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 25 }),
        fc.array(object, { minLength: 1, maxLength: 4 }),
        (changes, objects) => {
          const inForce = createDefaultsInForce(system);
          const present = new Map<string, PlatformDefaults>();
          changes.forEach(({ defaults, mode, isGone }, at) => {
            const { metadata, spec } = defaults;
            const changed = { ...defaults, metadata: { ...metadata, generation: at + 1 }, spec: { ...spec, mode } };
            if (isGone) {
              present.delete(idOf(changed));
              inForce.remove(changed);
            } else {
              present.set(idOf(changed), changed);
              inForce.put(changed);
            }
            // Asked in between, so that what is remembered could be out of date.
            for (const one of objects) inForce.index().resolve(one);
          });
          const changedIndex = inForce.index();
          const anew = indexDefaults([...present.values()].reverse(), system);
          expect(inForce.entries()).toHaveLength(present.size);
          expect(changedIndex.size).toBe(anew.size);
          expect(changedIndex.audit?.sources).toEqual(anew.audit?.sources);
          for (const one of objects) {
            expect(changedIndex.resolve(one)).toEqual(anew.resolve(one));
            expect(changedIndex.audit?.index.resolve(one)).toEqual(anew.audit?.index.resolve(one));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('lets no default win a key that anybody enforces', () => {
    fc.assert(
      fc.property(list, object, (entries, object) => {
        const injection = indexDefaults(entries, system).resolve(object);
        const enforced = matching(entries, object).filter(({ spec }) => spec.mode === 'Enforce');
        const keys = enforced.flatMap(({ spec }) => Object.keys(spec.inject?.labels ?? {}));
        for (const name of keys) expect(injection?.labels.get(name)?.mode).toBe('Enforce');
      }),
    );
  });

  it('answers the same the second time, with the very same injection', () => {
    fc.assert(
      fc.property(list, object, object, (entries, object, other) => {
        const index = indexDefaults(entries, system);
        const first = index.resolve(object);
        index.resolve(other);
        expect(index.resolve(object)).toBe(first);
      }),
    );
  });

  it('finds nothing wrong with what is generated here, so that the above is about real entries', () => {
    fc.assert(
      fc.property(defaults, (entry) => {
        expect(validateDefaults(entry, system)).toEqual([]);
      }),
    );
  });
});
