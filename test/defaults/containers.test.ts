import { describe, expect, it } from 'vitest';
import type { ContainerRole, ContainerTarget } from '../../src/api/injection.ts';
import { canShareContainers, containerSelector } from '../../src/defaults/containers.ts';
import { cpuMsOf } from '../fixtures/cost.ts';
import { fc } from '../fixtures/fast-check.ts';

const container = (name: string, role: ContainerRole): ContainerTarget => ({ name, role, isDefault: role === 'main' });
const pod = [
  container('api', 'main'),
  container('cache', 'sidecar'),
  container('fetch', 'init'),
  container('wait', 'helper'),
  container('istio-proxy', 'other'),
];
const selected = (...items: readonly string[]): readonly string[] =>
  pod.filter(containerSelector(items)).map(({ name }) => name);

describe('match.containers', () => {
  it.each([
    [['main'], ['api']],
    [
      ['init', 'sidecars'],
      ['cache', 'fetch'],
    ],
    [['all'], ['api', 'cache', 'fetch']],
    [['cache'], ['cache']],
    [['*'], ['api', 'cache', 'fetch']],
    [['?a*e'], ['cache']],
    [['istio-proxy'], ['istio-proxy']],
    [['istio-*'], []],
    [['wait'], []],
  ])('%j selects %j', (items, names) => {
    expect(selected(...items)).toEqual(names);
  });

  it('matches patterns as a regular expression would', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 8 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(text, pattern, (name, glob) => {
        const expression = new RegExp(`^${glob.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(containerSelector([glob])(container(name, 'main'))).toBe(expression.test(name));
      }),
      { numRuns: 2_000 },
    );
  });

  it('matches at once where a regular expression would try for ever', () => {
    const select = () => {
      expect(containerSelector([`${'*a'.repeat(31)}b`])(container('a'.repeat(63), 'main'))).toBe(false);
      expect(containerSelector(['*'])(container('a'.repeat(1_000_000), 'main'))).toBe(false);
    };
    expect(cpuMsOf(select)).toBeLessThan(1_000);
  });

  it('is known to be of other containers only where neither can select what the other does', () => {
    expect(canShareContainers(['main'], ['sidecars'])).toBe(false);
    expect(canShareContainers(['api'], ['cache'])).toBe(false);
    expect(canShareContainers(['api'], ['main'])).toBe(true);
    expect(canShareContainers(['main'], ['all'])).toBe(true);
    expect(canShareContainers(['c*'], ['main'])).toBe(true);
    expect(canShareContainers(['main'], undefined)).toBe(true);
  });
});
