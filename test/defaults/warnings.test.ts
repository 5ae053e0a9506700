import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/api/errors.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { createDefaultsInForce } from '../../src/defaults/in-force.ts';
import { createOperatorLook, warningsOn } from '../../src/defaults/warnings.ts';
import { platformDefaults, system } from '../fixtures/defaults.ts';

type Spec = Parameters<typeof platformDefaults>[1];

const entry = (name: string, spec: Spec = {}, where: { readonly namespace?: string } = {}): PlatformDefaults =>
  platformDefaults(name, { inject: { labels: { who: name } }, ...spec }, where);

/** What is said of the first. */
const warnings = (...list: readonly [PlatformDefaults, ...PlatformDefaults[]]) => {
  const inForce = createDefaultsInForce(system);
  for (const defaults of list) inForce.put(defaults);
  const { namespace = '', name = '' } = list[0].metadata;
  const first = inForce.entry(namespace, name);
  return first === undefined
    ? []
    : warningsOn(first, inForce, () => false).map(({ reason, message }) => `${reason}: ${message}`);
};

const onTier = (tier: string): Spec => ({ match: { namespaceSelector: { matchLabels: { tier } } } });
const onLabel = (app: string): Spec => ({ match: { selector: { matchLabels: { app } } } });
const expecting = (operator: 'Exists' | 'DoesNotExist'): Spec => ({
  match: { selector: { matchExpressions: [{ key: 'app', operator }] } },
});

describe('a tie', () => {
  it('is told of both, naming the key and the winner', () => {
    const message =
      'Tied: PlatformDefaults quartermaster-system/a and quartermaster-system/b both give label who and are equally specific; ' +
      'quartermaster-system/a is taken by its name. Give one of them a higher priority.';
    expect(warnings(entry('a'), entry('b'))).toEqual([message]);
    expect(warnings(entry('b'), entry('a'))).toEqual([message]);
  });

  const cases: readonly (readonly [string, PlatformDefaults, PlatformDefaults])[] = [
    [
      'the value is the same',
      entry('a', { inject: { labels: { k: 'v' } } }),
      entry('b', { inject: { labels: { k: 'v' } } }),
    ],
    ['the keys differ', entry('a', { inject: { labels: { k: 'v' } } }), entry('b')],
    ['one has priority', entry('a'), entry('b', { priority: 1 })],
    ['one is more specific', entry('a'), entry('b', onLabel('x'))],
    ['one enforces', entry('a'), entry('b', { mode: 'Enforce' })],
    ['they want different values of a label', entry('a', onLabel('x')), entry('b', onLabel('y'))],
    ['they are for different namespaces', entry('a', onTier('one')), entry('b', onTier('two'))],
    [
      'one wants a label and the other its absence',
      entry('a', expecting('Exists')),
      entry('b', expecting('DoesNotExist')),
    ],
    ['one wants a value and the other no such label', entry('a', onLabel('x')), entry('b', expecting('DoesNotExist'))],
    [
      'they are for different clouds',
      entry('a', { match: { clouds: ['aws'] } }),
      entry('b', { match: { clouds: ['gcp'] } }),
    ],
    ['they are for different kinds', entry('a'), entry('b', { match: { kinds: ['WorkflowPod'] } })],
    [
      'they are in different namespaces',
      entry('a', {}, { namespace: 'team-a' }),
      entry('b', {}, { namespace: 'team-b' }),
    ],
  ];
  it.each(cases)('is none where %s', (_, a, b) => {
    expect(warnings(a, b)).toEqual([]);
  });

  it('is one where an object could have both labels', () => {
    const onTeam: Spec = { match: { selector: { matchLabels: { team: 'blue' } } } };
    expect(warnings(entry('a', onLabel('x')), entry('b', onTeam))).toHaveLength(1);
  });
});

describe('a variable that nobody defines', () => {
  const user = entry('user', { inject: { annotations: { a: '${domain} ${region} ${labels.x}' } } });
  const definer = (where = {}) => entry('definer', { inject: {}, variables: { domain: 'x' } }, where);

  it('is told of who uses it', () => {
    expect(warnings(user)).toEqual([
      'Incomplete: spec.inject.annotations a: ${domain} is defined by no PlatformDefaults and is no fact of the cloud: this is never applied.',
    ]);
    expect(warnings(user, definer())).toEqual([]);
  });

  it('is one of the namespace’s annotations where no setting lists it', () => {
    const annotated = entry('user', { inject: { labels: { cost: '${namespaceAnnotations.example.org/cost}' } } });
    expect(warnings(annotated)).toEqual([
      'Incomplete: spec.inject.labels cost: ${namespaceAnnotations.example.org/cost} is no annotation that the setting NAMESPACE_ANNOTATIONS lists: this is never applied.',
    ]);
  });

  it('counts a tenant’s definition for the platform’s entries, not for another tenant’s', () => {
    const tenant = { ...user, metadata: { ...user.metadata, namespace: 'team-a' } };
    expect(warnings(user, definer({ namespace: 'team-b' }))).toEqual([]);
    expect(warnings(tenant, definer({ namespace: 'team-b' }))).toHaveLength(1);
    expect(warnings(tenant, definer({ namespace: 'team-a' }))).toEqual([]);
  });
});

it('says where a JMX configuration has no exporter anywhere', () => {
  const part = entry('part', { inject: { prometheus: { configFile: '/opt/p.yaml' } } });
  const jar = entry('jar', { inject: { prometheus: { jmxExporterJar: '/opt/j.jar' } }, priority: 1 });
  expect(warnings(part)).toEqual([
    'Incomplete: spec.inject.prometheus.configFile is read by the JMX exporter, and no PlatformDefaults gives jmxExporterJar.',
  ]);
  expect(warnings(part, jar)).toEqual([]);
});

describe('whether spark-operator is there', () => {
  const { signal } = new AbortController();

  it('is asked once for a thousand who want to know, and again later', async () => {
    let asked = 0;
    let nowMs = 0;
    const read = (): Promise<never> => {
      asked += 1;
      return Promise.reject(new AppError('NotFound', 'not here'));
    };
    const look = createOperatorLook({ read }, () => nowMs);
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => look(signal)));
    expect([new Set(answers), asked]).toEqual([new Set([false]), 1]);
    nowMs = 60_000;
    await look(signal);
    expect(asked).toBe(2);
  });

  it('is asked again after a look that failed', async () => {
    const answers = [() => Promise.reject(new Error('aborted')), () => Promise.resolve({})];
    const look = createOperatorLook({ read: async <T>() => (await answers.shift()?.()) as T }, () => 0);
    await expect(look(signal)).rejects.toThrow('aborted');
    expect(await look(signal)).toBe(true);
  });
});
