import { installObjects, toYaml } from '../install/manifests.ts';
import { type InstallOptions, readOptions } from '../install/options.ts';
import { EXIT, type Terminal } from './terminal.ts';

/** What `kubectl apply -f -` takes to install Quartermaster, as YAML. Throws what `readOptions` does. */
export const manifests = (options: Partial<InstallOptions> = {}): string =>
  toYaml(installObjects(readOptions(options)));

/** The `manifests` command. */
export const manifestsCommand = (options: Partial<InstallOptions>, terminal: Terminal): number => {
  terminal.print(manifests(options));
  return EXIT.fine;
};
