import { describe, expect, it } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../../src/api/kubernetes.ts';
import { offlineFacts } from '../../../../src/cli/described-cluster.ts';
import { cloudNamed, verdictFor } from '../../../../src/clouds/index.ts';
import { indexDefaults } from '../../../../src/defaults/entries-index.ts';
import { diskSize, limitReached, requestedGi } from '../../../../src/kinds/persistent-volume-claim/nfs/observed.ts';
import { chooseClaimStorage } from '../../../../src/kinds/persistent-volume-claim/storage.ts';
import { policyOf, readSettings } from '../../../../src/settings/config.ts';
import { gibibytesOf } from '../../../../src/storage-classes/claim.ts';
import { observedServer } from '../../../fixtures/nfs-storage.ts';
import { pvc } from '../../../fixtures/storage.ts';

const claim = (name: string, storage: string, namespace = 'team-a'): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace, uid: `${namespace}-${name}` },
  spec: { storageClassName: 'shared-nfs', resources: { requests: { storage } } },
});

const volume = (name: string, storage: string, namespace = 'team-a'): PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name },
  spec: {
    storageClassName: 'shared-nfs',
    capacity: { storage },
    claimRef: { uid: `${namespace}-${name}`, namespace },
  },
});

const many = (count: number, namespace: string) =>
  Array.from({ length: count }, (_, at) => claim(`c${at}`, '90Gi', namespace));

describe('what claims can make the disk of an NFS server ask for', () => {
  it.each([
    ['one claim of 8Ei', { pendingClaims: [claim('a', '8Ei')] }, 100],
    ['one claim of 1e99', { pendingClaims: [claim('a', '1e99')] }, 100],
    ['one claim of more digits than a number has', { pendingClaims: [claim('a', '1e9999')] }, 100],
    ['a volume that the provisioner made of such a claim', { volumes: [volume('a', '8Ei')] }, 100],
    ['many claims of one namespace', { pendingClaims: many(50, 'team-a') }, 250],
    ['volumes and claims of one namespace', { pendingClaims: many(2, 'team-a'), volumes: [volume('v', '90Gi')] }, 250],
    ['many namespaces', { pendingClaims: ['a', 'b', 'c', 'd'].flatMap((name) => many(9, name)) }, 400],
  ])('%s: no more than the limit', (_, change, expected) => {
    const server = observedServer(change);
    expect(requestedGi(server)).toBe(expected);
    expect(diskSize(server)).toEqual({ kind: 'fits', quantity: `${expected + 2}Gi` });
    expect(limitReached(server)).toContain('NFS_CLAIM_LIMIT_GI');
  });

  it('is all that is asked for where no limit is reached', () => {
    const server = observedServer({
      pendingClaims: [claim('a', '10Gi'), claim('b', '20Gi', 'team-b')],
      volumes: [volume('c', '5Gi')],
    });
    expect(requestedGi(server)).toBe(35);
    expect(limitReached(server)).toBeUndefined();
  });

  it('is limited in what admission makes at once, too', () => {
    const policy = policyOf(readSettings({ NFS_CLAIM_LIMIT_GI: '500' }));
    const cluster = offlineFacts({
      cloud: verdictFor('aws', {}, []),
      csiDrivers: cloudNamed('aws')?.usualDrivers ?? [],
      defaults: indexDefaults([], policy),
      policy,
      namespaceLabels: {},
      objects: [],
    });
    const asked = pvc({
      storageClassName: 'shared-nfs',
      accessModes: ['ReadWriteMany'],
      resources: { requests: { storage: '8Ei' } },
    });
    const choice = chooseClaimStorage(asked, cluster, undefined);
    const companions = choice.kind === 'make' ? choice.companions : [];
    const disk = companions.find(({ kind }) => kind === 'PersistentVolumeClaim') as PersistentVolumeClaim | undefined;
    expect(disk?.spec?.resources?.requests?.['storage']).toBe('502Gi');
  });
});

describe('a quantity', () => {
  it.each([
    ['1Gi', 1],
    ['0.5Gi', 0.5],
    ['1073741824', 1],
    ['1073741824000m', 1],
    ['1073741824000000u', 1],
    ['1073741824e-3', 1 / 1_000],
    ['1073741824E0', 1],
    ['+1Gi', 1],
    ['1e99', 1e99 / 2 ** 30],
    ['1e400', Infinity],
    ['0e400', 0],
    ['8Ei', 8 * 2 ** 30],
    ['-1Gi', 0],
    ['1gi', 0],
    ['1 Gi', 0],
    ['1e', 0],
    ['', 0],
  ])('%s is read as Kubernetes reads it', (text, expected) => {
    expect(gibibytesOf(text)).toBeCloseTo(expected, 6);
  });
});
