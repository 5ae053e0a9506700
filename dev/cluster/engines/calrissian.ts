import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureAptPackages } from '../../apt-packages.ts';
import { run } from '../../control-plane/command.ts';
import { cached, type Progress, removeTree } from '../cache.ts';
import { debianLayer, folderLayer, imageTarball } from '../images/image.ts';
import { versions } from '../versions.ts';

/** The image that the examples name. */
const reference = `ghcr.io/duke-gcb/calrissian/calrissian:${versions.calrissian}`;
/** What python3 is in the release of Debian that images are made from. */
const python = '3.11';
const folder = 'opt/calrissian';
const minuteMs = 60_000;

const program = `#!/usr/bin/python3
import sys
from calrissian.main import main
sys.exit(main())
`;

/** Path of Calrissian's image: Debian's Python with the wheels of PyPI. */
export const calrissianImage = async (progress: Progress): Promise<string> => {
  await ensureAptPackages({
    packages: { '/usr/bin/pip3': 'python3-pip' },
    user: 'The Calrissian image of the tests',
    progress,
  });
  const layers = [await debianLayer('python', ['python3', 'ca-certificates'], progress), await wheels(progress)];
  const config = {
    Cmd: ['calrissian'],
    Env: [`PYTHONPATH=/${folder}`, 'HOME=/home/calrissian', 'PYTHONUNBUFFERED=1'],
    User: '1000:1000',
    WorkingDir: '/tmp',
  };
  return imageTarball({ reference, key: layers, config, layers: () => Promise.resolve(layers) }, progress);
};

const wheels = async (progress: Progress): Promise<string> => {
  const made = await cached(
    { name: 'calrissian', key: [versions.calrissian, python, program], progress },
    async (unfinished) => {
      progress(`fetching Calrissian ${versions.calrissian}`);
      const root = join(unfinished, 'root');
      const target = ['--target', join(root, folder), '--python-version', python, '--only-binary', ':all:'];
      const quiet = ['--quiet', '--no-compile', '--root-user-action', 'ignore', '--no-warn-conflicts'];
      await run('pip3', ['install', ...quiet, ...target, `calrissian==${versions.calrissian}`], {
        timeoutMs: 10 * minuteMs,
      });
      await mkdir(join(root, 'usr/local/bin'), { recursive: true });
      await mkdir(join(root, 'home/calrissian'), { recursive: true });
      await chmod(join(root, 'home/calrissian'), 0o777);
      await writeFile(join(root, 'usr/local/bin/calrissian'), program);
      await chmod(join(root, 'usr/local/bin/calrissian'), 0o755);
      await folderLayer(root, join(unfinished, 'calrissian.tar'));
      await removeTree(root);
    },
  );
  return join(made, 'calrissian.tar');
};
