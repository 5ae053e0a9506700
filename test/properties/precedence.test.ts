import { describe, expect, it } from 'vitest';
import type { TargetKind } from '../../src/api/inject-spec.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { validateDefaults } from '../../src/defaults/validation/spec.ts';
import { admitWithWarnings } from '../fixtures/admitting.ts';
import { platformDefaults, system } from '../fixtures/defaults.ts';
import { objectsSaying, type Saying, sayingsFor } from '../fixtures/sayings.ts';

/** Best first, as docs/platform-defaults.md has it; of each strength what is specific before what is not. */
const strengths = [
  { mode: 'Enforce', namespace: system.systemNamespace },
  { mode: 'Enforce', namespace: 'team-a' },
  { mode: 'Default', namespace: 'team-a' },
  { mode: 'Default', namespace: system.systemNamespace },
] as const;
const levels = strengths.flatMap((strength) => [
  { ...strength, selector: { matchLabels: { a: 'x' } } },
  { ...strength, priority: 1 },
  { ...strength },
]);

/** The better one comes last by its name. */
const defaultsOf = (
  kind: TargetKind,
  name: 'worse' | 'zbetter',
  inject: object,
  level: (typeof levels)[number],
): PlatformDefaults => {
  const { mode, namespace, ...specific } = { selector: undefined, priority: 0, ...level };
  const { selector, priority } = specific;
  const match = { kinds: [kind], ...(selector && { selector }) };
  return platformDefaults(name, { mode, priority, match, inject }, { namespace });
};

const pairsOfLevels = levels.flatMap((better, at) => levels.slice(at + 1).map((worse) => ({ better, worse })));

const kinds = ['SparkApplication', 'ApacheSparkApplication', 'SparkConnect', 'SparkCluster'] as const;
const pairs = kinds.flatMap((kind) =>
  sayingsFor(kind).flatMap((saying) =>
    Object.keys(saying.places).flatMap((one) =>
      Object.keys(saying.places)
        .filter((other) => other !== one || other !== saying.list)
        .map((other) => ({ kind, saying, what: saying.what, one, other })),
    ),
  ),
);

const injectOf = ({ places }: Saying, place: string, said: string): object => places[place]?.(said) ?? {};

/** Both orders of what is listed; only what may be in force. */
const cases = ({ kind, saying, one, other }: (typeof pairs)[number]) =>
  pairsOfLevels
    .map(({ better, worse }) => [
      defaultsOf(kind, 'zbetter', injectOf(saying, one, 'better'), better),
      defaultsOf(kind, 'worse', injectOf(saying, other, 'worse'), worse),
    ])
    .filter((defaults) => defaults.every((each) => validateDefaults(each, system).length === 0));

const told = (defaults: readonly PlatformDefaults[]): string =>
  defaults.map(({ metadata, spec }) => `${spec.mode} in ${metadata.namespace}`).join(' against ');

describe.each(pairs)('$what of a $kind by $one against $other', (pair) => {
  const { kind, saying } = pair;
  const object = objectsSaying[kind];

  it('is what the better of the two says', () => {
    for (const defaults of cases(pair)) {
      const once = admitWithWarnings(object, defaults).object;
      expect(saying.read(once), told(defaults)).toEqual(['better']);
      expect(admitWithWarnings(once, defaults).object).toEqual(once);
    }
  });

  it('is told to be kept back by who says it', () => {
    for (const defaults of cases(pair)) {
      const { outcomes } = admitWithWarnings(object, defaults);
      const [better, worse] = defaults.map(({ metadata }) => `${metadata.namespace}/${metadata.name}@1`);
      // A volume is of no use without its mount.
      const isOfMount = ({ field }: { readonly field: string }): boolean => !field.endsWith('.volumes');
      const lost = (outcomes?.() ?? []).filter(({ by, verdict }) => by === worse && verdict !== 'applied');
      for (const { why } of lost.filter(isOfMount)) expect(why, told(defaults)).toContain(better);
    }
  });
});

/** As a default would have made it, without the record of that. */
const objectSaying = (kind: (typeof kinds)[number], saying: Saying, place: string): KubeObject => {
  const given = defaultsOf(kind, 'worse', injectOf(saying, place, 'user'), { ...strengths[3] });
  const { object } = admitWithWarnings(objectsSaying[kind], [given]);
  return { ...object, metadata: objectsSaying[kind].metadata };
};

/** What its user says holds over every default, and over nothing that is enforced. */
it.each(pairs)(
  '$what of a $kind that its user has by $one stays beside a default by $other, and goes for what is enforced',
  (pair) => {
    const { kind, saying, one, other } = pair;
    const said = objectSaying(kind, saying, one);
    for (const level of strengths) {
      const given = defaultsOf(kind, 'worse', injectOf(saying, other, 'platform'), level);
      if (validateDefaults(given, system).length > 0) continue;
      if (level.mode === 'Enforce' && saying.isOfUser) continue;
      const { object } = admitWithWarnings(said, [given]);
      expect(saying.read(object), told([given])).toEqual([level.mode === 'Default' ? 'user' : 'platform']);
    }
  },
);
