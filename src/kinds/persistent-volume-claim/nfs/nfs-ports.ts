/** All that Ganesha listens on. The provisioner refuses a Service that lacks one of these, or has one more (getServer in its provision.go). */
const PORTS = { nfs: 2049, nlockmgr: 32_803, mountd: 20_048, rquotad: 875, rpcbind: 111, statd: 662 } as const;

export interface NfsPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

/** The twelve pairs of port and protocol, each with a name no other has. */
export const nfsPorts: readonly NfsPort[] = Object.entries(PORTS).flatMap(([name, port]) => [
  { name, port, protocol: 'TCP' },
  { name: `${name}-udp`, port, protocol: 'UDP' },
]);
