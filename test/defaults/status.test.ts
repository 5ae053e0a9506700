import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/api/errors.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import {
  ADMISSIONS_MS,
  DEGRADED_MS,
  eventsOn,
  type PlatformDefaultsFindings,
  recheckAfterMs,
  statusOf,
} from '../../src/defaults/status.ts';
import { platformDefaults } from '../fixtures/defaults.ts';

const NOW = '2026-01-01T00:00:00Z';
const LATER = '2026-01-02T00:00:00Z';
const it1 = platformDefaults('it', { inject: {} }, { generation: 1 });

const findings = (given: Partial<PlatformDefaultsFindings> = {}): PlatformDefaultsFindings => ({
  defaults: it1,
  violations: [],
  inForce: it1,
  warnings: [],
  provision: undefined,
  ...given,
});
const provision = { namespaces: 2, objects: 6, problems: [], failure: undefined };
const problem = { reason: 'NotOurs', message: 'ConfigMap a is in the way' } as const;

const conditionsOf = (given: Partial<PlatformDefaultsFindings>) =>
  (statusOf(findings(given), NOW).conditions ?? []).map(
    ({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`,
  );

describe('the conditions of a PlatformDefaults', () => {
  const cases: readonly (readonly [Partial<PlatformDefaultsFindings>, readonly string[]])[] = [
    [{}, ['Ready=True Valid: In force for SparkApplication.']],
    [{ violations: ['spec.mode: x', 'y.'] }, ['Ready=False Invalid: spec.mode: x. y. Generation 1 stays in force.']],
    [{ violations: ['x'], inForce: undefined }, ['Ready=False Invalid: x. Nothing of it is in force.']],
    [
      { violations: ['1', '2', '3', '4', '5', '6', '7'], inForce: undefined },
      ['Ready=False Invalid: 1. 2. 3. 4. 5. And 2 more. Nothing of it is in force.'],
    ],
    [
      { violations: [`a: "\u001b[2J${'x'.repeat(2_000_000)}" is no name`], inForce: undefined },
      [`Ready=False Invalid: a: "\ufffd[2J${'x'.repeat(991)}…. Nothing of it is in force.`],
    ],
    [{ warnings: [{ reason: 'Incomplete', message: 'Never.', isNever: true }] }, ['Ready=False Incomplete: Never.']],
    [{ warnings: [{ reason: 'Tied', message: 'A tie.' }] }, ['Ready=True Tied: A tie.']],
    [
      { provision },
      ['Ready=True Valid: In force for SparkApplication.', 'Provisioned=True Provisioned: 6 objects in 2 namespaces.'],
    ],
    [
      { provision: { ...provision, problems: [problem] } },
      ['Ready=True Valid: In force for SparkApplication.', 'Provisioned=False NotOurs: ConfigMap a is in the way.'],
    ],
    [
      { provision: { ...provision, failure: new AppError('Forbidden', 'POST was answered 403.') } },
      ['Ready=True Valid: In force for SparkApplication.', 'Provisioned=False Failed: POST was answered 403.'],
    ],
  ];
  it.each(cases)('%j: %j', (given, expected) => {
    expect(conditionsOf(given)).toEqual(expected);
  });
});

describe('what was counted at admission', () => {
  const seconds = Date.parse(NOW) / 1_000;
  const missing = {
    ...{ at: seconds, generation: 1, field: 'env PROXY', why: '${region} is not known for this object' },
    object: 'Pod team-a/x',
  };
  const tally = { applied: 3, keptBack: 2, refused: 1, lastApplied: seconds, missing };
  const inMs = (ms: number) => `${new Date(Date.parse(NOW) + ms).toISOString().slice(0, -5)}Z`;
  const written = (given: Partial<PlatformDefaultsFindings>, before?: PlatformDefaults['status'], now = NOW) =>
    statusOf(findings({ defaults: { ...it1, ...(before && { status: before }) }, ...given }), now);

  it('stands in status, and what some objects were not given makes it degraded', () => {
    expect(written({ tally })).toMatchObject({
      admissions: { matched: 6, applied: 3, keptBack: 2, refused: 1, lastApplied: NOW, asOf: NOW },
    });
    expect(conditionsOf({ tally })).toEqual([
      'Ready=True Valid: In force for SparkApplication.',
      'Degraded=True NotApplied: env PROXY was not given to Pod team-a/x: ${region} is not known for this object.',
    ]);
    expect(eventsOn(it1, written({ tally })).map(({ type, reason }) => `${type} ${reason}`)).toEqual([
      'Normal Valid',
      'Warning NotApplied',
    ]);
  });

  it('is written anew no sooner than five minutes after the last time, however much comes', () => {
    const first = written({ tally });
    const more = { ...tally, applied: 1_000_000 };
    expect(written({ tally: more }, first, inMs(ADMISSIONS_MS - 1_000))).toBe(first);
    expect(recheckAfterMs(first, more, inMs(1_000))).toBe(ADMISSIONS_MS - 1_000);
    const second = written({ tally: more }, first, inMs(ADMISSIONS_MS));
    expect(second.admissions).toMatchObject({ applied: 1_000_000, asOf: inMs(ADMISSIONS_MS) });
    expect(recheckAfterMs(second, more, inMs(ADMISSIONS_MS))).toBe(DEGRADED_MS - ADMISSIONS_MS);
  });

  it('is degraded for an hour, and no longer once another generation is in force', () => {
    const first = written({ tally });
    const degraded = ({ conditions }: ReturnType<typeof written>) =>
      conditions?.filter(({ type }) => type === 'Degraded').map(({ status, reason }) => `${status} ${reason}`);
    expect(degraded(written({ tally }, first, inMs(DEGRADED_MS - 1_000)))).toEqual(['True NotApplied']);
    expect(degraded(written({ tally }, first, inMs(DEGRADED_MS)))).toEqual(['False Applied']);
    const changed = platformDefaults('it', { inject: {} }, { generation: 2 });
    expect(degraded(written({ tally, defaults: { ...changed, status: first }, inForce: changed }))).toEqual([
      'False Applied',
    ]);
    expect(degraded(written({ tally: { applied: 1, keptBack: 0, refused: 0 } }))).toEqual([]);
  });
});

describe('the status of a PlatformDefaults', () => {
  const judged = (given: Partial<PlatformDefaultsFindings> = {}): PlatformDefaults => ({
    ...it1,
    status: statusOf(findings(given), NOW),
  });

  it('keeps the version in force', () => {
    expect(judged().status).toMatchObject({ observedGeneration: 1, inForce: { generation: 1, spec: it1.spec } });
  });

  it('is the very one it has where nothing is new', () => {
    const before = judged({ provision });
    expect(statusOf(findings({ defaults: before, provision }), LATER)).toBe(before.status);
  });

  it('keeps what was said of provision while that cannot be said anew, and drops it where there is none', () => {
    const before = judged({ provision });
    expect(statusOf(findings({ defaults: before, provision: 'later' }), LATER)).toBe(before.status);
    const without = statusOf(findings({ defaults: before }), LATER);
    expect([without.conditions?.map(({ type }) => type), without.provisionedNamespaces]).toEqual([
      ['Ready'],
      undefined,
    ]);
  });

  it('is told as an Event when the verdict changes, or says something new that is not good', () => {
    const told = (before: PlatformDefaults, given: Partial<PlatformDefaultsFindings>) =>
      eventsOn(before, statusOf(findings({ defaults: before, ...given }), LATER)).map(
        ({ type, reason }) => `${type} ${reason}`,
      );
    expect(told(it1, {})).toEqual(['Normal Valid']);
    expect(told(judged(), {})).toEqual([]);
    expect(told(judged({ provision }), { provision: { ...provision, objects: 9 } })).toEqual([]);
    expect(told(judged(), { violations: ['x'] })).toEqual(['Warning Invalid']);
    expect(told(judged({ violations: ['x'] }), { violations: ['x'] })).toEqual([]);
    expect(told(judged({ violations: ['x'] }), { violations: ['y'] })).toEqual(['Warning Invalid']);
    expect(told(judged(), { warnings: [{ reason: 'Tied', message: 'A tie.' }] })).toEqual(['Warning Tied']);
    expect(told(judged({ violations: ['x'] }), {})).toEqual(['Normal Valid']);
  });
});
