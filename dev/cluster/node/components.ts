import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { run } from '../../control-plane/command.ts';
import { pauseReference } from '../images/node-images.ts';
import type { Programs } from '../programs.ts';
import type { Keys } from './keys.ts';
import { addresses, containerdSocket, type Layout, nodeName } from './layout.ts';
import { nodeRunc } from './runc.ts';
import type { NodeProgram, Sandbox } from './sandbox.ts';

/** What every component of the node is started from. */
export interface Parts {
  readonly sandbox: Sandbox;
  readonly layout: Layout;
  readonly programs: Programs;
  readonly keys: Keys;
}

const loopback = '127.0.0.1';
const etcdUrl = `http://${loopback}:2379`;
const etcdPeerUrl = `http://${loopback}:2380`;

/** The container runtime: runc, overlayfs, no registry that answers. */
export const startContainerd = async ({ sandbox, layout }: Parts): Promise<NodeProgram> => {
  const path = join(layout.config, 'containerd.toml');
  await writeFile(path, containerdConfig(layout, await nodeRunc(layout)));
  const plugins = [
    // No masquerading: there is nothing outside.
    { type: 'ptp', ipMasq: false, ipam: podAddresses },
    { type: 'portmap', capabilities: { portMappings: true } },
  ];
  const network = { cniVersion: '0.4.0', name: 'pods', plugins };
  await writeFile(join(layout.cni, '10-pods.conflist'), JSON.stringify(network));
  return sandbox.start('containerd', 'containerd', ['--config', path]);
};

const podAddresses = {
  type: 'host-local',
  dataDir: '/run/pod-addresses',
  ranges: [[{ subnet: addresses.pods }]],
  routes: [{ dst: '0.0.0.0/0' }],
};

const containerdConfig = (layout: Layout, runc: string): string => `
version = 2
root = "${layout.containerd}"
state = "/run/containerd"
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseReference}"
  # Machines without CAP_SYS_RESOURCE cannot lower a process's score below their own.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${layout.cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "${runc}"
        SystemdCgroup = false
`;

export const startEtcd = ({ sandbox, layout, programs }: Parts): NodeProgram =>
  sandbox.start('etcd', programs.etcd, [
    ...['--name', nodeName, '--data-dir', layout.etcd, '--unsafe-no-fsync', '--log-level', 'warn'],
    ...['--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
    ...['--listen-peer-urls', etcdPeerUrl, '--initial-advertise-peer-urls', etcdPeerUrl],
    ...['--initial-cluster', `${nodeName}=${etcdPeerUrl}`],
  ]);

export const startApiServer = ({ sandbox, programs, keys }: Parts): NodeProgram =>
  sandbox.start('kube-apiserver', programs['kube-apiserver'], [
    ...['--etcd-servers', etcdUrl, '--secure-port', '6443', '--advertise-address', addresses.node],
    ...[
      '--tls-cert-file',
      keys.apiServer.cert,
      '--tls-private-key-file',
      keys.apiServer.key,
      '--client-ca-file',
      keys.ca,
    ],
    ...[
      '--kubelet-client-certificate',
      keys.apiServerToKubelet.cert,
      '--kubelet-client-key',
      keys.apiServerToKubelet.key,
    ],
    ...['--kubelet-certificate-authority', keys.ca, '--kubelet-preferred-address-types', 'InternalIP'],
    ...[
      '--service-account-key-file',
      keys.serviceAccounts.cert,
      '--service-account-signing-key-file',
      keys.serviceAccounts.key,
    ],
    ...['--service-account-issuer', 'https://kubernetes.default.svc.cluster.local'],
    ...['--authorization-mode', 'Node,RBAC', '--enable-admission-plugins', 'NodeRestriction', '--allow-privileged'],
    ...['--service-cluster-ip-range', addresses.services],
  ]);

export const startControllerManager = ({ sandbox, programs, keys }: Parts): NodeProgram =>
  sandbox.start('kube-controller-manager', programs['kube-controller-manager'], [
    ...['--kubeconfig', keys.kubeconfigs['controller-manager'], '--leader-elect=false', '--bind-address', loopback],
    ...['--service-account-private-key-file', keys.serviceAccounts.key, '--root-ca-file', keys.ca],
    ...['--use-service-account-credentials', '--cluster-cidr', addresses.pods, '--allocate-node-cidrs=false'],
  ]);

export const startScheduler = ({ sandbox, programs, keys }: Parts): NodeProgram =>
  sandbox.start('kube-scheduler', programs['kube-scheduler'], [
    ...['--kubeconfig', keys.kubeconfigs.scheduler, '--leader-elect=false', '--bind-address', loopback],
  ]);

export const startKubelet = async ({ sandbox, layout, programs, keys }: Parts): Promise<NodeProgram> => {
  const path = join(layout.config, 'kubelet.yaml');
  await writeFile(path, stringify(await kubeletConfig(layout, keys)));
  return sandbox.start('kubelet', programs.kubelet, [
    ...['--config', path, '--kubeconfig', keys.kubeconfigs.kubelet],
    ...['--hostname-override', nodeName, '--node-ip', addresses.node],
  ]);
};

const kubeletConfig = async (layout: Layout, keys: Keys): Promise<object> => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  failCgroupV1: false,
  cgroupDriver: 'cgroupfs',
  cgroupRoot: `/${nodeName}`,
  containerRuntimeEndpoint: `unix://${containerdSocket}`,
  failSwapOn: false,
  authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: keys.ca } },
  authorization: { mode: 'Webhook' },
  tlsCertFile: keys.kubeletServer.cert,
  tlsPrivateKeyFile: keys.kubeletServer.key,
  clusterDNS: [addresses.dns],
  clusterDomain: 'cluster.local',
  resolvConf: join(layout.config, 'resolv.conf'),
  enforceNodeAllocatable: ['pods'],
  // The machine's disk is not the node's to judge.
  evictionHard: {
    'memory.available': '50Mi',
    'nodefs.available': '1%',
    'imagefs.available': '1%',
    'nodefs.inodesFree': '1%',
  },
  imageGCHighThresholdPercent: 100,
  imageGCLowThresholdPercent: 99,
  // The defaults of these two need more than a root of a virtual machine or a container may do.
  oomScoreAdj: 0,
  maxOpenFiles: Number(await run('sh', ['-c', 'ulimit -Hn'], { timeoutMs: 5_000 })),
  maxPods: 110,
  nodeStatusUpdateFrequency: '5s',
  syncFrequency: '10s',
});

export const startProxy = async ({ sandbox, layout, programs, keys }: Parts): Promise<NodeProgram> => {
  const path = join(layout.config, 'proxy.yaml');
  const config = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clusterCIDR: addresses.pods,
    bindAddress: addresses.node,
    clientConnection: { kubeconfig: keys.kubeconfigs.proxy },
    // The tables of connections are sized for the whole machine, and not ours.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    healthzBindAddress: `${loopback}:10256`,
    metricsBindAddress: `${loopback}:10249`,
    oomScoreAdj: 0,
  };
  await writeFile(path, stringify(config));
  return sandbox.start('kube-proxy', programs['kube-proxy'], ['--config', path, '--hostname-override', nodeName]);
};

/** The end of a component's log, for the message of who waits for it in vain. */
export const lastLines = async (layout: Layout, name: string): Promise<string> =>
  (await readFile(join(layout.logs, `${name}.log`), 'utf8')).split('\n').slice(-8).join('\n');
