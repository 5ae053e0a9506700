import { once } from 'node:events';
import type { Cluster } from './cluster.ts';
import { obstacle, withCluster } from './cluster.ts';
import { installProduct } from './install/product.ts';
import { installStorage } from './install/storage.ts';

/** `node dev/cluster/cli.ts`: keeps a cluster with the product running until Ctrl-C; tests use it with CLUSTER=running. */
const progress = (line: string): void => console.log(`cluster: ${line}`);

const runUntilStopped = async (cluster: Cluster): Promise<void> => {
  await installProduct(cluster, progress);
  await installStorage(cluster, progress);
  progress('running; Ctrl-C ends it');
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  progress('ending');
};

const why = obstacle();
if (why === undefined) await withCluster(progress, runUntilStopped);
else {
  console.error(why);
  process.exitCode = 1;
}
