import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLock } from './control-plane/build-lock.ts';
import { run } from './control-plane/command.ts';

/** Debian packages by one file each that says it is installed. */
export interface AptPackages {
  readonly packages: Readonly<Record<string, string>>;
  /** Who needs them, as the subject of a sentence: "The control plane". */
  readonly user: string;
  /** What else helps where apt-get does not, to end that sentence with. */
  readonly otherwise?: string;
  readonly progress: (line: string) => void;
}

const minuteMs = 60_000;

/** Has them installed: by apt-get where we are root, otherwise throws an Error that names what is missing. Anyone else's run is waited for. */
export const ensureAptPackages = (wanted: AptPackages): Promise<void> =>
  // Files are there before their package is set up, and `apt-get update` waits for nobody.
  withLock(
    join(tmpdir(), `quartermaster-apt-${process.getuid?.()}.lock`),
    () => undefined,
    () => installMissing(wanted),
  );

async function installMissing({ packages, user, otherwise = '', progress }: AptPackages): Promise<void> {
  const missing = Object.entries(packages).flatMap(([path, name]) => (existsSync(path) ? [] : [name]));
  if (missing.length === 0) return;
  const names = missing.join(' ');
  if (process.getuid?.() !== 0) {
    throw new Error(
      `${user} needs the Debian packages ${names}: run "apt-get install ${names}" as root${otherwise && `, ${otherwise}`}.`,
    );
  }
  progress(`installing Debian's ${missing.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-q'], { env, timeoutMs: 5 * minuteMs });
  const install = ['install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...missing];
  await run('apt-get', install, { env, timeoutMs: 15 * minuteMs });
}
