import type { FrameworkProfile } from '../framework.ts';

/**
 * A TaskRun of Tekton. The containers of steps are the user's; any other counts as a sidecar that the first step waits for, and is
 * stopped by another image in its place.
 */
export const tektonTask: FrameworkProfile = {
  kind: 'TektonPod',
  knownBy: { labels: { 'tekton.dev/taskRun': [] } },
  main: [/^step-/],
  helpers: [/^(prepare|place-scripts|working-dir-initializer|place-tools)$/],
  untouched: [],
  reserved: {
    paths: [/^\/tekton(\/|$)/, /^\/workspace$/],
    volumes: [/^tekton-/],
    labels: [/^tekton\.dev\//],
  },
};
