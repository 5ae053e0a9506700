import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureAptPackages } from '../../apt-packages.ts';
import { run } from '../../control-plane/command.ts';
import { cached, type Progress, removeTree } from '../cache.ts';
import { debianLayer, folderLayer } from './image.ts';

/** Wheels of PyPI in a folder of their own, `/opt/<name>`, and a program in `/usr/local/bin`. */
export interface Wheels {
  readonly name: string;
  /** As pip reads them: `calrissian==0.18.1`. */
  readonly requirements: readonly string[];
  /** Text of the program `name`, where there is one. */
  readonly program?: string;
}

/** What python3 is in the release of Debian that images are made from. */
const python = '3.11';
const minuteMs = 60_000;

/** Layers of an image: Debian's Python, and above it the wheels with all that they need. */
export const pythonLayers = async (wheels: Wheels, progress: Progress): Promise<readonly string[]> => {
  await ensureAptPackages({
    packages: { '/usr/bin/pip3': 'python3-pip' },
    user: 'The Python images of the tests',
    progress,
  });
  return [await debianLayer('python', ['python3', 'ca-certificates'], progress), await wheelsLayer(wheels, progress)];
};

/** What a container needs to find the wheels, and a home that any user may write to. */
export const pythonEnvironment = (name: string): readonly string[] => [
  `PYTHONPATH=/opt/${name}`,
  `HOME=/home/${name}`,
  'PYTHONUNBUFFERED=1',
];

const wheelsLayer = async ({ name, requirements, program = '' }: Wheels, progress: Progress): Promise<string> => {
  const folder = await cached({ name, key: [...requirements, python, program], progress }, async (unfinished) => {
    progress(`fetching ${requirements.join(', ')}`);
    const root = join(unfinished, 'root');
    const target = ['--target', join(root, 'opt', name), '--python-version', python, '--only-binary', ':all:'];
    const quiet = ['--quiet', '--no-compile', '--root-user-action', 'ignore', '--no-warn-conflicts'];
    await run('pip3', ['install', ...quiet, ...target, ...requirements], { timeoutMs: 10 * minuteMs });
    await mkdir(join(root, 'usr/local/bin'), { recursive: true });
    await mkdir(join(root, 'home', name), { recursive: true });
    await chmod(join(root, 'home', name), 0o777);
    if (program !== '') await writeFile(join(root, 'usr/local/bin', name), program, { mode: 0o755 });
    await folderLayer(root, join(unfinished, `${name}.tar`));
    await removeTree(root);
  });
  return join(folder, `${name}.tar`);
};
