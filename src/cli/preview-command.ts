import type { Facts } from '../api/facts.ts';
import { policyOf, type Settings } from '../config.ts';
import { place, readObjects, type SourcedObject } from './documents.ts';
import { preview } from './preview.ts';
import { describedFacts, readDefaults, type WorldOptions } from './preview-facts.ts';
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
  const facts = await factsFor(options, settings, environment, objects);
  const documents = preview(objects, facts, options.namespace);
  terminal.print(render(documents, options.output, terminal.isColoured));
  for (const { source, warnings, denied } of documents) {
    for (const warning of warnings) terminal.complain(`${place(source)}: warning: ${warning}\n`);
    if (denied !== undefined) terminal.complain(`${place(source)}: refused: ${denied}\n`);
  }
  if (options.explain) terminal.complain(`\n${renderExplanations(documents)}`);
  return documents.every(({ allowed }) => allowed) ? EXIT.fine : EXIT.refused;
};

const factsFor = async (
  options: PreviewOptions,
  settings: Settings,
  environment: Environment,
  objects: readonly SourcedObject[],
): Promise<Facts> => {
  if (!options.live)
    return describedFacts(
      options,
      settings,
      objects.map(({ object }) => object),
    );
  const { liveFacts } = await import('./live-facts.ts');
  return liveFacts(settings, environment, readDefaults(options.defaults ?? [], policyOf(settings)));
};
