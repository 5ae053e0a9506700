import { describe, expect, it } from 'vitest';
import type { PlatformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import { indexDefaults } from '../../src/defaults/entries-index.ts';
import { platformDefaults, resolve, system, target } from '../fixtures/defaults.ts';

type Inject = NonNullable<PlatformDefaultsSpec['inject']>;

/** `special` is more specific than `general`; both match. */
const merged = (general: Inject, special: Inject) => {
  const injection = resolve([
    platformDefaults('general', { inject: general }),
    platformDefaults('special', { inject: special, priority: 1 }),
  ]);
  if (injection === undefined) throw new Error('nothing matched');
  return injection;
};

const values = <T>(items: ReadonlyMap<string, { readonly value: T }>) =>
  Object.fromEntries([...items].map(([key, { value }]) => [key, value]));

describe('merging key by key', () => {
  it('takes each key of a map from the most specific that gives it', () => {
    const { sparkConf } = merged({ sparkConf: { 'spark.a': '1', 'spark.b': '1' } }, { sparkConf: { 'spark.b': '2' } });
    expect(values(sparkConf)).toEqual({ 'spark.a': '1', 'spark.b': '2' });
  });

  it('takes each environment variable as a whole', () => {
    const fieldRef = { valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } };
    const { env } = merged({ env: [{ name: 'A', value: '1' }] }, { env: [{ name: 'A', ...fieldRef }, { name: 'B' }] });
    expect(values(env)).toEqual({ A: { name: 'A', ...fieldRef }, B: { name: 'B' } });
  });

  it('puts the most specific envFrom last, where it wins, and makes each optional unless it says otherwise', () => {
    const { envFrom } = merged(
      {
        envFrom: [
          { configMapRef: { name: 'zero', optional: false } },
          { configMapRef: { name: 'one' } },
          { secretRef: { name: 'two', optional: false } },
        ],
      },
      { envFrom: [{ configMapRef: { name: 'three' } }, { configMapRef: { name: 'one' }, prefix: 'P_' }] },
    );
    expect([...envFrom]).toMatchObject([
      ['configMap/zero', { value: { configMapRef: { name: 'zero', optional: false } } }],
      ['configMap/one', { value: { configMapRef: { name: 'one', optional: true } } }],
      ['secret/two', { value: { secretRef: { name: 'two', optional: false } } }],
      ['configMap/three', { value: { configMapRef: { name: 'three', optional: true } } }],
      ['configMap/one/P_', { value: { prefix: 'P_' } }],
    ]);
  });

  it('gives a path to one mount only, be it of a volume, a ConfigMap or a Secret', () => {
    const { volumeMounts, configMaps, secrets } = merged(
      {
        volumes: [{ name: 'v', emptyDir: {} }],
        volumeMounts: [{ name: 'v', mountPath: '/a' }],
        configMaps: [{ name: 'c', mountPath: '/b' }],
      },
      { configMaps: [{ name: 'special', mountPath: '/a/' }], secrets: [{ name: 's', mountPath: '/b' }] },
    );
    expect([volumeMounts.size, values(configMaps), values(secrets)]).toEqual([
      0,
      { '/a': { name: 'special', mountPath: '/a/' } },
      { '/b': { name: 's', mountPath: '/b' } },
    ]);
  });

  it('lets two defaults each give a part of prometheus', () => {
    const { prometheus } = merged(
      { prometheus: { port: 8090, scrape: true } },
      { prometheus: { port: 9090, jmxExporterJar: '/j.jar' } },
    );
    expect(values(prometheus)).toEqual({ port: 9090, scrape: true, jmxExporterJar: '/j.jar' });
  });

  it('tells tolerations apart by key, operator, value and effect', () => {
    const { tolerations } = merged(
      {
        tolerations: [
          { key: 'k', effect: 'NoSchedule' },
          { key: 'k', operator: 'Equal', effect: 'NoSchedule' },
        ],
      },
      { tolerations: [{ key: 'k', operator: 'Exists' }] },
    );
    expect([...tolerations.keys()]).toEqual(['k|Exists||', 'k|Equal||NoSchedule']);
  });

  it('takes what is one value as a whole from the most specific', () => {
    const { serviceAccountName, eventLog } = merged(
      { serviceAccountName: 'spark', eventLog: { objectStore: 'general' } },
      { eventLog: { objectStore: 'special' } },
    );
    expect([serviceAccountName?.value, eventLog?.value]).toEqual(['spark', 'special']);
  });

  it('treats null as absent, as the API server does', () => {
    const inject = { labels: null, env: [{ name: 'A', value: null }], serviceAccountName: null } as unknown as Inject;
    const { labels, env, serviceAccountName } = merged(inject, {});
    expect([labels.size, values(env), serviceAccountName]).toEqual([0, { A: { name: 'A' } }, undefined]);
  });

  it('shares what it does not change with the stored object', () => {
    const volume = { name: 'v', emptyDir: {} };
    expect(merged({ volumes: [volume] }, {}).volumes.get('v')?.value).toBe(volume);
  });
});

describe('what resolution keeps', () => {
  it('is one injection for all objects that match the same entries', () => {
    const index = indexDefaults([platformDefaults('it', { inject: { labels: { a: 'b' } } })], system);
    expect(index.resolve(target({ name: 'one' }))).toBe(index.resolve(target({ name: 'two', labels: { other: 'x' } })));
  });

  it('is bounded: ten thousand objects with variables of their own leave no trace', () => {
    const index = indexDefaults([platformDefaults('it', { inject: { annotations: { a: '${name}' } } })], system);
    const first = index.resolve(target({ name: 'first' }));
    for (let at = 0; at < 10_000; at += 1) index.resolve(target({ name: `app-${at}` }));
    expect(index.resolve(target({ name: 'first' }))).not.toBe(first);
    expect(index.resolve(target({ name: 'first' }))).toEqual(first);
  });
});
