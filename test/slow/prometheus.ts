import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ensureAptPackages } from '../../dev/apt-packages.ts';
import { run } from '../../dev/control-plane/command.ts';
import { startDaemon } from '../../dev/daemon.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { until } from '../../dev/until.ts';
import { defaults } from '../../src/install/options.ts';
import { prometheusObjects } from '../../src/install/prometheus.ts';

/** One of the series a query answered with. */
interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  /** When, in seconds, and how much. */
  readonly value: readonly [number, string];
}

interface RuleState {
  readonly name: string;
  readonly health: string;
  readonly state: 'inactive' | 'pending' | 'firing';
}

/** Prometheus with the rules of the install, scraping each second. */
export interface Prometheus {
  /** Throws where Prometheus refuses the query. */
  readonly query: (expr: string) => Promise<readonly Sample[]>;
  readonly rules: () => Promise<readonly RuleState[]>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** The rule groups of the shipped PrometheusRule. */
const shippedRules = (): unknown => {
  const found = prometheusObjects(defaults).find(({ kind }) => kind === 'PrometheusRule');
  return (found as { readonly spec?: unknown } | undefined)?.spec;
};

const ensurePrometheus = (): Promise<void> =>
  ensureAptPackages({
    packages: { '/usr/bin/promtool': 'prometheus' },
    user: 'The test of alerts and panels',
    progress: (line) => process.stderr.write(`${line}\n`),
  });

/** Has promtool test the shipped rules against series that are made up. Throws with what it says where an alert does not do as told. */
export const testRules = async (tests: readonly unknown[]): Promise<void> => {
  await ensurePrometheus();
  const directory = await mkdtemp(join(tmpdir(), 'promtool-'));
  const file = join(directory, 'tests.yaml');
  await writeFile(join(directory, 'rules.yaml'), stringify(shippedRules()));
  await writeFile(file, stringify({ rule_files: ['rules.yaml'], evaluation_interval: '1m', tests }));
  try {
    await run('/usr/bin/promtool', ['test', 'rules', file], { timeoutMs: 60_000 });
  } finally {
    await rm(directory, { recursive: true });
  }
};

/** Scrapes `targets` (host:port) as the shipped ServiceMonitor has it: by the name of the Service, each with its pod. */
export const startPrometheus = async (targets: Readonly<Record<string, string>>): Promise<Prometheus> => {
  await ensurePrometheus();
  const directory = await mkdtemp(join(tmpdir(), 'prometheus-'));
  await writeFile(join(directory, 'rules.yaml'), stringify(shippedRules()));
  await writeFile(join(directory, 'prometheus.yaml'), stringify(configuration(targets)));
  const [port = 0] = await freePorts(1);
  const address = `127.0.0.1:${port}`;
  const daemon = startDaemon('/usr/bin/prometheus', [
    `--config.file=${join(directory, 'prometheus.yaml')}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=${address}`,
    '--log.level=warn',
  ]);
  const get = async (path: string): Promise<Answer> => {
    const answer = (await (await fetch(`http://${address}/api/v1/${path}`)).json()) as Answer;
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`);
    return answer;
  };
  const stop = async (): Promise<void> => {
    await daemon.stop();
    await rm(directory, { recursive: true });
  };
  await until(60_000, () => get('query?query=up')).catch(async (error: unknown) => {
    await stop();
    throw new Error(`Prometheus does not answer: ${daemon.lastWords()}`, { cause: error });
  });
  return {
    query: async (expr) => (await get(`query?query=${encodeURIComponent(expr)}`)).data?.result ?? [],
    rules: async () => (await get('rules')).data?.groups?.flatMap(({ rules }) => rules) ?? [],
    [Symbol.asyncDispose]: stop,
  };
};

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result?: readonly Sample[];
    readonly groups?: readonly { readonly rules: readonly RuleState[] }[];
  };
}

const configuration = (targets: Readonly<Record<string, string>>): unknown => ({
  global: { scrape_interval: '1s', evaluation_interval: '1s' },
  rule_files: ['rules.yaml'],
  scrape_configs: [
    {
      job_name: 'quartermaster',
      static_configs: Object.entries(targets).map(([pod, target]) => ({ targets: [target], labels: { pod } })),
    },
  ],
});
