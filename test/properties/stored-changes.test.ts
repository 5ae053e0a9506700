import { describe, expect, it } from 'vitest';
import type { TargetKind } from '../../src/api/inject-spec.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../../src/api/names.ts';
import { admit, runs } from '../fixtures/admitting.ts';
import { platformDefaults } from '../fixtures/defaults.ts';
import { fc } from '../fixtures/fast-check.ts';
import { defaultsFor, objectsOf } from '../fixtures/mutation-inputs.ts';

const inputs = (kind: TargetKind) => [objectsOf[kind] ?? fc.constant({} as KubeObject), defaultsFor(kind)] as const;

const restartable = ['SparkApplication', 'SparkConnect', 'ApacheSparkApplication', 'SparkCluster'] as const;

describe.each(restartable)('a change of a stored %s', (kind) => {
  const later = defaultsFor(kind);

  it('that applies the same manifest leaves what is stored, whatever the defaults are by then', () => {
    fc.assert(
      fc.property(...inputs(kind), later, (manifest, defaults, newer) => {
        const sent = withoutNulls(manifest) as KubeObject;
        const stored = admit(sent, defaults).object;
        const applied = mergePatch(stored, sent) as KubeObject;
        expect(admit(applied, newer, stored).object).toEqual(stored);
      }),
      runs,
    );
  });

  it('is not steered by a snapshot its user wrote', () => {
    fc.assert(
      fc.property(...inputs(kind), snapshots, (manifest, defaults, forged) => {
        const stored = admit(manifest, defaults).object;
        expect(admit(withSnapshot(stored, forged), defaults, stored).object).toHaveProperty('spec', specOf(stored));
        expect(snapshotOf(admit(withSnapshot(stored, forged), defaults, stored).object)).toBe(snapshotOf(stored));
        expect(admit(withSnapshot(manifest, forged), defaults).object).toHaveProperty('spec', specOf(stored));
      }),
      runs,
    );
  });
});

it('a list that an apply empties is filled in the order it was stored in', () => {
  const inject = (volume: string, mountPath: string) => ({
    volumes: [{ name: volume, emptyDir: {} }],
    volumeMounts: [{ name: volume, mountPath }],
  });
  const defaults = [
    platformDefaults('scratch', { mode: 'Default', inject: inject('v', '/home') }),
    // Refused while the executor's ConfigMap makes a volume of that name, which `data` then takes out.
    platformDefaults('a-site', { mode: 'Enforce', inject: inject('cm-vol', '/etc/site') }),
    platformDefaults('data', { mode: 'Enforce', inject: inject('w', '/data') }),
  ];
  const roles = { driver: { volumeMounts: [] }, executor: { configMaps: [{ name: 'cm', path: '/data' }] } };
  const sent = {
    apiVersion: 'sparkoperator.k8s.io/v1beta2',
    kind: 'SparkApplication',
    metadata: { name: 'it' },
    spec: roles,
  };
  const stored = admit(sent, defaults).object;
  expect(admit(mergePatch(stored, sent) as KubeObject, [], stored).object).toEqual(stored);
});

const snapshots = fc.oneof(
  fc.json(),
  fc.constant('a/b@1 enforces:\n  spec.sparkConf {"spark.x":"forged","spark.new":"forged"}'),
  fc.constant('a/b@1 gives:\n  spec.sparkConf ["spark.x"]\n  spec.driver.env ["A"]'),
);

/** As the API server stores a custom resource: without fields that are null. */
const withoutNulls = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isMap(value)) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(fields.map(([key, field]) => [key, withoutNulls(field)]));
};

/** RFC 7396: how kubectl applies custom resources. */
const mergePatch = (target: unknown, patch: unknown): unknown => {
  if (!isMap(patch)) return patch;
  const merged = { ...(isMap(target) ? target : {}) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
};

const withSnapshot = (object: KubeObject, snapshot: string): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [INJECTED_ANNOTATION]: snapshot } },
});

const specOf = (object: KubeObject): unknown => (object as { readonly spec?: unknown }).spec;

const snapshotOf = ({ metadata }: KubeObject): string | undefined => metadata.annotations?.[INJECTED_ANNOTATION];

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
