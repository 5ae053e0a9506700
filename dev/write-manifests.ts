import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { kustomizeTree } from '../src/install/manifests.ts';
import { defaults } from '../src/install/options.ts';

/** Writes manifests/ anew from what `quartermaster manifests` prints, with the overlays beside it. */
const directory = join(import.meta.dirname, '../manifests');
await rm(directory, { recursive: true, force: true });
for (const [path, text] of Object.entries(kustomizeTree(defaults))) {
  await mkdir(dirname(join(directory, path)), { recursive: true });
  await writeFile(join(directory, path), text);
}
