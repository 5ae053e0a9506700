import type { ClassOption } from '../api/facts.ts';
import type { StringMap } from '../api/kubernetes.ts';
import { disk, secretParameters, share } from './cloud.ts';
import { localPath } from './local.ts';

const s3Options = '--memory-limit 1000 --dir-mode 0777 --file-mode 0666';

const s3 = share({
  provisioner: 'ru.yandex.s3.csi',
  modes: ['ReadWriteMany', 'ReadOnlyMany', 'ReadWriteOnce'],
  namePattern: /\bs3\b/,
  isExclusive: true,
  tiers: {
    standard: {
      parameters: {
        mounter: 'geesefs',
        options: s3Options,
        bucket: '${s3Bucket}',
        ...secretParameters(
          ['provisioner', 'controller-publish', 'node-stage', 'node-publish'],
          '${s3SecretName}',
          '${s3SecretNamespace}',
        ),
      },
    },
  },
  allowVolumeExpansion: false,
  assumes: { s3SecretName: 'csi-s3-secret', s3SecretNamespace: 'csi-s3' },
});

/** As openEO's guide has it: results are looked for in one bucket, and workflow steps read what others just wrote. */
const s3Calrissian: ClassOption = {
  ...s3,
  namePattern: /\bs3\b.*\bcalrissian\b/,
  tiers: {
    standard: {
      parameters: {
        ...s3.tiers.standard.parameters,
        options: `${s3Options} --no-systemd --fsync-on-close --stat-cache-ttl 0`,
      },
    },
  },
  assumes: { ...s3.assumes, s3Bucket: 'calrissian' },
};

/** ceph-csi wants that for controller-publish since it tells Ceph which node has a volume. */
const rookSecrets = (kind: 'rbd' | 'cephfs'): StringMap => ({
  ...secretParameters(
    ['provisioner', 'controller-expand', 'controller-publish'],
    `rook-csi-${kind}-provisioner`,
    '${rookClusterId}',
  ),
  ...secretParameters(['node-stage'], `rook-csi-${kind}-node`, '${rookClusterId}'),
});

const cephName = /\b(ceph|cephfs|rook|rbd)\b/;
const cephBlockName = /^(?!.*\bcephfs\b).*\b(ceph|rook|rbd)\b/;

const rookBlock = disk({
  provisioner: 'rook-ceph.rbd.csi.ceph.com',
  namePattern: cephBlockName,
  tiers: {
    standard: {
      parameters: {
        clusterID: '${rookClusterId}',
        pool: '${rookPool}',
        imageFormat: '2',
        imageFeatures: 'layering',
        'csi.storage.k8s.io/fstype': 'ext4',
        ...rookSecrets('rbd'),
      },
    },
  },
  volumeBindingMode: 'Immediate',
  requires: ['rookPool'],
  assumes: { rookClusterId: 'rook-ceph' },
});

const rookFiles = share({
  provisioner: 'rook-ceph.cephfs.csi.ceph.com',
  namePattern: cephName,
  tiers: {
    standard: {
      parameters: { clusterID: '${rookClusterId}', fsName: '${rookFileSystem}', ...rookSecrets('cephfs') },
    },
  },
  requires: ['rookFileSystem'],
  assumes: { rookClusterId: 'rook-ceph' },
});

/** CephFS takes any mode, where a name asks for it and not only for Ceph. */
const rookFilesByName: ClassOption = {
  ...rookFiles,
  namePattern: /\bcephfs\b/,
  modes: ['ReadWriteMany', 'ReadOnlyMany', 'ReadWriteOnce', 'ReadWriteOncePod'],
};

/** What these are called in names of classes. */
export const AGNOSTIC_WORDS: readonly string[] = [
  's3',
  'ceph',
  'cephfs',
  'rook',
  'rbd',
  'ocs',
  'odf',
  'storagecluster',
  'openshift',
];

/** Storage that does not depend on the cloud, for classes whose name asks for it. */
export const agnosticOptions: readonly ClassOption[] = [s3Calrissian, s3, rookBlock, rookFilesByName, rookFiles];

/** The same for folders on nodes, wherever they are not what there is anyway. */
export const localPathByName: ClassOption = {
  ...localPath,
  namePattern: /\blocal\b/,
  tiers: {
    standard: {
      parameters: {},
      caution: `${localPath.provisioner} registers no CSIDriver, so it cannot be seen whether it runs here: install it where volumes stay pending.`,
    },
  },
};
