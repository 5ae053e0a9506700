import { describe, expect, it } from 'vitest';
import type { DefaultsTarget } from '../../src/api/injection.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { platformDefaults, resolve, system } from '../fixtures/defaults.ts';

/** Gives label `who` the entry's own name, so that the winner can be read off. */
const entry = (
  name: string,
  spec: Parameters<typeof platformDefaults>[1] = {},
  where: Parameters<typeof platformDefaults>[2] = {},
): PlatformDefaults => platformDefaults(name, { inject: { labels: { who: name } }, ...spec }, where);

const winner = (list: readonly PlatformDefaults[], given: Partial<DefaultsTarget> = {}): string | undefined =>
  resolve(list, given)?.labels.get('who')?.value;

const teamA = { namespace: 'team-a' };
const onNamespace = { match: { namespaceSelector: { matchLabels: { team: 'a' } } } };
const onApp = { match: { selector: { matchLabels: { app: 'prod' } } } };
const onAppAndTier = { match: { selector: { matchLabels: { app: 'prod', tier: 'one' } } } };
const labels = { app: 'prod', tier: 'one' };

describe('which PlatformDefaults match', () => {
  const cases: readonly (readonly [
    string,
    Parameters<typeof platformDefaults>[1],
    Partial<DefaultsTarget>,
    boolean,
  ])[] = [
    ['its kind', {}, {}, true],
    ['another kind', { match: { kinds: ['CalrissianPod'] } }, {}, false],
    ['one of its kinds', { match: { kinds: ['CalrissianPod', 'SparkApplication'] } }, {}, true],
    ['equal labels', onAppAndTier, { labels }, true],
    ['a label that differs', onApp, { labels: { app: 'dev' } }, false],
    ['a label that is missing', onAppAndTier, { labels: { app: 'prod' } }, false],
    ['In', withExpression('In', ['prod', 'dev']), { labels: { app: 'dev' } }, true],
    ['In with another value', withExpression('In', ['prod', 'dev']), { labels: { app: 'test' } }, false],
    ['NotIn', withExpression('NotIn', ['dev']), { labels }, true],
    ['NotIn without the label', withExpression('NotIn', ['dev']), {}, true],
    ['NotIn with the value', withExpression('NotIn', ['prod']), { labels }, false],
    ['Exists', withExpression('Exists'), { labels: { app: '' } }, true],
    ['Exists without the label', withExpression('Exists'), {}, false],
    ['DoesNotExist', withExpression('DoesNotExist'), {}, true],
    ['DoesNotExist with the label', withExpression('DoesNotExist'), { labels }, false],
    ['the labels of the namespace', onNamespace, { namespaceLabels: { team: 'a' } }, true],
    ['the object, not its namespace', onNamespace, { labels: { team: 'a' } }, false],
    ['a cloud', { match: { clouds: ['gcp', 'aws'] } }, {}, true],
    ['another cloud', { match: { clouds: ['gcp'] } }, {}, false],
    ['empty selectors', { match: { selector: {}, namespaceSelector: { matchLabels: {} } } }, {}, true],
  ];
  it.each(cases)('asks for %s', (_, spec, given, isMatch) => {
    expect(winner([entry('it', spec)], given)).toBe(isMatch ? 'it' : undefined);
  });

  it('holds in one namespace alone outside the system namespace', () => {
    const local = entry('local', {}, teamA);
    expect(winner([local], { namespace: 'team-a' })).toBe('local');
    expect(winner([local], { namespace: 'team-b' })).toBeUndefined();
  });

  it('is not fooled by labels that every JavaScript object inherits', () => {
    const wanting = (operator: 'Exists' | 'DoesNotExist') =>
      entry('it', {
        match: { selector: { matchLabels: { app: 'prod' }, matchExpressions: [{ key: 'constructor', operator }] } },
      });
    expect(winner([wanting('Exists')], { labels })).toBeUndefined();
    expect(winner([wanting('Exists')], { labels: { ...labels, constructor: 'here' } })).toBe('it');
    expect(winner([wanting('DoesNotExist')], { labels })).toBe('it');
  });

  it('treats __proto__ as a label like any other', () => {
    const labels = JSON.parse('{"__proto__": "yes"}') as Record<string, string>;
    const injected = resolve([platformDefaults('it', { inject: { labels } })], { labels });
    expect([...(injected?.labels.keys() ?? [])]).toEqual(['__proto__']);
    expect(Object.hasOwn(Object.prototype, 'yes')).toBe(false);
  });

  it('leaves only what the platform enforces where injection is disabled', () => {
    const list = [
      entry('default'),
      entry('tenant', { mode: 'Enforce' }, teamA),
      entry('platform', { mode: 'Enforce', inject: { labels: { owner: 'platform' } } }),
    ];
    const injected = resolve(list, { isDisabled: true });
    expect([...(injected?.labels ?? [])].map(([key, { source }]) => [key, source.name])).toEqual([
      ['owner', 'platform'],
    ]);
  });
});

describe('which of those that match wins a key', () => {
  const cases: readonly (readonly [string, readonly PlatformDefaults[], string])[] = [
    ['more label requirements', [entry('a', onApp), entry('b', onAppAndTier)], 'b'],
    ['namespace-local before global, however specific', [entry('a', onAppAndTier), entry('b', {}, teamA)], 'b'],
    ['label requirements before namespace requirements', [entry('a', onNamespace), entry('b', onApp)], 'b'],
    ['namespace requirements before priority', [entry('a', { priority: 9 }), entry('b', onNamespace)], 'b'],
    ['priority between equals', [entry('a', { priority: 1 }), entry('b', { priority: 2 })], 'b'],
    ['the name where all else is equal', [entry('b'), entry('a')], 'a'],
    ['Enforce before any Default', [entry('a', onAppAndTier, teamA), entry('b', { mode: 'Enforce' })], 'b'],
    [
      'the tenant’s own Enforce before any Default',
      [entry('a', onAppAndTier), entry('b', { mode: 'Enforce' }, teamA)],
      'b',
    ],
    [
      'what the platform enforces before what a tenant enforces',
      [entry('a', { ...onAppAndTier, mode: 'Enforce' }, teamA), entry('b', { mode: 'Enforce' })],
      'b',
    ],
  ];
  it.each(cases)('prefers %s', (_, list, expected) => {
    const given = { labels, namespaceLabels: { team: 'a' } };
    expect(winner(list, given)).toBe(expected);
    expect(winner(list.toReversed(), given)).toBe(expected);
  });

  it('says which version of whom gave a value, and how strongly it holds', () => {
    const injected = resolve([entry('it', { mode: 'Enforce' }, { generation: 7 })]);
    expect(injected?.labels.get('who')).toEqual({
      value: 'it',
      mode: 'Enforce',
      source: { namespace: system.systemNamespace, name: 'it', generation: 7 },
    });
  });

  it('warns of a tie that changes the outcome, and of no other', () => {
    const same = resolve([
      entry('a', { inject: { labels: { k: 'v' } } }),
      entry('b', { inject: { labels: { k: 'v' } } }),
    ]);
    expect(same?.warnings).toEqual([]);
    expect(resolve([entry('a'), entry('b')])?.warnings).toEqual([
      'PlatformDefaults quartermaster-system/a and quartermaster-system/b both give label who and are equally specific; ' +
        'quartermaster-system/a is taken by its name. Give one of them a higher priority.',
    ]);
  });
});

describe('Koalja’s domain example', () => {
  const forProd = { selector: { matchLabels: { app: 'prod' } } };

  it('works as a pair that injects directly', () => {
    const pair = [
      platformDefaults('prod', { match: forProd, inject: { env: [{ name: 'DOMAIN', value: 'example.org' }] } }),
      platformDefaults('anything', { inject: { env: [{ name: 'DOMAIN', value: 'example.com' }] } }),
    ];
    expect(resolve(pair, { labels: { app: 'prod' } })?.env.get('DOMAIN')?.value.value).toBe('example.org');
    expect(resolve(pair, { labels: { app: 'test' } })?.env.get('DOMAIN')?.value.value).toBe('example.com');
  });

  it('works as a pair of variables that a third one uses', () => {
    const three = [
      platformDefaults('prod', { match: forProd, variables: { domain: 'example.org' } }),
      platformDefaults('anything', { variables: { domain: 'example.com' } }),
      platformDefaults('host', { inject: { annotations: { host: '${name}.${namespace}.${domain}' } } }),
    ];
    const host = (labels: Readonly<Record<string, string>>) =>
      resolve(three, { labels })?.annotations.get('host')?.value;
    expect(host({ app: 'prod' })).toBe('spark-pi.team-a.example.org');
    expect(host({})).toBe('spark-pi.team-a.example.com');
  });

  it('lets a namespace have a domain of its own', () => {
    const list = [
      platformDefaults('anything', { variables: { domain: 'example.com' } }),
      platformDefaults('ours', { variables: { domain: 'team-a.example' } }, teamA),
      platformDefaults('host', { inject: { annotations: { host: '${domain}' } } }),
    ];
    expect(resolve(list)?.annotations.get('host')?.value).toBe('team-a.example');
    expect(resolve(list, { namespace: 'team-b' })?.annotations.get('host')?.value).toBe('example.com');
  });
});

function withExpression(operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', values?: readonly string[]) {
  return { match: { selector: { matchExpressions: [{ key: 'app', operator, ...(values && { values }) }] } } };
}
