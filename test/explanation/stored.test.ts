import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults, PlatformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import { describedCluster } from '../../src/cli/described-cluster.ts';
import { indexEntries } from '../../src/defaults/entries-index.ts';
import { askedBy, entryOf } from '../../src/defaults/entry.ts';
import type { PreviewCluster } from '../../src/explanation/cluster.ts';
import { explainStored, giversAmong } from '../../src/explanation/stored.ts';
import { installedWebhooks } from '../../src/explanation/webhook-rules.ts';
import { examine } from '../../src/report/examine.ts';
import { readSettings } from '../../src/settings/config.ts';
import { admit } from '../fixtures/admitting.ts';
import { platformDefaults, system } from '../fixtures/defaults.ts';

const made = '2026-03-01T10:00:00Z';
const earlier = '2026-03-01T09:00:00Z';
const later = '2026-03-01T11:00:00Z';

const NO_WEBHOOK = 'no webhook answered when the object was stored (it was down, not installed or not sent the object)';
const OTHERWISE =
  'something was otherwise then: the namespace of the object, the cloud, who made the object or what is in it';

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

const clusterWith = (defaults: readonly PlatformDefaults[]): PreviewCluster => {
  const world = describedCluster({ cloud: 'aws', namespace: 'default' }, readSettings({}));
  const entries = defaults.map((one) => entryOf(one, system));
  const asked = entries.flatMap((entry) => askedBy(entry, 'aws'));
  const webhooks = installedWebhooks(system.systemNamespace, 'nfs', asked);
  return { ...world, entries, webhooks, facts: { ...world.facts, defaults: indexEntries(entries) } };
};

const explain = (stored: KubeObject, ...defaults: readonly PlatformDefaults[]) =>
  explainStored(stored, defaults, clusterWith(defaults));

const podWith = (metadata: object): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'team-a', creationTimestamp: made, ...metadata },
    spec: { containers: [{ name: 'main', image: 'tiles:1' }] },
  }) as KubeObject;

const examined = (stored: KubeObject, ...defaults: readonly PlatformDefaults[]): readonly string[] =>
  examine(stored, giversAmong(defaults), clusterWith(defaults)).rows.map(({ standing }) => standing);

describe('a stored object', () => {
  it('was given what a new one would be given', () => {
    const { was, differs } = explain(storedAs([proxy()]), proxy());
    expect(was).toEqual([
      `PlatformDefaults quartermaster-system/proxy@1 gave it when it was made (${made}): spec.driver.env HTTP_PROXY.`,
    ]);
    expect(differs).toEqual([]);
  });

  it('has a label that a new one would be refused for', () => {
    const match = { kinds: ['Pod' as const] };
    const tiers = platformDefaults('tiers', { mode: 'Enforce', match, inject: { labels: { tier: 'gold' } } });
    const { differs } = explain(podWith({ name: 'p', labels: { tier: 'iron' } }), tiers);
    expect(differs.join()).toMatch(
      /^A new one would be refused: metadata.labels: tier is enforced by PlatformDefaults/,
    );
    expect(explain(podWith({ name: 'p', labels: { tier: 'gold' } }), tiers).differs).toEqual([]);
  });

  it('was made before the default', () => {
    const { was, differs } = explain(storedAs([]), proxy(1, {}, later));
    expect(was).toEqual([
      `It was given nothing when it was made (${made}): it has no annotation quartermaster.dev/injected.`,
    ]);
    expect(differs.join()).toContain(`it was created at ${later}, after the object (${made}).`);
  });

  it('was made while no webhook answered, or while its namespace had no such label', () => {
    expect(explain(storedAs([]), proxy()).differs.join()).toContain(
      `it was created at ${earlier}, and the object at ${made}: ${NO_WEBHOOK}, or ${OTHERWISE}.`,
    );
  });

  it('was perhaps made before the default changed', () => {
    const changed = proxy(2);
    const managedFields = [{ time: later, fieldsV1: { 'f:spec': {} } }];
    const { differs } = explain(storedAs([]), {
      ...changed,
      metadata: { ...changed.metadata, managedFields } as never,
    });
    expect(differs.join()).toContain(
      `it was created at ${earlier}, and the object at ${made}: it was changed since (who wrote its spec wrote it last at ${later}), or ${NO_WEBHOOK}, or ${OTHERWISE}.`,
    );
  });

  it('was perhaps labelled later', () => {
    const stored = storedAs([]);
    const managedFields = [{ time: later, fieldsV1: { 'f:metadata': { 'f:labels': {} } } }];
    const { differs } = explain({ ...stored, metadata: { ...stored.metadata, managedFields } as never }, proxy());
    expect(differs.join()).toContain(
      `and the object at ${made}: the labels of the object were changed since (who set them wrote it last at ${later}), or ${NO_WEBHOOK}, or ${OTHERWISE}.`,
    );
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

  it('has what is for pods of its owner', () => {
    const match = { kinds: ['Pod' as const], owner: { group: 'batch', kind: 'Job' } };
    const ofJobs = platformDefaults('jobs', { mode: 'Enforce', match, inject: { env: [{ name: 'A', value: 'b' }] } });
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'u' };
    const pod = podWith({ name: 'p', ownerReferences: [owner] });
    expect(examined(admit(pod, [ofJobs]).object, ofJobs)).toEqual(['has']);
    expect(examined(pod, ofJobs)).toEqual(['lacks']);
  });

  it.each([
    ['user', '${user}'],
    ['groups', '${groups}'],
  ])('has what names the %s of whoever made it, whom nobody knows any more', (_, value) => {
    const match = { kinds: ['Pod' as const] };
    const who = platformDefaults('who', { mode: 'Enforce', match, inject: { env: [{ name: 'WHO', value }] } });
    const pod = podWith({ name: 'p' });
    const record = {
      'quartermaster.dev/injected': 'quartermaster-system/who@1 enforces:\n  spec.containers.0.env ["WHO"]',
    };
    const spec = { containers: [{ name: 'main', image: 'tiles:1', env: [{ name: 'WHO', value: 'ann' }] }] };
    const given = { ...pod, spec, metadata: { ...pod.metadata, annotations: record } };
    expect(examined(given, who)).toEqual(['has']);
    expect(explain(given, who).differs).toEqual([]);
    expect(examined(pod, who)).toEqual(['lacks']);
  });

  it('is made anew without the name that was made up for it', () => {
    const match = { kinds: ['Pod' as const] };
    const named = platformDefaults('named', { match, inject: { env: [{ name: 'WHO', value: '${name}' }] } });
    expect(examined(podWith({ generateName: 'p-', name: 'p-x7k2q' }), named)).toEqual(['refused']);
    expect(examined(podWith({ name: 'p' }), named)).toEqual(['lacks']);
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

  it('was edited since, which its record of names does not say', () => {
    const match = { kinds: ['PersistentVolumeClaim' as const] };
    const tiers = platformDefaults('tiers', { mode: 'Enforce', match, inject: { labels: { tier: 'gold' } } });
    const record = 'quartermaster-system/tiers@1 enforces:\n  metadata.labels ["tier"]';
    const claim = {
      ...podWith({ name: 'p', labels: { tier: 'iron' }, annotations: { 'quartermaster.dev/injected': record } }),
      kind: 'PersistentVolumeClaim',
      spec: { storageClassName: 'disk', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    } as KubeObject;
    expect(explain(claim, tiers).was).toContain(
      'The record no longer holds: metadata.labels tier was changed to "iron".',
    );
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
