import { describe, expect, it } from 'vitest';
import type { CloudName } from '../../../src/api/facts.ts';
import type { AccessMode, PersistentVolumeClaim } from '../../../src/api/kubernetes.ts';
import { clouds } from '../../../src/clouds/index.ts';
import { choose, made, pvc, RWX, refusal, SHARED } from '../../fixtures/storage.ts';

describe('the mode a class is made for', () => {
  it.each<readonly [readonly AccessMode[], string]>([
    [['ReadWriteOnce', 'ReadOnlyMany'], 'efs.csi.aws.com'],
    [['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce'], 'efs.csi.aws.com'],
    [['ReadWriteOnce'], 'ebs.csi.aws.com'],
  ])('of %j is the strongest: %s', (accessModes, provisioner) => {
    expect(made(pvc({ accessModes }), { facts: { efsFileSystemId: 'fs-1' } }).provisioner).toBe(provisioner);
  });

  it('ReadWriteOncePod must stand alone', () => {
    expect(refusal(pvc({ accessModes: ['ReadWriteOncePod', 'ReadWriteOnce'] }))).toMatch(/must stand alone/);
  });
});

describe('the tier', () => {
  it.each<readonly [CloudName, string, string, string]>([
    ['aws', 'fast', 'type', 'io2'],
    ['aws', 'slow', 'type', 'st1'],
    ['aws', 'cold-data', 'type', 'sc1'],
    ['gcp', 'premium-rwo', 'type', 'pd-ssd'],
    ['gcp', 'standard', 'type', 'pd-standard'],
    ['gcp', 'my.ssd.class', 'type', 'pd-ssd'],
    ['gcp', 'fasting', 'type', 'pd-balanced'],
    ['gcp', 'hyperdisk', 'type', 'hyperdisk-balanced'],
    ['gcp', 'regional', 'replication-type', 'regional-pd'],
    ['azure', 'managed-premium', 'skuName', 'Premium_LRS'],
    ['azure', 'archive', 'skuName', 'Standard_LRS'],
    ['azure', 'premiumv2', 'skuName', 'PremiumV2_LRS'],
    ['azure', 'ultra', 'cachingMode', 'None'],
    ['oracle', 'performance', 'vpusPerGB', '20'],
    ['oracle', 'slow', 'vpusPerGB', '0'],
    ['alibaba', 'hdd', 'type', 'cloud_efficiency'],
  ])('on %s a class named %s gets %s %s', (cloud, storageClassName, parameter, value) => {
    const claim = pvc({ storageClassName, resources: { requests: { storage: '200Gi' } } });
    expect(made(claim, { cloud }).parameters?.[parameter]).toBe(value);
  });

  it('a claim too small for the slow tier gets the standard one, since EC2 refuses st1 under 125Gi', () => {
    const typeFor = (storage: string) =>
      made(pvc({ storageClassName: 'hdd', resources: { requests: { storage } } })).parameters?.['type'];
    expect(['1Gi', '124Gi', '100G', '1e9', '512Mi', 'junk'].map(typeFor)).toEqual(Array(6).fill('gp3'));
    expect(['124.1Gi', '1Ti', '135G', '2e11', '140000000000'].map(typeFor)).toEqual(Array(5).fill('st1'));
  });

  it('says what a tier costs', () => {
    const choice = choose(pvc({ accessModes: RWX, storageClassName: 'premium' }), { cloud: 'gcp' });
    expect(choice.kind === 'make' && choice.warnings).toEqual([expect.stringMatching(/2\.5 TiB/)]);
  });
});

describe('a claim that needs no class made', () => {
  const none = { kind: 'none', warnings: [] };

  it.each<readonly [string, PersistentVolumeClaim]>([
    ['names no class', { ...pvc({}), spec: { accessModes: ['ReadWriteOnce'] } }],
    ['asks for no class', pvc({ storageClassName: '' })],
    ['has null for a class', pvc({ storageClassName: null })],
    ['names its volume', pvc({ volumeName: 'pv-1' })],
    ['selects its volume', pvc({ selector: {} })],
    ['asks for no class by the annotation of old', pvc({}, { 'volume.beta.kubernetes.io/storage-class': '' })],
    ['has no access modes', pvc({ accessModes: [] })],
    ['has access modes nobody knows', pvc({ accessModes: ['ReadWriteOnce', 'Sometimes' as AccessMode] })],
    ['has no spec', { ...pvc({}), spec: null }],
  ])('because it %s is left alone', (_, claim) => {
    expect(choose(claim)).toEqual(none);
  });

  it('is left alone where a volume names the class already', () => {
    expect(choose(pvc({}), { storage: { hasVolumeOfClass: (name) => name === 'data' } })).toEqual(none);
  });

  it('is left alone where the class exists, whoever made it', () => {
    const others = { ...made(pvc({})), metadata: { name: 'data' }, provisioner: 'example.org/own' };
    expect(choose(pvc({ accessModes: RWX }), { storage: { storageClass: () => others } })).toEqual(none);
    expect(choose(pvc({}), { storage: { storageClass: () => made(pvc({})) } })).toEqual(none);
  });

  it('is warned where we made the class for something weaker', () => {
    const choice = choose(pvc({ accessModes: RWX }), { storage: { storageClass: () => made(pvc({})) } });
    expect(choice).toEqual({
      kind: 'none',
      warnings: [
        expect.stringMatching(
          /data was made for aws ReadWriteOnce Filesystem.*ebs\.csi\.aws\.com serves no ReadWriteMany/,
        ),
      ],
    });
  });
});

describe('the name of a class', () => {
  it('is the annotation’s where there is one', () => {
    const claim = pvc({}, { 'volume.beta.kubernetes.io/storage-class': 'old-style' });
    const choice = choose(claim);
    expect(choice).toMatchObject({
      storageClass: { metadata: { name: 'old-style' } },
      explain: [{ path: '/metadata/annotations/volume.beta.kubernetes.io~1storage-class' }],
    });
  });

  it.each(['__proto__', 'constructor ', 'Upper', 'under_score', '-dash', 'a'.repeat(254), 'a..b', '../x', 'ünï'])(
    '%s is refused whatever the pattern',
    (storageClassName) => {
      const why = refusal(pvc({ storageClassName }), { policy: { storageClassPattern: /^.*$/s } });
      expect(why).toMatch(/its name is no DNS subdomain\.$/);
    },
  );

  it.each(['constructor', 'tostring', 'valueof', 'hasownproperty'])(
    '%s is a name like any other',
    (storageClassName) => {
      expect(made(pvc({ storageClassName })).metadata.name).toBe(storageClassName);
    },
  );

  it('must match the pattern that the platform allows', () => {
    const team = { policy: { storageClassPattern: /^team-.*$/ } };
    expect(refusal(pvc({}), team)).toMatch(/does not match the setting STORAGE_CLASS_PATTERN/);
    expect(made(pvc({ storageClassName: 'team-a' }), team).metadata.name).toBe('team-a');
  });

  it('is refused where as many classes were made as may be', () => {
    const full = { policy: { storageClassLimit: 5 }, storage: { ownedClassCount: () => 5 } };
    expect(refusal(pvc({}), full)).toMatch(/5 classes were made already.*STORAGE_CLASS_LIMIT/);
    expect(made(pvc({}), { ...full, storage: { ownedClassCount: () => 4 } }).metadata.name).toBe('data');
  });

  it('is made of a claim that starts from a snapshot, with a word on which driver can restore it', () => {
    const dataSource = { kind: 'VolumeSnapshot', name: 'yesterday' };
    for (const spec of [{ dataSource }, { dataSourceRef: dataSource }]) {
      expect(choose(pvc({ ...spec, storageClassName: 'gp3-retain' }))).toMatchObject({
        storageClass: { provisioner: 'ebs.csi.aws.com', reclaimPolicy: 'Retain' },
        warnings: [
          'StorageClass gp3-retain makes volumes by ebs.csi.aws.com, which restores a VolumeSnapshot that it has taken itself. spec.dataSource is a VolumeSnapshot, whose driver decides who can restore it; name a class of that driver.',
        ],
      });
    }
  });

  it.each([
    ['an NFS server', pvc({ storageClassName: 'team-nfs' }), 'aws'],
    ['folders on nodes', pvc({}), 'local'],
  ] as const)('is refused where the claim starts from a snapshot and the class would be of %s', (_, claim, cloud) => {
    const dataSource = { kind: 'VolumeSnapshot', name: 'yesterday' };
    expect(refusal({ ...claim, spec: { ...claim.spec, dataSource } }, { cloud })).toMatch(
      /spec\.dataSource is a VolumeSnapshot, whose driver decides/,
    );
  });
});

describe('handing over to NFS', () => {
  it('happens where the name says nfs, on any cloud', () => {
    for (const { name } of clouds) {
      expect(choose(pvc({ storageClassName: 'team-nfs' }), { cloud: name }).kind).toBe('nfs');
    }
  });

  it.each<CloudName>(['digitalocean', 'hetzner', 'local', 'aws', 'unknown'])(
    'happens for shared volumes on %s where nothing managed is configured, if that is the setting',
    (cloud) => {
      for (const mode of SHARED) {
        const claim = pvc({ accessModes: [mode] });
        expect(choose(claim, { cloud, policy: { rwxFallback: 'nfs' } }).kind).toBe('nfs');
        expect(choose(claim, { cloud }).kind).toBe('cannot');
      }
    },
  );

  it('does not happen where managed storage serves', () => {
    const fallback = { policy: { rwxFallback: 'nfs' }, facts: { efsFileSystemId: 'fs-1' } } as const;
    expect(made(pvc({ accessModes: RWX }), fallback).provisioner).toBe('efs.csi.aws.com');
  });

  it('never happens for raw devices', () => {
    const block = { accessModes: RWX, volumeMode: 'Block' } as const;
    expect(refusal(pvc({ ...block, storageClassName: 'team-nfs' }))).toMatch(/NFS serves no Block volumes/);
    expect(refusal(pvc(block), { cloud: 'hetzner', policy: { rwxFallback: 'nfs' } })).toMatch(/hetzner has nothing/);
  });
});
