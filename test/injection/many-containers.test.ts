import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { validateDefaults } from '../../src/defaults/validation/spec.ts';
import { policyOf, readSettings } from '../../src/settings/config.ts';
import { admit } from '../fixtures/admitting.ts';
import { cpuMsOf } from '../fixtures/cost.ts';
import { platformDefaults } from '../fixtures/defaults.ts';

type Spec = Parameters<typeof platformDefaults>[1];
type Inject = NonNullable<Spec['inject']>;

/** What costs the square, or is made for each of tens of thousands, takes many times as long. */
const MOST_MS = 2_000;

const times = <T>(count: number, make: (at: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, at) => make(at));
const containers = (count: number, prefix = 'c') => times(count, (at) => ({ name: `${prefix}${at}` }));

const podOf = (
  spec: object,
  labels: Readonly<Record<string, string>> = {},
): KubeObject & { readonly spec: object } => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'it', namespace: 'team-a', labels },
  spec,
});
const podWith = (count: number) => podOf({ containers: containers(count) });

const ofPlatform = (name: string, { match, ...spec }: Spec) =>
  platformDefaults(name, { ...spec, match: { kinds: ['Pod'], ...match } });
const ofTenant = (name: string, { match, ...spec }: Spec) =>
  platformDefaults(name, { ...spec, match: { kinds: ['Pod'], ...match } }, { namespace: 'team-a' });

const policy = policyOf(readSettings({}));
const flawsOf = (list: readonly PlatformDefaults[]) => list.flatMap((one) => validateDefaults(one, policy));

/** Pod Security `restricted`, as any platform may enforce it. */
const restricted: Inject = {
  containerSecurityContext: {
    allowPrivilegeEscalation: false,
    runAsNonRoot: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  },
  resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '2Gi' } },
};
const level = (length: number): Inject => ({
  containerSecurityContext: { seLinuxOptions: { level: 'x'.repeat(length) } },
});
const variables = (count: number, length: number): Inject => ({
  env: times(count, (at) => ({ name: `V${at}`, value: 'x'.repeat(length) })),
});

type Mode = 'Default' | 'Enforce';
type Given = (mode: Mode) => readonly PlatformDefaults[];

const giving =
  (inject: Inject): Given =>
  (mode) => [ofTenant('it', { mode, inject })];

/** 240 containers that are 30 bytes each, and what they are given in their turn. */
const sidecars: Given = (mode) => [
  ofPlatform('tools', { templates: [{ name: 'log', image: 's:1' }] }),
  ...times(15, (part) =>
    ofTenant(`sidecars-${part}`, {
      mode,
      inject: { sidecars: times(16, (at) => ({ name: `s${part}-${at}`, template: 'log' })) },
    }),
  ),
  ofTenant('env', { mode, match: { containers: ['sidecars'] }, inject: variables(128, 2_000) }),
];

/** Nine tenths of all that one object may be given. */
const large: Inject = {
  annotations: Object.fromEntries(times(30, (at) => [`example.org/a${at}`, 'x'.repeat(30_000)])),
};

/** The second has no room beside the first, but in each init container, which is given nothing of the first. */
const leftOutOfTheWhole: Given = (mode) => [
  ofTenant('first', { mode, priority: 100, inject: large }),
  ofTenant('second', { mode, match: { containers: ['init'] }, inject: variables(30, 6_000) }),
];

const BITS = times(10, (bit) => bit);
/** No two containers are given the same. */
const mixed: Given = (mode) => [
  ...BITS.map((bit) => ofTenant(`bit-${bit}`, { mode, match: { containers: [`*x${bit}*`] }, inject: variables(1, 1) })),
  ofTenant('large', { mode, inject: large }),
];
const bitsOf = (at: number): string => BITS.map((bit) => ((at >> bit) & 1 ? `x${bit}` : '')).join('');

const byName: Given = (mode) =>
  times(2_000, (at) => ofTenant(`d${at}`, { mode, match: { containers: [`*a*b*c${at}*`] }, inject: variables(1, 1) }));

const MANY = ' containers are more than the 250 that can be given anything';
const LARGE = 'its containers would be given more than 8000 values or 4 MiB together';
const MIXED = 'too much of it is for some of its containers and not for others';

const cases: readonly (readonly [string, string, Given, KubeObject])[] = [
  ['fields of 25,000 containers', `25000${MANY}`, giving(restricted), podWith(25_000)],
  ['variables of 25,000 containers', `25000${MANY}`, giving(variables(1, 1)), podWith(25_000)],
  [
    'fields of 251 containers in two lists',
    `251${MANY}`,
    giving(restricted),
    podOf({ containers: containers(126), initContainers: containers(125, 'i') }),
  ],
  ['long fields of 250 containers', LARGE, giving(level(20_000)), podWith(250)],
  ['long variables of 100 containers', LARGE, giving(variables(30, 2_000)), podWith(100)],
  ['variables of 240 containers', LARGE, giving(variables(40, 1)), podWith(240)],
  ['variables of 240 containers that are added', LARGE, sidecars, podWith(1)],
  [
    'variables of 240 containers that have no room in the whole',
    LARGE,
    leftOutOfTheWhole,
    podOf({ containers: containers(1), initContainers: containers(240, 'i') }),
  ],
  [
    'another set of values for each of 250 containers',
    MIXED,
    mixed,
    podOf({ containers: times(250, (at) => ({ name: `c${at}-${bitsOf(at)}` })) }),
  ],
  [
    'what 2,000 PlatformDefaults have for containers by name',
    MIXED,
    byName,
    podOf({ containers: times(250, (at) => ({ name: `${'ab'.repeat(20)}c-${at}` })) }),
  ],
];

describe('a pod', () => {
  it.each(cases)('is refused where this is enforced: %s', (_what, why, given, pod) => {
    expect(flawsOf(given('Enforce'))).toEqual([]);
    const decide = () =>
      expect(admit(pod, given('Enforce')).denied).toBe(
        `spec.containers: ${why}, and PlatformDefaults enforce something; use fewer containers.`,
      );
    expect(cpuMsOf(decide)).toBeLessThan(MOST_MS);
  });

  it.each(cases)('is left as it is where this is a default: %s', (_what, why, given, pod) => {
    const decide = () => {
      const { object, warnings, patch } = admit(pod, given('Default'));
      expect(object).toBe(pod);
      expect(patch).toEqual([]);
      expect(warnings).toEqual([`Nothing of PlatformDefaults is injected: ${why}.`]);
    };
    expect(cpuMsOf(decide)).toBeLessThan(MOST_MS);
  });

  it('of 250 containers is given fields in each of them', () => {
    const { object, denied } = admit(podWith(250), [ofPlatform('it', { mode: 'Enforce', inject: restricted })]);
    expect(denied).toBeUndefined();
    expect(JSON.stringify(object).match(/"runAsNonRoot":true/g)).toHaveLength(250);
  });

  it('loses nothing that is enforced to a default that is too large', () => {
    const enforced = ofPlatform('it', { mode: 'Enforce', inject: { labels: { 'cost-centre': '7' } } });
    expect(admit(podWith(250), [enforced, ...giving(level(20_000))('Default')]).denied).toContain(LARGE);
  });

  it('with one container is given what has room in an object, whatever its containers are added to', () => {
    const { denied, warnings } = admit(podWith(3), giving(variables(120, 7_000))('Enforce'));
    expect({ denied, warnings }).toEqual({ denied: undefined, warnings: [] });
  });
});

describe('images from where they must be', () => {
  const mirror = ofPlatform('mirror', {
    mode: 'Enforce',
    inject: { imageRegistries: [{ from: 'docker.io/', to: 'mirror.example.org/' }] },
  });
  const images = (count: number, image: string) =>
    podOf({ containers: times(count, (at) => ({ name: `c${at}`, image })) });

  it('are not looked for in 25,000 containers: the pod is refused', () => {
    expect(admit(images(25_000, 'a'), [mirror]).denied).toContain(`25000${MANY}`);
  });

  it('are put into each of 250 containers that are changed, at once', () => {
    const change = () => {
      const { object, warnings } = admit(images(250, 'a:2'), [mirror], images(250, 'mirror.example.org/library/a:1'));
      expect(JSON.stringify(object).match(/"mirror\.example\.org\/library\/a:2"/g)).toHaveLength(250);
      expect(warnings).toHaveLength(250);
    };
    expect(cpuMsOf(change)).toBeLessThan(MOST_MS);
  });

  it('of 80,000 containers are not changed: the change is refused at once', () => {
    const change = () =>
      expect(admit(images(80_000, 'a'), [mirror], images(1, 'a')).denied).toBe(
        `spec.containers: 80000${MANY}, and PlatformDefaults enforce where images come from.`,
      );
    expect(cpuMsOf(change)).toBeLessThan(MOST_MS);
  });

  it('of a pod that was stored with more containers stay as they are, so that all else of it can be changed', () => {
    const stored = images(5_000, 'a');
    const changed = { ...stored, metadata: { ...stored.metadata, labels: { a: 'b' } } };
    const { denied, patch, warnings } = admit(changed, [mirror], stored);
    expect({ denied, patch, warnings }).toEqual({ denied: undefined, patch: [], warnings: [] });
  });
});

describe('labels of a tenant for a pod of its own labels', () => {
  const given = times(16, (part) =>
    ofTenant(`d${part}`, {
      inject: { labels: Object.fromEntries(times(60, (at) => [`example.org/l${part * 60 + at}`, 'x'])) },
    }),
  );
  const labelled = (count: number) =>
    podOf({ containers: containers(1) }, Object.fromEntries(times(count, (at) => [`k${at}`, 'x'])));

  it('are looked up, not held against each of them', () => {
    const decide = () =>
      expect(Object.keys(admit(labelled(20_000), given).object.metadata.labels ?? {})).toHaveLength(20_960);
    expect(cpuMsOf(decide)).toBeLessThan(MOST_MS);
  });

  it('are not added to more than 20,000: where they are enforced for the cluster, the pod is refused', () => {
    const { object, patch, warnings } = admit(labelled(20_001), [ofTenant('it', { inject: { labels: { a: 'b' } } })]);
    expect({ object, patch }).toEqual({ object: labelled(20_001), patch: [] });
    const why = 'a was not injected into metadata.labels: there are more than 20000 others.';
    expect(warnings).toEqual([`PlatformDefaults team-a/it@1: ${why}`]);
    const enforced = ofPlatform('it', { mode: 'Enforce', inject: { labels: { a: 'b' } } });
    expect(admit(labelled(20_001), [enforced]).denied).toContain('there are more than 20000 others');
    expect(admit(labelled(20_000), [enforced]).denied).toBeUndefined();
  });

  it('do not make it a pod of another framework', () => {
    const misleading = ofTenant('it', { inject: { labels: { type: 'flink-native-kubernetes' } } });
    const { warnings } = admit(podOf({ containers: containers(1) }, { component: 'jobmanager' }), [misleading]);
    expect(warnings).toEqual([expect.stringContaining('the pod would be taken for one of another framework')]);
  });
});
