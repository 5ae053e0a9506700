import { describe } from 'vitest';
import { type Cluster, joinCluster, obstacle } from '../../dev/cluster/cluster.ts';

/** Tells what takes long, beside what the reporter writes. */
export const progress = (line: string): void => {
  process.stderr.write(`cluster: ${line}\n`);
};

/** Tests on the cluster that the setup started; skipped, with its reason told there, where none can run. */
export const onCluster = (title: string, tests: (cluster: () => Promise<Cluster>) => void): void => {
  describe.skipIf(obstacle() !== undefined)(title, () => tests(joinCluster));
};

/** A namespace of one's own for as long as `work` takes. It goes without being waited for. */
export const inNamespace = async (
  { kubectl }: Cluster,
  { name, labels = [] }: { readonly name: string; readonly labels?: readonly string[] },
  work: () => Promise<void>,
): Promise<void> => {
  await kubectl('create', 'namespace', name);
  if (labels.length > 0) await kubectl('label', 'namespace', name, ...labels);
  try {
    await work();
  } finally {
    await kubectl('delete', 'namespace', name, '--wait=false');
  }
};
