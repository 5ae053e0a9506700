import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { chartFiles } from '../src/install/chart.ts';
import { kustomizeTree } from '../src/install/manifests.ts';
import { defaults, readOptions } from '../src/install/options.ts';

/** Writes manifests/ and charts/quartermaster/ anew from what the install is made of; a release gives its images, by digest. */
const root = join(import.meta.dirname, '..');
const [image = defaults.image, nfsServerImage = defaults.nfsServerImage] = process.argv.slice(2);
const options = readOptions({ image, nfsServerImage });
const trees = { manifests: kustomizeTree(options), 'charts/quartermaster': chartFiles(options) };
for (const [folder, files] of Object.entries(trees)) {
  await rm(join(root, folder), { recursive: true, force: true });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, folder, path)), { recursive: true });
    await writeFile(join(root, folder, path), text);
  }
}
