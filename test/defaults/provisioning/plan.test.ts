import { describe, expect, it } from 'vitest';
import type { KubeObject, StringMap } from '../../../src/api/kubernetes.ts';
import type { PlatformDefaults } from '../../../src/api/platform-defaults.ts';
import { type Entry, entryOf } from '../../../src/defaults/entry.ts';
import {
  contentOf,
  type DesiredItem,
  desiredStateOf,
  digestOf,
  type ObservedObject,
  type ProvisionWorld,
  planProvision,
  provisionedNamespaces,
} from '../../../src/defaults/provisioning/plan.ts';
import { platformDefaults, system } from '../../fixtures/defaults.ts';

const OWNER = `${system.systemNamespace}/it`;

const namespace = (
  name: string,
  labels: StringMap = {},
  metadata: Partial<KubeObject['metadata']> = {},
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels, ...metadata },
});

const providing = (
  name: string,
  data: StringMap,
  spec: Parameters<typeof platformDefaults>[1] = {},
): PlatformDefaults => platformDefaults(name, { provision: { configMaps: [{ name: 'proxy', data }] }, ...spec });

const worldOf = (defaults: readonly PlatformDefaults[], world: Partial<ProvisionWorld> = {}): ProvisionWorld => ({
  namespaces: [namespace('team-a', { tier: 'one' })],
  entries: defaults.map((one) => entryOf(one, system)),
  cloud: 'aws',
  variable: () => undefined,
  ...system,
  ...world,
});

const entryIn = ({ entries }: ProvisionWorld, name: string): Entry => {
  const entry = entries.find(({ source }) => source.name === name);
  if (entry === undefined) throw new Error(`no entry ${name}`);
  return entry;
};

describe('the namespaces that are provisioned', () => {
  const cases: readonly (readonly [string, KubeObject, Parameters<typeof platformDefaults>[1], boolean])[] = [
    ['any', namespace('team-a'), {}, true],
    [
      'one that matches',
      namespace('team-a', { tier: 'one' }),
      { match: { namespaceSelector: { matchLabels: { tier: 'one' } } } },
      true,
    ],
    [
      'one that does not match',
      namespace('team-a'),
      { match: { namespaceSelector: { matchLabels: { tier: 'one' } } } },
      false,
    ],
    ['one on another cloud', namespace('team-a'), { match: { clouds: ['gcp'] } }, false],
    ['Kubernetes’ own', namespace('kube-system'), {}, false],
    ['our own', namespace(system.systemNamespace), {}, false],
    ['one that ends', namespace('team-a', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), {}, false],
    ['one that opted out', namespace('team-a', { 'quartermaster.dev/inject': 'disabled' }), {}, false],
    [
      'one that opted out of what is enforced',
      namespace('team-a', { 'quartermaster.dev/inject': 'disabled' }),
      { mode: 'Enforce' },
      true,
    ],
  ];
  it.each(cases)('%s', (_, place, spec, isProvisioned) => {
    const world = worldOf([providing('it', {}, spec)], { namespaces: [place] });
    expect(provisionedNamespaces(entryIn(world, 'it'), world)).toEqual(isProvisioned ? [place.metadata.name] : []);
  });
});

describe('what is wanted in them', () => {
  const wanted = (defaults: readonly PlatformDefaults[], name = 'it', world: Partial<ProvisionWorld> = {}) => {
    const whole = worldOf(defaults, world);
    return desiredStateOf(entryIn(whole, name), whole);
  };
  const proxy = (data: StringMap): DesiredItem => ({ kind: 'ConfigMap', namespace: 'team-a', name: 'proxy', data });

  it('has its variables filled in, the entry’s own and the most specific of others', () => {
    const user = providing(
      'it',
      { a: '${x} ${y} ${namespace} ${cloud} ${region} $${z}' },
      { variables: { x: 'own' }, match: { selector: { matchLabels: { app: 'x' } } } },
    );
    const general = platformDefaults('general', { variables: { y: 'general' } });
    const special = platformDefaults('special', {
      variables: { y: 'special' },
      match: { namespaceSelector: { matchLabels: { tier: 'one' } } },
    });
    const variable = (name: string, where: string) => (name === 'region' ? `region of ${where}` : undefined);
    expect(wanted([user, general, special], 'it', { variable })).toEqual({
      desired: [proxy({ a: 'own special team-a aws region of team-a ${z}' })],
      problems: [],
    });
  });

  it('falls back where a definition names what is not known, and reads what comes out once', () => {
    const user = providing(
      'it',
      { a: '${mirror:-none} ${price}${namespace}' },
      { variables: { mirror: '${region}.mirror', price: 'US$' } },
    );
    expect(wanted([user]).desired).toEqual([proxy({ a: 'none US$team-a' })]);
  });

  it('takes no variable of what is audited alone', () => {
    const user = providing('it', { a: '${x} ${y:-none}' }, { variables: { x: 'own' } });
    const trial = platformDefaults('trial', { mode: 'Audit', variables: { x: 'trial', y: 'trial' } });
    expect(wanted([user, trial]).desired).toEqual([proxy({ a: 'own none' })]);
  });

  it('has the address of the platform’s ObjectStore where it is enforced', () => {
    const variable = (_name: string, _where: string, isOfPlatform?: boolean) =>
      isOfPlatform ? 's3a://ours' : 's3a://theirs';
    const data = { a: '${objectStore.audit.url}' };
    const given = (mode: 'Default' | 'Enforce') =>
      wanted([providing('it', data, { mode })], 'it', { variable }).desired;
    expect(given('Enforce')).toEqual([proxy({ a: 's3a://ours' })]);
    expect(given('Default')).toEqual([proxy({ a: 's3a://theirs' })]);
  });

  it('is a problem where a variable is not known', () => {
    expect(wanted([providing('it', { a: '${region}' })])).toEqual({
      desired: [],
      problems: [
        {
          reason: 'VariableUnknown',
          message: 'ConfigMap proxy is not provisioned: ${region} is not known in namespace team-a.',
        },
      ],
    });
  });

  it('leaves to a more specific entry what that one gives to the namespace', () => {
    const general = providing('general', { from: 'general' });
    const special = providing(
      'special',
      { from: 'special' },
      { match: { namespaceSelector: { matchLabels: { tier: 'one' } } } },
    );
    const namespaces = [namespace('team-a', { tier: 'one' }), namespace('team-b')];
    expect(wanted([general, special], 'special', { namespaces }).desired).toEqual([proxy({ from: 'special' })]);
    expect(wanted([general, special], 'general', { namespaces }).desired).toEqual([
      { ...proxy({ from: 'general' }), namespace: 'team-b' },
    ]);
  });
});

describe('what is to be done', () => {
  const item = (name: string): DesiredItem => ({ kind: 'ConfigMap', namespace: 'team-a', name, data: { a: '1' } });
  const objectOf = (name: string, owner = OWNER) => {
    const content = contentOf(item(name), owner, undefined);
    if ('reason' in content) throw new Error(content.message);
    return content;
  };
  const made = (name: string, owner = OWNER, data: StringMap = { a: '1' }): ObservedObject => {
    const { data: _, ...object } = objectOf(name, owner);
    return { ...object, digest: digestOf({ ...object, data }) };
  };
  const plan = (wanted: readonly string[], there: readonly ObservedObject[], isComplete = true) =>
    planProvision({
      owner: OWNER,
      objects: wanted.map((name) => objectOf(name)),
      desired: wanted.map(item),
      isComplete,
      observed: there,
    }).map((step) => `${step.do} ${'object' in step ? step.object.metadata.name : step.observed.metadata.name}`);

  it.each([
    ['is made where it is not there', plan(['a'], []), ['create a']],
    ['is nothing where all is well', plan(['a'], [made('a')]), []],
    ['is put right where its data differ', plan(['a'], [made('a', OWNER, { a: '2' })]), ['update a']],
    ['is taken over from another rule', plan(['a'], [made('a', 'quartermaster-system/other')]), ['update a']],
    ['is made anew where its type differs', plan(['a'], [{ ...made('a'), type: 'x' }]), ['replace a']],
    ['is removed where nobody wants it', plan([], [made('a')]), ['remove a']],
    ['is left to its owner where that is another', plan([], [made('a', 'quartermaster-system/other')]), []],
    ['is kept where not everything wanted is known', plan([], [made('a')], false), []],
    ['is released where it is a claim', plan([], [{ ...made('a'), kind: 'PersistentVolumeClaim' }]), ['release a']],
  ] as const)('%s', (_, steps, expected) => {
    expect(steps).toEqual(expected);
  });
});

describe('a copy', () => {
  const copy: DesiredItem = { kind: 'Secret', namespace: 'team-a', name: 'copy', copyFrom: 'source' };
  const source = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'source' },
    data: { a: 'YQ==' },
    type: 'Opaque',
  };

  it('has data and type of its source, and our marks', () => {
    expect(contentOf(copy, OWNER, source)).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        namespace: 'team-a',
        name: 'copy',
        labels: { 'app.kubernetes.io/managed-by': 'quartermaster', 'quartermaster.dev/provisioned': 'true' },
        annotations: { 'quartermaster.dev/provisioned-by': OWNER },
      },
      data: { a: 'YQ==' },
      type: 'Opaque',
    });
  });

  it.each([
    ['SourceMissing', undefined],
    ['SourceRefused', { ...source, type: 'kubernetes.io/service-account-token' }],
    ['SourceRefused', { ...source, metadata: { labels: { 'app.kubernetes.io/managed-by': 'quartermaster' } } }],
  ])('is a problem: %s', (reason, from) => {
    expect(contentOf(copy, OWNER, from)).toMatchObject({ reason });
  });

  it('is told apart from another by data, binary data and type, whatever the order of the keys', () => {
    const digests = [
      { data: { a: '1', b: '2' } },
      { data: { b: '2', a: '1' } },
      { data: { a: '1' } },
      { binaryData: { a: '1' } },
      { type: 'x' },
    ].map((content) => digestOf({ ...source, data: {}, type: '', ...content }));
    expect(digests[0]).toBe(digests[1]);
    expect(new Set(digests).size).toBe(4);
  });
});
