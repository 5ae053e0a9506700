import { describe, expect, test } from 'vitest';
import type { AccessMode, KubeObject, PersistentVolumeClaim, StorageClass } from '../../../../src/api/kubernetes.ts';
import {
  MANAGED_BY,
  MANAGED_BY_LABEL,
  NFS_CLASS_ANNOTATION,
  NFS_CLASS_LABEL,
  SHIPPED_ROLES,
} from '../../../../src/api/names.ts';
import { offlineFacts } from '../../../../src/cli/described-cluster.ts';
import { cloudNamed, verdictFor } from '../../../../src/clouds/index.ts';
import { indexDefaults } from '../../../../src/defaults/entries-index.ts';
import { nfsVersion, withNfsVersion } from '../../../../src/kinds/persistent-volume-claim/nfs/class.ts';
import {
  nfsClassLabel,
  nfsProvisioner,
  nfsServer,
  nfsServerName,
} from '../../../../src/kinds/persistent-volume-claim/nfs/parts.ts';
import { type ClaimStorage, chooseClaimStorage } from '../../../../src/kinds/persistent-volume-claim/storage.ts';
import { policyOf, readSettings } from '../../../../src/settings/config.ts';
import type { ClusterFacts } from '../../../../src/storage-classes/class-options.ts';

const policy = policyOf(readSettings({}));

const worldOf = (
  cloud: 'aws' | 'digitalocean' | 'unknown' | 'local',
  change: Partial<ClusterFacts['policy']> = {},
  drivers: readonly string[] = [],
): ClusterFacts =>
  offlineFacts({
    cloud: verdictFor(cloud, {}, []),
    csiDrivers: [...(cloudNamed(cloud)?.usualDrivers ?? []), ...drivers],
    defaults: indexDefaults([], policy),
    policy: { ...policy, ...change },
    namespaceLabels: {},
    objects: [],
  });

const claim = (
  storageClassName: string,
  mode: AccessMode = 'ReadWriteMany',
  storage = '10Gi',
): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: 'jobs' },
  spec: { storageClassName, accessModes: [mode], resources: { requests: { storage } } },
});

const made = (storage: ClaimStorage): Extract<ClaimStorage, { kind: 'make' }> => {
  if (storage.kind !== 'make') throw new Error(JSON.stringify(storage));
  return storage;
};
const refusal = (storage: ClaimStorage): string => (storage.kind === 'cannot' ? storage.why : '');
const companion = <T>(storage: ClaimStorage, kind: string): T => {
  const found = made(storage).companions.find((object) => object.kind === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found as T;
};

const names = [
  'a',
  'shared-nfs',
  '9nfs',
  'nfs.fast',
  'nfs-fast',
  `nfs-${'x'.repeat(59)}`,
  `nfs-${'x'.repeat(60)}`,
  `${'n.'.repeat(120)}nfs`,
];

describe('the names of an NFS server', () => {
  test.each(names)('of class %s are a Service name, a provisioner and a label value', (className) => {
    expect(nfsServerName(className)).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
    expect(nfsProvisioner(className)).toMatch(/^quartermaster\.dev\/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    expect(nfsClassLabel(className)).toMatch(/^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/);
  });

  test('differ wherever the classes do', () => {
    expect(new Set(names.map(nfsServerName)).size).toBe(names.length);
    expect(new Set(names.map(nfsClassLabel)).size).toBe(names.length);
  });

  test('are never what the name of another class is shortened to', () => {
    for (const className of ['team.nfs', 'a.b', `${'n'.repeat(70)}`, `x.${'y'.repeat(90)}`]) {
      const taken = nfsServerName(className).slice(0, -'-nfs'.length);
      expect(nfsServerName(taken)).not.toBe(nfsServerName(className));
      expect(nfsClassLabel(`${'n'.repeat(52)}-0123456789`)).not.toBe(`${'n'.repeat(52)}-0123456789`);
    }
  });

  test('are the class and -nfs where that is a name', () => {
    expect(nfsServerName('checkpoints')).toBe('checkpoints-nfs');
  });
});

describe('the NFS version', () => {
  test.each([
    [[], '4.1'],
    [['5.15.0-1056-azure', '6.8.0-41-generic'], '4.1'],
    [['6.18.9'], '4.1'],
    [['6.18.9', '6.19.0-talos'], '4.0'],
    [['7.0.1'], '4.0'],
    [['10.2'], '4.0'],
    [['something'], '4.1'],
  ] as const)('for nodes with Linux %j is %s', (kernels, version) => {
    expect(nfsVersion(kernels)).toBe(version);
  });

  test('takes the place of ours and of nobody else’s', () => {
    expect(withNfsVersion(['hard', 'nfsvers=4.1'], '4.0')).toEqual(['hard', 'nfsvers=4.0']);
    expect(withNfsVersion(['vers=3'], '4.0')).toEqual(['vers=3']);
    expect(withNfsVersion([], '4.0')).toEqual(['nfsvers=4.0']);
  });
});

describe('a claim served by an NFS server', () => {
  const storage = chooseClaimStorage(claim('shared-nfs'), worldOf('aws'));

  test('gets everything in an order kubectl takes, the class last', () => {
    expect(made(storage).companions.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'StorageClass quartermaster-disk',
      'ServiceAccount shared-nfs-nfs',
      'Service shared-nfs-nfs',
      'NetworkPolicy shared-nfs-nfs',
      'PersistentVolumeClaim shared-nfs-nfs',
      'Deployment shared-nfs-nfs',
      'PodDisruptionBudget shared-nfs-nfs',
    ]);
  });

  test('gets a class that keeps what it holds, names the server and a version to mount with', () => {
    expect(made(storage).storageClass).toMatchObject({
      metadata: { name: 'shared-nfs', labels: { [MANAGED_BY_LABEL]: MANAGED_BY, [NFS_CLASS_LABEL]: 'shared-nfs' } },
      provisioner: 'quartermaster.dev/shared-nfs-nfs',
      reclaimPolicy: 'Retain',
      volumeBindingMode: 'Immediate',
      allowVolumeExpansion: true,
      mountOptions: ['nfsvers=4.1', 'hard'],
    });
    expect(made(storage).storageClass.parameters).toBeUndefined();
  });

  test('gets a disk two Gi larger than it asks for, of a class made by the rules for disks', () => {
    expect(companion(storage, 'PersistentVolumeClaim')).toMatchObject({
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'quartermaster-disk',
        resources: { requests: { storage: '12Gi' } },
      },
    });
    expect(companion<StorageClass>(storage, 'StorageClass')).toMatchObject({
      provisioner: 'ebs.csi.aws.com',
      parameters: { type: 'gp3' },
    });
  });

  test('gets a fast disk where its class is named so', () => {
    const fast = chooseClaimStorage(claim('fast-nfs'), worldOf('aws'));
    expect(companion<StorageClass>(fast, 'StorageClass')).toMatchObject({
      metadata: { name: 'quartermaster-disk-fast' },
      parameters: { type: 'io2' },
    });
  });

  const diskOf = (storage: ClaimStorage) => {
    const { spec } = companion<PersistentVolumeClaim>(storage, 'PersistentVolumeClaim');
    const diskClass = made(storage).companions.find(({ kind }) => kind === 'StorageClass') as StorageClass | undefined;
    return {
      name: spec?.storageClassName,
      sizeGi: Number.parseInt(spec?.resources?.requests?.['storage'] ?? '', 10),
      missing: diskClass,
    };
  };
  const LEAST_GI: Readonly<Record<string, number>> = { st1: 125, sc1: 125, gp3: 1, io2: 4 };

  test.each([
    ['archive-nfs', ['500Gi', '10Gi', '1Ti']],
    ['cold-nfs', ['10Gi', '500Gi', '1Gi']],
    ['fast-nfs', ['1Gi', '10Gi', '1Gi']],
    ['team-nfs', ['1Gi', '500Gi']],
  ])('has a disk that is made in its size, whatever servers were made before: %s', (name, sizes) => {
    const classes = new Map<string, StorageClass>();
    const world = worldOf('aws');
    for (const [at, size] of sizes.entries()) {
      const storage = chooseClaimStorage(claim(`${name}-${at}`, 'ReadWriteMany', size), {
        ...world,
        storage: { ...world.storage, storageClass: (wanted) => classes.get(wanted) },
      });
      const { name: diskClass, sizeGi, missing } = diskOf(storage);
      if (missing !== undefined) classes.set(missing.metadata.name ?? '', missing);
      const type = classes.get(diskClass ?? '')?.parameters?.['type'] ?? '';
      expect(sizeGi, `${size} on ${type}`).toBeGreaterThanOrEqual(LEAST_GI[type] ?? Number.POSITIVE_INFINITY);
    }
  });

  test('is told what its disk bills, and that it is dearer than its name asks for', () => {
    const warningsOf = (name: string, size: string) =>
      made(chooseClaimStorage(claim(name, 'ReadWriteMany', size), worldOf('aws'))).warnings;
    expect(warningsOf('fast-nfs', '10Gi')).toEqual([
      'The NFS server of StorageClass fast-nfs has a disk of StorageClass quartermaster-disk-fast: io2 bills the 3000 IOPS each volume is made with.',
    ]);
    expect(warningsOf('archive-nfs', '10Gi')).toEqual([
      expect.stringMatching(
        /^The NFS server of StorageClass archive-nfs has a disk .* st1, .* begin at 125Gi: .* gp3,/,
      ),
    ]);
    expect(warningsOf('archive-nfs', '500Gi')).toEqual([]);
    expect(warningsOf('team-nfs', '10Gi')).toEqual([]);
  });

  test('carries on every object whose it is', () => {
    for (const { kind, metadata } of made(storage).companions.slice(1)) {
      expect(metadata, kind).toMatchObject({
        namespace: 'quartermaster-nfs',
        labels: { [MANAGED_BY_LABEL]: MANAGED_BY, [NFS_CLASS_LABEL]: 'shared-nfs' },
        annotations: { [NFS_CLASS_ANNOTATION]: 'shared-nfs' },
      });
    }
  });

  test.each(['quartermaster-disk', 'quartermaster-disk-fast', 'quartermaster-disk-slow'])(
    'has disks of a class that no claim of a tenant can have made to his own taste: %s',
    (name) => {
      for (const mode of ['ReadWriteMany', 'ReadWriteOnce'] as const)
        expect(chooseClaimStorage(claim(name, mode), worldOf('aws'))).toMatchObject({
          kind: 'cannot',
          why: expect.stringContaining('use another one') as string,
        });
    },
  );

  test('is given by name to a claim for one node as well, and never to a raw device', () => {
    expect(made(chooseClaimStorage(claim('nfs', 'ReadWriteOnce'), worldOf('aws'))).storageClass.provisioner).toBe(
      'quartermaster.dev/nfs-nfs',
    );
    const block = claim('nfs');
    const raw = { ...block, spec: { ...block.spec, volumeMode: 'Block' as const } };
    expect(chooseClaimStorage(raw, worldOf('aws'))).toMatchObject({ kind: 'cannot' });
  });

  test('is what ReadWriteMany falls back to, and the warning says why and what to do instead', () => {
    const { warnings } = made(chooseClaimStorage(claim('shared'), worldOf('digitalocean')));
    expect(warnings).toEqual([
      expect.stringMatching(
        /^StorageClass shared is served by an NFS server of its own, because .*digitalocean.*; otherwise, .+\.$/,
      ),
    ]);
  });

  test('is not made where the setting says none', () => {
    expect(refusal(chooseClaimStorage(claim('shared'), worldOf('digitalocean', { rwxFallback: 'none' })))).toMatch(
      /RWX_FALLBACK/,
    );
  });

  test('is not made where nothing is known to put its disk on', () => {
    expect(refusal(chooseClaimStorage(claim('shared-nfs'), worldOf('unknown')))).toMatch(
      /^StorageClass shared-nfs is not made, because its NFS server needs a disk: /,
    );
  });

  test('has its disk whatever names tenants may choose, and whatever volumes are there', () => {
    const world = worldOf('aws', { storageClassPattern: /^shared-nfs$/ });
    const storage = chooseClaimStorage(claim('shared-nfs'), {
      ...world,
      storage: { ...world.storage, hasVolumeOfClass: (name) => name === 'quartermaster-disk' },
    });
    expect(companion<KubeObject>(storage, 'StorageClass').metadata.name).toBe('quartermaster-disk');
  });

  test('takes from PlatformDefaults what the server can do, and no more', () => {
    const injection = {
      mode: 'Default',
      source: { namespace: 'quartermaster-system', name: 'classes', generation: 1 },
      value: {
        reclaimPolicy: 'Delete',
        allowVolumeExpansion: true,
        mountOptions: ['soft'],
        parameters: { gid: '2000', 'csi.storage.k8s.io/fstype': 'xfs' },
      },
    } as const;
    const { storageClass } = made(chooseClaimStorage(claim('nfs'), worldOf('aws'), injection));
    expect(storageClass).toMatchObject({
      reclaimPolicy: 'Delete',
      allowVolumeExpansion: true,
      mountOptions: ['nfsvers=4.1', 'soft'],
      parameters: { gid: '2000' },
    });
  });
});

describe('where an NFS export is configured and its driver installed', () => {
  const change = { nfsServer: 'files.example.org', nfsShare: '/exports/jobs' };

  test('the class is one for that export, with no server', () => {
    const storage = made(chooseClaimStorage(claim('shared-nfs'), worldOf('aws', change, ['nfs.csi.k8s.io'])));
    expect(storage.companions).toEqual([]);
    expect(storage.storageClass).toMatchObject({
      provisioner: 'nfs.csi.k8s.io',
      parameters: {
        server: 'files.example.org',
        share: '/exports/jobs',
        subDir: '${pvc.metadata.namespace}-${pv.metadata.name}',
      },
      reclaimPolicy: 'Retain',
      mountOptions: ['nfsvers=4.1', 'hard'],
    });
    expect(storage.storageClass.metadata.labels).not.toHaveProperty(NFS_CLASS_LABEL);
  });

  test('but not without the driver', () => {
    expect(made(chooseClaimStorage(claim('shared-nfs'), worldOf('aws', change))).companions).not.toEqual([]);
  });
});

interface Service extends KubeObject {
  readonly spec: {
    readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[];
  };
}
interface Deployment extends KubeObject {
  readonly spec: {
    readonly strategy: unknown;
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly priorityClassName: string;
        readonly containers: readonly {
          readonly args: readonly string[];
          readonly image: string;
          readonly securityContext: unknown;
          readonly readinessProbe?: unknown;
        }[];
      };
    };
  };
}

const request = { className: 'shared-nfs', requestedGi: 10, diskClass: 'disk' };

test.each(['quartermaster', 'provisioner'] as const)(
  'a server of %s names objects of the install with its prefix',
  (software) => {
    const parts = nfsServer({ ...request, software }, { ...policy, account: 'team-quartermaster' });
    expect(parts.deployment).toMatchObject({
      spec: { template: { spec: { priorityClassName: 'team-quartermaster' } } },
    });
    const roles = [parts.roleBinding].flatMap((binding) => binding?.['roleRef'] ?? []);
    expect(roles).toEqual(
      software === 'quartermaster' ? [] : [expect.objectContaining({ name: 'team-quartermaster-nfs-server' })],
    );
  },
);

describe('an NFS server of our own', () => {
  const parts = nfsServer({ ...request, software: 'quartermaster' }, policy);
  const { spec } = (parts.deployment as unknown as Deployment).spec.template;
  const [container] = spec.containers;

  test('runs without the privileges it can do without, and writes nowhere but to its disk', () => {
    expect(container).toMatchObject({
      image: 'quartermaster-nfs-server:0.1.0',
      securityContext: {
        privileged: false,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: {
          drop: ['ALL'],
          add: ['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'SETGID', 'SETUID'],
        },
      },
    });
    expect(spec).toMatchObject({ automountServiceAccountToken: false });
    expect(parts.roleBinding).toBeUndefined();
  });

  test('is asked over NFS whether it lives', () => {
    const probe = { httpGet: { path: '/healthz', port: 'agent' } };
    expect(container).toMatchObject({ readinessProbe: probe, livenessProbe: probe });
  });

  test('lets in who may mount, and Quartermaster alone to its agent', () => {
    const clients = { ...policy, nfsClients: ['10.0.0.0/16'] };
    expect(nfsServer({ ...request, software: 'quartermaster' }, clients).networkPolicy).toMatchObject({
      spec: {
        policyTypes: ['Ingress', 'Egress'],
        ingress: [
          { from: [{ ipBlock: { cidr: '10.0.0.0/16' } }], ports: [{ port: 2049 }, { port: 20_048 }] },
          { from: [{ namespaceSelector: {}, podSelector: {} }], ports: [{ port: 9559 }] },
        ],
      },
    });
  });

  test('is not taken by a drain, unless it serves nobody', () => {
    expect(parts.disruptionBudget).toMatchObject({
      spec: { maxUnavailable: 0, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
    });
  });
});

describe('an NFS server of an earlier version', () => {
  const parts = nfsServer({ ...request, software: 'provisioner' }, policy);

  test('has a Service with exactly the twelve ports its provisioner asks for', () => {
    const { spec } = parts.service as unknown as Service;
    const pairs = [2049, 32803, 20048, 875, 111, 662].flatMap((port) => [`${port}/TCP`, `${port}/UDP`]);
    expect(spec.ports.map(({ port, protocol }) => `${port}/${protocol}`)).toEqual(pairs);
    expect(new Set(spec.ports.map(({ name }) => name)).size).toBe(12);
    for (const { name } of spec.ports) expect(name.length).toBeLessThanOrEqual(15);
  });

  test('is one pod, given more time to end than its clients have to come back', () => {
    const { spec } = parts.deployment as unknown as Deployment;
    const [container] = spec.template.spec.containers;
    const grace = Number(container?.args.find((arg) => arg.startsWith('-grace-period='))?.slice(14));
    expect(spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
    expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(grace);
    expect(grace).toBeGreaterThanOrEqual(10);
    expect(container?.args).toEqual(
      expect.arrayContaining([
        '-provisioner=quartermaster.dev/shared-nfs-nfs',
        '-device-based-fsids=false',
        '-leader-elect=false',
      ]),
    );
    expect(container).toMatchObject({
      image: policy.nfsImage,
      securityContext: { capabilities: { add: ['DAC_READ_SEARCH', 'SYS_RESOURCE'] } },
    });
  });

  test('is bound to the shipped role and to no other', () => {
    expect(parts.roleBinding).toMatchObject({
      roleRef: { kind: 'ClusterRole', name: SHIPPED_ROLES.nfsServer },
      subjects: [{ kind: 'ServiceAccount', name: 'shared-nfs-nfs', namespace: 'quartermaster-nfs' }],
    });
  });

  test('is not taken by a drain', () => {
    expect(parts.disruptionBudget).toMatchObject({ spec: { maxUnavailable: 0 } });
  });

  test('shares nothing with the server of another class', () => {
    const others = nfsServer({ ...request, className: 'other', software: 'provisioner' }, policy);
    const instanceOf = ({ service }: typeof parts): unknown => service['spec'];
    expect(Object.values(parts).map(({ metadata }) => metadata.name)).not.toContain(others.disk.metadata.name);
    expect(instanceOf(parts)).not.toEqual(instanceOf(others));
  });
});
