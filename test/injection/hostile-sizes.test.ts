import { describe, expect, it } from 'vitest';
import type { PlatformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import { admit } from '../fixtures/admitting.ts';
import { cpuMsOf } from '../fixtures/cost.ts';
import { platformDefaults } from '../fixtures/defaults.ts';

type Inject = NonNullable<PlatformDefaultsSpec['inject']>;

const tenant = { namespace: 'team-a' };
const times = <T>(count: number, make: (at: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, at) => make(at));
const fields = (count: number, keyOf: (at: number) => string, textOf: (at: number) => string = () => 'x') =>
  Object.fromEntries(times(count, (at) => [keyOf(at), textOf(at)]));

const step = (main: object, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'it', namespace: 'team-a', labels: { 'workflows.argoproj.io/workflow': 'w' } },
  spec: { containers: [{ name: 'main', ...main }], ...spec },
});
const app = (role: object, spec: object = {}) => ({
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name: 'it', namespace: 'team-a' },
  spec: { driver: role, executor: role, ...spec },
});

const variables = times(
  4,
  (part): Inject => ({ env: times(240, (at) => ({ name: `V${part * 240 + at}`, value: 'z' })) }),
);
const mounts = times(
  7,
  (part): Inject => ({
    volumes: times(64, (at) => ({ name: `v${part * 64 + at}`, emptyDir: {} })),
    volumeMounts: times(64, (at) => ({ name: `v${part * 64 + at}`, mountPath: `/v/${part * 64 + at}` })),
  }),
);
const mountKey = (at: number): string => `spark.kubernetes.driver.volumes.emptyDir.v${at}.mount.path`;
const settings = [{ sparkConf: fields(900, mountKey, (at) => `/v/${at}`) }];

const optionKey = (at: number): string => `spark.kubernetes.driver.volumes.emptyDir.v.options.o${at}`;
const options = [
  { sparkConf: { ...fields(900, optionKey), 'spark.kubernetes.driver.volumes.emptyDir.v.mount.path': '/v' } },
];

const environment = (count: number, nameOf: (at: number) => string) => ({
  env: times(count, (at) => ({ name: nameOf(at), value: 'x' })),
});
const mounting = (count: number) => ({
  volumeMounts: times(count, (at) => ({ name: `w${at}`, mountPath: `/w/${at}` })),
});
const having = (count: number) => ({ volumes: times(count, (at) => ({ name: `w${at}`, emptyDir: {} })) });

/** As much of everything as may be given, and as many entries as an object of 1.5 MiB may have. */
const cases: readonly (readonly [string, readonly Inject[], object])[] = [
  ['variables that a pod has', variables, step(environment(30_000, (at) => `V${at}`))],
  ['variables that a pod has many times', variables, step(environment(30_000, (at) => `V${at % 960}`))],
  ['variables and a pod of other ones', variables, step(environment(30_000, (at) => `W${at}`))],
  ['mounts and a pod of others', mounts, step(mounting(12_000), having(12_000))],
  [
    'mounts and a pod of containers of one name',
    mounts,
    step({}, { containers: times(15_000, () => ({ name: 'main' })) }),
  ],
  ['mounts and an app of others', mounts, app(mounting(5_000), having(5_000))],
  [
    'mounts and an app of settings for others',
    mounts,
    app({}, { sparkConf: fields(15_000, (at) => mountKey(at + 9_000)) }),
  ],
  [
    'settings for mounts and an app of others',
    settings,
    app(mounting(5_000), {
      sparkConf: fields(
        8_000,
        (at) => mountKey(at + 9_000),
        (at) => `/w/${at}`,
      ),
    }),
  ],
  [
    'mounts and an app of ConfigMaps',
    mounts,
    app({ configMaps: times(15_000, (at) => ({ name: `w${at}`, path: `/w/${at}` })) }),
  ],
  [
    'mounts and an app of ConfigMaps in their places',
    mounts,
    app({ configMaps: times(15_000, (at) => ({ name: `w${at}`, path: `/v/${at}` })) }),
  ],
  [
    'settings for one volume and an app of settings for its path',
    options,
    app(
      {},
      {
        sparkConf: fields(
          12_000,
          (at) => mountKey(at + 9_000),
          () => '/v',
        ),
      },
    ),
  ],
  [
    'variables and an app of empty containers in templates',
    variables,
    app({ template: { spec: { containers: times(150_000, () => ({})) } } }),
  ],
  [
    'variables and an app of containers in templates',
    variables,
    app({ template: { spec: { containers: times(5_000, (at) => ({ name: `c${at}`, env: [{ name: 'A' }] })) } } }),
  ],
];

describe('PlatformDefaults of a tenant that give as much as they may', () => {
  it.each(
    cases.flatMap(
      ([what, injects, object]) =>
        [
          ['Default', what, injects, object],
          ['Enforce', what, injects, object],
          ['Audit', what, injects, object],
        ] as const,
    ),
  )('are settled at once: %s, %s', (mode, _what, injects, object) => {
    const kinds = [(object as { kind: string }).kind === 'Pod' ? 'WorkflowPod' : 'SparkApplication'] as const;
    const given = injects.map((inject, at) => platformDefaults(`d${at}`, { mode, match: { kinds }, inject }, tenant));
    const settle = () => {
      const { warnings } = admit(object as never, given);
      expect(warnings.filter((warning) => warning.includes('is not applied'))).toEqual([]);
    };
    // Half a second at most, where each value against each entry took up to a minute.
    expect(cpuMsOf(settle)).toBeLessThan(5_000);
  });

  it('and the port of an agent are looked up at once in java options of a megabyte', () => {
    const inject = { prometheus: { jmxExporterJar: '/jmx.jar', exposeDriverMetrics: true } };
    const javaOptions = `${'-javaagent:'.repeat(90_000)} -javaagent:/theirs.jar=8090:/conf`;
    const lookUp = () => {
      const { warnings } = admit(app({ javaOptions }) as never, [platformDefaults('d', { inject }, tenant)]);
      expect(warnings).toEqual([
        expect.stringContaining("java options of the driver's pod listen on port 8090 already"),
      ]);
    };
    expect(cpuMsOf(lookUp)).toBeLessThan(5_000);
  });

  it('give no more than 1,000 values, and the answer says which were left out', () => {
    const given = times(6, (at) =>
      platformDefaults(`d${at}`, { match: { kinds: ['WorkflowPod'] }, inject: variables[at % 4] ?? {} }, tenant),
    );
    const { warnings } = admit(step({}), given);
    expect(warnings).toContain(
      'PlatformDefaults team-a/d5 is not applied: PlatformDefaults would give this object more than 1000 values.',
    );
  });
});
