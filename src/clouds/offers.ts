import type { ClassOption } from '../api/facts.ts';
import type { StringMap } from '../api/kubernetes.ts';

type Row = Pick<ClassOption, 'provisioner' | 'tiers'> & Partial<ClassOption>;

/** A row for disks: one node at a time, as file system or raw device, made in the zone the pod lands in. */
export const disk = (row: Row): ClassOption => ({
  modes: ['ReadWriteOnce', 'ReadWriteOncePod'],
  volumeModes: ['Filesystem', 'Block'],
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
  allowVolumeExpansion: true,
  requires: [],
  isCsi: true,
  ...row,
});

/** A row for shares: many nodes, file systems only, made at once. */
export const share = (row: Row): ClassOption => ({
  modes: ['ReadWriteMany', 'ReadOnlyMany'],
  volumeModes: ['Filesystem'],
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'Immediate',
  allowVolumeExpansion: true,
  requires: [],
  isCsi: true,
  ...row,
});

/** The pairs of parameters by which CSI sidecars find a driver's Secret, one pair for each of `operations`. */
export const secretParameters = (operations: readonly string[], name: string, namespace: string): StringMap =>
  Object.fromEntries(
    operations.flatMap((operation) => [
      [`csi.storage.k8s.io/${operation}-secret-name`, name],
      [`csi.storage.k8s.io/${operation}-secret-namespace`, namespace],
    ]),
  );
