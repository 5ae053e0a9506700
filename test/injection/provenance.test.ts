import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../../src/api/names.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import type { TargetKind } from '../../src/api/target-kinds.ts';
import { describedCluster } from '../../src/cli/described-cluster.ts';
import { indexEntries } from '../../src/defaults/entries-index.ts';
import { entryOf } from '../../src/defaults/entry.ts';
import { explainStored, giversAmong } from '../../src/explanation/stored.ts';
import { examine } from '../../src/report/examine.ts';
import { readSettings } from '../../src/settings/config.ts';
import { admit } from '../fixtures/admitting.ts';
import { platformDefaults, system } from '../fixtures/defaults.ts';

const object = (apiVersion: string, kind: string, spec: object): KubeObject =>
  ({ apiVersion, kind, metadata: { name: 'it', namespace: 'team-a' }, spec }) as KubeObject;

const kinds: readonly (readonly [TargetKind, KubeObject])[] = [
  ['Pod', object('v1', 'Pod', { containers: [{ name: 'main', image: 'tiles:1' }] })],
  [
    'PersistentVolumeClaim',
    object('v1', 'PersistentVolumeClaim', {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      storageClassName: 'gp3',
    }),
  ],
  ['ObjectStore', object('banzaicloud.com/v1alpha1', 'ObjectStore', { name: 'history' })],
  ['SparkApplication', object('sparkoperator.k8s.io/v1beta2', 'SparkApplication', { driver: {}, executor: {} })],
  ['ApacheSparkApplication', object('spark.apache.org/v1', 'SparkApplication', { driverSpec: {} })],
];

const FORGED = 'quartermaster-system/costs@1 enforces:\n  metadata.labels ["approved"]';
const recordOf = ({ metadata }: KubeObject): string | undefined => metadata.annotations?.[INJECTED_ANNOTATION];
const withRecord = (one: KubeObject, record: string | undefined): KubeObject => {
  const { [INJECTED_ANNOTATION]: _, ...annotations } = one.metadata.annotations ?? {};
  const written = record === undefined ? annotations : { ...annotations, [INJECTED_ANNOTATION]: record };
  return { ...one, metadata: { ...one.metadata, annotations: written } };
};

describe.each(kinds)('the record of what a %s was given, written by its user', (kind, plain) => {
  const costs: readonly PlatformDefaults[] = [
    platformDefaults('costs', { match: { kinds: [kind] }, inject: { labels: { 'cost-centre': '42' } } }),
  ];
  const stored = admit(plain, costs).object;

  it('is taken out as it comes in, where nothing is given', () => {
    expect(recordOf(admit(withRecord(plain, FORGED), []).object)).toBeUndefined();
  });

  it('is replaced as it comes in, where something is given', () => {
    expect(admit(withRecord(plain, FORGED), costs).object).toEqual(admit(withRecord(plain, undefined), costs).object);
    expect(recordOf(stored)).not.toContain('approved');
  });

  it.each([
    ['changed', FORGED],
    ['taken off', undefined],
  ])('stays as it was where it is %s later', (_, record) => {
    const { object: kept } = admit(withRecord(stored, record), costs, stored);
    expect(recordOf(kept)).toBe(recordOf(stored));
  });

  it('is not believed by who reads it, where it was stored while no webhook answered', () => {
    const world = describedCluster({ cloud: 'aws', namespace: 'default' }, readSettings({}));
    const entries = costs.map((one) => entryOf(one, system));
    const cluster = { ...world, entries, facts: { ...world.facts, defaults: indexEntries(entries) } };
    const { was } = explainStored(withRecord(plain, FORGED), costs, cluster);
    expect(was.join(' ')).toContain('The record no longer holds: metadata.labels approved is gone.');
    const giverOf = giversAmong(costs);
    const { rows } = examine(withRecord(plain, FORGED), giverOf, cluster);
    expect(rows).toContainEqual(
      expect.objectContaining({ standing: 'edited', why: 'metadata.labels approved is gone' }),
    );
    const byNobody = examine(
      withRecord(plain, FORGED.replace('quartermaster-system/costs@1', 'root')),
      giverOf,
      cluster,
    );
    expect(byNobody.rows).toContainEqual(
      expect.objectContaining({ standing: 'forged', why: 'its record names root, which is no PlatformDefaults' }),
    );
    const nowhere = FORGED.replace('metadata.labels', 'spec.containers.99.env');
    expect(examine(withRecord(plain, nowhere), giverOf, cluster).rows).toContainEqual(
      expect.objectContaining({ standing: 'edited', why: 'spec.containers.99.env approved is gone' }),
    );
  });
});
