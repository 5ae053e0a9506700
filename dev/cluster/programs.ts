import { ensureAptPackages } from '../apt-packages.ts';
import { ensureAssets, type Tool } from '../control-plane/assets.ts';
import type { Progress } from './cache.ts';
import { goProgram, kubernetesPrograms } from './go-program.ts';
import { versions } from './versions.ts';

/** Debian's part of the node, by one file each that says it is installed. */
const packages = {
  '/usr/bin/containerd': 'containerd',
  '/usr/sbin/runc': 'runc',
  '/usr/lib/cni/ptp': 'containernetworking-plugins',
  '/usr/sbin/nft': 'nftables',
  '/usr/sbin/iptables': 'iptables',
  '/usr/sbin/conntrack': 'conntrack',
  '/usr/sbin/ip': 'iproute2',
  '/usr/bin/tini': 'tini',
  '/usr/bin/openssl': 'openssl',
  '/usr/bin/gcc': 'gcc',
  '/usr/include/stdio.h': 'libc6-dev',
  '/usr/bin/pkg-config': 'pkg-config',
  '/usr/bin/fusermount3': 'fuse3',
  '/usr/include/fuse3/fuse.h': 'libfuse3-dev',
  '/usr/include/nfsc/libnfs.h': 'libnfs-dev',
  '/usr/bin/mmdebstrap': 'mmdebstrap',
};

const nodePrograms = ['kubelet', 'kube-proxy'] as const;

/** Where each program of the node is. */
export interface Programs {
  readonly etcd: string;
  readonly kubectl: string;
  readonly 'kube-apiserver': string;
  readonly 'kube-controller-manager': string;
  readonly 'kube-scheduler': string;
  readonly kubelet: string;
  readonly 'kube-proxy': string;
  readonly coredns: string;
}

/** Has everything the node runs, from Debian, from the control plane's cache and from Go modules; the first time takes minutes. */
export const ensurePrograms = async (progress: Progress): Promise<Programs> => {
  await ensureAptPackages({ packages, user: 'The cluster of the tests', progress });
  const tools: readonly Tool[] = ['kube-controller-manager', 'kube-scheduler'];
  const assets = await ensureAssets({ tools, progress });
  const built = await kubernetesPrograms(nodePrograms, progress);
  return {
    ...built,
    etcd: assets.etcd,
    kubectl: assets.kubectl,
    'kube-apiserver': assets['kube-apiserver'],
    'kube-controller-manager': assets['kube-controller-manager'] ?? '',
    'kube-scheduler': assets['kube-scheduler'] ?? '',
    coredns: await goProgram(
      { name: 'coredns', module: 'github.com/coredns/coredns', version: versions.coredns, package: '.' },
      progress,
    ),
  };
};
