import { describe, expect, it } from 'vitest';
import type { KubeObject, StringMap } from '../../src/api/kubernetes.ts';
import type { PlatformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import { companionsOf } from '../../src/cli/companions.ts';
import { offlineFacts } from '../../src/cli/described-cluster.ts';
import { cloudNamed, verdictFor } from '../../src/clouds/index.ts';
import { indexEntries } from '../../src/defaults/entries-index.ts';
import { entryOf } from '../../src/defaults/entry.ts';
import { policyOf, readSettings } from '../../src/settings/config.ts';
import { platformDefaults } from '../fixtures/defaults.ts';

type Provision = NonNullable<PlatformDefaultsSpec['provision']>;

const policy = policyOf(readSettings({}));
const forTeams = { match: { namespaceSelector: { matchLabels: { team: 'a' } } } };
const namespace = (labels: StringMap): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'team-a', labels },
});

/** What a namespace with these labels comes to hold on GCP. */
const companionsIn = (provision: Provision, labels: StringMap = { team: 'a' }) => {
  const entries = [entryOf(platformDefaults('teams', { ...forTeams, provision }), policy)];
  const facts = offlineFacts({
    cloud: verdictFor('gcp', { region: { value: 'europe-west1', source: 'test' } }, []),
    csiDrivers: cloudNamed('gcp')?.usualDrivers ?? [],
    defaults: indexEntries(entries),
    policy,
    namespaceLabels: {},
    objects: [],
  });
  const { companions, warnings } = companionsOf(namespace(labels), { facts, entries });
  return { made: companions.map(({ kind, metadata }) => `${kind} ${metadata.name}`), companions, warnings };
};

const claim = {
  name: 'data',
  spec: { storageClassName: 'data', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
} as const;

describe('a namespace that PlatformDefaults provision, previewed', () => {
  it('holds ConfigMaps with their variables filled in', () => {
    const { companions } = companionsIn({ configMaps: [{ name: 'proxy', data: { REGION: '${region}' } }] });
    expect(companions).toMatchObject([
      {
        kind: 'ConfigMap',
        metadata: { name: 'proxy', namespace: 'team-a', labels: { 'app.kubernetes.io/managed-by': 'quartermaster' } },
        data: { REGION: 'europe-west1' },
      },
    ]);
  });

  it('holds claims, after the classes they need', () => {
    expect(companionsIn({ persistentVolumeClaims: [claim] })).toMatchObject({
      made: ['StorageClass data', 'PersistentVolumeClaim data'],
      warnings: [],
    });
  });

  it('holds a claim after the servers that its class needs, each once', () => {
    const spec = { ...claim.spec, storageClassName: 'team-nfs', accessModes: ['ReadWriteMany'] as const };
    const two = [
      { ...claim, spec },
      { ...claim, name: 'more', spec },
    ];
    const { made } = companionsIn({ persistentVolumeClaims: two } as Provision);
    expect(made.slice(-3)).toEqual([
      'StorageClass team-nfs',
      'PersistentVolumeClaim data',
      'PersistentVolumeClaim more',
    ]);
    expect(made.filter((one) => one.startsWith('Deployment '))).toHaveLength(1);
  });

  it('holds a ConfigMap of Calrissian’s name in place of ours', () => {
    const labels = { team: 'a', 'quartermaster.dev/calrissian': 'enabled' };
    const name = 'calrissian-defaults';
    const { companions } = companionsIn({ configMaps: [{ name, data: { mine: 'yes' } }] }, labels);
    const found = companions.filter(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name);
    expect(found).toMatchObject([{ data: { mine: 'yes' } }]);
    const without = companionsIn({ configMaps: [{ name: 'other', data: {} }] }, labels);
    expect(without.made).toContain(`ConfigMap ${name}`);
  });

  it('says of copies where they come from, and of variables that they are not known', () => {
    const { made, warnings } = companionsIn({
      secrets: [{ name: 'keys', copyFrom: 'platform-keys' }],
      configMaps: [{ name: 'zone', data: { ZONE: '${zone}' } }],
    });
    expect(made).toEqual([]);
    expect(warnings).toEqual([
      'ConfigMap zone is not provisioned: ${zone} is not known in namespace team-a.',
      'Secret keys will be a copy of quartermaster-system/platform-keys, which preview does not read.',
    ]);
  });

  it('says why a claim gets no class', () => {
    const shared = { ...claim, spec: { ...claim.spec, storageClassName: 's3-data' } };
    const { made, warnings } = companionsIn({ persistentVolumeClaims: [shared] });
    expect(made).toEqual(['PersistentVolumeClaim data']);
    expect(warnings.join()).toContain('s3-data');
  });

  it('holds nothing where it does not match', () => {
    expect(companionsIn({ persistentVolumeClaims: [claim] }, { team: 'b' })).toMatchObject({ made: [], warnings: [] });
  });
});
