import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../control-plane/command.ts';
import { cached, type Progress, removeTree } from '../cache.ts';
import { go } from '../go-program.ts';
import { debianLayer, folderLayer, imageTarball } from '../images/image.ts';
import { versions } from '../versions.ts';

/** What the product's Deployment of an NFS server of an earlier version names. */
const reference = 'registry.k8s.io/sig-storage/nfs-provisioner:v4.0.8';
const minuteMs = 60_000;
const library = 'sigs.k8s.io/sig-storage-lib-external-provisioner/v11';

/** Path of an image in place of nfs-provisioner's: Debian's Ganesha with a provisioner of the same library in front. */
export const nfsProvisionerImage = async (progress: Progress): Promise<string> => {
  const program = await provisioner(progress);
  const base = await debianLayer('nfs', ['nfs-ganesha', 'nfs-ganesha-vfs', 'rpcbind'], progress);
  const layers = async (folder: string) => {
    const root = join(folder, 'root');
    await mkdir(join(root, 'export'), { recursive: true });
    await copyFile(program, join(root, 'nfs-provisioner'));
    await mkdir(join(root, 'etc'));
    await run('ln', ['-s', '/proc/self/mounts', join(root, 'etc/mtab')], { timeoutMs: minuteMs });
    return [base, await folderLayer(root, join(folder, 'provisioner.tar'))];
  };
  return imageTarball(
    { reference, key: [base, program], config: { Entrypoint: ['/nfs-provisioner'] }, layers },
    progress,
  );
};

/** Path of a mount.nfs for machines whose kernel has no NFS client: FUSE over libnfs, version 3 on the wire whatever is asked for. */
export const mountNfs = async (progress: Progress): Promise<string> => {
  const source = join(import.meta.dirname, 'mount-nfs.c');
  const key = [await readFile(source, 'utf8')];
  const folder = await cached({ name: 'mount-nfs', key, progress }, async (unfinished) => {
    const libraries = await run('pkg-config', ['--cflags', '--libs', 'fuse3', 'libnfs'], { timeoutMs: minuteMs });
    const flags = libraries.trim().split(/\s+/);
    await run('gcc', ['-O2', '-o', join(unfinished, 'mount.nfs'), source, ...flags], { timeoutMs: minuteMs });
  });
  return join(folder, 'mount.nfs');
};

const provisioner = async (progress: Progress): Promise<string> => {
  const source = await readFile(join(import.meta.dirname, 'provisioner.go'), 'utf8');
  const key = [versions.externalProvisioner, source, process.arch];
  const folder = await cached({ name: 'nfs-provisioner', key, progress }, async (unfinished) => {
    progress('building the NFS provisioner, once');
    const work = join(unfinished, 'source');
    await mkdir(work);
    await writeFile(join(work, 'main.go'), source);
    const module = ['module nfsprovisioner', 'go 1.23', `require ${library} v${versions.externalProvisioner}`, ''];
    await writeFile(join(work, 'go.mod'), module.join('\n'));
    await go(work, ['mod', 'tidy', '-e']);
    await go(work, ['build', '-ldflags=-s -w', '-o', join(unfinished, 'nfs-provisioner'), '.']);
    await chmod(join(unfinished, 'nfs-provisioner'), 0o755);
    await removeTree(work);
  });
  return join(folder, 'nfs-provisioner');
};
