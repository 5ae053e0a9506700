import type { KubeObject } from '../../api/kubernetes.ts';
import type { Edit } from '../edit.ts';
import { isRecord, listAt, readAt, textAt } from '../path.ts';

/** Why a pod must not be told where to run: another has said it. */
export const placementRefusal = (pod: KubeObject, { at, key, mode }: Edit): string | undefined => {
  const field = at.at(-1);
  if (field !== 'topologySpreadConstraints' && isExclusive(pod)) return EXCLUSIVE;
  if (isPinned(pod)) return mode === 'Default' || (field === 'affinity' && key === 'nodeAffinity') ? PINNED : undefined;
  return mode === 'Default' && textAt(pod, ['spec', 'nodeName']) !== undefined ? PLACED : undefined;
};

const EXCLUSIVE = 'JobSet places the pod itself (exclusive-topology)';
const isExclusive = (pod: KubeObject): boolean =>
  textAt(pod, ['metadata', 'annotations', 'alpha.jobset.sigs.k8s.io/exclusive-topology']) !== undefined;

/** A node affinity names the node for the scheduler, and for the DaemonSet's controller, which would make another pod for that node. */
const PINNED = 'its DaemonSet has it run on one node';
const isPinned = (pod: KubeObject): boolean =>
  readAt(pod, ['spec', 'affinity', 'nodeAffinity']) !== undefined &&
  listAt(pod, ['metadata', 'ownerReferences']).some(
    (owner) => isRecord(owner) && owner['controller'] === true && owner['kind'] === 'DaemonSet',
  );

/** The kubelet fails a pod that does not fit its node. */
const PLACED = 'its spec.nodeName has said on which node it runs';
