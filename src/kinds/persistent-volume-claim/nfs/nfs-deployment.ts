import type { StringMap } from '../../../api/kubernetes.ts';
import { PRIORITY_CLASS } from '../../../api/names.ts';
import { nfsProvisioner, nfsServerName } from './nfs-names.ts';
import { nfsPorts } from './nfs-ports.ts';

type Json = Readonly<Record<string, unknown>>;

/** How long clients get to reclaim their locks after a restart; the server's pod must be given more than that to end. */
const GRACE_SECONDS = 90;
const TERMINATION_SECONDS = GRACE_SECONDS + 10;

/** What selects the pod of a class's server. Never changes: the selector of a Deployment cannot be edited. */
export const nfsSelector = (className: string): StringMap => ({
  'app.kubernetes.io/name': 'nfs-server',
  'app.kubernetes.io/instance': nfsServerName(className),
});

/** `spec` of the Deployment: one pod and never two, since both would hold the same disk. */
export const nfsDeploymentSpec = (className: string, labels: StringMap, image: string): Json => ({
  replicas: 1,
  revisionHistoryLimit: 2,
  strategy: { type: 'Recreate' },
  selector: { matchLabels: nfsSelector(className) },
  template: { metadata: { labels }, spec: podSpec(className, image) },
});

const podSpec = (className: string, image: string): Json => ({
  serviceAccountName: nfsServerName(className),
  priorityClassName: PRIORITY_CLASS,
  terminationGracePeriodSeconds: TERMINATION_SECONDS,
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  containers: [container(className, image)],
  volumes: [{ name: 'export', persistentVolumeClaim: { claimName: nfsServerName(className) } }],
});

const container = (className: string, image: string): Json => ({
  name: 'nfs-server',
  image,
  args: [
    `-provisioner=${nfsProvisioner(className)}`,
    `-grace-period=${GRACE_SECONDS}`,
    // File handles that hold the device number are stale as soon as the disk is attached to another node.
    '-device-based-fsids=false',
    // An elected server ends, and NFS with it, whenever the API server is away for a moment.
    '-leader-elect=false',
  ],
  env: [
    { name: 'POD_IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } },
    { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } } },
    { name: 'SERVICE_NAME', value: nfsServerName(className) },
  ],
  ports: nfsPorts.map(({ name, port, protocol }) => ({ name, containerPort: port, protocol })),
  // Only a ready pod is an endpoint, and the provisioner wants to see itself as the only one before it gives out volumes.
  readinessProbe: { tcpSocket: { port: 'nfs' }, periodSeconds: 5, timeoutSeconds: 2 },
  resources: { requests: { cpu: '100m', memory: '256Mi' } },
  // Ganesha opens files by handle and raises its own limits.
  securityContext: { capabilities: { add: ['DAC_READ_SEARCH', 'SYS_RESOURCE'] } },
  volumeMounts: [{ name: 'export', mountPath: '/export' }],
});
