import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { TARGET_KINDS, type TargetKind } from '../../src/api/inject-spec.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../../src/api/names.ts';
import { FRAMEWORK_KINDS } from '../../src/api/target-kinds.ts';
import { type Edit, valuesAt } from '../../src/injection/edit.ts';
import { SPARK_PATHS } from '../../src/kinds/spark-application/mutator.ts';
import { admit, admitWithWarnings, runs } from '../fixtures/admitting.ts';
import { fc } from '../fixtures/fast-check.ts';
import { defaultsFor, objectsOf } from '../fixtures/mutation-inputs.ts';

const places = [
  ...SPARK_PATHS,
  ...['metadata/labels', 'metadata/annotations', 'spec/nodeSelector', 'spec/tolerations', 'spec/volumes'],
  ...['env', 'envFrom', 'volumeMounts'].flatMap((list) => [`spec/containers/0/${list}`, `spec/containers/1/${list}`]),
  ...['__proto__', 'spec/serviceAccountName', 'spec/containers/0/command', 'spec/driver/sidecars'],
];
const keys = fc.constantFrom('A', 'B', 'v', 'w', '/data', '/opt/x', 'spark.x', 'team', 'pool', 'prometheus.io/port');
const item = fc.oneof(
  keys,
  fc.record({ name: keys, value: fc.constant('forged') }),
  fc.record({ mountPath: keys, name: keys }),
);
const content = fc.oneof(fc.array(item, { maxLength: 4 }), fc.dictionary(keys, fc.constantFrom('forged', 'x', 'y')));
const heading = fc
  .tuple(fc.constantFrom('quartermaster-system/d0@1', 'a/b@1'), fc.constantFrom('gives', 'enforces'))
  .map(([by, verb]) => `${by} ${verb}:`);
const line = fc
  .tuple(fc.constantFrom(...places), content)
  .map(([place, put]) => `  ${place.replaceAll('/', '.')} ${JSON.stringify(put)}`);
const madeUp = fc
  .array(fc.tuple(heading, fc.array(line, { minLength: 1, maxLength: 3 })), { maxLength: 3 })
  .map((parts) => parts.flatMap(([by, lines]) => [by, ...lines]).join('\n'));

const withSnapshot = (object: KubeObject, snapshot: string): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [INJECTED_ANNOTATION]: snapshot } },
});
const snapshotOf = ({ metadata }: KubeObject): string => metadata.annotations?.[INJECTED_ANNOTATION] ?? '';
const specOf = (object: KubeObject): unknown => (object as { readonly spec?: unknown }).spec;

const withoutSnapshot = (object: KubeObject): KubeObject => {
  const { [INJECTED_ANNOTATION]: _, ...annotations } = object.metadata.annotations ?? {};
  return { ...object, metadata: { ...object.metadata, annotations } };
};

const isFramework = (kind: TargetKind): boolean => FRAMEWORK_KINDS.some((framework) => framework === kind);
/** All frameworks have one mutator: a job's pods stand for them. */
const kinds = TARGET_KINDS.filter((kind) => objectsOf[kind] && (kind === 'JobPod' || !isFramework(kind)));
const objectOf = (kind: TargetKind): fc.Arbitrary<KubeObject> => objectsOf[kind] ?? fc.constant({} as KubeObject);
const inputs = (kind: TargetKind) => [objectOf(kind), defaultsFor(kind), defaultsFor(kind), madeUp] as const;

describe.each(kinds)('a snapshot that comes with a %s on its way in', (kind) => {
  it('makes of it what its user gets by writing that very thing into the manifest', () => {
    fc.assert(
      fc.property(...inputs(kind), (object, defaults, others, snapshot) => {
        for (const forged of [snapshot, snapshotOf(admit(object, others).object)]) {
          const { object: outcome } = admit(withSnapshot(object, forged), defaults);
          const written = admit(withoutSnapshot(outcome), defaults).object;
          expect(specOf(written)).toEqual(specOf(outcome));
          expect(written.metadata.labels).toEqual(outcome.metadata.labels);
        }
      }),
      runs,
    );
  });

  it('has nothing told as given that its user says otherwise', () => {
    fc.assert(
      fc.property(objectOf(kind), objectOf(kind), defaultsFor(kind), (object, other, defaults) => {
        const { object: outcome, application } = admitWithWarnings(
          withSnapshot(object, snapshotOf(admit(other, defaults).object)),
          defaults,
        );
        const applied = (application?.().applied ?? []) as readonly Edit[];
        // What is given to a container that was added stands in it.
        const given = applied.filter(({ at }) => at.at(-1) !== 'initContainers');
        for (const edit of given) expect(valuesAt(outcome, edit)).toContainEqual(edit.value);
      }),
      runs,
    );
  });

  it('keeps nothing from it that is enforced', () => {
    fc.assert(
      fc.property(objectOf(kind), defaultsFor(kind, ['Enforce']), madeUp, (object, enforced, snapshot) => {
        const plain = admit(object, enforced).object;
        for (const forged of [snapshot, snapshotOf(plain)]) {
          expect(specOf(admit(withSnapshot(object, forged), enforced).object)).toEqual(specOf(plain));
        }
      }),
      runs,
    );
  });
});

describe.each(['SparkApplication', 'SparkConnect'] as const)('a snapshot that was stored with a %s', (kind) => {
  it('puts nothing into it that its user could not put into the manifest', () => {
    fc.assert(
      fc.property(...inputs(kind), (object, defaults, others, snapshot) => {
        for (const forged of [snapshot, snapshotOf(admit(object, others).object)]) {
          const stored = withSnapshot(object, forged);
          const changed = { ...stored, spec: { ...(specOf(object) as object), suspend: true } };
          const { object: outcome } = admit(changed, defaults, stored);
          const written = admit({ ...object, spec: specOf(outcome) } as KubeObject, []).object;
          expect(isDeepStrictEqual(specOf(written), specOf(outcome))).toBe(true);
        }
      }),
      runs,
    );
  });
});
