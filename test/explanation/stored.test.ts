import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults, PlatformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import { describedCluster } from '../../src/cli/described-cluster.ts';
import { indexEntries } from '../../src/defaults/entries-index.ts';
import { entryOf } from '../../src/defaults/entry.ts';
import { explainStored } from '../../src/explanation/stored.ts';
import { readSettings } from '../../src/settings/config.ts';
import { admit } from '../fixtures/admitting.ts';
import { platformDefaults, system } from '../fixtures/defaults.ts';

const made = '2026-03-01T10:00:00Z';
const earlier = '2026-03-01T09:00:00Z';
const later = '2026-03-01T11:00:00Z';

const proxy = (
  generation = 1,
  match: Partial<PlatformDefaultsSpec['match']> = {},
  created = earlier,
): PlatformDefaults => {
  const inject = { env: [{ name: 'HTTP_PROXY', value: `http://proxy-${generation}` }] };
  const defaults = platformDefaults('proxy', { match, inject }, { generation });
  return { ...defaults, metadata: { ...defaults.metadata, creationTimestamp: created } };
};

const manifest = parse(
  'apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: { name: pi, namespace: team-a, labels: { team: geo } }\nspec: { driver: { cores: 1 } }\n',
) as KubeObject;

const storedAs = (defaults: readonly PlatformDefaults[]): KubeObject => {
  const { object } = admit(manifest, defaults);
  return { ...object, metadata: { ...object.metadata, uid: 'u', creationTimestamp: made } };
};

const explain = (stored: KubeObject, ...defaults: readonly PlatformDefaults[]) => {
  const world = describedCluster({ cloud: 'aws', namespace: 'default' }, readSettings({}));
  const entries = defaults.map((one) => entryOf(one, system));
  const cluster = { ...world, entries, facts: { ...world.facts, defaults: indexEntries(entries) } };
  return explainStored(stored, defaults, cluster);
};

describe('a stored object', () => {
  it('was given what a new one would be given', () => {
    const { was, differs } = explain(storedAs([proxy()]), proxy());
    expect(was).toEqual([
      `PlatformDefaults quartermaster-system/proxy@1 gave it when it was made (${made}): spec.driver.env HTTP_PROXY.`,
    ]);
    expect(differs).toEqual([]);
  });

  it('was made before the default', () => {
    const { was, differs } = explain(storedAs([]), proxy(1, {}, later));
    expect(was).toEqual([
      `It was given nothing when it was made (${made}): it has no annotation quartermaster.dev/injected.`,
    ]);
    expect(differs.join()).toContain(`it was created at ${later}, after the object (${made}).`);
  });

  it('was made while no webhook answered', () => {
    expect(explain(storedAs([]), proxy()).differs.join()).toContain(
      `it was there before (${earlier}), so that no webhook answered when the object was stored at ${made}`,
    );
  });

  it('was made before the default changed', () => {
    const changed = proxy(2);
    const managedFields = [{ time: later, fieldsV1: { 'f:spec': {} } }];
    const { differs } = explain(storedAs([]), {
      ...changed,
      metadata: { ...changed.metadata, managedFields } as never,
    });
    expect(differs.join()).toContain(`it was changed at ${later}, after the object was made (${made}).`);
  });

  it('was labelled later', () => {
    const stored = storedAs([]);
    const managedFields = [{ time: later, fieldsV1: { 'f:metadata': { 'f:labels': {} } } }];
    const { differs } = explain({ ...stored, metadata: { ...stored.metadata, managedFields } as never }, proxy());
    expect(differs.join()).toContain(`the labels of the object were changed at ${later}, after it was made (${made}).`);
  });

  it('has what an older generation gave', () => {
    expect(explain(storedAs([proxy(1)]), proxy(3)).differs).toEqual([
      'PlatformDefaults quartermaster-system/proxy was at generation 1 when this one was made and is at 3: a new one gets that.',
    ]);
  });

  it('has what would not be given any more', () => {
    const { differs } = explain(storedAs([proxy()]), proxy(1, { clouds: ['gcp'] }));
    expect(differs).toEqual([
      'PlatformDefaults quartermaster-system/proxy gave to this one and would give a new one nothing: clouds gcp; the cluster is on aws.',
    ]);
  });

  it('was edited since', () => {
    const stored = storedAs([proxy()]);
    const edited = { ...stored, spec: { driver: { cores: 1, env: [{ name: 'HTTP_PROXY', value: 'mine' }] } } };
    expect(explain(edited, proxy()).was).toContain(
      'The record no longer holds: spec.driver.env HTTP_PROXY was changed to {"name":"HTTP_PROXY","value":"mine"}.',
    );
    const without = { ...stored, spec: { driver: { cores: 1 } } };
    expect(explain(without, proxy()).was).toContain('The record no longer holds: spec.driver.env HTTP_PROXY is gone.');
  });

  it('carries a record that nobody of ours wrote', () => {
    const stored = storedAs([]);
    const annotations = { 'quartermaster.dev/injected': 'junk' };
    const { was } = explain({ ...stored, metadata: { ...stored.metadata, annotations } }, proxy());
    expect(was).toEqual([
      'Its annotation quartermaster.dev/injected cannot be read: Quartermaster did not write it so.',
    ]);
  });
});
