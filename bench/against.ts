import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildPeer, builtPeers } from './built-peers.ts';
import { checkEqual } from './equality.ts';
import { type Input, inputs } from './inputs.ts';
import { type Load, measure, measureOpen, median, type Sample } from './measure.ts';
import { buildEngine, engineNames, isEngine } from './policy-engines.ts';
import { startServers } from './servers.ts';
import type { Subject } from './subject.ts';
import type { TlsFiles } from './tls.ts';

/** One server among others, alone on its core. Medians of the rounds. */
export interface Against {
  readonly server: string;
  /** Of a request of the 11 KB pod, in the first ten seconds of its life and after them. */
  readonly firstCpuMicroseconds: number;
  readonly cpuMicroseconds: number;
  /** Median of the ratios within each round, to the first server. */
  readonly ratio: number;
  readonly p50: number;
  readonly p99: number;
  readonly rssMiB: number;
}

/** Latencies at a fixed rate. Milliseconds. */
export interface Tail {
  readonly server: string;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface Place {
  readonly tls: TlsFiles;
  readonly folder: string;
}

const MATCHING = 3;
const ROUNDS = 3;
const CONNECTIONS = 8;
const FIRST = '10s';
const COUNTED = '6s';
const OURS = 'quartermaster-20';

/** Those of the servers that are here, or can be built here. */
export const serversHere = async (names: readonly string[] = [OURS, ...builtPeers]): Promise<readonly string[]> => {
  const here: string[] = [];
  for (const name of names) if (await canRun(name)) here.push(name);
  return here;
};

const canRun = async (name: string): Promise<boolean> => {
  if (isEngine(name)) return (await buildEngine(name)) !== undefined;
  const peer = builtPeers.find((built) => built === name);
  return peer === undefined || (await buildPeer(peer)) !== undefined;
};

export const peers: readonly string[] = [...builtPeers, ...engineNames];

/** One server at a time, in turns, each started anew in each round. All but the floor must come to the same first. */
export const measureAgainst = async ({ tls, folder }: Place, named = peers): Promise<readonly Against[]> => {
  const servers = await serversHere([OURS, ...named]);
  await checkServers(servers, tls);
  const bodyFile = podFile(folder);
  const rounds = await inTurns(['floor', ...servers], tls, async (subject) => {
    const load = { bodyFile, connections: CONNECTIONS, warmUp: 0 };
    const first = await measure(subject, { ...load, requests: FIRST });
    const counted = await measure(subject, { ...load, requests: COUNTED });
    return { first, counted, rss: subject.rssBytes() };
  });
  const base = rounds.get('floor') ?? [];
  return [...rounds].map(([server, samples]) => {
    const middle = (read: (sample: (typeof samples)[number]) => number): number => round(median(samples.map(read)));
    const ratios = samples.map(({ counted }, at) => counted.cpuMicroseconds / (base[at]?.counted.cpuMicroseconds ?? 1));
    return {
      server,
      firstCpuMicroseconds: middle(({ first }) => first.cpuMicroseconds),
      cpuMicroseconds: middle(({ counted }) => counted.cpuMicroseconds),
      ratio: round(median(ratios)),
      p50: middle(({ counted }) => counted.p50),
      p99: middle(({ counted }) => counted.p99),
      rssMiB: middle(({ rss }) => rss / 2 ** 20),
    };
  });
};

const RATES = [100, 1_000];
const TAIL_SECONDS = 8;
/** So many as an API server opens by itself under such rates, and more. */
const TAIL_CONNECTIONS = 32;
/** What a server has had to do before, as any that is not new has. */
const TAIL_WARM_UP: Omit<Load, 'bodyFile'> = { connections: CONNECTIONS, requests: '6s', warmUp: 0 };

/** The same servers under requests that come at a fixed rate, whether or not the last are answered. */
export const measureTail = async ({ tls, folder }: Place): Promise<readonly Tail[]> => {
  const bodyFile = podFile(folder);
  const rounds = await inTurns(['floor', ...(await serversHere())], tls, async (subject) => {
    await measure(subject, { ...TAIL_WARM_UP, bodyFile });
    const samples: Sample[] = [];
    for (const rate of RATES)
      samples.push(
        await measureOpen(subject, { bodyFile, rate, connections: TAIL_CONNECTIONS, seconds: TAIL_SECONDS }),
      );
    return samples;
  });
  return RATES.flatMap((rate, at) =>
    [...rounds].map(([server, samples]) => {
      const middle = (key: 'p50' | 'p99' | 'p999' | 'max'): number =>
        round(median(samples.map((sample) => sample[at]?.[key] ?? Number.NaN)));
      return { server, rate, p50: middle('p50'), p99: middle('p99'), p999: middle('p999'), max: middle('max') };
    }),
  );
};

const checkServers = async (names: readonly string[], tls: TlsFiles): Promise<void> => {
  await using servers = await startServers(names, MATCHING, tls);
  await checkEqual(servers.subjects, pod().body);
};

const inTurns = async <T>(
  names: readonly string[],
  tls: TlsFiles,
  work: (subject: Subject) => Promise<T>,
): Promise<ReadonlyMap<string, T[]>> => {
  const rounds = new Map<string, T[]>(names.map((name) => [name, []]));
  for (let turn = 1; turn <= ROUNDS; turn += 1) {
    for (const name of names) {
      await using servers = await startServers([name], MATCHING, tls);
      const [subject] = servers.subjects;
      if (subject !== undefined) rounds.get(name)?.push(await work(subject));
    }
    process.stderr.write(`round ${turn} of ${ROUNDS}\n`);
  }
  return rounds;
};

const pod = (): Input => inputs['pod'] as Input;

const podFile = (folder: string): string => {
  const file = join(folder, 'pod.json');
  writeFileSync(file, pod().body);
  return file;
};

const round = (value: number): number => Number(value.toFixed(2));
