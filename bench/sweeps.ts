import { type Input, inNamespace, inputs, podOf, sparkOf } from './inputs.ts';
import { type Row, runPlan } from './reviews.ts';
import { startServers } from './servers.ts';
import type { TlsFiles } from './tls.ts';

/** Cost against one thing that grows; `at` is how much of it there was. */
export interface Sweep {
  readonly title: string;
  readonly unit: string;
  readonly rows: readonly (Row & { readonly at: number })[];
}

interface Place {
  readonly tls: TlsFiles;
  readonly folder: string;
}

const EACH = { rounds: 4, bytes: 30_000_000 };
const FEW = { ...EACH, connections: 16 };

/** All of them, one after the other; within each, every step in each round. */
export const measureSweeps = async (place: Place): Promise<readonly Sweep[]> => [
  await byDefaults(place),
  await byNamespaces(place),
  await bySize('Size of a pod', [1, 10, 100, 1_000, 10_000].map(podOf), place),
  await bySize('Size of a SparkApplication', [1, 10, 100, 1_000, 15_000].map(sparkOf), place),
  await byConnections(place),
];

const byDefaults = async ({ tls, folder }: Place): Promise<Sweep> => {
  const counts = [1, 10, 100, 1_000, 10_000];
  const subjects = counts.map((count) => `quartermaster-${count}`);
  await using servers = await startServers(subjects, 5, tls);
  const plan = { ...FEW, subjects, inputs: ['pod'], matching: 5 };
  const rows = await runPlan(plan, servers.subjects, folder);
  return {
    title: 'PlatformDefaults, at most 5 of which match',
    unit: 'PlatformDefaults',
    rows: rows.map((row, index) => ({ ...row, at: counts[index] ?? 0 })),
  };
};

const byNamespaces = async ({ tls, folder }: Place): Promise<Sweep> => {
  const counts = [1, 10, 100, 1_000, 10_000];
  const subjects = counts.map((count) => `quartermaster-3-${count}`);
  await using servers = await startServers(subjects, 3, tls);
  const plan = { ...FEW, subjects, inputs: ['pod'], matching: 3 };
  const rows = await runPlan(plan, servers.subjects, folder, { pod: inNamespace(inputs['pod'] as Input, 'tenant-0') });
  return {
    title: 'Namespaces, each with PlatformDefaults of its own',
    unit: 'namespaces',
    rows: rows.map((row, index) => ({ ...row, at: counts[index] ?? 0 })),
  };
};

const bySize = async (title: string, given: readonly Input[], { tls, folder }: Place): Promise<Sweep> => {
  const subjects = ['floor', 'quartermaster-20'];
  await using servers = await startServers(subjects, 3, tls);
  const byKey = Object.fromEntries(given.map((input, index) => [`size-${index}`, input]));
  const plan = { ...FEW, subjects, inputs: Object.keys(byKey), matching: 3 };
  const rows = await runPlan(plan, servers.subjects, folder, byKey);
  const sizes = new Map(given.map(({ name, body }) => [name, Buffer.byteLength(body)]));
  return { title, unit: 'bytes', rows: rows.map((row) => ({ ...row, at: sizes.get(row.input) ?? 0 })) };
};

const byConnections = async ({ tls, folder }: Place): Promise<Sweep> => {
  const subjects = ['floor', 'quartermaster-20'];
  await using servers = await startServers(subjects, 3, tls);
  const rows: (Row & { readonly at: number })[] = [];
  for (const connections of [1, 4, 16, 64, 256, 1_000]) {
    const plan = { ...EACH, connections, subjects, inputs: ['pod'], matching: 3 };
    rows.push(...(await runPlan(plan, servers.subjects, folder)).map((row) => ({ ...row, at: connections })));
  }
  return { title: 'Connections', unit: 'connections', rows };
};
