import type { Progress } from '../cache.ts';
import type { Cluster } from '../cluster.ts';
import { productImage } from '../images/product-image.ts';

/** What `quartermaster:0.1.0` in the shipped manifests means to a node. */
const reference = 'docker.io/library/quartermaster:0.1.0';

/** Builds the product's image, gives it to the node and installs what is shipped; ends when both replicas are ready. */
export const installProduct = async ({ kubectl, load }: Cluster, progress: Progress): Promise<void> => {
  await load(await productImage(reference, progress));
  await kubectl('apply', '-k', import.meta.dirname);
  await kubectl('-n', 'quartermaster-system', 'rollout', 'status', 'deployment/quartermaster', '--timeout=120s');
  progress('the product is installed, two replicas are ready');
};
