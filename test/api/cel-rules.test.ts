import { run } from '@bufbuild/cel';
import { describe, expect, it } from 'vitest';
import { INJECTED_ANNOTATION } from '../../src/api/names.ts';
import { objectStoreCrd } from '../../src/api/object-store.ts';
import { platformDefaultsCrd } from '../../src/api/platform-defaults.ts';
import { CREATED_OR_INJECTED } from '../../src/injection/enforcement.ts';
import { mutators } from '../../src/kinds/index.ts';

interface Rule {
  readonly rule: string;
  readonly message: string;
}

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;

/** Every rule below a schema, with the path it stands at. */
const rulesIn = (node: unknown, path: string): readonly (readonly [string, Rule])[] => {
  if (!isNode(node)) return [];
  const own = (node['x-kubernetes-validations'] ?? []) as readonly Rule[];
  return [
    ...own.map((rule) => [path, rule] as const),
    ...Object.entries(node).flatMap(([key, child]) => rulesIn(child, key === 'properties' ? path : `${path}.${key}`)),
  ];
};

const schemaOf = (crd: unknown): unknown =>
  (crd as { spec: { versions: { schema: { openAPIV3Schema: unknown } }[] } }).spec.versions[0]?.schema.openAPIV3Schema;
const defaultsRules = rulesIn(schemaOf(platformDefaultsCrd), '');
const storeRules = rulesIn(schemaOf(objectStoreCrd), '');

const ruleAbout = (rules: readonly (readonly [string, Rule])[], message: string): Rule => {
  const found = rules.find(([, rule]) => rule.message.includes(message));
  if (found === undefined) throw new Error(`no rule says ${message}`);
  return found[1];
};

const holds = ({ rule }: Rule, self: unknown, oldSelf?: unknown): unknown =>
  run(rule, { self, ...(oldSelf !== undefined && { oldSelf }) } as never);

describe('the CEL rules of PlatformDefaults', () => {
  it.each([
    [
      'inject.sparkConf is taken by',
      { match: { kinds: ['SparkApplication'] }, inject: { sparkConf: {} } },
      { match: { kinds: ['WorkflowPod'] }, inject: { sparkConf: {} } },
    ],
    [
      'inject.storageClass is taken by',
      { match: { kinds: ['PersistentVolumeClaim'] }, inject: { storageClass: {} } },
      { match: { kinds: ['PersistentVolumeClaim', 'ObjectStore'] }, inject: { storageClass: {} } },
    ],
    [
      'match.containers is for kinds of pods only',
      { match: { kinds: ['Pod', 'RayNode'], containers: ['main'] } },
      { match: { kinds: ['Pod', 'SparkApplication'], containers: ['main'] } },
    ],
    ['provision cannot be audited', { mode: 'Enforce', provision: {} }, { mode: 'Audit', provision: {} }],
    ['provision cannot be audited', { provision: {} }, { mode: 'Audit', provision: {} }],
    ['In and NotIn need values', { operator: 'In', values: ['a'] }, { operator: 'Exists', values: ['a'] }],
    ['In and NotIn need values', { operator: 'Exists' }, { operator: 'NotIn' }],
    [
      'each of volumeMounts must name one',
      { volumes: [{ name: 'a' }], volumeMounts: [{ name: 'a' }] },
      { volumeMounts: [{ name: 'a' }] },
    ],
    ['configMapRef and secretRef', { secretRef: { name: 'a' } }, {}],
    ['data and copyFrom', { copyFrom: 'a' }, { copyFrom: 'a', data: {} }],
  ])('%s', (message, good, bad) => {
    const rule = ruleAbout(defaultsRules, message);
    expect(holds(rule, good)).toBe(true);
    expect(holds(rule, bad)).toBe(false);
  });
});

describe('the CEL rules of ObjectStore', () => {
  it.each([
    ['spec.name cannot be changed', { name: 'a' }, { name: 'a' }, { name: 'b' }],
    ['spec.location cannot be changed', { location: 'x' }, {}, { location: 'y' }],
  ])('%s', (message, self, goodOld, badOld) => {
    const rule = ruleAbout(storeRules, message);
    expect(holds(rule, self, goodOld)).toBe(true);
    expect(holds(rule, self, badOld)).toBe(false);
  });

  it.each([
    ['on s3', { provider: 's3', name: 'my.bucket-1' }, { provider: 's3', name: 'my..bucket' }],
    ['on gcs', { provider: 'gcs', name: 'my_bucket' }, { provider: 'gcs', name: 'My_bucket' }],
    ['on azure', { provider: 'azure', name: 'my-container' }, { provider: 'azure', name: 'my--container' }],
    ['spec.forceDelete needs', { forceDelete: true, deletionPolicy: 'Delete' }, { forceDelete: true }],
    [
      'spec.s3.endpoint needs',
      { s3: { endpoint: 'https://a' }, credentialsSecretRef: { name: 'a' } },
      { s3: { endpoint: 'https://a' } },
    ],
  ])('%s', (message, good, bad) => {
    const rule = ruleAbout(storeRules, message);
    expect(holds(rule, good)).toBe(true);
    expect(holds(rule, bad)).toBe(false);
  });
});

describe('the match conditions of the webhooks', () => {
  const rules = mutators.flatMap((mutator) => mutator.rules);
  const cases = rules.flatMap(({ name, operations, matchConditions = [] }) =>
    matchConditions.flatMap(({ name: condition, expression }) =>
      operations.map((operation) => [condition, name, operation, expression] as const),
    ),
  );
  const plain = { metadata: {}, spec: {} };

  it.each(cases)('%s of %s can be evaluated at %s', (_condition, _name, operation, expression) => {
    const oldObject = operation === 'CREATE' ? null : plain;
    expect(run(expression, { request: { operation }, object: plain, oldObject } as never)).toBeTypeOf('boolean');
  });

  const injected = { metadata: { annotations: { [INJECTED_ANNOTATION]: '{}' } } };
  const other = { metadata: { annotations: { own: 'note' } } };
  const leaving = { metadata: { ...injected.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  const leavingWith = (metadata: object) => ({ metadata: { ...leaving.metadata, ...metadata } });
  it.each([
    ['what is made, which has no old object', true, 'CREATE', plain, null],
    ['a change of what was injected', true, 'UPDATE', injected, injected],
    ['a change that takes the annotation off', true, 'UPDATE', plain, injected],
    ['a change that forges the annotation', true, 'UPDATE', injected, other],
    ['a change of anything else', false, 'UPDATE', other, plain],
    ['what takes a finalizer off what is going', false, 'UPDATE', leaving, leavingWith({ finalizers: ['a/b'] })],
    ['what is on its way out', false, 'UPDATE', leaving, injected],
    ['a label taken off what is going', true, 'UPDATE', leaving, leavingWith({ labels: { a: 'b' } })],
    ['an annotation changed of what is going', true, 'UPDATE', leavingWith(other.metadata), leaving],
  ] as const)('ask about %s: %s', (_what, isAsked, operation, object, oldObject) => {
    const { expression } = CREATED_OR_INJECTED;
    expect(run(expression, { request: { operation }, object, oldObject } as never)).toBe(isAsked);
  });
});

it('every rule can be evaluated or names what its sample lacks, and none fails to parse', () => {
  for (const [path, rule] of [...defaultsRules, ...storeRules]) {
    const sample = { match: { kinds: [] }, operator: 'In', name: 'a', spec: {} };
    expect(holds(rule, sample, sample), path).toBeTypeOf('boolean');
  }
});
