import type { Policy } from '../../../api/facts.ts';
import type { StringMap } from '../../../api/kubernetes.ts';
import { installedName, NAMESPACE_NAME_LABEL, PRIORITY_CLASS } from '../../../api/names.ts';
import { AGENT_PORT, DISK_FOLDER, HEALTH_PATH, TOKEN_VARIABLE } from '../../../nfs-server/export-list.ts';

/** A server of our own image: Ganesha, and the agent beside it that makes folders and exports as the controller says. */
export interface OwnServer {
  /** Of everything it consists of. */
  readonly name: string;
  /** Of its pod. */
  readonly selector: StringMap;
  readonly labels: StringMap;
  readonly image: string;
  /** That of Quartermaster, which its PriorityClass is named after. */
  readonly account: string | undefined;
}

type Json = Readonly<Record<string, unknown>>;

const NFS_PORTS = { nfs: 2049, mountd: 20_048 } as const;
const PORTS = { ...NFS_PORTS, agent: AGENT_PORT } as const;

/** Key of the Secret that holds what the agent wants to be shown. */
export const TOKEN_KEY = 'token';

/** `spec.ports` of its Service. NFS 4 is served at the first; the second is for version 3. */
export const ownServicePorts = Object.entries(PORTS).map(([name, port]) => ({
  name,
  port,
  protocol: 'TCP',
  targetPort: port,
}));

/**
 * What Ganesha does as root: act as whoever asks (SETUID, SETGID), open files by handle (DAC_READ_SEARCH), and give them the owner and
 * the mode that a client asks for.
 */
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'SETGID', 'SETUID'];

/** `spec` of the Deployment: one pod and never two, since both would hold the same disk. */
export const ownDeploymentSpec = (server: OwnServer): Json => ({
  replicas: 1,
  revisionHistoryLimit: 2,
  strategy: { type: 'Recreate' },
  selector: { matchLabels: server.selector },
  template: { metadata: { labels: server.labels }, spec: podSpec(server) },
});

const podSpec = ({ name, image, account }: OwnServer): Json => ({
  serviceAccountName: name,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  priorityClassName: installedName(PRIORITY_CLASS, account),
  terminationGracePeriodSeconds: 30,
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  // The profile of many a runtime leaves out name_to_handle_at, without which Ganesha serves nothing.
  securityContext: { seccompProfile: { type: 'Unconfined' } },
  containers: [container(name, image)],
  volumes: [
    { name: 'export', persistentVolumeClaim: { claimName: name } },
    { name: 'run', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } },
  ],
});

const container = (name: string, image: string): Json => ({
  name: 'nfs-server',
  image,
  env: [{ name: TOKEN_VARIABLE, valueFrom: { secretKeyRef: { name, key: TOKEN_KEY } } }],
  ports: Object.entries(PORTS).map(([port, containerPort]) => ({ name: port, containerPort, protocol: 'TCP' })),
  readinessProbe: { ...probe, periodSeconds: 5 },
  // A disk that is slow for a minute is no reason to end what waits for it.
  livenessProbe: { ...probe, initialDelaySeconds: 30, periodSeconds: 10, failureThreshold: 12 },
  resources: { requests: { cpu: '100m', memory: '256Mi' } },
  securityContext: {
    privileged: false,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], add: CAPABILITIES },
  },
  volumeMounts: [
    { name: 'export', mountPath: DISK_FOLDER },
    { name: 'run', mountPath: '/run' },
    { name: 'run', mountPath: '/tmp' },
  ],
});

/** The agent asks Ganesha itself, by a call that does nothing. */
const probe = { httpGet: { path: HEALTH_PATH, port: 'agent' }, timeoutSeconds: 5 };

/**
 * `spec` of its NetworkPolicy: NFS for those who may mount, the agent for Quartermaster, and no way out. Probes come from the node,
 * which is always let in.
 */
export const ownNetworkPolicySpec = ({ selector }: OwnServer, { systemNamespace, nfsClients }: Policy): Json => ({
  podSelector: { matchLabels: selector },
  policyTypes: ['Ingress', 'Egress'],
  ingress: [
    {
      ...(nfsClients.length > 0 && { from: nfsClients.map((cidr) => ({ ipBlock: { cidr } })) }),
      ports: portsOf(Object.values(NFS_PORTS)),
    },
    {
      from: [
        {
          namespaceSelector: { matchLabels: { [NAMESPACE_NAME_LABEL]: systemNamespace } },
          podSelector: { matchLabels: { 'app.kubernetes.io/name': 'quartermaster' } },
        },
      ],
      ports: portsOf([AGENT_PORT]),
    },
  ],
});

const portsOf = (ports: readonly number[]) => ports.map((port) => ({ port, protocol: 'TCP' }));
