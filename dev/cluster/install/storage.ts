import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from '../cache.ts';
import type { Cluster } from '../cluster.ts';
import { type GoProgram, goProgram, moduleFolder } from '../go-program.ts';
import { folderLayer, imageTarball } from '../images/image.ts';
import { toolsReference } from '../images/node-images.ts';
import { nfsServerImage } from '../images/product-image.ts';
import { offerProgram } from '../kubectl.ts';
import { mountNfs, nfsProvisionerImage } from '../nfs/nfs.ts';
import { layout } from '../node/layout.ts';
import { versions } from '../versions.ts';

const localPath: GoProgram = {
  name: 'local-path-provisioner',
  module: 'github.com/rancher/local-path-provisioner',
  version: versions.localPathProvisioner,
  package: '.',
};
/** What `quartermaster-nfs-server:0.1.0` means to a node. */
const nfsServerReference = 'docker.io/library/quartermaster-nfs-server:0.1.0';
const localPathReference = `docker.io/rancher/local-path-provisioner:v${localPath.version}`;

/** What volumes come from: folders on the node, by local-path-provisioner as it ships itself, and NFS that the node can mount. */
export const installStorage = async (cluster: Cluster, progress: Progress): Promise<void> => {
  await cluster.load(...(await storageImages(progress)), await nfsServerImage(nfsServerReference, progress));
  await offerProgram(layout(), 'mount.nfs', await mountNfs(progress));
  const shipped = await moduleFolder(`${localPath.module}@v${localPath.version}`);
  const manifests = await readFile(join(shipped, 'deploy/local-path-storage.yaml'), 'utf8');
  const folder = join(layout().root, 'volumes');
  await mkdir(folder, { recursive: true });
  await cluster.apply(
    manifests.replace('/opt/local-path-provisioner', folder).replace(/image: busybox$/m, `image: ${toolsReference}`),
  );
  await cluster.kubectl(
    '-n',
    'local-path-storage',
    'rollout',
    'status',
    'deployment/local-path-provisioner',
    '--timeout=60s',
  );
  progress('storage is ready');
};

/** Paths of the images of what is not ours. */
export const storageImages = async (progress: Progress): Promise<readonly string[]> => [
  await localPathImage(await goProgram(localPath, progress), progress),
  await nfsProvisionerImage(progress),
];

const localPathImage = (program: string, progress: Progress): Promise<string> =>
  imageTarball(
    {
      reference: localPathReference,
      key: [program],
      config: {},
      layers: async (folder) => {
        const root = join(folder, 'root');
        await mkdir(join(root, 'usr/bin'), { recursive: true });
        await copyFile(program, join(root, 'usr/bin/local-path-provisioner'));
        return [await folderLayer(root, join(folder, 'program.tar'))];
      },
    },
    progress,
  );
