import type { CloudFacts, CloudName } from '../../api/facts.ts';
import { knownFacts } from '../answers.ts';
import type { Cloud, FactName, NodeFact } from '../cloud.ts';

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
