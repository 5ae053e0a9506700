import { hash } from 'node:crypto';
import { AppError, hasReason, type Reason } from '../../../api/errors.ts';
import type { Facts, Policy } from '../../../api/facts.ts';
import type { KubeObject, StorageClass } from '../../../api/kubernetes.ts';
import { NFS_MEMORY_ANNOTATION, NFS_TOKEN_ANNOTATION } from '../../../api/names.ts';
import { applyIfChanged, createIfAbsent, includesDesired, notManaged, objectKeyOf } from '../../../controller/apply.ts';
import type { EventRecorder, Note } from '../../../controller/events.ts';
import { type Kube, type Resource, resources } from '../../../kube/api-server.ts';
import type { ClusterFacts } from '../../../storage-classes/class-options.ts';
import { nfsDiskClass, nfsDraft, nfsVersion, ownNfsClass, withNfsVersion } from './class.ts';
import {
  diskOf,
  diskSize,
  isPartOf,
  limitReached,
  type ObservedServer,
  pinnedAddress,
  recordOf,
  requestedGi,
  type Service,
  softwareOf,
  writeServerRecord,
} from './observed.ts';
import {
  type NfsPartName,
  type NfsServerParts,
  type NfsSoftware,
  nfsDiskGi,
  nfsServer,
  type Unstructured,
} from './parts.ts';
import { ensureToken } from './token.ts';

export const nfsResources: Readonly<Record<NfsPartName, Resource>> = {
  serviceAccount: resources.serviceAccounts,
  roleBinding: resources.roleBindings,
  service: resources.services,
  networkPolicy: resources.networkPolicies,
  disk: resources.persistentVolumeClaims,
  deployment: resources.deployments,
  disruptionBudget: resources.podDisruptionBudgets,
};

export interface NfsTools {
  readonly kube: Pick<Kube, 'apply' | 'applyStatus' | 'create' | 'get' | 'mergePatch' | 'remove'>;
  readonly facts: () => Facts;
  readonly events: Pick<EventRecorder, 'record'>;
  /** What the API server knows of PodDisruptionBudgets. */
  readonly disruptionBudgets: (signal: AbortSignal) => Promise<DisruptionBudgets>;
}

/** policy/v1 came with Kubernetes 1.21, its unhealthyPodEvictionPolicy in 1.27; what a server does not know it refuses. */
export type DisruptionBudgets = 'none' | 'without-eviction-policy' | 'whole';

/** Applies every part of a server, and its class. Answers what had to be written for that. Throws AppError. */
export const applyNfsServer = async (
  observed: ObservedServer,
  tools: NfsTools,
  signal: AbortSignal,
): Promise<readonly string[]> => {
  const { kube, facts } = tools;
  const foreign = Object.values(observed.parts).find(
    (part) => part !== undefined && !isPartOf(part, observed.className),
  );
  if (foreign !== undefined) throw notManaged(foreign);
  const diskClass = await ensureDiskClass(observed, tools, signal);
  const { policy } = facts();
  const software = softwareOf(observed, policy);
  if (software === 'quartermaster' && policy.nfsServerImage === undefined) throw noImage(observed);
  const parts = desiredNfsServer(observed, diskClass, policy);
  const written: string[] = [];
  const applyPart = async <T extends KubeObject>(name: NfsPartName, desired: T): Promise<T> => {
    const { object, isWritten } = await applyIfChanged(
      kube,
      nfsResources[name],
      { desired, live: observed.parts[name] },
      signal,
    );
    if (isWritten) written.push(desired.kind);
    return object;
  };
  await applyPart('serviceAccount', parts.serviceAccount);
  if (parts.roleBinding !== undefined) await applyPart('roleBinding', parts.roleBinding);
  const service = await applyService(parts.service, observed, applyPart);
  if (parts.networkPolicy !== undefined) await applyPart('networkPolicy', parts.networkPolicy);
  const storageClass = await applyClass(observed, tools, signal, written);
  const memory = { clusterIP: service.spec?.clusterIP, storageClass, software };
  await applyPart('disk', desiredDisk(parts.disk, observed, memory));
  recordDiskSize(observed, tools);
  if (software === 'quartermaster') {
    const token = await ensureToken(observed.className, tools, signal);
    await applyPart('deployment', withToken(parts.deployment, token));
    if (observed.parts.roleBinding !== undefined) {
      await kube.remove(nfsResources.roleBinding, objectKeyOf(observed.parts.roleBinding), {}, { signal });
    }
  } else {
    await applyPart('deployment', parts.deployment);
  }
  const budgets = await tools.disruptionBudgets(signal);
  if (budgets !== 'none') await applyPart('disruptionBudget', budgetFor(parts.disruptionBudget, budgets));
  return written;
};

const noImage = ({ className }: ObservedServer): AppError =>
  new AppError(
    'InvalidInput',
    `The NFS server of StorageClass ${className} runs the image that the setting NFS_SERVER_IMAGE names, and it names none; set it.`,
  );

/** A pod reads its token once: another one needs another pod. */
const withToken = (deployment: Unstructured, token: string): Unstructured => {
  const spec = deployment['spec'] as { readonly template: KubeObject };
  const annotations = { [NFS_TOKEN_ANNOTATION]: hash('sha256', token).slice(0, 16) };
  const template = { ...spec.template, metadata: { ...spec.template.metadata, annotations } };
  return { ...deployment, spec: { ...spec, template } };
};

const budgetFor = (budget: Unstructured, known: DisruptionBudgets): Unstructured => {
  if (known === 'whole') return budget;
  const { unhealthyPodEvictionPolicy: _, ...spec } = budget['spec'] as Readonly<Record<string, unknown>>;
  return { ...budget, spec };
};

/** The class of the disk, made where it is missing. */
const ensureDiskClass = async (
  observed: ObservedServer,
  { kube, facts }: NfsTools,
  signal: AbortSignal,
): Promise<string> => {
  const present = diskOf(observed)?.spec?.storageClassName;
  if (present) return present;
  const choice = nfsDiskClass(observed.className, nfsDiskGi(requestedGi(observed)), facts());
  if (choice.kind === 'cannot') {
    throw new AppError('NotFound', `The NFS server of StorageClass ${observed.className} needs a disk: ${choice.why}`);
  }
  if (choice.missing !== undefined) await createIfAbsent(kube, resources.storageClasses, choice.missing, signal);
  return choice.name;
};

type ApplyPart = <T extends KubeObject>(name: NfsPartName, desired: T) => Promise<T>;

/** A deleted Service comes back with the address that volumes name. With no volume, any address will do. */
const applyService = async (
  service: Unstructured,
  observed: ObservedServer,
  applyPart: ApplyPart,
): Promise<Service> => {
  const address = pinnedAddress(observed);
  try {
    return await applyPart('service', desiredService(service, observed.parts.service, address));
  } catch (error) {
    const isRefused = hasReason(error, 'InvalidInput') && address !== undefined;
    if (!isRefused || observed.parts.service !== undefined) throw error;
    if (observed.volumes.length === 0) return applyPart('service', service);
    const message = `Service ${service.metadata.name} of the NFS server cannot come back at ${address}, which every volume of StorageClass ${observed.className} names: delete the Service that has this address now.`;
    throw new AppError('Conflict', message, { cause: error });
  }
};

const applyClass = async (
  observed: ObservedServer,
  { kube, facts }: NfsTools,
  signal: AbortSignal,
  written: string[],
): Promise<StorageClass> => {
  const { storageClass } = observed;
  if (storageClass === undefined) {
    const restored = restoredNfsClass(observed, facts());
    await createIfAbsent(kube, resources.storageClasses, restored, signal);
    written.push(restored.kind);
    return restored;
  }
  const desired = {
    mountOptions: nfsMountOptions(storageClass, facts()),
    ...(softwareOf(observed, facts().policy) === 'quartermaster' && { allowVolumeExpansion: true }),
  };
  if (includesDesired({ ...storageClass, mountOptions: storageClass.mountOptions ?? [] }, desired)) return storageClass;
  written.push(storageClass.kind);
  return kube.mergePatch(resources.storageClasses, objectKeyOf(storageClass), desired, { signal });
};

const recordDiskSize = (observed: ObservedServer, { events }: NfsTools): void => {
  const size = diskSize(observed);
  const disk = diskOf(observed);
  if (size.kind === 'too-small')
    recordEvent(observed, events, { type: 'Warning', reason: 'NfsDiskTooSmall', message: size.why });
  const limit = limitReached(observed);
  if (limit !== undefined)
    recordEvent(observed, events, { type: 'Warning', reason: 'NfsLimitReached', message: limit });
  if (size.kind !== 'grows' || disk === undefined) return;
  const message = `The volumes of StorageClass ${observed.className} ask for more than this disk holds: it is expanded to ${size.quantity}.`;
  events.record(disk, { type: 'Normal', reason: 'NfsDiskExpanded', message });
};

/** An Event for each pending claim, whose owners will look there; for the disk where none is pending. */
const recordEvent = (observed: ObservedServer, events: NfsTools['events'], note: Note): void => {
  const disk = diskOf(observed) ?? [];
  for (const claim of observed.pendingClaims.length > 0 ? observed.pendingClaims : [disk].flat())
    events.record(claim, note);
};

/** What a person has to do something about; all else is only tried again. */
const REPORTED_REASONS: readonly Reason[] = ['Conflict', 'Forbidden', 'InvalidInput', 'NotFound'];

/** Records why a server could not be applied, where it does not pass by itself. */
export const recordFailure = (observed: ObservedServer, { events }: Pick<NfsTools, 'events'>, error: unknown): void => {
  if (!hasReason(error, ...REPORTED_REASONS)) return;
  recordEvent(observed, events, { type: 'Warning', reason: 'NfsServerNotKept', message: error.message });
};

/** The class as it was when somebody deleted it. */
const restoredNfsClass = (observed: ObservedServer, cluster: ClusterFacts): StorageClass => ({
  ...ownNfsClass(nfsDraft(observed.className, RESTORED, cluster), observed.className, recordOf(observed).storageClass),
  allowVolumeExpansion: softwareOf(observed, cluster.policy) === 'quartermaster',
});

const RESTORED = { why: 'its NFS server is there', remedy: 'delete its volumes first' };

/** Nodes with another kernel need another version; volumes that are there keep theirs. */
const nfsMountOptions = ({ mountOptions }: StorageClass, cluster: ClusterFacts): readonly string[] =>
  withNfsVersion(mountOptions ?? [], nfsVersion(cluster.storage.kernelVersions()));

/** The parts of the server as they are to be, but for what only its Service can tell. `diskClass` is for a disk that is not there yet. */
const desiredNfsServer = (observed: ObservedServer, diskClass: string, policy: Policy): NfsServerParts => {
  const diskClassName = diskOf(observed)?.spec?.storageClassName ?? diskClass;
  return nfsServer(
    {
      className: observed.className,
      requestedGi: requestedGi(observed),
      diskClass: diskClassName,
      software: softwareOf(observed, policy),
    },
    policy,
  );
};

/** A Service that is there keeps its address by itself; one that comes back must have the old one. */
const desiredService = (
  service: Unstructured,
  live: KubeObject | undefined,
  address: string | undefined,
): Unstructured =>
  live !== undefined || address === undefined
    ? service
    : { ...service, spec: { ...(service['spec'] as object), clusterIP: address } };

/** The disk with its size for now, and with what must not be forgotten when other parts are deleted. */
const desiredDisk = (
  disk: Unstructured,
  observed: ObservedServer,
  {
    clusterIP,
    storageClass,
    software,
  }: {
    readonly clusterIP: string | undefined;
    readonly storageClass: StorageClass;
    readonly software: NfsSoftware;
  },
): Unstructured => ({
  ...disk,
  metadata: {
    ...disk.metadata,
    annotations: {
      ...disk.metadata.annotations,
      [NFS_MEMORY_ANNOTATION]: writeServerRecord(clusterIP, storageClass, software),
    },
  },
  spec: { ...(disk['spec'] as object), resources: { requests: { storage: diskSize(observed).quantity } } },
});
