import { isDeepStrictEqual } from 'node:util';
import jsonpatch from 'jsonpatch';
import { describe, expect, it } from 'vitest';
import { type InjectSpec, mountKey, TARGET_KINDS } from '../../src/api/inject-spec.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { NAMESPACE_NAME_LABEL } from '../../src/api/names.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { describedCluster } from '../../src/cli/described-cluster.ts';
import { indexEntries } from '../../src/defaults/entries-index.ts';
import { askedBy, entryOf } from '../../src/defaults/entry.ts';
import type { ValueExplanation } from '../../src/defaults/explanation/explanation.ts';
import { mismatchOf } from '../../src/defaults/explanation/mismatch.ts';
import { itemsOf } from '../../src/defaults/partial.ts';
import type { PreviewCluster } from '../../src/explanation/cluster.ts';
import { admit } from '../../src/explanation/explain.ts';
import { asCreate } from '../../src/explanation/request.ts';
import { installedWebhooks } from '../../src/explanation/webhook-rules.ts';
import { isListPath, valuesAt } from '../../src/injection/edit.ts';
import { listAt, setAt } from '../../src/injection/path.ts';
import { type RecordedField, readInjected, recordedIn, writeInjected } from '../../src/injection/snapshot.ts';
import { examine, type Standing } from '../../src/report/examine.ts';
import { readSettings } from '../../src/settings/config.ts';
import { runs } from '../fixtures/admitting.ts';
import { platformDefaults, system, target } from '../fixtures/defaults.ts';
import { fc } from '../fixtures/fast-check.ts';
import { caseObjects, exampleObjects } from '../fixtures/manifest-inputs.ts';
import { defaultsFor, objectsOf } from '../fixtures/mutation-inputs.ts';

const world = describedCluster({ cloud: 'aws', namespace: 'default' }, readSettings({}));
const namespaceLabels = { 'quartermaster.dev/calrissian': 'enabled', stage: 'dev' };

const clusterWith = (defaults: readonly PlatformDefaults[]): PreviewCluster => {
  const entries = defaults.map((one) => entryOf(one, system));
  const facts = {
    ...world.facts,
    defaults: indexEntries(entries),
    namespaceLabels: (name: string) => ({ ...namespaceLabels, [NAMESPACE_NAME_LABEL]: name }),
  };
  const webhooks = installedWebhooks(
    system.systemNamespace,
    'nfs',
    entries.flatMap((entry) => askedBy(entry, 'aws')),
  );
  return { ...world, facts, entries, webhooks };
};

const explain = (object: KubeObject, defaults: readonly PlatformDefaults[]) => {
  const namespace = object.metadata.namespace ?? 'team-a';
  const { decision, explanation } = admit(asCreate(object, namespace), {
    ...clusterWith(defaults),
    webhooks: world.webhooks,
  });
  return { decision, explanation: explanation(), after: jsonpatch.apply_patch(object, [...decision.patch]) };
};

/** Every value that a default gives has a row, which names it. */
const expectRows = (values: readonly ValueExplanation[], inject: InjectSpec): void => {
  const rows = values.map(({ field, value }) => `${field} ${JSON.stringify(value)}`);
  for (const { key, id, value } of itemsOf(inject))
    for (const name of namesOf(key, id, value))
      expect(
        rows.some((row) => row.includes(name)),
        `${key} ${name} in ${rows.join('\n')}`,
      ).toBe(true);
};

/** What a row of a value of `inject` names: of those that are several values each of them. */
const namesOf = (key: string, id: string | undefined, value: unknown): readonly string[] => {
  const fields = Object.keys(value as object);
  switch (key) {
    // A flag, and parts that come to one thing.
    case 'forExecutors':
    case 'prometheus':
      return [];
    case 'proxy':
      return fields.includes('http') ? ['HTTP_PROXY', 'http_proxy'] : ['HTTPS_PROXY', 'https_proxy'];
    case 'caBundle':
      return ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'];
    case 'resources':
      return Object.values(value as object).flatMap((list: object) => Object.keys(list));
    case 'imageRegistries':
      return [(value as { readonly to: string }).to];
    case 'topologySpreadConstraints':
      return [(value as { readonly topologyKey: string }).topologyKey];
    case 'affinity':
    case 'dnsConfig':
    case 'securityContext':
    case 'containerSecurityContext':
      return fields;
    case 'volumeMounts':
    case 'configMaps':
    case 'secrets':
      return [mountKey(id ?? '')];
    case 'eventLog':
    case 'storageClass':
      return [key];
    case 'priorityClassName':
    case 'schedulerName':
    case 'runtimeClassName':
    case 'terminationGracePeriodSeconds':
    case 'imagePullPolicy':
    case 's3aCommitter':
    case 'objectStore':
    case 'serviceAccountName':
      return [String(value)];
    default:
      return [id ?? ''];
  }
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
    const [given] = defaults.filter(({ metadata }) => source.startsWith(`${metadata.namespace}/${metadata.name}@`));
    if (verdict === 'applied' || verdict === 'kept back') expectRows(values, given?.spec.inject ?? {});
    for (const value of values.filter((one) => one.verdict === 'applied' && !/^\/|^spec.inject/.test(one.field))) {
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

describe('a report says of an object what it has', () => {
  const changes = fc.record({ at: fc.nat(), how: fc.constantFrom('no', 'other value', 'no record' as const) });

  it.each(Object.entries(objectsOf))('of any %s and any defaults', (kind, objects) => {
    const given = defaultsFor(kind as keyof typeof objectsOf & (typeof TARGET_KINDS)[number]);
    fc.assert(
      fc.property(objects, given, changes, (object, defaults, change) => {
        const cluster = clusterWith(defaults);
        const { decision } = admit(asCreate(object, 'team-a'), cluster);
        if (decision.denied === undefined)
          expectTruth(jsonpatch.apply_patch(object, [...decision.patch]) as KubeObject, change, cluster);
      }),
      runs,
    );
  });

  interface Change {
    readonly at: number;
    readonly how: string;
  }

  const expectTruth = (admitted: KubeObject, change: Change, cluster: PreviewCluster): void => {
    const given = { ...admitted, metadata: { ...admitted.metadata, namespace: 'team-a' } };
    const fields = recordedIn(readInjected(given) ?? '') ?? [];
    const stored = changedBy(change, given, fields);
    const isAsGiven = (field: RecordedField): boolean =>
      // Of a container that was added others may have changed what is theirs in it.
      field.at.at(-1) === 'initContainers'
        ? valuesAt(stored, field).length > 0
        : isDeepStrictEqual(valuesAt(stored, field)[0], valuesAt(given, field)[0]);
    for (const { standing, defaults: name } of examine(stored, () => undefined, cluster).rows) {
      const isWhole = fields.filter(({ by }) => by.startsWith(`${name}@`)).every(isAsGiven);
      expect(possible(standing, isWhole, change), `${name} ${standing}`).toBe(true);
    }
  };

  const possible = (standing: Standing, isWhole: boolean, { how }: Change): boolean =>
    ({ has: isWhole, edited: !isWhole, complies: how !== 'other value' })[standing as string] ?? true;

  const changedBy = ({ at, how }: Change, given: KubeObject, fields: readonly RecordedField[]): KubeObject => {
    const changed = fields[at % fields.length];
    if (how === 'other value' && changed !== undefined) return withOther(given, changed);
    return how === 'no record' ? writeInjected(given, undefined) : given;
  };

  /** With something else in the place of what was given there. A container that was added is more than was given. */
  const withOther = (object: KubeObject, field: RecordedField): KubeObject => {
    const [value] = valuesAt(object, field);
    if (field.at.at(-1) === 'initContainers' || value === undefined) return object;
    if (!isListPath(field.at)) return setAt(object, [...field.at, field.key], 'something else');
    const list = listAt(object, field.at);
    return setAt(
      object,
      field.at,
      list.filter((item) => item !== value),
    );
  };
});
