import { copyFile, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../control-plane/command.ts';
import type { Progress } from '../cache.ts';
import { moduleFolder } from '../go-program.ts';
import { versions } from '../versions.ts';
import { folderLayer, imageTarball } from './image.ts';

export const pauseReference = 'registry.k8s.io/pause:3.10';
export const coreDnsReference = `registry.k8s.io/coredns/coredns:v${versions.coredns}`;
/** A shell and the usual small programs, for pods of tests. */
export const toolsReference = 'docker.io/library/busybox:1.36';

const minuteMs = 60_000;

/** What holds a pod's namespaces, compiled from Kubernetes' own source. */
export const pauseImage = (progress: Progress): Promise<string> =>
  imageTarball(
    {
      reference: pauseReference,
      key: [versions.kubernetes],
      config: { Entrypoint: ['/pause'], User: '65535:65535' },
      layers: async (folder) => {
        const root = join(folder, 'root');
        await mkdir(root);
        const source = join(
          await moduleFolder(`k8s.io/kubernetes@v${versions.kubernetes}`),
          'build/pause/linux/pause.c',
        );
        const options = ['-Os', '-static', '-s', '-DVERSION=3.10', '-o', join(root, 'pause'), source];
        await run('gcc', options, { timeoutMs: minuteMs });
        return [await folderLayer(root, join(folder, 'pause.tar'))];
      },
    },
    progress,
  );

/** The cluster's DNS server alone. */
export const coreDnsImage = (program: string, progress: Progress): Promise<string> =>
  imageTarball(
    {
      reference: coreDnsReference,
      key: [program],
      config: { Entrypoint: ['/coredns'] },
      layers: async (folder) => {
        const root = join(folder, 'root');
        await mkdir(root);
        await copyFile(program, join(root, 'coredns'));
        return [await folderLayer(root, join(folder, 'coredns.tar'))];
      },
    },
    progress,
  );

/** Debian's static busybox with all its names. */
export const toolsImage = (progress: Progress): Promise<string> =>
  imageTarball(
    {
      reference: toolsReference,
      key: [versions.debian],
      config: { Cmd: ['sh'] },
      layers: async (folder) => {
        const root = join(folder, 'root');
        for (const name of ['bin', 'etc', 'tmp', 'root', 'proc', 'sys', 'dev'])
          await mkdir(join(root, name), { recursive: true });
        await writeFile(
          join(root, 'etc/passwd'),
          'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
        );
        await writeFile(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
        await run('chmod', ['1777', join(root, 'tmp')], { timeoutMs: minuteMs });
        await unpackPackages(['busybox-static'], root, folder);
        await linkApplets(root);
        return [await folderLayer(root, join(folder, 'busybox.tar'))];
      },
    },
    progress,
  );

/** Lays the files of these Debian packages, and of none that they need, into `root`; downloads into `folder`. */
export const unpackPackages = async (names: readonly string[], root: string, folder: string): Promise<void> => {
  const downloads = join(folder, 'downloads');
  await mkdir(downloads);
  await run('apt-get', ['download', '-q', '-o', 'APT::Sandbox::User=root', ...names], {
    cwd: downloads,
    timeoutMs: 5 * minuteMs,
  });
  for (const file of await readdir(downloads))
    await run('dpkg', ['--extract', join(downloads, file), root], { timeoutMs: minuteMs });
};

/** Gives busybox in `root` all the names it answers to. */
export const linkApplets = async (root: string): Promise<void> => {
  const listed = await run(join(root, 'bin/busybox'), ['--list'], { timeoutMs: minuteMs });
  const applets = listed.split('\n').filter((name) => name !== '' && name !== 'busybox');
  await Promise.all(applets.map((name) => symlink('busybox', join(root, 'bin', name))));
};
