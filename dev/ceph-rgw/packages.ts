import { existsSync } from 'node:fs';
import { run } from '../control-plane/command.ts';

const minuteMs = 60_000;
const packages = {
  '/usr/bin/ceph-mon': 'ceph-mon',
  '/usr/bin/ceph-osd': 'ceph-osd',
  '/usr/bin/ceph': 'ceph-common',
  '/usr/bin/radosgw': 'radosgw',
};

/** Has Ceph installed: by apt-get where we are root, otherwise throws an Error that names the packages. */
export async function ensureCeph(progress: (line: string) => void): Promise<void> {
  const missing = Object.entries(packages).flatMap(([path, name]) => (existsSync(path) ? [] : [name]));
  if (missing.length === 0) return;
  const names = missing.join(' ');
  if (process.getuid?.() !== 0) {
    throw new Error(`The S3 tests need the Debian packages ${names}: run "apt-get install ${names}" as root.`);
  }
  progress(`installing Debian's ${missing.join(', ')} (about 60 MB)`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-q'], { env, timeoutMs: 5 * minuteMs });
  const install = ['install', '-y', '-q', '--no-install-recommends', ...missing];
  await run('apt-get', install, { env, timeoutMs: 15 * minuteMs });
}
