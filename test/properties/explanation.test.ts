import jsonpatch from 'jsonpatch';
import { describe, expect, it } from 'vitest';
import { TARGET_KINDS } from '../../src/api/inject-spec.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { NAMESPACE_NAME_LABEL } from '../../src/api/names.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { describedCluster } from '../../src/cli/described-cluster.ts';
import { indexEntries } from '../../src/defaults/entries-index.ts';
import { entryOf } from '../../src/defaults/entry.ts';
import { mismatchOf } from '../../src/defaults/explanation/mismatch.ts';
import { admit } from '../../src/explanation/explain.ts';
import { asCreate } from '../../src/explanation/request.ts';
import { valuesAt } from '../../src/injection/edit.ts';
import { readSettings } from '../../src/settings/config.ts';
import { runs } from '../fixtures/admitting.ts';
import { platformDefaults, system, target } from '../fixtures/defaults.ts';
import { fc } from '../fixtures/fast-check.ts';
import { caseObjects, exampleObjects } from '../fixtures/manifest-inputs.ts';
import { defaultsFor, objectsOf } from '../fixtures/mutation-inputs.ts';

const world = describedCluster({ cloud: 'aws', namespace: 'default' }, readSettings({}));
const namespaceLabels = { 'quartermaster.dev/calrissian': 'enabled', stage: 'dev' };

const explain = (object: KubeObject, defaults: readonly PlatformDefaults[]) => {
  const entries = defaults.map((one) => entryOf(one, system));
  const facts = {
    ...world.facts,
    defaults: indexEntries(entries),
    namespaceLabels: (name: string) => ({ ...namespaceLabels, [NAMESPACE_NAME_LABEL]: name }),
  };
  const namespace = object.metadata.namespace ?? 'team-a';
  const { decision, explanation } = admit(asCreate(object, namespace), { ...world, facts, entries });
  return { decision, explanation: explanation(), after: jsonpatch.apply_patch(object, [...decision.patch]) };
};

/** Each default is there once with a reason, and what is said of it is what happened. */
const holdsFor = (object: KubeObject, defaults: readonly PlatformDefaults[]): void => {
  const { decision, explanation, after } = explain(object, defaults);
  const sources = defaults.map(({ metadata }) => `${metadata.namespace}/${metadata.name}@${metadata.generation}`);
  expect(explanation.defaults.map(({ source }) => source)).toEqual(sources);
  for (const { source, verdict, why, values } of explanation.defaults) {
    expect(why).not.toBe('');
    const wrote = decision.explain.some((row) => row.source === `PlatformDefaults ${source}` && row.mode !== 'Derived');
    if (wrote) expect(verdict).toBe('applied');
    if (verdict === 'not matching') expect(values).toEqual([]);
    for (const value of values.filter((one) => one.verdict === 'applied' && !one.field.startsWith('/'))) {
      const [field = ''] = value.field.split(' ', 1);
      const place = { at: field.split('.'), key: value.field.slice(field.length + 1) };
      expect(valuesAt(after, place), value.field).not.toEqual([]);
    }
  }
};

const selectors = [
  undefined,
  { matchLabels: { a: 'x' } },
  { matchExpressions: [{ key: 'b', operator: 'Exists' as const }] },
];

describe('an explanation leaves no default out', () => {
  it.each(Object.entries(objectsOf))('of any %s and any defaults', (kind, objects) => {
    const own = defaultsFor(kind as keyof typeof objectsOf & (typeof TARGET_KINDS)[number]);
    const narrowed = fc
      .tuple(own, fc.array(fc.constantFrom(...selectors)), fc.constantFrom('quartermaster-system', 'team-a', 'team-b'))
      .map(([list, chosen, namespace]) =>
        list.map((one, at) => ({
          ...one,
          metadata: { ...one.metadata, namespace },
          spec: { ...one.spec, match: { ...one.spec.match, ...(chosen[at] && { selector: chosen[at] }) } },
        })),
      );
    fc.assert(
      fc.property(objects, narrowed, (object, list) => holdsFor(object, list)),
      runs,
    );
  });

  const objects = [...exampleObjects(), ...caseObjects()];
  const shipped = objects.filter(({ kind }) => kind === 'PlatformDefaults');
  const named = (shipped as unknown as readonly PlatformDefaults[]).map((one, at) => ({
    ...one,
    metadata: { namespace: system.systemNamespace, generation: 1, ...one.metadata, name: `d${at}` },
  }));
  /** Ten sets: of each kind alone, all that is shipped, all enforced, for another cloud, in another namespace. */
  const sets: readonly (readonly PlatformDefaults[])[] = [
    named,
    named.filter((_, at) => at % 2 === 0),
    named.map((one) => ({ ...one, spec: { ...one.spec, match: { ...one.spec.match, clouds: ['gcp'] } } })),
    ...TARGET_KINDS.map((kind) => [
      platformDefaults('labels', {
        match: { kinds: [kind] },
        inject: ['SparkConnect', 'SparkCluster'].includes(kind) ? { sparkConf: { a: 'b' } } : { labels: { a: 'b' } },
      }),
    ]),
    [platformDefaults('own', { inject: { env: [{ name: 'A', value: '${labels.absent}' }] } }, { namespace: 'team-b' })],
  ];

  it.each(sets.map((set, at) => [at + 1, set] as const))(
    'of any example and case, with set %d of defaults',
    (_, set) => {
      expect(sets.length).toBeGreaterThanOrEqual(10);
      expect(objects.length).toBeGreaterThan(60);
      for (const object of objects) holdsFor(object, set);
    },
  );
});

it('a reason not to match is given exactly where nothing is matched', () => {
  const labels = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('x', 'y'));
  const given = fc.record({
    labels,
    namespaceLabels: labels,
    cloud: fc.constantFrom('aws', 'gcp'),
    isDisabled: fc.boolean(),
    mode: fc.constantFrom('Default' as const, 'Enforce' as const),
    namespace: fc.constantFrom('quartermaster-system', 'team-a', 'team-b'),
    kind: fc.constantFrom('SparkApplication' as const, 'SparkConnect' as const),
    clouds: fc.constantFrom([], ['aws']),
    selector: fc.constantFrom(...selectors),
    namespaceSelector: fc.constantFrom(...selectors),
  });
  fc.assert(
    fc.property(given, ({ mode, namespace, kind, clouds, selector, namespaceSelector, ...subject }) => {
      const match = { kinds: [kind], ...(clouds.length > 0 && { clouds }), ...(selector && { selector }) };
      const wide = namespace === 'quartermaster-system' && namespaceSelector ? { namespaceSelector } : {};
      const spec = { mode, match: { ...match, ...wide }, inject: { sparkConf: { a: 'b' } } };
      const entry = entryOf(platformDefaults('one', spec, { namespace }), system);
      const matched = indexEntries([entry]).resolve(target(subject)) !== undefined;
      expect(mismatchOf(entry, target(subject)) === undefined).toBe(matched);
    }),
    { numRuns: 1_000 },
  );
});
