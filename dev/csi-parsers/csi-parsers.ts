import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StringMap } from '../../src/api/kubernetes.ts';
import { cached, type Progress, removeTree } from '../cluster/cache.ts';
import { go } from '../cluster/go-program.ts';
import { run } from '../control-plane/command.ts';
import { withoutSidecars } from './sidecars.ts';

/** The CSI drivers whose own parser of parameters comes as a Go module, by provisioner; `parameter-tables.ts` has the others. */
const drivers = {
  'pd.csi.storage.gke.io': {
    source: 'gce-persistent-disk',
    module: 'sigs.k8s.io/gcp-compute-persistent-disk-csi-driver',
    /** Without the v. */
    version: '1.28.1',
    go: '1.26',
  },
} as const;

export type ParsedProvisioner = keyof typeof drivers;

export const parsedProvisioners = Object.keys(drivers) as readonly ParsedProvisioner[];

/** What a driver makes of one class. */
export interface ParsedClass {
  readonly type: string;
  readonly replication: string;
  /** Why the driver refuses it. */
  readonly error?: string;
}

/** Feeds the parameters of classes to the parser of their driver, built now where no earlier run did, as external-provisioner does. */
export const parseParameters = async (
  provisioner: ParsedProvisioner,
  classes: readonly StringMap[],
  progress: Progress,
): Promise<readonly ParsedClass[]> => {
  const program = await parser(provisioner, progress);
  const answer = await run(program, [], { timeoutMs: 60_000, input: JSON.stringify(classes.map(withoutSidecars)) });
  return JSON.parse(answer) as readonly ParsedClass[];
};

const parser = async (provisioner: ParsedProvisioner, progress: Progress): Promise<string> => {
  const { source, module, version, go: language } = drivers[provisioner];
  const main = join(import.meta.dirname, `${source}.go`);
  const key = [module, version, await readFile(main, 'utf8'), process.arch];
  const folder = await cached({ name: `${source}-parser`, key, progress }, async (unfinished) => {
    progress(`building the parser of ${provisioner} ${version}, once`);
    const work = join(unfinished, 'source');
    await mkdir(work);
    await copyFile(main, join(work, 'main.go'));
    const lines = ['module parser', `go ${language}`, `require ${module} v${version}`, ''];
    await writeFile(join(work, 'go.mod'), lines.join('\n'));
    await go(work, ['mod', 'tidy', '-e']);
    await go(work, ['build', '-ldflags=-s -w', '-o', join(unfinished, 'parser'), '.']);
    await removeTree(work);
  });
  return join(folder, 'parser');
};
