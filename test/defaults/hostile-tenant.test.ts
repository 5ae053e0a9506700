import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { ensureNothing } from '../../src/admission/handler.ts';
import { encodeReview } from '../../src/admission/review.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { createTallies } from '../../src/defaults/admissions/tally.ts';
import { indexDefaults } from '../../src/defaults/entries-index.ts';
import { createDefaultsInForce } from '../../src/defaults/in-force.ts';
import { type Warning, warningsOn } from '../../src/defaults/warnings.ts';
import { createHandler } from '../../src/kinds/index.ts';
import { createDecisionLog } from '../../src/ops/decisions.ts';
import { createMetrics } from '../../src/ops/metrics.ts';
import { observeAdmissions } from '../../src/server/webhook.ts';
import { admit } from '../fixtures/admitting.ts';
import { cpuMsOf, growthOf, MAX_RATIO } from '../fixtures/cost.ts';
import { platformDefaults, system, target } from '../fixtures/defaults.ts';
import { requestFor } from '../fixtures/golden-case.ts';
import { factsOf } from '../fixtures/golden-world.ts';

const MEBI = 1024 * 1024;
const SPARK = 'sparkoperator.k8s.io/v1beta2';
const tenant = { namespace: 'team-a' };

const app = (spec: object = {}, metadata: object = {}) => ({
  apiVersion: SPARK,
  kind: 'SparkApplication',
  metadata: { name: 'it', namespace: 'team-a', ...metadata },
  spec: { driver: {}, executor: {}, ...spec },
});
const step = (labels: Readonly<Record<string, string>> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'it', namespace: 'team-a', labels: { 'workflows.argoproj.io/workflow': 'w', ...labels } },
  spec: { containers: [{ name: 'main' }] },
});
const giving = (count: number, value: string, mode: 'Default' | 'Enforce' = 'Default') =>
  Array.from({ length: count }, (_, at) =>
    platformDefaults(
      `d${at}`,
      { mode, match: { kinds: ['WorkflowPod'] }, inject: { env: [{ name: `A${at}`, value }] } },
      tenant,
    ),
  );

describe('PlatformDefaults of a tenant', () => {
  it('that give a pod 60 MB together give it one at most, and the answer says which were left out', () => {
    const { patch, warnings } = admit(step(), giving(2_000, 'x'.repeat(30_000)));
    expect(JSON.stringify(patch).length).toBeLessThan(1.1 * MEBI);
    expect(warnings).toHaveLength(6);
    expect(warnings[0]).toMatch(
      /^PlatformDefaults team-a\/d\d+ is not applied: PlatformDefaults would give this object more than 1 MiB\.$/,
    );
    expect(warnings[5]).toMatch(/^19\d\d more PlatformDefaults are not applied\.$/);
  });

  it('take no room from what the platform enforces', () => {
    const platform = platformDefaults('zz', {
      mode: 'Enforce',
      match: { kinds: ['WorkflowPod'] },
      inject: { env: [{ name: 'AUDIT', value: 'on' }] },
    });
    const { object } = admit(step(), [...giving(100, 'x'.repeat(30_000), 'Enforce'), platform]);
    expect(JSON.stringify(object)).toContain('{"name":"AUDIT","value":"on"}');
  });

  it.each([
    ['of a label of its own pod', '${labels.x}', {}],
    ['of a variable', '${x}', { x: 'y'.repeat(4_096) }],
    ['of a variable that names a label', '${x}', { x: '${labels.x}'.repeat(300) }],
  ])('cannot make a gigabyte out %s', (_what, reference, variables) => {
    const text = reference.repeat(Math.floor(MEBI / reference.length));
    const mine = platformDefaults(
      'mine',
      { match: { kinds: ['WorkflowPod'] }, variables, inject: { annotations: { text } } },
      tenant,
    );
    const { object, warnings } = admit(step({ x: 'z'.repeat(MEBI / 2) }), [mine]);
    expect(object.metadata.annotations).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('more than 1 MiB')]);
  });

  it('that name thousands of variables are looked through once, not once for each name', () => {
    const many = Array.from({ length: 3_000 }, (_, at) =>
      platformDefaults(`d${at}`, { inject: { annotations: { text: `\${labels.${'y'.repeat(2_000)}}` } } }, tenant),
    );
    const index = indexDefaults(many, system);
    const look = () => expect(index.resolve(target({ labels: {} }))?.warnings).toHaveLength(6);
    expect(cpuMsOf(look)).toBeLessThan(5_000);
  });

  it('leave nothing behind of what objects fill them with', () => {
    const mine = platformDefaults('mine', { inject: { annotations: { text: '${labels.x}' } } }, tenant);
    const index = indexDefaults([mine], system);
    const filledWith = (text: string) => index.resolve(target({ labels: { x: text } }));
    const short = filledWith('short');
    expect(filledWith('short')).toBe(short);
    for (let at = 0; at < 20; at += 1) filledWith(`${at}`.padStart(MEBI / 2, 'x'));
    expect(filledWith('short')).not.toBe(short);
    expect(filledWith('short')).toEqual(short);
  });

  it('leave nothing behind of the sets they match in', () => {
    const large = Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`spark.x${at}`, 'y'.repeat(140)]));
    const small = Array.from({ length: 12 }, (_, at) =>
      platformDefaults(
        `s${at}`,
        { match: { selector: { matchLabels: { [`l${at}`]: 'on' } } }, inject: { sparkConf: { a: 'b' } } },
        tenant,
      ),
    );
    const index = indexDefaults(
      [platformDefaults('large', { inject: { sparkConf: large } }, tenant), ...small],
      system,
    );
    const inSet = (set: number) => {
      const on = small.flatMap((_, at) => (set & (1 << at) ? [[`l${at}`, 'on']] : []));
      return index.resolve(target({ labels: Object.fromEntries(on) as Record<string, string> }));
    };
    const first = inSet(0);
    expect(inSet(0)).toBe(first);
    for (let set = 1; set < 60; set += 1) inSet(set);
    expect(inSet(0)).not.toBe(first);
    expect(inSet(0)?.sparkConf.size).toBe(900);
  });

  it('and an application with 20,000 settings are decided in a moment', () => {
    const many = (prefix: string, count: number): Readonly<Record<string, string>> =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`spark.${prefix}${at}`, 'x']));
    const mine = platformDefaults('mine', { inject: { sparkConf: many('mine', 400) } }, tenant);
    const decide = () => {
      const { object } = admit(app({ sparkConf: many('own', 20_000) }), [mine]);
      expect(
        Object.keys((object as ReturnType<typeof app> & { spec: { sparkConf: object } }).spec.sparkConf),
      ).toHaveLength(20_400);
    };
    expect(cpuMsOf(decide)).toBeLessThan(1_500);
  });
});

describe('PlatformDefaults of a tenant that tie with each other', () => {
  const CONF = Object.keys(Array.from({ length: 1_000 }));
  const tied = (count: number, conf: readonly string[] = CONF) =>
    Array.from({ length: count }, (_, at) =>
      platformDefaults(
        `d${at}`,
        { inject: { sparkConf: Object.fromEntries(conf.map((key) => [`spark.x${key}`, String(at)])) } },
        tenant,
      ),
    );
  const judgeAll = (list: readonly PlatformDefaults[]): readonly Warning[] => {
    const inForce = createDefaultsInForce(system);
    for (const defaults of list) inForce.put(defaults);
    return inForce.entries().flatMap((entry) => warningsOn(entry, inForce, () => false));
  };

  it('are told of in one sentence for each two, and not for each key', () => {
    expect(judgeAll(tied(2)).map(({ message }) => message)).toEqual(
      Array.from(
        { length: 2 },
        () =>
          'PlatformDefaults team-a/d0 and team-a/d1 both give sparkConf spark.x0 (and 999 more) and are equally specific; ' +
          'team-a/d0 is taken by its name. Give one of them a higher priority.',
      ),
    );
  });

  it.each([
    ['whatever else they give', (count: number) => tied(count)],
    ['where they give one key', (count: number) => tied(4 * count, ['0'])],
    [
      'where none of them ties',
      (count: number) => tied(count).map((one) => ({ ...one, spec: { ...one.spec, inject: tied(1)[0]?.spec.inject } })),
    ],
    [
      'with selectors that are long to compare',
      (count: number) =>
        tied(2 * count, ['0']).map((one, at) => ({
          ...one,
          spec: { ...one.spec, match: { ...one.spec.match, selector: longSelector(at) } },
        })),
    ],
  ])('cost as much as there are of them, %s', async (_, make) => {
    const judging = (count: number) => {
      const list = make(count) as readonly PlatformDefaults[];
      return () => void judgeAll(list);
    };
    expect((await growthOf(judging, 40)).ratio).toBeLessThan(MAX_RATIO);
  });

  const longSelector = (at: number) => ({
    matchExpressions: Array.from({ length: 32 }, () => ({
      key: 'k',
      operator: 'In' as const,
      values: Array.from({ length: 64 }, (_, value) => (value === 63 ? 'shared' : `v${at}-${value}`)),
    })),
  });
});

describe('what a tenant writes', () => {
  const LONG = `\u001b[31m${'x'.repeat(MEBI)}`;
  const ties = ['a', 'b'].map((name) =>
    platformDefaults(
      name,
      {
        inject: {
          sparkConf: Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`spark.x${at}`, name])),
        },
        variables: {},
      },
      tenant,
    ),
  );

  it('is short and plain in the answer, the log and the status page', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
    const decisions = createDecisionLog({ capacity: 10, now: () => new Date() });
    const unknown = Array.from({ length: 1_000 }, (_, at) =>
      platformDefaults(`d${at}`, { inject: { annotations: { text: `\${labels.${'y'.repeat(2_000)}}` } } }, tenant),
    );
    const facts = factsOf({ defaults: [...ties, ...unknown], circumstances: {} });
    const handle = createHandler({
      facts: () => facts,
      ensure: ensureNothing,
      observe: observeAdmissions(
        { log, metrics: createMetrics(), counted: createTallies(Date.now, 'quartermaster-system') },
        decisions,
      ),
    });
    const object = app({}, { name: LONG, labels: { team: LONG } });
    const answer = encodeReview(
      await handle({ ...requestFor({ circumstances: {}, oldObject: undefined }, object), name: LONG }),
    );
    const { response } = JSON.parse(answer) as { response: { warnings: readonly string[] } };
    expect(response.warnings).toHaveLength(7);
    expect(response.warnings.join('').length).toBeLessThan(60_000);
    expect(lines.join('').length).toBeLessThan(100_000);
    expect(lines.join('')).not.toContain('\\u001b');
    const remembered = JSON.stringify(decisions.latest());
    expect(remembered.length).toBeLessThan(200_000);
    expect(remembered).not.toContain('\\u001b');
  });
});

describe('a pod of many containers', () => {
  const many = (count: number) => ({
    ...step(),
    spec: {
      containers: [
        { name: 'main' },
        ...Array.from({ length: count }, (_, at) => ({
          name: `c${at}`,
          env: [{ name: 'ARGO_CONTAINER_NAME', value: 'c' }],
        })),
      ],
    },
  });

  it('is not given for each of them what no API server would store', () => {
    const { object, warnings, denied } = admit(many(200), giving(900, 'x'));
    expect(denied).toBeUndefined();
    expect(object.metadata.annotations).toBeUndefined();
    expect(warnings).toEqual([
      'Nothing of PlatformDefaults is injected: its containers would be given more than 8000 values or 4 MiB together.',
    ]);
  });

  it('is refused where some of it is enforced', () => {
    expect(admit(many(200), giving(900, 'x', 'Enforce')).denied).toBe(
      'spec.containers: its containers would be given more than 8000 values or 4 MiB together, and PlatformDefaults enforce something; use fewer containers.',
    );
  });

  it('is given all of it where that is little', () => {
    expect(JSON.stringify(admit(many(50), giving(20, 'x')).object).match(/"name":"A19"/g)).toHaveLength(51);
  });

  it('hides none of them from what the platform enforces', () => {
    const proxy = platformDefaults('proxy', {
      mode: 'Enforce',
      match: { kinds: ['Pod'] },
      inject: { env: [{ name: 'PROXY', value: 'on' }] },
    });
    const containers = Array.from({ length: 250 }, (_, at) => ({ name: `c${at}` }));
    const { object } = admit(
      { ...step(), metadata: { name: 'it', namespace: 'team-a' }, spec: { containers } } as never,
      [proxy],
    );
    expect(JSON.stringify(object).match(/"name":"PROXY"/g)).toHaveLength(250);
  });
});
