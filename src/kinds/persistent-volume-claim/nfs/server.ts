import { AppError, type Reason } from '../../../api/errors.ts';
import type { Facts } from '../../../api/facts.ts';
import type { KubeObject, StorageClass } from '../../../api/kubernetes.ts';
import { holds, keepObject, keyOfObject, notOurs } from '../../../controller/apply.ts';
import type { Note } from '../../../controller/event-object.ts';
import type { EventRecorder } from '../../../controller/events.ts';
import { type Kube, type Resource, resources } from '../../../kube/api-server.ts';
import { desiredDisk, desiredNfsServer, desiredService, nfsMountOptions, revivedNfsClass } from './nfs-desired.ts';
import { nfsDiskClass } from './nfs-disk.ts';
import { askedGi, diskOf, diskSize, fixedAddress, isPartOf, type NfsSight, type Service } from './observed.ts';
import { type AnyObject, type NfsPartName, nfsDiskGi } from './parts.ts';

export const nfsResources: Readonly<Record<NfsPartName, Resource>> = {
  serviceAccount: resources.serviceAccounts,
  roleBinding: resources.roleBindings,
  service: resources.services,
  disk: resources.persistentVolumeClaims,
  deployment: resources.deployments,
  disruptionBudget: resources.podDisruptionBudgets,
};

export interface NfsTools {
  readonly kube: Pick<Kube, 'apply' | 'create' | 'mergePatch'>;
  readonly facts: () => Facts;
  readonly events: Pick<EventRecorder, 'record'>;
  /** Whether the API server has policy/v1; older ones have not. */
  readonly hasDisruptionBudgets: (signal: AbortSignal) => Promise<boolean>;
}

/** Makes a server be there whole, and its class. Answers what had to be written for that. Throws AppError. */
export const keepNfsServer = async (
  sight: NfsSight,
  tools: NfsTools,
  signal: AbortSignal,
): Promise<readonly string[]> => {
  const { kube, facts } = tools;
  const foreign = Object.values(sight.parts).find((part) => part !== undefined && !isPartOf(part, sight.className));
  if (foreign !== undefined) throw notOurs(foreign);
  const diskClass = await ensureDiskClass(sight, tools, signal);
  const parts = desiredNfsServer(sight, diskClass, facts().policy);
  const written: string[] = [];
  const keep = async <T extends KubeObject>(name: NfsPartName, desired: T): Promise<T> => {
    const { object, isWritten } = await keepObject(
      kube,
      nfsResources[name],
      { desired, live: sight.parts[name] },
      signal,
    );
    if (isWritten) written.push(desired.kind);
    return object;
  };
  await keep('serviceAccount', parts.serviceAccount);
  await keep('roleBinding', parts.roleBinding);
  const service = await keepService(parts.service, sight, keep);
  const storageClass = await keepClass(sight, tools, signal, written);
  await keep('disk', desiredDisk(parts.disk, sight, { clusterIP: service.spec?.clusterIP, storageClass }));
  tellOfSize(sight, tools);
  await keep('deployment', parts.deployment);
  if (await tools.hasDisruptionBudgets(signal)) await keep('disruptionBudget', parts.disruptionBudget);
  return written;
};

/** The class of the disk, made where it is missing. */
const ensureDiskClass = async (sight: NfsSight, { kube, facts }: NfsTools, signal: AbortSignal): Promise<string> => {
  const present = diskOf(sight)?.spec?.storageClassName;
  if (present) return present;
  const choice = nfsDiskClass(sight.className, nfsDiskGi(askedGi(sight)), facts());
  if (choice.kind === 'cannot') {
    throw new AppError('NotFound', `The NFS server of StorageClass ${sight.className} needs a disk: ${choice.why}`);
  }
  if (choice.missing !== undefined) await createClass(kube, choice.missing, signal);
  return choice.name;
};

/** Already there is success: whoever made it. */
const createClass = async (
  kube: Pick<Kube, 'create'>,
  storageClass: StorageClass,
  signal: AbortSignal,
): Promise<void> => {
  try {
    await kube.create(resources.storageClasses, storageClass, { signal });
  } catch (error) {
    if (!(error instanceof AppError && error.reason === 'AlreadyExists')) throw error;
  }
};

type Keep = <T extends KubeObject>(name: NfsPartName, desired: T) => Promise<T>;

/** A deleted Service comes back with the address that volumes name. With no volume, any address will do. */
const keepService = async (service: AnyObject, sight: NfsSight, keep: Keep): Promise<Service> => {
  const address = fixedAddress(sight);
  try {
    return await keep('service', desiredService(service, sight.parts.service, address));
  } catch (error) {
    const isRefused = error instanceof AppError && error.reason === 'InvalidInput' && address !== undefined;
    if (!isRefused || sight.parts.service !== undefined) throw error;
    if (sight.volumes.length === 0) return keep('service', service);
    const message = `Service ${service.metadata.name} of the NFS server cannot come back at ${address}, which every volume of StorageClass ${sight.className} names: delete the Service that has this address now.`;
    throw new AppError('Conflict', message, { cause: error });
  }
};

const keepClass = async (
  sight: NfsSight,
  { kube, facts }: NfsTools,
  signal: AbortSignal,
  written: string[],
): Promise<StorageClass> => {
  const { storageClass } = sight;
  if (storageClass === undefined) {
    const revived = revivedNfsClass(sight, facts());
    await createClass(kube, revived, signal);
    written.push(revived.kind);
    return revived;
  }
  const mountOptions = nfsMountOptions(storageClass, facts());
  if (holds(storageClass.mountOptions ?? [], mountOptions)) return storageClass;
  written.push(storageClass.kind);
  return kube.mergePatch(resources.storageClasses, keyOfObject(storageClass), { mountOptions }, { signal });
};

const tellOfSize = (sight: NfsSight, { events }: NfsTools): void => {
  const size = diskSize(sight);
  const disk = diskOf(sight);
  if (size.kind === 'too-small') tell(sight, events, { type: 'Warning', reason: 'NfsDiskTooSmall', message: size.why });
  if (size.kind !== 'grows' || disk === undefined) return;
  const message = `The volumes of StorageClass ${sight.className} ask for more than this disk holds: it is expanded to ${size.quantity}.`;
  events.record(disk, { type: 'Normal', reason: 'NfsDiskExpanded', message });
};

/** Told to the claims that wait, whose owners will look there; to the disk where nobody waits. */
const tell = (sight: NfsSight, events: NfsTools['events'], note: Note): void => {
  const disk = diskOf(sight) ?? [];
  for (const claim of sight.waiting.length > 0 ? sight.waiting : [disk].flat()) events.record(claim, note);
};

/** What a person has to do something about; all else is only tried again. */
const TOLD: readonly Reason[] = ['Conflict', 'Forbidden', 'InvalidInput', 'NotFound'];

/** Tells why a server could not be kept, where it does not pass by itself. */
export const tellFailure = (sight: NfsSight, { events }: Pick<NfsTools, 'events'>, error: unknown): void => {
  if (!(error instanceof AppError) || !TOLD.includes(error.reason)) return;
  tell(sight, events, { type: 'Warning', reason: 'NfsServerNotKept', message: error.message });
};
