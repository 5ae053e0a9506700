import { describe, expect, it } from 'vitest';
import type { InjectSpec, TargetKind } from '../../src/api/inject-spec.ts';
import { entryOf } from '../../src/defaults/entry.ts';
import { tiesOf } from '../../src/defaults/ties.ts';
import { platformDefaults, resolve, system } from '../fixtures/defaults.ts';

const kinds: readonly TargetKind[] = ['Pod'];
const pair = (one: InjectSpec, other: InjectSpec) => [
  platformDefaults('a', { match: { kinds }, inject: one }),
  platformDefaults('b', { match: { kinds }, inject: other }),
];
const mounted = (volume: object): InjectSpec =>
  ({ volumes: [{ name: 'v', ...volume }], volumeMounts: [{ name: 'v', mountPath: '/data' }] }) as InjectSpec;
const told = (what: string): string =>
  `PlatformDefaults quartermaster-system/a and quartermaster-system/b both give ${what} and are equally specific; ` +
  'quartermaster-system/a is taken by its name. Give one of them a higher priority.';

describe('two that are equally specific', () => {
  it.each<readonly [string, InjectSpec, InjectSpec, string]>([
    [
      'two ConfigMaps at one path',
      { configMaps: [{ name: 'one', mountPath: '/etc/x' }] },
      { configMaps: [{ name: 'two', mountPath: '/etc/x/' }] },
      'mount /etc/x',
    ],
    [
      'a Secret and a ConfigMap at one path',
      { secrets: [{ name: 'one', mountPath: '/etc/x' }] },
      { configMaps: [{ name: 'one', mountPath: '/etc/x' }] },
      'mount /etc/x',
    ],
    [
      'a volume and a bundle at one path',
      { ...mounted({ emptyDir: {} }) },
      { caBundle: { configMap: 'ca', mountPath: '/data' } },
      'caBundle',
    ],
    [
      'a variable and a proxy',
      { env: [{ name: 'HTTP_PROXY', value: 'http://a' }] },
      { proxy: { http: 'http://b' } },
      'env HTTP_PROXY',
    ],
    [
      'an init container and a sidecar',
      { initContainers: [{ name: 'x', image: '1' }] },
      { sidecars: [{ name: 'x', image: '2' }] },
      'container x',
    ],
    ['two volumes of one name', mounted({ emptyDir: {} }), mounted({ hostPath: { path: '/x' } }), 'volume v'],
    // Both spellings of two variables; NO_PROXY is the same.
    ['two proxies', { proxy: { http: 'http://a' } }, { proxy: { http: 'http://b' } }, 'env HTTP_PROXY (and 3 more)'],
  ])('are told of %s, in the condition and to whoever makes an object', (_, one, other, what) => {
    const defaults = pair(one, other);
    const [a, b] = defaults.map((each) => entryOf(each, system));
    if (a === undefined || b === undefined) throw new Error('two are wanted');
    expect(tiesOf(b, [a])).toEqual([told(what)]);
    expect(tiesOf(a, [b])).toEqual([told(what)]);
    expect(resolve(defaults, { kind: 'Pod' })?.warnings).toEqual([told(what)]);
  });

  it('are not told of where both mount the same', () => {
    const same = { configMaps: [{ name: 'one', mountPath: '/etc/x' }], ...mounted({ emptyDir: {} }) } as InjectSpec;
    const [a, b] = pair(same, same).map((each) => entryOf(each, system));
    expect(a && b && tiesOf(b, [a])).toEqual([]);
  });
});

describe('what names every pod besides', () => {
  const defaults = (kind: TargetKind) => [
    platformDefaults('both', {
      priority: 100,
      match: { kinds: ['Pod', kind] },
      inject: { labels: { who: 'both' } },
    }),
    platformDefaults('one', { match: { kinds: [kind] }, inject: { labels: { who: 'one' } } }),
  ];
  const winnerFor = (kind: TargetKind) =>
    resolve(defaults(kind), { kind, ...(kind === 'JobPod' && { pod: { owners: new Set() } }) })?.labels.get('who')
      ?.value;

  it.each<TargetKind>(['SparkApplication', 'JobPod'])('is as specific for a %s as what names that alone', (kind) => {
    expect(winnerFor(kind)).toBe('both');
  });

  it('ties with it where only names decide, and only for that kind', () => {
    const entries = defaults('JobPod').map((one) => ({ ...one, spec: { ...one.spec, priority: 0 } }));
    const [both, one] = entries.map((each) => entryOf(each, system));
    expect(both && one && tiesOf(both, [one])).toEqual([expect.stringContaining('both give label who')]);
    expect(resolve(entries, { kind: 'JobPod', pod: { owners: new Set() } })?.warnings).toHaveLength(1);
  });

  it('gives way to a framework’s kind where a pod is of another', () => {
    const inject = (who: string) => ({ labels: { who } });
    const list = [
      platformDefaults('a', { priority: 9, match: { kinds: ['Pod', 'RayNode'] }, inject: inject('pods') }),
      platformDefaults('b', { match: { kinds: ['JobPod'] }, inject: inject('jobs') }),
    ];
    const pod = { owners: new Set<string>() };
    expect(resolve(list, { kind: 'JobPod', pod })?.labels.get('who')?.value).toBe('jobs');
    expect(resolve(list, { kind: 'RayNode', pod })?.labels.get('who')?.value).toBe('pods');
  });
});
