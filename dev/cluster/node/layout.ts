import { join } from 'node:path';
import { cacheFolder } from '../cache.ts';

/** The node's name, which also names its control groups. */
export const nodeName = 'quartermaster-node';

/** All addresses exist inside the node's network namespace alone. */
export const addresses = {
  node: '10.240.0.2',
  nodeNetwork: '10.240.0.0/24',
  pods: '10.240.1.0/24',
  services: '10.240.2.0/24',
  api: '10.240.2.1',
  dns: '10.240.2.10',
} as const;

export const apiUrl = `https://${addresses.node}:6443`;
export const containerdSocket = '/run/containerd/containerd.sock';

/** Where one run keeps everything: removed when it ends, or by the next run where it could not. */
export interface Layout {
  readonly root: string;
  readonly keys: string;
  readonly logs: string;
  readonly config: string;
  readonly etcd: string;
  readonly containerd: string;
  readonly kubelet: string;
  readonly podLogs: string;
  readonly cni: string;
  readonly sysctls: string;
  /** One empty file for each tarball that containerd has read. */
  readonly images: string;
  /** Laid over /usr/sbin in the node's mount namespace. */
  readonly programs: string;
  readonly holder: string;
  readonly lock: string;
}

export const layout = (): Layout => {
  const root = join(cacheFolder(), 'node');
  const below = (name: string) => join(root, name);
  return {
    root,
    keys: below('keys'),
    logs: below('logs'),
    config: below('config'),
    etcd: below('etcd'),
    containerd: below('containerd'),
    kubelet: below('kubelet'),
    podLogs: below('pod-logs'),
    cni: below('cni'),
    sysctls: below('sysctls'),
    images: below('images'),
    programs: below('programs'),
    holder: below('holder.json'),
    lock: join(cacheFolder(), 'node.lock'),
  };
};
