import type { FrameworkProfile } from '../framework.ts';

const reserved: FrameworkProfile['reserved'] = {
  paths: [/^\/airflow\/xcom(\/|$)/],
  volumes: [/^xcom$/],
  env: [/^AIRFLOW__/],
  // Airflow finds its pods by these, and makes selectors of them when it adopts a task.
  labels: [
    /^(kubernetes_executor|kubernetes_pod_operator|airflow-worker|airflow_version|airflow_kpo_in_cluster)$/,
    /^(dag_id|task_id|run_id|map_index|try_number|execution_date|already_checked|tier|component)$/,
  ],
};

/** A task of KubernetesExecutor: the scheduler waits for `base`, which is the first container. */
export const kubernetesExecutor: FrameworkProfile = {
  kind: 'AirflowTask',
  knownBy: { labels: { kubernetes_executor: ['True'] } },
  main: [/^base$/],
  helpers: [/^git-sync/],
  untouched: [],
  reserved,
};

/** What KubernetesPodOperator starts: its first container is the user's, by whatever name (`base_container_name`). */
export const kubernetesPodOperator: FrameworkProfile = {
  kind: 'AirflowTask',
  knownBy: { labels: { kubernetes_pod_operator: ['True'] } },
  main: 'first',
  helpers: [],
  untouched: [/^airflow-xcom-sidecar$/],
  reserved,
};

/** What the chart runs: scheduler, workers, triggerer and the like. Code of users runs in `worker`. */
export const airflowComponent: FrameworkProfile = {
  kind: 'AirflowComponent',
  knownBy: { labels: { tier: ['airflow'], component: [] } },
  main: [/^(scheduler|api-server|webserver|worker|triggerer|dag-processor|flower)$/],
  helpers: [/^git-sync/, /^wait-for-/, /-log-groomer$/, /^(kerberos|kerberos-init|volume-permissions)$/],
  untouched: [],
  reserved,
};
