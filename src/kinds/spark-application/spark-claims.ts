import type { Facts } from '../../api/facts.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { listAt, textAt } from '../../injection/path.ts';
import { canManyAttach, claimOf } from '../../injection/volumes.ts';

/**
 * Claims that the executors mount and one node alone can attach, as far as their modes are known: executors on other
 * nodes wait for ever, with nothing said in the application (kubeflow/spark-operator issue 877).
 */
export const claimWarnings = (app: KubeObject, namespace: string, { claimModes }: Facts): readonly string[] => {
  const mounted = new Set(listAt(app, ['spec', 'executor', 'volumeMounts']).map((mount) => textAt(mount, ['name'])));
  if (mounted.size === 0) return [];
  const volumes = listAt(app, ['spec', 'volumes']).filter((volume) => mounted.has(textAt(volume, ['name'])));
  return [...new Set(volumes.flatMap((volume) => claimOf(volume) ?? []))].flatMap((claim) => {
    const modes = claimModes(namespace, claim);
    if (modes === undefined || canManyAttach(modes)) return [];
    return `Claim ${claim} is ${modes.join(', ')}: executors on another node than the first pod that attaches it will not start. Make it ReadWriteMany, or use a bucket.`;
  });
};
