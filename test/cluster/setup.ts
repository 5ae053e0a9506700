import { obstacle, withCluster } from '../../dev/cluster/cluster.ts';
import { installProduct } from '../../dev/cluster/install/product.ts';
import { installStorage } from '../../dev/cluster/install/storage.ts';

const progress = (line: string): void => {
  process.stderr.write(`cluster: ${line}\n`);
};

/**
 * One cluster with the product in it for all files. CLUSTER=running uses the one that `node dev/cluster/cli.ts` keeps. Where none can
 * run, its tests are skipped with the reason; in CI that is a failure.
 */
export const setup = async (): Promise<(() => Promise<void>) | undefined> => {
  const why = obstacle();
  if (why !== undefined && process.env['CI'] !== undefined) throw new Error(why);
  if (why !== undefined) progress(`skipped: ${why}`);
  if (why !== undefined || process.env['CLUSTER'] === 'running') return undefined;
  const ready = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const whole = withCluster(progress, async (cluster) => {
    await installProduct(cluster, progress);
    await installStorage(cluster, progress);
    ready.resolve();
    await over.promise;
  });
  await Promise.race([ready.promise, whole]);
  return async () => {
    over.resolve();
    await whole;
  };
};
