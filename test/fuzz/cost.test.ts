import { describe, expect, it } from 'vitest';
import { INJECT_KEYS } from '../../src/api/inject-spec.ts';
import { TARGET_KINDS } from '../../src/api/target-kinds.ts';
import { validateDefaults } from '../../src/defaults/validation/spec.ts';
import { policyOf, readSettings } from '../../src/settings/config.ts';
import { readSeeds } from '../fixtures/fuzz-seeds.ts';
import { growablePaths, KINDS } from './cost/cases.ts';
import { defaultsGiving, GROWING, takes } from './cost/defaults.ts';

const all = readSeeds();
const policy = policyOf(readSettings({}));

describe('what the fuzzer of costs grows', () => {
  it.each(TARGET_KINDS)('is of every kind: %s', (kind) => {
    const folders = Object.keys(KINDS).filter((folder) => KINDS[folder] === kind);
    const seeds = all.filter(({ name }) => folders.includes(name.split('/')[0] ?? ''));
    expect(seeds.flatMap(growablePaths).length).toBeGreaterThan(0);
  });

  it.each(GROWING)('is every key that PlatformDefaults give, as they may have it: %s', (key) => {
    const [kind] = INJECT_KEYS[key];
    expect(TARGET_KINDS.filter((one) => takes(one, key))).toEqual(
      TARGET_KINDS.filter((one) => INJECT_KEYS[key].some((known) => known === one)),
    );
    const [defaults] = defaultsGiving(kind, key, 8, { mode: 'Enforce', shape: 'distinct' });
    expect(Object.keys(defaults?.spec.inject ?? {})).toContain(key);
    const ofPlatform = defaults && {
      ...defaults,
      metadata: { ...defaults.metadata, namespace: policy.systemNamespace },
    };
    expect(ofPlatform && validateDefaults(ofPlatform, policy)).toEqual([]);
  });
});
