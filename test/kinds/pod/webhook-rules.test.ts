import { describe, expect, it } from 'vitest';
import type { AdmissionRule, Asked } from '../../../src/api/admission.ts';
import type { LabelSelector, StringMap } from '../../../src/api/kubernetes.ts';
import type { PlatformDefaultsSpec } from '../../../src/api/platform-defaults.ts';
import { FRAMEWORK_KINDS, type TargetKind } from '../../../src/api/target-kinds.ts';
import { askedBy, entryOf, meetsAll, requirementsOf } from '../../../src/defaults/entry.ts';
import { CREATED_INJECTED_OR_ANOTHER_IMAGE } from '../../../src/injection/enforcement.ts';
import { FRAMEWORKS } from '../../../src/injection/profiles/frameworks/index.ts';
import { rulesInForce } from '../../../src/kinds/pod/webhook-rules.ts';
import { cpuMsOf } from '../../fixtures/cost.ts';
import { platformDefaults, system } from '../../fixtures/defaults.ts';
import { fc } from '../../fixtures/fast-check.ts';

type Match = Partial<PlatformDefaultsSpec['match']>;

const asked = (match: Match, namespace = system.systemNamespace, cloud = 'aws'): readonly Asked[] =>
  askedBy(entryOf(platformDefaults('it', { match, inject: { labels: { team: 'a' } } }, { namespace }), system), cloud);

const isMet = (selector: LabelSelector | undefined, labels: StringMap): boolean =>
  meetsAll(requirementsOf(selector), labels);
const isSent = (rules: readonly AdmissionRule[], labels: StringMap, namespaceLabels: StringMap): boolean =>
  rules.some(
    ({ objectSelector, namespaceSelector }) =>
      isMet(objectSelector, labels) && isMet(namespaceSelector, namespaceLabels),
  );

describe('the webhooks for pods', () => {
  it('are none while no PlatformDefaults gives a pod anything', () => {
    expect(rulesInForce([])).toEqual([]);
    expect(rulesInForce(asked({ kinds: ['SparkApplication', 'WorkflowPod', 'CalrissianPod'] }))).toEqual([]);
    expect(rulesInForce(asked({ kinds: ['Pod'], clouds: ['gcp'] }))).toEqual([]);
  });

  it('have the selectors of the PlatformDefaults, and fail open', () => {
    const match: Match = { kinds: ['Pod'], selector: { matchLabels: { app: 'api' } } };
    expect(rulesInForce(asked({ ...match, namespaceSelector: { matchLabels: { team: 'geo' } } }))).toEqual([
      {
        name: 'pod',
        group: '',
        versions: ['v1'],
        resource: 'pods',
        operations: ['CREATE', 'UPDATE'],
        failurePolicy: 'Ignore',
        matchConditions: [CREATED_INJECTED_OR_ANOTHER_IMAGE],
        objectSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['api'] }] },
        namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'In', values: ['geo'] }] },
      },
    ]);
  });

  it('are one for the namespaces of all tenants that ask for the same', () => {
    const rules = rulesInForce(['a', 'b', 'c'].flatMap((namespace) => asked({ kinds: ['Pod'] }, namespace)));
    const names = { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['a', 'b', 'c'] };
    expect(rules.map(({ namespaceSelector }) => namespaceSelector)).toEqual([{ matchExpressions: [names] }]);
  });

  it('leave out what another one covers', () => {
    const rules = rulesInForce([
      ...asked({ kinds: ['RayNode'] }, 'a'),
      ...asked({ kinds: ['Pod'], selector: { matchLabels: { app: 'api' } } }),
      ...asked({ kinds: ['Pod'] }),
    ]);
    expect(rules).toHaveLength(1);
    expect(rules[0]).not.toHaveProperty('objectSelector');
  });

  it('are made wider where there would be more than 32', () => {
    const many = Array.from({ length: 40 }, (_, at) =>
      asked({ kinds: ['Pod'], selector: { matchLabels: { app: `a${at}` } } }, `team-${at % 3}`),
    ).flat();
    const rules = rulesInForce(many);
    expect(rules).toHaveLength(1);
    expect(isSent(rules, {}, { 'kubernetes.io/metadata.name': 'team-1' })).toBe(true);
    expect(isSent(rules, {}, { 'kubernetes.io/metadata.name': 'elsewhere' })).toBe(false);
    const everywhere = Array.from({ length: 40 }, (_, at) =>
      asked({ kinds: ['Pod'], namespaceSelector: { matchLabels: { [`label-${at}`]: 'x' } } }),
    ).flat();
    expect(rulesInForce(everywhere).map(({ namespaceSelector }) => namespaceSelector)).toEqual([undefined]);
  });

  it('take no longer for many tenants than for few, one by one', () => {
    const many = Array.from({ length: 20_000 }, (_, at) =>
      asked({ kinds: ['Pod'], selector: { matchLabels: { [`app-${at}`]: 'a' } } }, `team-${at}`),
    ).flat();
    expect(cpuMsOf(() => expect(rulesInForce(many)).toHaveLength(1))).toBeLessThan(5_000);
  });

  it.each(FRAMEWORK_KINDS)('for a %s select the pods that it is known by', (kind) => {
    const rules = rulesInForce(asked({ kinds: [kind] }));
    const frameworks = FRAMEWORKS.filter((framework) => framework.kind === kind);
    expect(rules).toHaveLength(frameworks.length);
    for (const { knownBy } of frameworks) {
      const labels = Object.entries(knownBy.labels ?? {}).map(([key, [value = 'x']]) => [key, value] as const);
      const own = knownBy.selectedBy === undefined ? labels : [...labels, [knownBy.selectedBy, 'x'] as const];
      expect(isSent(rules, Object.fromEntries(own), {})).toBe(true);
    }
    expect(isSent(rules, { app: 'api' }, {})).toBe(false);
  });

  const value = fc.constantFrom('x', 'y');
  const key = fc.constantFrom('a', 'b');
  const requirement = fc.oneof(
    fc.record({
      key,
      operator: fc.constantFrom('In' as const, 'NotIn' as const),
      values: fc.uniqueArray(value, { minLength: 1 }),
    }),
    fc.record({ key, operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const) }),
  );
  const selector = fc.record({ matchExpressions: fc.array(requirement, { maxLength: 2 }) });
  const labels = fc.dictionary(key, value, { maxKeys: 2 });
  const match = fc.record({
    kinds: fc.constantFrom<readonly TargetKind[]>(['Pod'], ['RayNode'], ['Pod', 'DaskPod']),
    selector,
    namespaceSelector: selector,
  });

  it('send every pod that anything asked for would match', () => {
    fc.assert(
      fc.property(fc.array(match, { maxLength: 24 }), labels, labels, (matches, own, namespaceLabels) => {
        const rules = rulesInForce(matches.flatMap((one) => asked(one as Match)));
        const podLabels: StringMap = { ...own, 'ray.io/is-ray-node': 'yes', 'ray.io/cluster': 'c' };
        const isWanted = matches.some(
          (one) => isMet(one.selector, podLabels) && isMet(one.namespaceSelector, namespaceLabels),
        );
        if (isWanted) expect(isSent(rules, podLabels, namespaceLabels)).toBe(true);
        else if (matches.length < 8) expect(isSent(rules, podLabels, namespaceLabels)).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});
