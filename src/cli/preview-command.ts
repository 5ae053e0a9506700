import { policyOf, type Settings } from '../settings/config.ts';
import type { PreviewCluster } from './companions.ts';
import { type DescribedClusterOptions, describedCluster, readDefaults } from './described-cluster.ts';
import { locationOf, readObjects, type SourcedObject } from './documents.ts';
import { preview } from './preview.ts';
import { type Output, render, renderExplanations } from './preview-output.ts';
import { EXIT, type Terminal } from './terminal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The options of `preview`, as parsed. */
export interface PreviewOptions extends DescribedClusterOptions {
  readonly file: readonly string[];
  readonly live: boolean;
  readonly output: Output;
  readonly explain: boolean;
}

/** Prints what admission would do. Exit 0; 1 where an object would be refused. Throws AppError for unusable input. */
export const previewCommand = async (
  options: PreviewOptions,
  settings: Settings,
  environment: Environment,
  terminal: Terminal,
): Promise<number> => {
  const objects = readObjects(options.file);
  const cluster = await clusterFor(options, settings, environment, objects);
  const documents = preview(objects, cluster, options.namespace);
  terminal.print(render(documents, options.output, terminal.isColoured));
  for (const { source, warnings, denied } of documents) {
    for (const warning of warnings) terminal.complain(`${locationOf(source)}: warning: ${warning}\n`);
    if (denied !== undefined) terminal.complain(`${locationOf(source)}: refused: ${denied}\n`);
  }
  if (options.explain) terminal.complain(`\n${renderExplanations(documents)}`);
  return documents.every(({ allowed }) => allowed) ? EXIT.fine : EXIT.refused;
};

const clusterFor = async (
  options: PreviewOptions,
  settings: Settings,
  environment: Environment,
  objects: readonly SourcedObject[],
): Promise<PreviewCluster> => {
  if (!options.live)
    return describedCluster(
      options,
      settings,
      objects.map(({ object }) => object),
    );
  const { liveCluster } = await import('./live-cluster.ts');
  return liveCluster(settings, environment, readDefaults(options.defaults ?? [], policyOf(settings)));
};
