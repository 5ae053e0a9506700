import type { PlatformDefaults } from '../../api/platform-defaults.ts';
import type { PreparedTest, TestResult } from './runner.ts';

/** A part of a PlatformDefaults, and whether a test would fail without it. */
export interface CoveredKey {
  /** `namespace/name` of the PlatformDefaults. */
  readonly defaults: string;
  /** `inject.env`, `variables.proxy`. */
  readonly key: string;
  readonly isTouched: boolean;
}

/**
 * Takes each key of each PlatformDefaults away in turn and runs the tests that have it: a key is touched where one of them
 * fails then. Tests that fail as it is do not count.
 */
export const coverageOf = (
  tests: readonly PreparedTest[],
  run: (test: PreparedTest, defaults: readonly PlatformDefaults[]) => TestResult,
): readonly CoveredKey[] => {
  const all = new Map(tests.flatMap(({ cluster }) => cluster.defaults.map((one) => [titleOf(one), one] as const)));
  const passing = tests.filter((test) => run(test, test.cluster.defaults).failures.length === 0);
  return [...all].flatMap(([title, defaults]) => {
    const having = passing.filter(({ cluster }) => cluster.defaults.some((one) => titleOf(one) === title));
    return keysOf(defaults).map(([part, name]) => ({
      defaults: title,
      key: `${part}.${name}`,
      isTouched: having.some((test) => failsWithout(test, { title, part, name }, run)),
    }));
  });
};

const titleOf = ({ metadata }: PlatformDefaults): string => `${metadata.namespace}/${metadata.name}`;

const PARTS = ['inject', 'provision', 'variables'] as const;

const keysOf = ({ spec }: PlatformDefaults): readonly (readonly [(typeof PARTS)[number], string])[] =>
  PARTS.flatMap((part) => Object.keys(spec[part] ?? {}).map((name) => [part, name] as const));

const failsWithout = (
  test: PreparedTest,
  { title, part, name }: { readonly title: string; readonly part: (typeof PARTS)[number]; readonly name: string },
  run: (test: PreparedTest, defaults: readonly PlatformDefaults[]) => TestResult,
): boolean => {
  const without = test.cluster.defaults.map((one) => {
    if (titleOf(one) !== title) return one;
    const { [name as never]: _, ...others } = one.spec[part] ?? {};
    return { ...one, spec: { ...one.spec, [part]: others } };
  });
  return run(test, without).failures.length > 0;
};

/** What no test touches, a line for each PlatformDefaults, after how much is. */
export const coverageLines = (keys: readonly CoveredKey[]): readonly string[] => {
  const groups = [...Map.groupBy(keys, ({ defaults }) => defaults)];
  const touched = groups.filter(([, list]) => list.some(({ isTouched }) => isTouched));
  const head = `Coverage: ${touched.length} of ${groups.length} PlatformDefaults, ${keys.filter(({ isTouched }) => isTouched).length} of ${keys.length} keys; no test fails without`;
  const untouched = groups.flatMap(([title, list]) => {
    const missed = list.filter(({ isTouched }) => !isTouched).map(({ key }) => key);
    return missed.length === 0 ? [] : [`  ${title}: ${missed.join(', ')}`];
  });
  return untouched.length === 0 ? [head.replace('; no test fails without', '.')] : [`${head}:`, ...untouched];
};
