import { AppError } from '../api/errors.ts';
import { entryOf } from '../defaults/entry.ts';
import { backstopOf } from '../install/backstop.ts';
import { installObjects, toYaml } from '../install/manifests.ts';
import { type InstallOptions, readOptions } from '../install/options.ts';
import { policyOf, readSettings } from '../settings/config.ts';
import { settings } from '../settings/definitions.ts';
import { contentOf, documentsIn, isFolder, textsOf } from './documents.ts';
import { readDefaults } from './given-defaults.ts';
import { EXIT, type Terminal } from './terminal.ts';

/** What `kubectl apply -f -` takes to install Quartermaster, as YAML. Throws what `readOptions` does. */
export const manifests = (options: Partial<InstallOptions> = {}): string =>
  toYaml(installObjects(readOptions(options)));

export interface ManifestsOptions {
  readonly namespace?: string;
  readonly image?: string;
  /** Path of a YAML file of values, as the chart takes them. */
  readonly values?: string;
  /** Paths of files of PlatformDefaults: what is printed is what they come to without a webhook, and nothing of the install. */
  readonly backstop?: readonly string[];
}

/** The `manifests` command. Flags go over what the file says. */
export const manifestsCommand = (
  { values, backstop: files, ...flags }: ManifestsOptions,
  terminal: Terminal,
): number => {
  const options = { ...(values !== undefined && readValues(values)), ...flags };
  if (files === undefined) terminal.print(manifests(options));
  else printBackstop(files, readOptions(options), terminal);
  return EXIT.fine;
};

const printBackstop = (files: readonly string[], options: InstallOptions, terminal: Terminal): void => {
  const policy = policyOf(readSettings({ ...options.settings, [settings.namespace.env]: options.namespace }));
  const entries = readDefaults(files, policy, options.namespace).map((defaults) => entryOf(defaults, policy));
  const { objects, leftOut } = backstopOf(entries, options);
  for (const sentence of leftOut) terminal.complain(`Left out: ${sentence}\n`);
  terminal.print(toYaml(objects));
};

const readValues = (path: string): Partial<InstallOptions> => {
  if (path !== '-' && isFolder(path)) throw new AppError('InvalidInput', `${path} is a folder; --values takes a file.`);
  const [values] = textsOf([path]).flatMap(({ file, text }) => documentsIn(file, text).map(contentOf));
  if (typeof values === 'object' && values !== null && !Array.isArray(values)) return values;
  throw new AppError('InvalidInput', `--values ${path} holds no map of values: see charts/quartermaster/values.yaml.`);
};
