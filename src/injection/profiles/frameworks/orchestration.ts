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

/** A task of Metaflow, in a Job or a JobSet; one that Argo runs is a pod of a workflow. The container is called as the step is. */
export const metaflowTask: FrameworkProfile = {
  kind: 'MetaflowPod',
  knownBy: { labels: { 'app.kubernetes.io/name': ['metaflow-task'], 'app.kubernetes.io/part-of': ['metaflow'] } },
  main: 'first',
  helpers: [],
  untouched: [],
  reserved: {
    volumes: [/^(tmpfs-ephemeral-volume|dhsm)$/],
    env: [/^(METAFLOW_|MF_|MFLOG_)/],
    labels: [/^metaflow\//, /^app\.kubernetes\.io\/(name|part-of)$/],
  },
};
