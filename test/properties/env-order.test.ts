import { describe, expect, it } from 'vitest';
import type { EnvVar, KubeObject, Pod } from '../../src/api/kubernetes.ts';
import { inOrderOfReferences, referencesIn } from '../../src/injection/env-order.ts';
import { admit, runs } from '../fixtures/admitting.ts';
import { platformDefaults } from '../fixtures/defaults.ts';
import { fc } from '../fixtures/fast-check.ts';

/**
 * What the kubelet makes of an env list, character by character after the description in Kubernetes' API reference: `$(NAME)` of a
 * variable before it is its value, of any other stays; `$$` is `$`.
 */
const expanded = (env: readonly EnvVar[]): ReadonlyMap<string, string> => {
  const known = new Map<string, string>();
  for (const { name, value } of env) known.set(name, expand(value ?? 'from elsewhere', known));
  return known;
};

const expand = (text: string, known: ReadonlyMap<string, string>): string =>
  text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) => {
    if (whole === '$$') return '$';
    return known.get(name ?? '') ?? whole;
  });

const name = fc.constantFrom('A', 'B', 'C', 'D', 'E', 'F');
const part = fc.oneof(
  { weight: 3, arbitrary: name.map((one) => `$(${one})`) },
  { weight: 1, arbitrary: fc.constantFrom('x', '/', '$', '$$', '$$(A)', '$(', ')', '$(NONE)') },
);
const value = fc.array(part, { maxLength: 3 }).map((parts) => parts.join(''));
const list = fc.uniqueArray(
  fc.oneof(
    fc.record({ name, value }),
    fc.record({ name, valueFrom: fc.constant({ fieldRef: { fieldPath: 'status.podIP' } }) }),
  ),
  { maxLength: 6, selector: (entry) => entry.name },
);

const podWith = (env: readonly EnvVar[]): KubeObject & Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'it', namespace: 'team-a' },
  spec: { containers: [{ name: 'main', env }] },
});
const envOf = (pod: KubeObject): readonly EnvVar[] => (pod as Pod).spec?.containers?.[0]?.env ?? [];

/** Literal references that are left in the values although the list has a variable of the name. */
const unresolved = (env: readonly EnvVar[]): readonly string[] => {
  const before = new Set<string>();
  return env.flatMap((entry) => {
    const missed = referencesIn(entry.value ?? '').filter(
      (reference) => !before.has(reference) && env.some((other) => other.name === reference),
    );
    before.add(entry.name);
    return missed.map((reference) => `${entry.name} ${reference}`);
  });
};

/** Every order of a list in which the user's entries keep theirs. */
const orders = (own: readonly EnvVar[], ours: readonly EnvVar[]): readonly (readonly EnvVar[])[] =>
  ours.reduce<readonly (readonly EnvVar[])[]>(
    (made, entry) =>
      made.flatMap((env) => Array.from({ length: env.length + 1 }, (_, at) => env.toSpliced(at, 0, entry))),
    [own],
  );

describe('variables that are given', () => {
  const inputs = fc.tuple(list, list).map(([own, given]) => ({ own, given }));

  it('leave the user’s in their order, and come out the same when they are given again', () => {
    fc.assert(
      fc.property(inputs, ({ own, given }) => {
        const defaults = [platformDefaults('d', { match: { kinds: ['Pod'] }, inject: { env: given } })];
        const once = admit(podWith(own), defaults).object;
        expect(envOf(once).filter((entry) => own.some((other) => other.name === entry.name))).toEqual(own);
        expect(admit(once, defaults).object).toEqual(once);
      }),
      runs,
    );
  });

  it('stand where a reference of the user’s finds them whenever any order of them would do', () => {
    fc.assert(
      fc.property(inputs, ({ own, given }) => {
        const ours = given.filter((entry) => !own.some((other) => other.name === entry.name)).slice(0, 4);
        const env = envOf(
          admit(podWith(own), [platformDefaults('d', { match: { kinds: ['Pod'] }, inject: { env: ours } })]).object,
        );
        const left = unresolved(env);
        const names = new Set<string>(own.map((entry) => entry.name));
        // A reference of the user's to what is given is found, but where what is given refers to itself in the end.
        const fewest = Math.min(...orders(own, ours).map((order) => unresolved(order).length));
        if (fewest === 0) expect(left).toEqual([]);
        for (const miss of left) {
          const [referring = '', reference = ''] = miss.split(' ');
          if (names.has(referring)) expect(names.has(reference)).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('expand to the same by the kubelet’s rules, whatever order they are given in, where nothing refers in a circle', () => {
    const acyclic = fc.array(fc.array(fc.nat(4), { maxLength: 2 }), { minLength: 1, maxLength: 5 }).map((references) =>
      references.map((targets, at) => ({
        name: `V${at}`,
        value: [`v${at}`, ...targets.filter((target) => target < at).map((target) => `$(V${target})`)].join('/'),
      })),
    );
    const shuffled = acyclic.chain((env) =>
      fc.tuple(fc.constant(env), fc.shuffledSubarray(env, { minLength: env.length, maxLength: env.length })),
    );
    fc.assert(
      fc.property(shuffled, ([inOrder, anyOrder]) => {
        const made = inOrderOfReferences(anyOrder, new Set(anyOrder)) as readonly EnvVar[];
        expect(new Map([...expanded(made)].sort())).toEqual(new Map([...expanded(inOrder)].sort()));
      }),
      { numRuns: 500 },
    );
  });
});

describe('references in a value', () => {
  it.each([
    ['$(A)/$(B)', ['A', 'B']],
    ['$$(A) $$$(B)', ['B']],
    ['$A $', []],
    ['$(A', []],
    ['$()', ['']],
    ['$$$$(A)', []],
    ['$x(A)$(B)', ['B']],
  ])('%s: %j', (text, names) => {
    expect(referencesIn(text)).toEqual(names);
  });
});
