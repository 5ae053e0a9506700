import { describe, expect, it } from 'vitest';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { createDefaultsInForce, type DefaultsInForce } from '../../src/defaults/in-force.ts';
import { cpuMsOf } from '../fixtures/cost.ts';
import { platformDefaults, system, target } from '../fixtures/defaults.ts';

const version = (generation: number, value: string, uid = 'first'): PlatformDefaults =>
  platformDefaults('it', { inject: { labels: { value } } }, { generation, uid });
const invalid = (generation: number, uid = 'first'): PlatformDefaults => version(generation, 'not a value', uid);
const recording = (defaults: PlatformDefaults, generation: number, { spec }: PlatformDefaults): PlatformDefaults => ({
  ...defaults,
  status: { inForce: { generation, spec } },
});

const seeing = (...seen: readonly PlatformDefaults[]) => {
  const inForce = createDefaultsInForce(system);
  for (const defaults of seen) inForce.put(defaults);
  const label = inForce.index().resolve(target())?.labels.get('value');
  return { inForce, value: label?.value, generation: label?.source.generation };
};

describe('what is in force', () => {
  it('is the newest version where that is valid', () => {
    expect(seeing(version(1, 'a'), version(2, 'b'))).toMatchObject({ value: 'b', generation: 2 });
  });

  it('is the last valid version while a newer one is not', () => {
    const { inForce, ...label } = seeing(version(1, 'a'), version(2, 'b'), invalid(3), invalid(4));
    expect(label).toEqual({ value: 'b', generation: 2 });
    expect(inForce.validation(system.systemNamespace, 'it')).toMatchObject({
      defaults: { metadata: { generation: 4 } },
      violations: [
        'spec.inject.labels[value]: "not a value" is not a label value (at most 63 letters, digits, -, _ and .)',
      ],
      inForce: { metadata: { generation: 2 } },
    });
  });

  it('is nothing where no valid version was ever seen', () => {
    expect(seeing(invalid(1)).value).toBeUndefined();
  });

  it('is read from status after a restart', () => {
    expect(seeing(recording(invalid(3), 2, version(2, 'b')))).toMatchObject({ value: 'b', generation: 2 });
  });

  it('is read from a status that comes later than the object', () => {
    expect(seeing(invalid(3), recording(invalid(3), 2, version(2, 'b')))).toMatchObject({ value: 'b', generation: 2 });
  });

  it('is the newer of what status says and what was seen', () => {
    expect(seeing(version(2, 'b'), recording(invalid(3), 1, version(1, 'a'))).value).toBe('b');
    expect(seeing(version(1, 'a'), recording(invalid(3), 2, version(2, 'b'))).value).toBe('b');
  });

  it('is not what status says where that is invalid itself', () => {
    expect(seeing(recording(invalid(3), 2, invalid(2))).value).toBeUndefined();
  });

  it('gives a tenant who writes a status nothing that their spec could not have', () => {
    const provision = { configMaps: [{ name: 'a', data: {} }] };
    const tenant = platformDefaults('it', { inject: { labels: { '-': '' } } }, { namespace: 'team-a' });
    const { inForce } = seeing(recording(tenant, 1, platformDefaults('it', { provision })));
    expect(inForce.validation('team-a', 'it')?.inForce).toBeUndefined();
  });

  it('is not what another object of the same name once said', () => {
    expect(seeing(version(7, 'a', 'first'), invalid(1, 'second')).value).toBeUndefined();
  });

  it('ends with the object', () => {
    const { inForce } = seeing(version(1, 'a'));
    inForce.remove(version(1, 'a'));
    expect(inForce.index().resolve(target())).toBeUndefined();
    expect(inForce.validation(system.systemNamespace, 'it')).toBeUndefined();
  });

  it('is not indexed anew for a change of status or metadata', () => {
    const { inForce } = seeing(version(1, 'a'));
    const index = inForce.index();
    const told = { ...version(1, 'a'), status: { observedGeneration: 1 } };
    inForce.put(told);
    expect(inForce.index()).toBe(index);
    expect(inForce.validation(system.systemNamespace, 'it')?.defaults).toBe(told);
    inForce.put(version(2, 'b'));
    expect(inForce.index()).not.toBe(index);
  });
});

describe('a change of one PlatformDefaults', () => {
  const CHANGES = 2_000;
  const oneOf = (at: number, generation: number): PlatformDefaults =>
    platformDefaults(
      `d${at}`,
      {
        match: { selector: { matchLabels: { app: `a${at}`, env: 'prod' } } },
        inject: { sparkConf: { 'spark.x': `v${generation}` } },
      },
      { namespace: `team-${at % 100}`, generation },
    );
  const among = (count: number) => {
    const inForce = createDefaultsInForce(system);
    for (let at = 0; at < count; at += 1) inForce.put(oneOf(at, 1));
    return inForce;
  };
  const app = (at: number) => target({ namespace: `team-${at % 100}`, labels: { app: `a${at}`, env: 'prod' } });
  const given = (inForce: DefaultsInForce, at: number) =>
    inForce.index().resolve(app(at))?.sparkConf.get('spark.x')?.value;

  it('costs the same however many others there are, and holds for the next decision', () => {
    const changing = (count: number) => {
      const inForce = among(count);
      return () => {
        for (let generation = 2; generation < CHANGES; generation += 1) {
          inForce.put(oneOf(0, generation));
          expect(given(inForce, 0)).toBe(`v${generation}`);
        }
      };
    };
    const few = cpuMsOf(changing(100));
    // Each used to read all of them again: hundreds of times as much.
    expect(cpuMsOf(changing(10_000))).toBeLessThan(5 * few + 100);
  });

  it('leaves what was decided for everybody else as it is', () => {
    const inForce = among(200);
    const before = inForce.index().resolve(app(7));
    inForce.put(oneOf(107, 2));
    inForce.remove(oneOf(8, 1));
    expect(given(inForce, 107)).toBe('v2');
    expect(inForce.index().resolve(app(7))).toBe(before);
  });
});
