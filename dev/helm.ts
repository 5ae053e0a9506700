import type { Progress } from './cluster/cache.ts';
import { goProgram } from './cluster/go-program.ts';

/** The oldest and the newest that the chart is tested with. */
export const helmVersions = ['3.18.6', '4.3.2'] as const;

/** Path of the real helm, built from its Go module where no earlier run did. */
export const ensureHelm = (version: (typeof helmVersions)[number], progress: Progress): Promise<string> => {
  const module = `helm.sh/helm/v${version.split('.')[0]}`;
  // A cache keeps one build under a name.
  return goProgram({ name: `helm-${version}`, module, version, package: './cmd/helm' }, progress);
};
