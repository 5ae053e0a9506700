import { messageOf } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Kube, Resource } from '../kube/api-server.ts';
import { textWithin } from '../kube/bounded-text.ts';
import { PROOF_HEADER, plainAddress, type ReplicaProofs, type Target } from './replica-proof.ts';
import type { ReplicaStatus } from './status.ts';

/** What all replicas know, and which of them did not tell. */
export interface AllReplicas {
  readonly replicas: readonly ReplicaStatus[];
  readonly silent: readonly SilentReplica[];
}

export interface SilentReplica {
  /** Of its pod; its address where that is not known. */
  readonly name: string;
  /** A part of a sentence. */
  readonly why: string;
}

export interface ReplicasOptions {
  readonly kube: Pick<Kube, 'list'>;
  readonly namespace: string;
  readonly service: string;
  /** This replica: what it knows, and whether an address is its own. */
  readonly own: () => ReplicaStatus;
  readonly isOwn: (target: Target) => boolean;
  readonly proofs: ReplicaProofs;
}

export const REPLICA_PATH = '/api/v1/replica';

/** For finding the others, and for the answer of each. A page waits for twice as long at most. */
const TIMEOUT_MS = 2_000;
/** A replica's answer is some hundred KiB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

export const endpointSlices = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  isNamespaced: true,
} as const satisfies Resource;

/** A discovery.k8s.io/v1 EndpointSlice, as far as it matters here. */
interface EndpointSlice extends KubeObject {
  /** Go writes an empty list as null. */
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[] | null;
  readonly endpoints?:
    | readonly {
        readonly addresses: readonly string[];
        readonly targetRef?: { readonly kind?: string; readonly name?: string };
      }[]
    | null;
}

interface Peer extends Target {
  readonly name: string;
}

/** Asks every replica behind the Service, whether it is ready or not. Never throws: who does not answer in time is named. */
export const askReplicas = async (options: ReplicasOptions): Promise<AllReplicas> => {
  const own = options.own();
  const found = await findPeers(options);
  if ('why' in found) return { replicas: [own], silent: [{ name: 'the other replicas', why: found.why }] };
  const answers = await Promise.all(found.peers.map((peer) => ask(peer, options.proofs)));
  return {
    replicas: [own, ...answers.flatMap((answer) => ('why' in answer ? [] : [answer.status]))],
    silent: answers.flatMap((answer) => ('why' in answer ? [answer] : [])),
  };
};

const findPeers = async ({
  kube,
  namespace,
  service,
  isOwn,
}: ReplicasOptions): Promise<{ readonly peers: readonly Peer[] } | { readonly why: string }> => {
  try {
    const query = { namespace, labelSelector: `kubernetes.io/service-name=${service}` };
    const { items } = await kube.list<EndpointSlice>(endpointSlices, query, AbortSignal.timeout(TIMEOUT_MS));
    const peers = items.flatMap(peersIn).filter((peer) => !isOwn(peer));
    return { peers: [...new Map(peers.map((peer) => [`${peer.address} ${peer.port}`, peer])).values()] };
  } catch (error) {
    return { why: `cannot be found: ${messageOf(error)}` };
  }
};

const peersIn = ({ ports, endpoints }: EndpointSlice): readonly Peer[] => {
  const port = ports?.find(({ name }) => name === 'ops')?.port;
  if (port === undefined || !endpoints) return [];
  return endpoints.flatMap(({ addresses: [address], targetRef }) =>
    address === undefined ? [] : [{ address: plainAddress(address), port, name: targetRef?.name ?? address }],
  );
};

const ask = async (peer: Peer, proofs: ReplicaProofs): Promise<{ readonly status: ReplicaStatus } | SilentReplica> => {
  const silent = (why: string): SilentReplica => ({ name: peer.name, why });
  const question = proofs.ofQuestion(peer);
  if (question === undefined) return silent('was not asked: this replica has no certificate yet');
  try {
    const host = peer.address.includes(':') ? `[${peer.address}]` : peer.address;
    const response = await fetch(`http://${host}:${peer.port}${REPLICA_PATH}`, {
      headers: { [PROOF_HEADER]: question },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status !== 200) return silent(`answered ${response.status}`);
    const body = await textWithin(response.body ?? [], MAX_ANSWER_BYTES);
    if (body === undefined) return silent('cannot be reached');
    if (!proofs.isAnswer(response.headers.get(PROOF_HEADER), question, body))
      return silent('answered something that no replica of this install says');
    return { status: JSON.parse(body) as ReplicaStatus };
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError';
    return silent(isLate ? `did not answer within ${TIMEOUT_MS / 1_000} s` : 'cannot be reached');
  }
};
