import type { FrameworkProfile } from '../framework.ts';

/** A flow run of Prefect's Kubernetes worker. */
export const prefectFlow: FrameworkProfile = {
  kind: 'PrefectPod',
  knownBy: { labels: { 'prefect.io/flow-run-id': [] } },
  main: 'first',
  helpers: [],
  untouched: [],
  reserved: { labels: [/^prefect\.io\//] },
};

/** A run or a step of Dagster's launcher and executor; its long-running parts have other names of containers. */
export const dagsterRun: FrameworkProfile = {
  kind: 'DagsterPod',
  knownBy: { labels: { 'app.kubernetes.io/name': ['dagster'] }, container: 'dagster' },
  main: [/^dagster$/],
  helpers: [],
  untouched: [],
  reserved: { labels: [/^dagster\//, /^app\.kubernetes\.io\//] },
};
