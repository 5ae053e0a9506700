import type { CloudFacts, CloudName } from '../../api/facts.ts';
import { type Cloud, type FactName, knownFacts, type NodeFact, type ProbeResult } from '../cloud.ts';

/** What all nodes together say. Facts are those that every node of a cloud agrees on. */
export interface NodeEvidence {
  readonly nodeCount: number;
  readonly clouds: ReadonlyMap<CloudName, CloudFacts>;
  /** Prefixes of provider ids that belong to no cloud of ours (`linode`, `vsphere`). */
  readonly unknownProviders: readonly string[];
  /** Region and zone, from the well-known labels. */
  readonly labels: CloudFacts;
}

export const readNodes = (nodes: readonly NodeFact[], clouds: readonly Cloud[]): NodeEvidence => {
  const found = nodes
    .filter(({ providerId }) => providerId !== '')
    .map((node) => ({ node, ...recognise(node.providerId, clouds) }));
  const byCloud = Map.groupBy(found, ({ name }) => name);
  const unknownProviders = (byCloud.get(undefined) ?? []).map(({ node }) => prefixOf(node.providerId));
  byCloud.delete(undefined);
  return {
    nodeCount: nodes.length,
    clouds: new Map(
      [...byCloud].flatMap(([name, members]) =>
        name === undefined ? [] : [[name, commonFacts(members, `node ${members[0]?.node.name ?? ''} providerID`)]],
      ),
    ),
    unknownProviders: [...new Set(unknownProviders)].sort(),
    labels: labelFacts(nodes),
  };
};

type Values = Partial<Record<FactName, string>>;

const recognise = (
  providerId: string,
  clouds: readonly Cloud[],
): { readonly name?: CloudName; readonly values: Values } => {
  for (const { name, fromProviderId } of clouds) {
    const values = fromProviderId(providerId);
    if (values !== undefined) return { name, values };
  }
  return { values: {} };
};

const prefixOf = (providerId: string): string => (providerId.split('://', 1)[0] ?? '').slice(0, 63);

const commonFacts = (members: readonly { readonly values: Values }[], source: string): CloudFacts => {
  const [first, ...others] = members.map(({ values }) => values);
  const shared = Object.entries(first ?? {}).filter(([name, value]) =>
    others.every((values) => values[name as FactName] === value),
  );
  return knownFacts(source, Object.fromEntries(shared));
};

const labelFacts = (nodes: readonly NodeFact[]): CloudFacts => {
  const only = (label: string): string | undefined => {
    const values = new Set(nodes.flatMap(({ labels }) => labels[label] ?? []));
    return values.size === 1 ? [...values][0] : undefined;
  };
  const fact = (name: FactName, label: string): CloudFacts =>
    knownFacts(`node label ${label}`, { [name]: only(label) });
  return {
    ...fact('region', 'topology.kubernetes.io/region'),
    ...fact('zone', 'topology.kubernetes.io/zone'),
  };
};

/** All that is known when the cloud is named. `probes` holds one result for each cloud that was asked. */
export interface Evidence {
  /** In order of priority. */
  readonly clouds: readonly Cloud[];
  readonly probes: ReadonlyMap<CloudName, ProbeResult>;
  readonly nodes: NodeEvidence;
  readonly csiDrivers: readonly string[];
}

export interface Judgement {
  readonly name: CloudName;
  readonly notes: readonly string[];
}

/**
 * Names the cloud from what metadata services, nodes and drivers say, the first rule that fits. Answers that cannot
 * both be true name none: a wrong StorageClass costs more than none.
 */
export const judge = (evidence: Evidence): Judgement =>
  contradiction(evidence) ?? bySignature(evidence) ?? byProviderId(evidence) ?? byExclusion(evidence);

const OVERRULE = 'set CLOUD to the right one';

/** Clouds whose signature matched, without those another one is known to imitate. */
const signatures = ({ clouds, probes }: Evidence): readonly Cloud[] => {
  const matched = clouds.filter(({ name }) => probes.get(name)?.kind === 'match');
  return matched.filter(({ name }) => !matched.some((other) => other.alsoAnswersAs.includes(name)));
};

/** Clouds the nodes name. Nodes of `kind` and `k3s` name none, since either runs on any cloud. */
const nodeClouds = ({ clouds, nodes }: Evidence): readonly Cloud[] =>
  clouds.filter(({ name }) => name !== 'local' && nodes.clouds.has(name));

const contradiction = (evidence: Evidence): Judgement | undefined => {
  const matching = signatures(evidence);
  const named = nodeClouds(evidence);
  const byNodes = [...named.map(({ name }) => name), ...evidence.nodes.unknownProviders];
  if (matching.length > 1) {
    const both = matching.map(({ name }) => name).join(' and ');
    return refuse(`Metadata answers as ${both} at once; nothing is assumed, ${OVERRULE}.`);
  }
  if (byNodes.length > 1)
    return refuse(`Nodes’ providerIDs name ${byNodes.join(' and ')}; nothing is assumed, ${OVERRULE}.`);
  const [metadata] = matching;
  const [node] = byNodes;
  if (metadata === undefined || node === undefined || node === metadata.name) return undefined;
  if (named[0]?.alsoAnswersAs.includes(metadata.name)) return undefined;
  return refuse(
    `Metadata answers as ${metadata.name}, but nodes’ providerIDs name ${node}; nothing is assumed, ${OVERRULE}.`,
  );
};

const refuse = (note: string): Judgement => ({ name: 'unknown', notes: [note] });

const bySignature = (evidence: Evidence): Judgement | undefined => {
  const [cloud] = signatures(evidence);
  if (cloud === undefined || nodeClouds(evidence).some(({ name }) => name !== cloud.name)) return undefined;
  if (!isLocalCluster(evidence) || hasDriverOf(cloud, evidence))
    return { name: cloud.name, notes: [`Metadata answers as ${cloud.name}.`] };
  return {
    name: 'local',
    notes: [
      `Nodes belong to a local cluster on a machine of ${cloud.name}, and no CSI driver of ${cloud.name} is installed.`,
    ],
  };
};

const isLocalCluster = (evidence: Evidence): boolean =>
  nodeClouds(evidence).length === 0 && evidence.nodes.clouds.has('local');

const hasDriverOf = ({ usualDrivers }: Cloud, { csiDrivers }: Evidence): boolean =>
  usualDrivers.some((driver) => csiDrivers.includes(driver));

const byProviderId = (evidence: Evidence): Judgement | undefined => {
  const [cloud] = nodeClouds(evidence);
  const [unknownProvider] = evidence.nodes.unknownProviders;
  if (cloud !== undefined)
    return { name: cloud.name, notes: [`Nodes’ providerIDs name ${cloud.name}.`, unreachableNote(cloud, evidence)] };
  if (unknownProvider === undefined) return undefined;
  return refuse(
    `Nodes’ providerIDs name ${unknownProvider}, which has no storage table here; classes are copied from the default class.`,
  );
};

/** Why facts that metadata would have given are missing. */
export const unreachableNote = ({ name }: Cloud, { probes }: Pick<Evidence, 'probes'>): string => {
  const result = probes.get(name);
  return result?.kind === 'blocked'
    ? result.why
    : `The metadata service of ${name} did not answer as ${name} does, so its facts are missing.`;
};

const byExclusion = (evidence: Evidence): Judgement => {
  const { clouds, probes, nodes } = evidence;
  const blocked = clouds.find(({ name }) => probes.get(name)?.kind === 'blocked');
  if (blocked !== undefined && !isLocalCluster(evidence))
    return { name: blocked.name, notes: [unreachableNote(blocked, evidence)] };
  const installed = clouds.filter((cloud) => hasDriverOf(cloud, evidence));
  if (installed[0] !== undefined && installed.length === 1) {
    return {
      name: installed[0].name,
      notes: [
        `No metadata service answers and no providerID names a cloud, but a CSI driver of ${installed[0].name} is installed.`,
      ],
    };
  }
  if (nodes.nodeCount > 0)
    return { name: 'local', notes: ['No metadata service answers and no node’s providerID names a cloud.'] };
  return refuse('No metadata service answers and no node is known; set CLOUD, or run this inside the cluster.');
};

/** The facts of a named cloud, the better source over the lesser: metadata, providerID, labels. */
export const factsOf = (name: CloudName, { probes, nodes }: Pick<Evidence, 'probes' | 'nodes'>): CloudFacts => {
  if (name === 'unknown') return {};
  const result = probes.get(name);
  return { ...nodes.labels, ...nodes.clouds.get(name), ...(result?.kind === 'match' && result.facts) };
};
