import { isIPv6 } from 'node:net';
import { AppError, messageOf } from '../../../api/errors.ts';
import type { Facts } from '../../../api/facts.ts';
import type { KubeObject, PersistentVolume, PersistentVolumeClaim } from '../../../api/kubernetes.ts';
import { createIfAbsent, objectKeyOf, removeThis } from '../../../controller/apply.ts';
import type { EventRecorder, Note } from '../../../controller/events.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import { AGENT_PORT, EXPORTS_PATH, type ExportList } from '../../../nfs-server/export-list.ts';
import { diskOf, type ObservedServer, type Service, softwareOf } from './observed.ts';
import { ensureToken } from './token.ts';
import { type Growth, planVolumes, type VolumePlan } from './volumes.ts';

/** Tells a server what to export; resolves when it does. Throws AppError. */
export type SendExports = (address: string, token: string, list: ExportList, signal: AbortSignal) => Promise<void>;

export interface ProvisioningTools {
  readonly kube: Pick<Kube, 'applyStatus' | 'create' | 'get' | 'mergePatch' | 'remove'>;
  readonly facts: () => Facts;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly sendExports: SendExports;
}

/**
 * Keeps the volumes of servers of our own: makes those that claims wait for, deletes those that are over, has them grow. A folder is
 * exported before its volume is made, and no longer when it is deleted. Answers what was done; nothing until the server is ready.
 */
export const createProvisioning = ({ kube, facts, events, sendExports }: ProvisioningTools) => {
  /** What each server was last told, and so exports: it is on its disk. */
  const told = new Map<string, string>();

  const tell = async (
    observed: ObservedServer,
    address: string,
    list: ExportList,
    signal: AbortSignal,
  ): Promise<boolean> => {
    const said = JSON.stringify([diskOf(observed)?.metadata.uid, address, list]);
    if (told.get(observed.className) === said) return false;
    await sendExports(address, await ensureToken(observed.className, { kube, facts }, signal), list, signal);
    told.set(observed.className, said);
    return true;
  };

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
    const plan = planVolumes(observed, storageClass, address, policy);
    for (const { claim, why } of plan.refuses) events.record(claim, refusal(why));
    const isTold = await tell(observed, address, plan.list, signal);
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

const SEND_TIMEOUT_MS = 30_000;

/** By HTTP to the agent beside Ganesha. */
export const sendExports: SendExports = async (address, token, list, signal) => {
  const host = isIPv6(address) ? `[${address}]` : address;
  const url = `http://${host}:${AGENT_PORT}${EXPORTS_PATH}`;
  const response = await fetch(url, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(list),
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(SEND_TIMEOUT_MS)]),
  }).catch((error: unknown) => {
    throw new AppError('Unavailable', `The NFS server at ${url} does not answer: ${causeOf(error)}`, { cause: error });
  });
  const text = (await response.text()).trim();
  if (!response.ok) throw new AppError('Unavailable', `The NFS server at ${url} answers ${response.status}: ${text}`);
};

const causeOf = (error: unknown): string =>
  messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
