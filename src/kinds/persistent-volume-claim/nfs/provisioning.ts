import type { Facts } from '../../../api/facts.ts';
import type { KubeObject, PersistentVolume, PersistentVolumeClaim } from '../../../api/kubernetes.ts';
import { createIfAbsent, objectKeyOf, removeThis } from '../../../controller/apply.ts';
import type { EventRecorder, Note } from '../../../controller/events.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import { type NfsAgents, nfsAgents } from './agent.ts';
import { createExports } from './exports.ts';
import { type ObservedServer, type Service, softwareOf } from './observed.ts';
import { exportListOf, type Growth, planVolumes, type VolumePlan } from './volumes.ts';

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

  const applyPlan = async ({ makes, removes, grows }: VolumePlan, signal: AbortSignal): Promise<void> => {
    for (const volume of makes) await createIfAbsent(kube, resources.persistentVolumes, volume, signal);
    for (const volume of removes) await removeThis(kube, resources.persistentVolumes, volume, signal);
    for (const growth of grows) await grow(kube, growth, signal);
  };

  return async (observed: ObservedServer, signal: AbortSignal): Promise<readonly string[]> => {
    const { policy } = facts();
    const address = (observed.parts.service as Service | undefined)?.spec?.clusterIP;
    const { storageClass } = observed;
    if (softwareOf(observed, policy) !== 'quartermaster' || storageClass === undefined) return [];
    if (address === undefined || !isReady(observed.parts.deployment)) return [];
    const plan = planVolumes(observed, storageClass, address);
    for (const { claim, why } of plan.refuses) events.record(claim, refusal(why));
    const exported = [...plan.kept, ...(await exports.unseen(observed, address, signal))];
    const list = exportListOf({ exported, removed: plan.removes }, storageClass, address, policy);
    const isTold = await exports.tell(observed, list, { address, exported }, signal);
    await applyPlan(plan, signal);
    const { makes, removes, grows } = plan;
    for (const volume of makes) events.record(claimOf(volume), noteOn(volume));
    return [
      ...(isTold ? ['exports'] : []),
      ...[...makes, ...removes, ...grows.map(({ volume }) => volume)].map(({ metadata }) => metadata.name ?? ''),
    ];
  };
};

const refusal = (message: string): Note => ({ type: 'Warning', reason: 'NfsVolumeNotMade', message });

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
