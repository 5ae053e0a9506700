import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { AppError, messageOf } from '../api/errors.ts';
import { installObjects, toYaml } from '../install/manifests.ts';
import { type InstallOptions, readOptions } from '../install/options.ts';
import { EXIT, type Terminal } from './terminal.ts';

/** What `kubectl apply -f -` takes to install Quartermaster, as YAML. Throws what `readOptions` does. */
export const manifests = (options: Partial<InstallOptions> = {}): string =>
  toYaml(installObjects(readOptions(options)));

export interface ManifestsOptions {
  readonly namespace?: string;
  readonly image?: string;
  /** Path of a YAML file of values, as the chart takes them. */
  readonly values?: string;
}

/** The `manifests` command. Flags go over what the file says. */
export const manifestsCommand = async ({ values, ...flags }: ManifestsOptions, terminal: Terminal): Promise<number> => {
  terminal.print(manifests({ ...(values !== undefined && (await readValues(values))), ...flags }));
  return EXIT.fine;
};

const readValues = async (path: string): Promise<Partial<InstallOptions>> => {
  try {
    const values: unknown = parse(await readFile(path, 'utf8'));
    if (typeof values === 'object' && values !== null && !Array.isArray(values)) return values;
  } catch (cause) {
    throw new AppError('InvalidInput', `--values ${path} cannot be read: ${messageOf(cause).split('\n')[0]}.`, {
      cause,
    });
  }
  throw new AppError('InvalidInput', `--values ${path} holds no map of values: see charts/quartermaster/values.yaml.`);
};
