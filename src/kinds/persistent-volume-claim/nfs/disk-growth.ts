import type { KubeObject } from '../../../api/kubernetes.ts';
import type { Condition } from '../../../api/schema.ts';
import type { Note } from '../../../controller/events.ts';
import { gibibytesOf } from '../../../storage-classes/claim.ts';
import { diskOf, diskSize, type ObservedServer } from './observed.ts';

/** What the disk of a server holds by now, whatever it was asked for: it may take hours to grow, or fail to. */
export const diskHasGi = (observed: ObservedServer): number => gibibytesOf(presentSize(observed));

const presentSize = (observed: ObservedServer): string => {
  const disk = diskOf(observed);
  return (
    disk?.status?.capacity?.['storage'] ?? disk?.spec?.resources?.requests?.['storage'] ?? diskSize(observed).quantity
  );
};

/** What to tell claims that wait for the disk to grow. Nothing where it cannot, which is told by itself. */
export const noteOnGrowth = (observed: ObservedServer): Note | undefined => {
  const disk = diskOf(observed);
  const size = diskSize(observed);
  if (disk === undefined || size.kind === 'too-small') return undefined;
  const { namespace, name } = disk.metadata;
  const state = `The disk of the NFS server, PersistentVolumeClaim ${namespace}/${name}, has ${presentSize(observed)} and is to have ${size.quantity}`;
  const failure = failureOf(disk);
  return failure === undefined
    ? { type: 'Normal', reason: 'NfsDiskGrowing', message: `${state}. The claim gets its size when it has.` }
    : { type: 'Warning', reason: 'NfsDiskNotGrown', message: `${state}, but does not grow: ${failure}` };
};

interface ResizedClaim extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly Pick<Condition, 'type' | 'status' | 'message'>[];
    readonly allocatedResourceStatuses?: { readonly storage?: string };
  };
}

/** As the resizer and the kubelet say it from Kubernetes 1.31 on; before, in Events on the disk alone. */
const FAILURES = ['ControllerResizeError', 'NodeResizeError'];

const failureOf = (disk: KubeObject): string | undefined => {
  const { conditions = [], allocatedResourceStatuses } = (disk as ResizedClaim).status ?? {};
  const failed = conditions.find(({ type, status }) => FAILURES.includes(type) && status === 'True');
  const state = allocatedResourceStatuses?.storage;
  return failed?.message ?? (state !== undefined && /(Infeasible|Failed)$/.test(state) ? state : undefined);
};
