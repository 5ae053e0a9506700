import { globSync, readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { TARGET_KINDS } from '../../../src/api/inject-spec.ts';
import type { PlatformDefaults } from '../../../src/api/platform-defaults.ts';
import { createDefaultsInForce } from '../../../src/defaults/in-force.ts';
import { warningsOn } from '../../../src/defaults/warnings.ts';
import { system } from '../../fixtures/defaults.ts';
import { junkValues } from '../junk.ts';
import { mutateJson } from '../mutate-json.ts';
import type { OpenTarget } from '../target.ts';

const GOLDEN = `${import.meta.dirname}/../../golden`;

/** Two PlatformDefaults, broken as objects: judged, put in force where they may be, and resolved for every kind. */
export const defaultsTarget: OpenTarget = (seed) => {
  const junk = junkValues(seed);
  const seeds = globSync(`${GOLDEN}/*/*/defaults.yaml`).flatMap((file) =>
    parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as PlatformDefaults),
  );
  return {
    name: 'defaults',
    make: (random) => {
      const pair = [random.pick(seeds), random.pick(seeds)].map((defaults, index) => ({
        ...defaults,
        spec: mutateJson(defaults.spec, random, junk),
        metadata: { namespace: 'team-a', ...defaults.metadata, name: `d${index}`, uid: `u${index}`, generation: 1 },
      }));
      return Buffer.from(JSON.stringify(pair));
    },
    check: (input) => judge(JSON.parse(input.toString()) as readonly PlatformDefaults[]),
  };
};

const judge = (pair: readonly PlatformDefaults[]): void => {
  const inForce = createDefaultsInForce(system);
  for (const defaults of pair) inForce.put(defaults);
  for (const entry of inForce.entries()) warningsOn(entry, inForce, () => false);
  for (const kind of TARGET_KINDS) {
    inForce.index().resolve({
      kind,
      namespace: 'team-a',
      name: 'it',
      labels: { team: 'a' },
      namespaceLabels: {},
      cloud: 'aws',
      variable: (name) => (name.startsWith('a') ? undefined : name),
      isDisabled: false,
    });
  }
};
