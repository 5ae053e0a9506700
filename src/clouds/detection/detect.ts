import type { CloudFacts, CloudName, CloudVerdict } from '../../api/facts.ts';
import type { StringMap } from '../../api/kubernetes.ts';
import { type Cloud, FACT_NAMES, type NodeFact, type ProbeResult } from '../cloud.ts';
import { clouds, verdictFor } from '../index.ts';
import { factsOf, judge, unreachableNote } from './evidence.ts';
import { createMetadataClient, METADATA_ADDRESS } from './metadata-client.ts';
import { type NodeEvidence, readNodes } from './node-evidence.ts';

/** What the cloud is detected from. */
export interface DetectionInput {
  /** The setting CLOUD. A name is believed; its metadata is then asked for facts only. */
  readonly setting: 'auto' | Cloud['name'];
  /** The setting METADATA_ENDPOINT: asked instead of every cloud's own address. */
  readonly metadataEndpoint: URL | undefined;
  /** The setting FACTS: these win over all that is found out. */
  readonly facts: StringMap;
  /** Empty where no cluster is at hand. */
  readonly nodes: readonly NodeFact[];
  /** Names of the CSIDriver objects. */
  readonly csiDrivers: readonly string[];
}

/** A little under the 2.5 s that are promised, so that answers already there are still used. */
const DEADLINE_MS = 2_300;

/** Names the cloud and its facts. Ends within 2.5 s whatever answers, and never throws. */
export const detectCloud = async (input: DetectionInput): Promise<CloudVerdict> => {
  const nodes = readNodes(input.nodes, clouds);
  const probes = await askAll(cloudsToAsk(input.setting, nodes), input.metadataEndpoint);
  const { name, notes } =
    input.setting === 'auto'
      ? judge({ clouds, probes, nodes, csiDrivers: input.csiDrivers })
      : configuredCloud(input.setting, nodes, probes);
  const configured = configuredFacts(input.facts);
  return verdictFor(name, { ...factsOf(name, { probes, nodes }), ...configured.facts }, [
    ...notes,
    ...configured.notes,
  ]);
};

const cloudsToAsk = (setting: DetectionInput['setting'], nodes: NodeEvidence): readonly Cloud[] =>
  setting === 'auto'
    ? clouds.filter(({ name, isProbedOnHintOnly }) => !isProbedOnHintOnly || nodes.clouds.has(name))
    : clouds.filter(({ name }) => name === setting);

const askAll = async (
  asked: readonly Cloud[],
  endpoint: URL | undefined,
): Promise<ReadonlyMap<CloudName, ProbeResult>> => {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), DEADLINE_MS);
  const ask = async ({ name, probe, metadataAddress }: Cloud): Promise<readonly [CloudName, ProbeResult]> => {
    const base = endpoint ?? new URL(metadataAddress ?? METADATA_ADDRESS);
    const client = createMetadataClient(base, deadline.signal);
    return [name, (await probe?.(client)) ?? { kind: 'no' }];
  };
  const results = await Promise.all(asked.map(ask)).finally(() => clearTimeout(timer));
  return new Map(results);
};

const configuredCloud = (setting: Cloud['name'], nodes: NodeEvidence, probes: ReadonlyMap<CloudName, ProbeResult>) => {
  const others = [...nodes.clouds.keys(), ...nodes.unknownProviders].filter((name) => name !== setting);
  const cloud = clouds.find(({ name }) => name === setting);
  const isUnreached = cloud?.probe !== undefined && probes.get(setting)?.kind !== 'match';
  return {
    name: setting,
    notes: [
      `CLOUD is set to ${setting}.`,
      ...(others.length > 0 ? [`Nodes’ providerIDs name ${others.join(' and ')} nevertheless.`] : []),
      ...(isUnreached ? [unreachableNote(cloud, { probes })] : []),
    ],
  };
};

const configuredFacts = (given: StringMap): { readonly facts: CloudFacts; readonly notes: readonly string[] } => {
  const known = Object.entries(given).filter(([name]) => Object.hasOwn(FACT_NAMES, name));
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(FACT_NAMES, name));
  return {
    facts: Object.fromEntries(known.map(([name, value]) => [name, { value, source: 'setting FACTS' }])),
    notes:
      unknown.length === 0
        ? []
        : [`FACTS names ${unknown.join(', ')}, which is no fact; the facts are ${Object.keys(FACT_NAMES).join(', ')}.`],
  };
};
