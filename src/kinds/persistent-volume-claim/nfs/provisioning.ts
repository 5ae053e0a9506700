import type { Facts } from '../../../api/facts.ts';
import type { KubeObject, PersistentVolume, PersistentVolumeClaim } from '../../../api/kubernetes.ts';
import { createIfAbsent, objectKeyOf } from '../../../controller/apply.ts';
import type { EventRecorder, Note } from '../../../controller/events.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import { type NfsAgents, nfsAgents } from './agent.ts';
import { isWaiting, volumeDeletion } from './deletion.ts';
import { noteOnGrowth } from './disk-growth.ts';
import { createExports } from './exports.ts';
import { type ObservedServer, type Service, softwareOf } from './observed.ts';
import { exportListOf, type Growth, planVolumes, type RefusedClaim, type VolumePlan } from './volumes.ts';

export interface ProvisioningTools {
  readonly kube: Pick<Kube, 'applyStatus' | 'create' | 'get' | 'list' | 'mergePatch' | 'remove'>;
  readonly facts: () => Facts;
  readonly events: Pick<EventRecorder, 'record'>;
  /** Tests only: what stands in for the agents of servers that run nowhere. */
  readonly agents?: NfsAgents;
  /** Milliseconds that only ever grow. */
  readonly now?: () => number;
}

/**
 * Keeps the volumes of servers of our own: makes those that claims wait for, deletes those that are over, has them grow. A folder is
 * exported before its volume is made, and no longer when it is deleted. Answers what was done; nothing until the server is ready.
 */
export const createProvisioning = (tools: ProvisioningTools) => {
  const { kube, facts, events, agents = nfsAgents, now = () => performance.now() } = tools;
  const exports = createExports({ kube, facts, agents, now });

  const deletion = volumeDeletion(kube);

  const applyPlan = async ({ makes, ends, removes, releases, grows }: VolumePlan, signal: AbortSignal) => {
    for (const volume of makes) await createIfAbsent(kube, resources.persistentVolumes, volume, signal);
    for (const volume of ends) await deletion.end(volume, signal);
    for (const volume of [...removes, ...releases]) await deletion.letGo(volume, signal);
    for (const growth of grows) await grow(kube, growth, signal);
  };

  return async (observed: ObservedServer, signal: AbortSignal): Promise<readonly string[]> => {
    const { policy } = facts();
    const address = (observed.parts.service as Service | undefined)?.spec?.clusterIP;
    const { storageClass } = observed;
    if (softwareOf(observed, policy) !== 'quartermaster') return releaseVolumes(observed, kube, signal);
    if (storageClass === undefined || address === undefined || !isReady(observed.parts.deployment)) return [];
    const planned = planVolumes(observed, storageClass, address);
    recordWaiting(planned, observed, events);
    const unseen = await exports.unseen(observed, address, signal);
    const removes = await filterAsync(planned.removes, (volume) => deletion.confirm(volume, signal));
    const plan = { ...planned, removes };
    const changed = planned.removes.filter((volume) => !removes.includes(volume));
    const exported = [...plan.kept, ...changed, ...unseen];
    const list = exportListOf({ exported, removed: removes }, storageClass, address, policy);
    const isTold = await exports.tell(observed, list, { address, exported }, signal);
    await applyPlan(plan, signal);
    for (const volume of plan.makes) events.record(claimOf(volume), noteOn(volume));
    return [...(isTold ? ['exports'] : []), ...volumesOf(plan).map(({ metadata }) => metadata.name ?? '')];
  };
};

const volumesOf = ({ makes, ends, removes, releases, grows }: VolumePlan): readonly PersistentVolume[] => [
  ...makes,
  ...ends,
  ...removes,
  ...releases,
  ...grows.map(({ volume }) => volume),
];

const filterAsync = async <T>(items: readonly T[], isKept: (item: T) => Promise<boolean>): Promise<readonly T[]> => {
  const kept: T[] = [];
  for (const item of items) if (await isKept(item)) kept.push(item);
  return kept;
};

/** Lets volumes go that wait for a folder to be deleted where no server of ours is left that could. Answers which. */
export const releaseVolumes = async (
  { volumes }: Pick<ObservedServer, 'volumes'>,
  kube: Pick<Kube, 'mergePatch' | 'remove'>,
  signal: AbortSignal,
): Promise<readonly string[]> => {
  const { letGo } = volumeDeletion(kube);
  const released = await filterAsync(volumes.filter(isWaiting), (volume) => letGo(volume, signal));
  return released.map(({ metadata }) => metadata.name ?? '');
};

/** Tells the claims that get nothing for now. */
const recordWaiting = (
  { refuses, waits }: VolumePlan,
  observed: ObservedServer,
  events: Pick<EventRecorder, 'record'>,
): void => {
  for (const refused of refuses) events.record(refused.claim, noteOnRefused(refused));
  const note = noteOnGrowth(observed);
  if (note !== undefined) for (const claim of waits) events.record(claim, note);
};

const noteOnRefused = ({ why: message, isLeftToPopulator }: RefusedClaim): Note =>
  isLeftToPopulator
    ? { type: 'Normal', reason: 'NfsVolumeLeftToPopulator', message }
    : { type: 'Warning', reason: 'NfsVolumeNotMade', message };

/** The claim that a volume of ours is made for. */
const claimOf = ({ spec }: PersistentVolume): KubeObject => {
  const { namespace = '', name = '', uid = '' } = (spec?.claimRef ?? {}) as KubeObject['metadata'];
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { namespace, name, uid } };
};

/** What the size of a folder is worth, for whoever asked for it. */
const noteOn = ({ metadata, spec }: PersistentVolume): Note => ({
  type: 'Normal',
  reason: 'NfsVolumeMade',
  message: `Volume ${metadata.name ?? ''} is a folder of an NFS server. The disk has room for the ${spec?.capacity?.['storage'] ?? ''} asked for, but no quota bounds the folder: it can fill what the other volumes of its class were given.`,
});

const isReady = (deployment: KubeObject | undefined): boolean => {
  const { status } = (deployment ?? {}) as { readonly status?: { readonly availableReplicas?: number } };
  return (status?.availableReplicas ?? 0) > 0;
};

/** No resizer knows a folder: the volume says how much it is for, and the claim that it has it. */
const grow = async (
  kube: Pick<Kube, 'applyStatus' | 'mergePatch'>,
  { volume, claim, quantity }: Growth,
  signal: AbortSignal,
): Promise<void> => {
  const capacity = { storage: quantity };
  await kube.mergePatch<PersistentVolume>(
    resources.persistentVolumes,
    objectKeyOf(volume),
    { spec: { capacity } },
    { signal },
  );
  const { namespace = '', name = '' } = claim.metadata;
  const grown = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { namespace, name },
    status: { capacity },
  };
  await kube.applyStatus<PersistentVolumeClaim>(resources.persistentVolumeClaims, grown, { signal });
};
