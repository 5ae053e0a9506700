import { policyOf, type Settings } from '../settings/config.ts';
import type { PreviewWorld } from './companions.ts';
import { describedWorld, readDefaults, type WorldOptions } from './described-cluster.ts';
import { place, readObjects, type SourcedObject } from './documents.ts';
import { preview } from './preview.ts';
import { type Output, render, renderExplanations } from './preview-output.ts';
import { EXIT, type Terminal } from './terminal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The options of `preview`, as parsed. */
export interface PreviewOptions extends WorldOptions {
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
  const world = await worldFor(options, settings, environment, objects);
  const documents = preview(objects, world, options.namespace);
  terminal.print(render(documents, options.output, terminal.isColoured));
  for (const { source, warnings, denied } of documents) {
    for (const warning of warnings) terminal.complain(`${place(source)}: warning: ${warning}\n`);
    if (denied !== undefined) terminal.complain(`${place(source)}: refused: ${denied}\n`);
  }
  if (options.explain) terminal.complain(`\n${renderExplanations(documents)}`);
  return documents.every(({ allowed }) => allowed) ? EXIT.fine : EXIT.refused;
};

const worldFor = async (
  options: PreviewOptions,
  settings: Settings,
  environment: Environment,
  objects: readonly SourcedObject[],
): Promise<PreviewWorld> => {
  if (!options.live)
    return describedWorld(
      options,
      settings,
      objects.map(({ object }) => object),
    );
  const { liveWorld } = await import('./live-cluster.ts');
  return liveWorld(settings, environment, readDefaults(options.defaults ?? [], policyOf(settings)));
};
