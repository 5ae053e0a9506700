import { objectKeyOf } from '../../../controller/apply.ts';
import type { EventRecorder } from '../../../controller/events.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import { diskOf, isNfsClass, isPartOf, type ObservedServer, recordOf } from './observed.ts';
import type { NfsPartName } from './parts.ts';
import { nfsResources } from './server.ts';

/** The server goes before its disk, and its class last: as long as that is there, the rest is known to be unfinished. */
const ORDER = [
  'deployment',
  'disk',
  'disruptionBudget',
  'service',
  'roleBinding',
  'serviceAccount',
] as const satisfies readonly NfsPartName[];

/** True where there is anything of a server beside a disk that was kept. */
export const hasServer = ({ parts, className }: ObservedServer): boolean =>
  ORDER.some((name) => name !== 'disk' && parts[name] !== undefined && isPartOf(parts[name], className));

/** Takes a server away that no volume needs: its disk too where the class says Delete. Answers what became of the disk. */
export const removeNfsServer = async (
  observed: ObservedServer,
  { kube, events }: { readonly kube: Pick<Kube, 'remove'>; readonly events: Pick<EventRecorder, 'record'> },
  signal: AbortSignal,
): Promise<'kept' | 'deleted'> => {
  const { storageClass, parts, className } = observed;
  const isDiskKept = (storageClass?.reclaimPolicy ?? recordOf(observed).storageClass?.reclaimPolicy) !== 'Delete';
  for (const name of ORDER) {
    const part = parts[name];
    if (part === undefined || !isPartOf(part, className) || (name === 'disk' && isDiskKept)) continue;
    await kube.remove(nfsResources[name], objectKeyOf(part), uidOf(part), { signal });
  }
  const disk = diskOf(observed);
  if (disk !== undefined && isDiskKept) {
    const message = `No volume of StorageClass ${className} is left and its NFS server is removed. This disk stays, since the class says Retain, and serves again when the class is asked for; delete it to free what it holds.`;
    events.record(disk, { type: 'Normal', reason: 'NfsDiskKept', message });
  }
  if (storageClass !== undefined && isNfsClass(storageClass)) {
    await kube.remove(resources.storageClasses, objectKeyOf(storageClass), uidOf(storageClass), { signal });
  }
  return isDiskKept ? 'kept' : 'deleted';
};

const uidOf = ({ metadata: { uid } }: { readonly metadata: { readonly uid?: string } }) =>
  uid === undefined ? {} : { uid };
