import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../control-plane/command.ts';
import type { Progress } from '../cache.ts';
import type { Cluster } from '../cluster.ts';
import { type GoProgram, goProgram, moduleFolder } from '../go-program.ts';
import { debianLayer, folderLayer, type ImageConfig, imageTarball } from '../images/image.ts';
import { versions } from '../versions.ts';

const module = 'github.com/argoproj/argo-workflows/v4';
const version = versions.argoWorkflows;
/** As Go names what is downloaded. */
export const argoModule = `${module}@v${version}`;
const flags = [
  `-ldflags=-s -w -X ${module}.version=v${version} -X ${module}.gitTag=v${version} -X ${module}.gitTreeState=clean`,
];
/** The user of its images. */
const user = '8737';
const minuteMs = 60_000;

/** The module as it is served lacks a file for Linux, and what it has for Darwin is the same; the server's pages for browsers are empty. */
const mend = async (source: string): Promise<void> => {
  const folder = join(source, 'workflow/executor/osspecific');
  await copyFile(join(folder, 'signal_darwin.go'), join(folder, 'signal_linux.go'));
  await mkdir(join(source, 'ui/dist/app'), { recursive: true });
  await writeFile(join(source, 'ui/dist/app/index.html'), '');
};

/** One of its programs: `workflow-controller`, `argoexec` or `argo`, which is the server too. */
const argoProgram = (name: string): GoProgram => ({
  name,
  module,
  version,
  package: `./cmd/${name}`,
  flags,
  mend,
  revision: 'signal_linux.go',
});

/** What is shipped in an image: the program, and the image's last name. */
const images = { 'workflow-controller': 'workflow-controller', argoexec: 'argoexec', argo: 'argocli' } as const;

/** Gives the cluster Argo's controller, server and executor as they ship; ends when the first two are ready. */
export const installArgo = async (cluster: Cluster, progress: Progress): Promise<void> => {
  await cluster.load(...(await argoImages(progress)));
  const shipped = join(await moduleFolder(argoModule), 'manifests/cluster-install');
  const manifests = await cluster.kubectl('kustomize', shipped);
  await cluster.apply('apiVersion: v1\nkind: Namespace\nmetadata: { name: argo }\n');
  const tagged = manifests.replaceAll(/(quay\.io\/argoproj\/[a-z-]+):\S+/g, `$1:v${version}`);
  await cluster.kubectl.withInput(tagged, '-n', 'argo', 'apply', '--server-side', '-f', '-');
  for (const name of ['workflow-controller', 'argo-server'])
    await cluster.kubectl('-n', 'argo', 'rollout', 'status', `deployment/${name}`, '--timeout=120s');
  progress(`Argo Workflows ${version} is ready`);
};

/** Paths of all its images. */
export const argoImages = async (progress: Progress): Promise<readonly string[]> => {
  const base = await debianLayer('argo', ['ca-certificates', 'media-types'], progress);
  const tarballs: string[] = [];
  for (const [name, image] of Object.entries(images)) {
    const program = await goProgram(argoProgram(name), progress);
    tarballs.push(await imageOf(name, { image, base, program }, progress));
  }
  return tarballs;
};

interface Parts {
  readonly image: string;
  readonly base: string;
  readonly program: string;
}

const imageOf = (name: string, { image, base, program }: Parts, progress: Progress): Promise<string> => {
  const config: ImageConfig = { Entrypoint: [name], ...(name !== 'argoexec' && { User: user }) };
  const layers = async (folder: string) => {
    const root = join(folder, 'root');
    // In Debian /bin is a link, which a folder of a layer above would replace.
    await mkdir(join(root, 'usr/bin'), { recursive: true });
    await copyFile(program, join(root, 'usr/bin', name));
    await run('chmod', ['0755', join(root, 'usr/bin', name)], { timeoutMs: minuteMs });
    return [base, await folderLayer(root, join(folder, 'program.tar'))];
  };
  const reference = `quay.io/argoproj/${image}:v${version}`;
  return imageTarball({ reference, key: [base, program], config, layers }, progress);
};
