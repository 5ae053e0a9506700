import type { Facts } from '../../../api/facts.ts';
import type { PersistentVolume } from '../../../api/kubernetes.ts';
import { NFS_CLASS_LABEL } from '../../../api/names.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import type { ExportList } from '../../../nfs-server/export-list.ts';
import type { AgentAt, NfsAgents } from './agent.ts';
import { diskOf, type ObservedServer } from './observed.ts';
import { nfsClassLabel } from './parts.ts';
import { ensureToken } from './token.ts';

interface ExportTools {
  readonly kube: Pick<Kube, 'create' | 'get' | 'list'>;
  readonly facts: () => Facts;
  readonly agents: NfsAgents;
  /** Milliseconds that only ever grow. */
  readonly now: () => number;
}

/** What one server was told by this leader. */
interface Memory {
  /** The list, as it was answered; undefined where it may have been lost. */
  readonly said: string | undefined;
  /** Of the list that is served, read before this leader made up its own; undefined where it is to be read, none of an agent that has none. */
  readonly served: { readonly version: string | undefined } | undefined;
  readonly atMs: number;
  /** Volumes that are there or about to be made, and that the cache has not shown yet. */
  readonly unseen: readonly PersistentVolume[];
}

/** How often a server is told what it knows already: an agent of an earlier version obeys a list that comes late. */
export const RETELL_MS = 300_000;

/** Tells the servers of all classes what to export, for as long as one leads. */
export interface Exports {
  /**
   * To be asked for before a list is made: volumes of the class that must stay exported though the cache does not show them. It runs
   * apart from that of claims, and a new leader's may be old. One ends by having been shown and gone, or by not being there when
   * looked for.
   */
  readonly unseen: (
    observed: ObservedServer,
    address: string,
    signal: AbortSignal,
  ) => Promise<readonly PersistentVolume[]>;
  /** `exported` is what the list is made of. True where that is another list than the server was told last. */
  readonly tell: (
    observed: ObservedServer,
    list: ExportList,
    to: { readonly address: string; readonly exported: readonly PersistentVolume[] },
    signal: AbortSignal,
  ) => Promise<boolean>;
}

export const createExports = ({ kube, facts, agents, now }: ExportTools): Exports => {
  const memories = new Map<string, Memory>();
  const isDue = (memory: Memory): boolean => now() - memory.atMs >= RETELL_MS;
  const agentOf = async (className: string, address: string, signal: AbortSignal): Promise<AgentAt> => ({
    address,
    token: await ensureToken(className, { kube, facts }, signal),
  });

  const unseen: Exports['unseen'] = async (observed, address, signal) => {
    const { className } = observed;
    const memory = memories.get(className);
    const kept = notShown(memory?.unseen ?? [], observed);
    const isKnown = memory !== undefined && (kept.length === 0 || !isDue(memory));
    // First of all: whoever is told something meanwhile is not told what is found now.
    const served = memory?.served ?? {
      version: await agents.versionOf(await agentOf(className, address, signal), signal),
    };
    const found = isKnown ? kept : notShown(await liveVolumes(className, kube, signal), observed);
    memories.set(className, { said: memory?.said, served, atMs: memory?.atMs ?? now(), unseen: found });
    return found;
  };

  const tell: Exports['tell'] = async (observed, list, { address, exported }, signal) => {
    const { className } = observed;
    const said = JSON.stringify([diskOf(observed)?.metadata.uid, address, list]);
    const before = memories.get(className);
    if (before?.said === said && !isDue(before)) return false;
    const told = { atMs: before?.atMs ?? now(), unseen: notShown(exported, observed) };
    memories.set(className, { ...told, said: undefined, served: undefined });
    const agent = await agentOf(className, address, signal);
    const version = await agents.send(agent, list, before?.served?.version, signal);
    memories.set(className, { ...told, said, served: { version }, atMs: now() });
    return before?.said !== said;
  };
  return { unseen, tell };
};

const notShown = (
  volumes: readonly PersistentVolume[],
  { volumes: shown }: ObservedServer,
): readonly PersistentVolume[] => {
  const names = new Set(shown.map(({ metadata }) => metadata.name));
  return volumes.filter(({ metadata }) => !names.has(metadata.name));
};

/** Those of ours, as the API server itself has them. */
const liveVolumes = async (
  className: string,
  kube: Pick<Kube, 'list'>,
  signal: AbortSignal,
): Promise<readonly PersistentVolume[]> => {
  const labelSelector = `${NFS_CLASS_LABEL}=${nfsClassLabel(className)}`;
  const found: PersistentVolume[] = [];
  let continueToken: string | undefined;
  do {
    const query = { limit: 500, labelSelector, ...(continueToken !== undefined && { continueToken }) };
    const page = await kube.list<PersistentVolume>(resources.persistentVolumes, query, signal);
    found.push(...page.items);
    continueToken = page.continueToken;
  } while (continueToken !== undefined);
  return found.filter(({ spec }) => spec?.storageClassName === className);
};
