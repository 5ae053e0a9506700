import { AppError } from '../../api/errors.ts';
import { wrapped } from '../../explanation/print.ts';
import { STANDINGS } from '../../report/examine.ts';
import { listAll, listDefaults, type Page } from '../../report/objects.ts';
import { createReporter, findingsOf, type Report } from '../../report/report.ts';
import type { Settings } from '../../settings/config.ts';
import type { DescribedClusterOptions } from '../described-cluster.ts';
import { counted } from '../results/finding.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { type ReportOutput, renderReport } from './render.ts';
import { fileSource, type ReportSource } from './sources.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface ReportOptions extends DescribedClusterOptions {
  readonly live: boolean;
  readonly recursive: boolean;
  readonly output: ReportOutput;
  /** Findings count as refusals do. */
  readonly strict: boolean;
}

/** Prints how stored objects stand to their defaults. Exit 0; 1 with `strict` where anything is found. Throws AppError for unusable input. */
export const reportCommand = async (
  paths: readonly string[],
  options: ReportOptions,
  settings: Settings,
  environment: Environment,
  terminal: Terminal,
): Promise<number> => {
  if (options.live === paths.length > 0)
    throw new AppError('InvalidInput', 'Give files and folders, or --live for the cluster of the current kubeconfig.');
  const source = options.live
    ? await liveSource(settings, environment, terminal)
    : fileSource(paths, options, settings);
  const report = await reportOn(source, terminal);
  const text = renderReport(report, options.output, new Date());
  const isWrapped = options.output === 'table' && terminal.columns !== undefined;
  terminal.print(isWrapped ? `${wrapped(text.trimEnd().split('\n'), terminal.columns ?? 0).join('\n')}\n` : text);
  terminal.complain(`${summary(report)}\n`);
  const isFine = findingsOf(report).length === 0 && report.defaults.every(({ note }) => note !== 'invalid');
  return options.strict && !isFine ? EXIT.refused : EXIT.fine;
};

const liveSource = async (settings: Settings, environment: Environment, terminal: Terminal): Promise<ReportSource> => {
  const [{ liveCluster }, { createKube }, { findConnection }] = await Promise.all([
    import('../live-cluster.ts'),
    import('../../kube/client.ts'),
    import('../../kube/connection.ts'),
  ]);
  const kube = createKube(await findConnection(environment), { timeoutMs: PAGE_WITHIN_MS });
  const [cluster, defaults] = await Promise.all([liveCluster(settings, environment, []), listDefaults(kube)]);
  const objects = listAll(kube, ({ plural }, reason) => {
    if (reason === 'Forbidden') terminal.complain(`warning: ${plural} may not be listed, and are not in the report.\n`);
  });
  return { cluster, defaults, objects };
};

const PAGE_WITHIN_MS = 60_000;

const reportOn = async ({ cluster, defaults, objects }: ReportSource, terminal: Terminal): Promise<Report> => {
  const reporter = createReporter(cluster, defaults);
  const progress = createProgress(terminal);
  for await (const page of objects) {
    for (const object of page.items) reporter.add(object);
    progress.show(page);
  }
  progress.clear();
  return reporter.finish();
};

/** A bar on a terminal; nothing anywhere else. */
const createProgress = ({ complain, columns }: Terminal) => {
  let kind = '';
  let done = 0;
  const show = (page: Page): void => {
    if (page.kind !== kind) done = 0;
    kind = page.kind;
    done += page.items.length;
    const all = done + (page.remaining ?? 0);
    const filled = all === 0 ? WIDTH : Math.round((WIDTH * done) / all);
    complain(`\r\u001B[K[${'#'.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${done} of ${all} ${kind}`);
  };
  const isShown = columns !== undefined;
  return { show: isShown ? show : () => undefined, clear: () => isShown && complain('\r\u001B[K') };
};

const WIDTH = 30;

const summary = (report: Report): string => {
  const counts = STANDINGS.map(
    (standing) => `${report.rows.filter((row) => row.standing === standing).length} ${standing}`,
  );
  const noted = (note: string): number => report.defaults.filter((one) => one.note === note).length;
  const ties = report.defaults.filter(({ note, details }) => note !== 'invalid' && details.length > 0).length;
  const defaults = `${report.defaults.length} PlatformDefaults: ${noted('unmatched')} unmatched, ${noted('never won')} never won, ${ties} with ties, ${noted('invalid')} invalid`;
  return `${counted(report.objects, 'object')}: ${counts.join(', ')}; ${defaults}.`;
};
