import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ensureAptPackages } from '../../apt-packages.ts';
import { until } from '../../until.ts';
import { type Progress, removeTree } from '../cache.ts';
import type { Cluster } from '../cluster.ts';
import { layout } from '../node/layout.ts';

/** A pod as the API server has it. */
export interface ScrapedPod {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly status: { readonly podIP?: string };
}

/** Debian's Prometheus on the node. It is built without what finds pods by itself, and told of those that ask for it. */
export interface ClusterPrometheus {
  /** The labels of all series that answer a query now. */
  readonly query: (expression: string) => Promise<readonly Readonly<Record<string, string>>[]>;
  readonly stop: () => Promise<void>;
}

const address = '127.0.0.1:9099';
const timeoutMs = 60_000;

/** Starts it with an empty history, scraping every 15 seconds the pods with the annotation `prometheus.io/scrape`; ends when it answers. */
export const startPrometheus = async (
  { run, start }: Pick<Cluster, 'run' | 'start'>,
  pods: readonly ScrapedPod[],
  progress: Progress,
): Promise<ClusterPrometheus> => {
  const user = 'The test of metrics on the cluster';
  await ensureAptPackages({ packages: { '/usr/bin/prometheus': 'prometheus' }, user, progress });
  const folder = join(layout().root, 'prometheus');
  await removeTree(folder);
  await mkdir(folder);
  const file = join(folder, 'prometheus.yaml');
  await writeFile(file, stringify(configuration(pods.filter(isAsking))));
  const program = start('prometheus', '/usr/bin/prometheus', [
    ...[`--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'data')}`],
    ...[`--web.listen-address=${address}`, '--log.level=warn'],
  ]);
  const query = async (expression: string) => {
    const asked = ['--silent', '--noproxy', '*', '--get', '--data-urlencode', `query=${expression}`];
    const answer = await run('curl', [...asked, `http://${address}/api/v1/query`], { timeoutMs });
    const { data } = JSON.parse(answer) as Answer;
    return data.result.map(({ metric }) => metric);
  };
  await until(timeoutMs, () => query('up'));
  return { query, stop: () => program.stop('SIGKILL') };
};

interface Answer {
  readonly data: { readonly result: readonly { readonly metric: Readonly<Record<string, string>> }[] };
}

const isAsking = ({ metadata }: ScrapedPod): boolean => metadata.annotations?.['prometheus.io/scrape'] === 'true';

/** Each pod at its own path, which stands where the usual charts take it from the annotation. */
const configuration = (pods: readonly ScrapedPod[]): object => ({
  // An exporter of a JVM takes seconds to answer on a busy machine, and no answer may take longer than the interval.
  global: { scrape_interval: '15s', scrape_timeout: '15s' },
  scrape_configs: pods.map(({ metadata: { name, annotations = {} }, status }) => ({
    job_name: name,
    metrics_path: annotations['prometheus.io/path'] ?? '/metrics',
    static_configs: [{ targets: [`${status.podIP}:${annotations['prometheus.io/port']}`], labels: { pod: name } }],
  })),
});
