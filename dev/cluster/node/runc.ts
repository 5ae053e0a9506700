import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Layout } from './layout.ts';

const runc = '/usr/sbin/runc';
/** CAP_SYS_RESOURCE in the kernel's numbering. */
const sysResource = 24n;

/**
 * Path of the runc that containerd is to use. A machine that may not raise limits cannot start a container that is given
 * CAP_SYS_RESOURCE, which every node of a real cluster can: there the capability is taken out of what runc is told.
 */
export const nodeRunc = async ({ config }: Layout): Promise<string> => {
  if (isCapable(await readFile('/proc/self/status', 'utf8'))) return runc;
  const path = join(config, 'runc');
  await writeFile(path, withoutCapability);
  await chmod(path, 0o755);
  return path;
};

/** Whether the bounding set in a process's status holds CAP_SYS_RESOURCE. */
const isCapable = (status: string): boolean => {
  const [, bounding = '0'] = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  return ((BigInt(`0x${bounding}`) >> sysResource) & 1n) === 1n;
};

const withoutCapability = `#!/bin/sh
previous=
for argument; do
  if [ "$previous" = --bundle ]; then
    sed -i 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g; s/"CAP_SYS_RESOURCE"//g' "$argument/config.json"
  fi
  previous=$argument
done
exec ${runc} "$@"
`;
