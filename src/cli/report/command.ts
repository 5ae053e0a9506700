import { AppError } from '../../api/errors.ts';
import { STANDINGS } from '../../report/examine.ts';
import { listAll, listDefaults, type Page } from '../../report/objects.ts';
import { createReporter, findingsOf, type Report } from '../../report/report.ts';
import type { Settings } from '../../settings/config.ts';
import type { DescribedClusterOptions } from '../described-cluster.ts';
import { counted } from '../results/finding.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { type ReportOutput, renderReport, reportTable } from './render.ts';
import { fileSource, type ReportSource } from './sources.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface ReportOptions extends DescribedClusterOptions {
  readonly live: boolean;
  readonly recursive: boolean;
  readonly output: ReportOutput;
  /** Findings count as refusals do. */
  readonly strict: boolean;
}

/** Prints how stored objects stand to their defaults. Exit 0; 1 with `strict` where anything is found, or could not be looked at. Throws AppError for unusable input. */
export const reportCommand = async (
  paths: readonly string[],
  options: ReportOptions,
  settings: Settings,
  environment: Environment,
  terminal: Terminal,
): Promise<number> => {
  if (options.live === paths.length > 0)
    throw new AppError(
      'InvalidInput',
      options.live
        ? 'Give files and folders or --live, not both: --live reports on the cluster of the current kubeconfig.'
        : 'Give files and folders, or --live for the cluster of the current kubeconfig.',
    );
  const left: string[] = [];
  const leaveOut = (what: string): void => {
    left.push(what);
    terminal.complain(`warning: ${what} may not be listed, and are not in the report.\n`);
  };
  const source = options.live
    ? await liveSource(settings, environment, leaveOut)
    : fileSource(paths, options, settings);
  const report = await reportOn(source, terminal);
  if (options.output === 'table') terminal.tell(reportTable(report, terminal.columns));
  else terminal.print(renderReport(report, options.output, new Date()));
  terminal.complain(`${summary(report)}\n`);
  const isFine =
    left.length === 0 &&
    findingsOf(report).every(({ standing }) => standing === 'audited') &&
    report.defaults.every(({ note }) => note !== 'invalid');
  return options.strict && !isFine ? EXIT.refused : EXIT.fine;
};

const liveSource = async (
  settings: Settings,
  environment: Environment,
  leaveOut: (what: string) => void,
): Promise<ReportSource> => {
  const [{ liveCluster }, { createKube }, { findConnection }] = await Promise.all([
    import('../live-cluster.ts'),
    import('../../kube/client.ts'),
    import('../../kube/connection.ts'),
  ]);
  const kube = createKube(await findConnection(environment), { timeoutMs: PAGE_WITHIN_MS });
  const [cluster, defaults] = await Promise.all([liveCluster(settings, environment, []), listDefaults(kube)]);
  const objects = listAll(kube, ({ plural }, reason) => {
    if (reason === 'Forbidden') leaveOut(plural);
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
  return await reporter.finish();
};

/** A bar on a terminal; nothing anywhere else. */
const createProgress = ({ showProgress = () => undefined }: Terminal) => {
  let kind = '';
  let done = 0;
  const show = (page: Page): void => {
    if (page.kind !== kind) done = 0;
    kind = page.kind;
    done += page.items.length;
    const all = done + (page.remaining ?? 0);
    const filled = all === 0 ? WIDTH : Math.round((WIDTH * done) / all);
    showProgress(`[${'#'.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${done} of ${all} ${kind}`);
  };
  return { show, clear: () => showProgress('') };
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
