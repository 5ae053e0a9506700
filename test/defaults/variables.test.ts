import { describe, expect, it } from 'vitest';
import type { DefaultsTarget } from '../../src/api/injection.ts';
import { validateDefaults } from '../../src/defaults/validation/spec.ts';
import { platformDefaults, resolve, system } from '../fixtures/defaults.ts';

const annotated = (text: string, variables?: Readonly<Record<string, string>>) =>
  platformDefaults('it', { inject: { annotations: { text } }, ...(variables && { variables }) });

const facts: Readonly<Record<string, string>> = { region: 'eu-west-1', 'objectStore.logs.url': 's3a://logs/' };
const known: Partial<DefaultsTarget> = {
  labels: { app: 'prod', 'example.org/team': 'blue' },
  variable: (name) => facts[name],
};

describe('variables', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['no variable', 'no variable'],
    ['${cloud}/${region}', 'aws/eu-west-1'],
    ['${namespace}.${name}.${kind}', 'team-a.spark-pi.SparkApplication'],
    ['${labels.app} ${labels.example.org/team}', 'prod blue'],
    ['${objectStore.logs.url}history', 's3a://logs/history'],
    ['$${literal}', '${literal}'],
    ['$$${cloud}', '$${cloud}'],
    ['a $${cloud} b ${cloud}', 'a ${cloud} b aws'],
    ['$HOME $(POD) {cloud} $', '$HOME $(POD) {cloud} $'],
    ['${mine}-${mine}', 'own-own'],
    ['${nested}', 'logs-aws'],
    ['${escaped}', '${cloud}'],
    ['${price}${namespace}', 'US$team-a'],
    ['${price}{namespace}', 'US${namespace}'],
    ['$${namespace} and $${price}', '${namespace} and ${price}'],
    ['${abroad:-none}', 'none'],
    ['${abroad:-none} ${nested:-none}', 'none logs-aws'],
    ['${anywhere:-none}', 'at home'],
  ];
  it.each(cases)('turn %s into %s', (text, expected) => {
    const variables = {
      mine: 'own',
      nested: 'logs-${cloud}',
      escaped: '$${cloud}',
      price: 'US$',
      abroad: 'mirror.${account}',
      anywhere: '${account:-at home}',
    };
    expect(resolve([annotated(text, variables)], known)?.annotations.get('text')?.value).toBe(expected);
  });

  it('are filled in at any depth of a volume', () => {
    const nfs = { server: 'nfs.${region}.example.org', path: '/${namespace}' };
    const list = [platformDefaults('it', { inject: { volumes: [{ name: 'shared', nfs }] } })];
    expect(resolve(list, known)?.volumes.get('shared')?.value).toEqual({
      name: 'shared',
      nfs: { server: 'nfs.eu-west-1.example.org', path: '/team-a' },
    });
  });

  it('can make two entries give the same key, which the more specific then wins', () => {
    const mount = (name: string, mountPath: string) => ({ inject: { configMaps: [{ name, mountPath }] } });
    const list = [
      platformDefaults('a', mount('general', '/etc/team-a')),
      platformDefaults('b', { ...mount('special', '/etc/${namespace}'), priority: 1 }),
    ];
    const { configMaps } = resolve(list) ?? {};
    expect([...(configMaps ?? [])].map(([path, { value }]) => [path, value.name])).toEqual([
      ['/etc/team-a', 'special'],
    ]);
  });

  const unknown: readonly (readonly [string, Partial<DefaultsTarget>])[] = [
    ['region', {}],
    ['nobody.defined.it', {}],
    ['labels.absent', {}],
    ['labels.constructor', {}],
    ['objectStore.absent.url', {}],
    ['cloud', { cloud: 'unknown' }],
    ['name', { name: '' }],
  ];
  it.each(unknown)('without a value (%s) leave that one value out, and a warning says so', (name, given) => {
    const list = [
      platformDefaults('it', { inject: { annotations: { text: `\${${name}}` }, labels: { static: 'too' } } }),
      platformDefaults('other', { inject: { labels: { other: 'stays' } } }),
    ];
    const injected = resolve(list, given);
    expect([...(injected?.annotations.keys() ?? []), ...(injected?.labels.keys() ?? [])]).toEqual(['static', 'other']);
    expect(injected?.warnings[0]).toContain(
      `PlatformDefaults quartermaster-system/it: annotations text is not applied: \${${name}} is not known for this object`,
    );
  });

  it('whose definition names one without a value are not known either, and that one is told', () => {
    const list = [annotated('${mirror}', { mirror: '${labels.absent}.mirror' })];
    expect(resolve(list, known)?.warnings).toEqual([
      'PlatformDefaults quartermaster-system/it: annotations text is not applied: ${labels.absent} is not known for this object.',
    ]);
  });

  it('are told to be given after us where an object has no name yet', () => {
    expect(resolve([annotated('${name}')], { name: '' })?.warnings).toEqual([
      'PlatformDefaults quartermaster-system/it: annotations text is not applied: ${name} is not known for this object, which has generateName alone: the API server names it once webhooks were asked.',
    ]);
  });

  it('that make a value Kubernetes would refuse leave that value out too', () => {
    const list = [platformDefaults('it', { inject: { labels: { store: '${objectStore.logs.url}', other: 'stays' } } })];
    const injected = resolve(list, known);
    expect([...(injected?.labels.keys() ?? [])]).toEqual(['other']);
    expect(injected?.warnings[0]).toMatch(
      /it: labels store is not applied: spec\.inject\.labels\[store\]: "s3a:\/\/logs\/" is not a label value/,
    );
  });

  it('take along what is no good without a value: mounts of a volume, the other keys of a volume of Spark', () => {
    const list = [
      platformDefaults('it', {
        mode: 'Enforce',
        inject: {
          volumes: [
            { name: 'gone', persistentVolumeClaim: { claimName: '${labels.absent}' } },
            { name: 'kept', emptyDir: {} },
          ],
          volumeMounts: [
            { name: 'gone', mountPath: '/gone' },
            { name: 'kept', mountPath: '/kept' },
          ],
          sparkConf: {
            'spark.kubernetes.driver.volumes.emptyDir.x.mount.path': '/${labels.absent}',
            'spark.kubernetes.driver.volumes.emptyDir.x.mount.readOnly': 'true',
            'spark.x': 'stays',
          },
        },
      }),
    ];
    const injected = resolve(list, known);
    expect([...(injected?.volumes.keys() ?? []), ...(injected?.volumeMounts.keys() ?? [])]).toEqual(['kept', '/kept']);
    expect([...(injected?.sparkConf.keys() ?? [])]).toEqual(['spark.x']);
    expect(injected?.warnings).toEqual([
      'PlatformDefaults quartermaster-system/it: volumes gone, sparkConf spark.kubernetes.driver.volumes.emptyDir.x.mount.path are not applied: ${labels.absent} is not known for this object.',
    ]);
  });

  it('give each object its own values, although injections are kept', () => {
    const list = [annotated('${name}')];
    expect(resolve(list, { name: 'one' })?.annotations.get('text')?.value).toBe('one');
    expect(resolve(list, { name: 'two' })?.annotations.get('text')?.value).toBe('two');
  });
});

describe('whose definition of a variable holds', () => {
  const user = (spec: object = {}) => platformDefaults('user', { inject: { annotations: { text: '${v}' } }, ...spec });
  const text = (...list: Parameters<typeof resolve>[0]) =>
    resolve(list, { labels: { app: 'prod' } })?.annotations.get('text')?.value;
  const onApp = { match: { selector: { matchLabels: { app: 'prod' } } } };

  it('is the more specific one, not the own one', () => {
    expect(
      text(user({ variables: { v: 'own' } }), platformDefaults('other', { ...onApp, variables: { v: 'other' } })),
    ).toBe('other');
  });

  it('is the own one between equals, whatever the names', () => {
    expect(text(user({ variables: { v: 'own' } }), platformDefaults('another', { variables: { v: 'other' } }))).toBe(
      'own',
    );
  });

  it('is that of a less specific one where there is no other', () => {
    expect(text(user(onApp), platformDefaults('other', { variables: { v: 'other' } }))).toBe('other');
  });

  it('is not that of an entry for other objects', () => {
    const elsewhere = { match: { selector: { matchLabels: { app: 'dev' } } }, variables: { v: 'other' } };
    expect(text(user(), platformDefaults('other', elsewhere))).toBeUndefined();
  });

  it('is never a tenant’s in what the platform enforces or makes for the whole cluster', () => {
    const tenant = platformDefaults('tenant', { variables: { v: 'theirs' } }, { namespace: 'team-a' });
    const platform = platformDefaults('platform', { variables: { v: 'ours' } });
    expect(text(user(), tenant, platform)).toBe('theirs');
    expect(text(user({ mode: 'Enforce' }), tenant, platform)).toBe('ours');

    const forClaims = { match: { kinds: ['PersistentVolumeClaim'] as const } };
    const list = [
      platformDefaults('class', { ...forClaims, inject: { storageClass: { parameters: { path: '/${v}' } } } }),
      platformDefaults('platform', { ...forClaims, variables: { v: 'ours' } }),
      platformDefaults('tenant', { ...forClaims, variables: { v: 'theirs' } }, { namespace: 'team-a' }),
    ];
    expect(resolve(list, { kind: 'PersistentVolumeClaim' })?.storageClass?.value.parameters).toEqual({ path: '/ours' });
  });

  it.each(['namespace', 'name', 'labels.team', 'objectStore.mine.url'])(
    'of the object, ${%s}, does not get into a StorageClass, be it by another variable',
    (name) => {
      const forClaims = { match: { kinds: ['PersistentVolumeClaim'] as const } };
      const given = { kind: 'PersistentVolumeClaim', labels: { team: 'a' }, variable: () => 's3://x' } as const;
      const classOf = (text: string) =>
        platformDefaults('class', { ...forClaims, inject: { storageClass: { mountOptions: [text] } } });
      expect(validateDefaults(classOf(`\${${name}}`), system)).toEqual([
        `spec.inject.storageClass: \${${name}} follows from one object, and a StorageClass is for the whole cluster; use a variable of spec.variables`,
      ]);
      const definer = platformDefaults('definer', { ...forClaims, variables: { v: `\${${name}}` } });
      const injection = resolve([classOf('${v}'), definer], given);
      expect(injection?.storageClass).toBeUndefined();
      expect(injection?.warnings).toEqual([
        `PlatformDefaults quartermaster-system/class is not applied: \${${name}} follows from one object, and a StorageClass is for the whole cluster.`,
      ]);
    },
  );
});
