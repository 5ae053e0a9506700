import type { Facts } from '../../../api/facts.ts';
import { removeThis } from '../../../controller/apply.ts';
import type { EventRecorder } from '../../../controller/events.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import { diskOf, isNfsClass, isPartOf, type ObservedServer, recordOf } from './observed.ts';
import type { NfsPartName } from './parts.ts';
import { nfsResources } from './server.ts';
import { removeToken } from './token.ts';

/** The pod goes before its token, and the disk last: as long as a part is there, the removal is known to be unfinished. */
const ORDER_AFTER_POD = [
  'disruptionBudget',
  'service',
  'networkPolicy',
  'roleBinding',
  'serviceAccount',
] as const satisfies readonly NfsPartName[];

/** True where there is anything of a server beside a disk that is kept. */
export const hasServer = (observed: ObservedServer): boolean => {
  const { parts, className, storageClass } = observed;
  const isThere = (name: NfsPartName): boolean => parts[name] !== undefined && isPartOf(parts[name], className);
  // The class goes before the disk: one that is there says nothing of a disk that an earlier one of its name kept.
  const isDiskToGo =
    storageClass === undefined && isThere('disk') && !isDiskKept(observed) && !parts.disk?.metadata.deletionTimestamp;
  return isThere('deployment') || ORDER_AFTER_POD.some(isThere) || isDiskToGo;
};

const isDiskKept = (observed: ObservedServer): boolean =>
  (observed.storageClass?.reclaimPolicy ?? recordOf(observed).storageClass?.reclaimPolicy) !== 'Delete';

interface RemovalTools {
  readonly kube: Pick<Kube, 'get' | 'remove'>;
  readonly facts: () => Facts;
  readonly events: Pick<EventRecorder, 'record'>;
}

/**
 * Takes a server away that no volume needs: its disk too where the class says Delete. Answers what became of the disk. Wherever it is
 * cut off, `hasServer` stays true until all is gone.
 */
export const removeNfsServer = async (
  observed: ObservedServer,
  { kube, facts, events }: RemovalTools,
  signal: AbortSignal,
): Promise<'kept' | 'deleted'> => {
  const { storageClass, parts, className } = observed;
  const removePart = async (name: NfsPartName): Promise<void> => {
    const part = parts[name];
    if (part !== undefined && isPartOf(part, className)) await removeThis(kube, nfsResources[name], part, signal);
  };
  await removePart('deployment');
  await removeToken(className, { kube, facts }, signal);
  if (storageClass !== undefined && isNfsClass(storageClass))
    await removeThis(kube, resources.storageClasses, storageClass, signal);
  for (const name of ORDER_AFTER_POD) await removePart(name);
  if (!isDiskKept(observed)) {
    await removePart('disk');
    return 'deleted';
  }
  const disk = diskOf(observed);
  if (disk !== undefined) {
    const message = `No volume of StorageClass ${className} is left and its NFS server is removed. This disk stays, since the class says Retain, and serves again when the class is asked for; delete it to free what it holds.`;
    events.record(disk, { type: 'Normal', reason: 'NfsDiskKept', message });
  }
  return 'kept';
};
