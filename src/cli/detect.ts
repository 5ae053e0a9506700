import { messageOf } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { NodeFact } from '../clouds/cloud.ts';
import { detectCloud } from '../clouds/detection/detector.ts';
import { type Kube, resources } from '../kube/api-server.ts';
import { createKube } from '../kube/client.ts';
import { findConnection } from '../kube/connection.ts';
import { type Node, nodeFact } from '../kube/stores.ts';
import type { Settings } from '../settings/config.ts';
import { EXIT, type Terminal } from './terminal.ts';

/** Prints the cloud, its facts with their sources and the reasons, as JSON. A cluster out of reach is one of the notes. */
export const detectCommand = async (
  settings: Settings,
  environment: Readonly<Record<string, string | undefined>>,
  terminal: Terminal,
): Promise<number> => {
  const cluster = await readCluster(environment);
  const { cloud: setting, metadataEndpoint, facts } = settings;
  const { name, facts: found, notes } = await detectCloud({ setting, metadataEndpoint, facts, ...cluster });
  terminal.print(`${JSON.stringify({ cloud: name, facts: found, notes: [...notes, ...cluster.notes] }, null, 2)}\n`);
  return EXIT.fine;
};

interface Cluster {
  readonly nodes: readonly NodeFact[];
  readonly csiDrivers: readonly string[];
  readonly notes: readonly string[];
}

const readCluster = async (environment: Readonly<Record<string, string | undefined>>): Promise<Cluster> => {
  try {
    const kube = createKube(await findConnection(environment));
    const [nodes, drivers] = await Promise.all([list<Node>(kube, 'nodes'), list<KubeObject>(kube, 'csiDrivers')]);
    return { nodes: nodes.map(nodeFact), csiDrivers: drivers.map(({ metadata }) => metadata.name ?? ''), notes: [] };
  } catch (error) {
    return { nodes: [], csiDrivers: [], notes: [`No cluster was looked at: ${messageOf(error)}`] };
  }
};

/** A page is enough: nodes of one cluster say the same. */
const list = async <T extends KubeObject>(kube: Kube, name: 'nodes' | 'csiDrivers'): Promise<readonly T[]> => {
  const { items } = await kube.list<T>(resources[name], { limit: 100 });
  return items;
};
