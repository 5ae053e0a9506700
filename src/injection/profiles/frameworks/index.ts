import type { FrameworkProfile } from '../framework.ts';
import { airflowComponent, kubernetesExecutor, kubernetesPodOperator } from './airflow.ts';
import { daskGateway, daskKubernetes } from './dask.ts';
import { flinkPod } from './flink.ts';
import { jobPod } from './job.ts';
import { jupyterHub, kubeflowNotebook, kubeflowWorkspace } from './jupyter.ts';
import { dagsterRun, metaflowTask, prefectFlow } from './orchestration.ts';
import { rayNode } from './ray.ts';
import { sparkCluster, sparkConnectServer, sparkPod } from './spark.ts';
import { tektonTask } from './tekton.ts';
import { jobSetPod, trainingReplica } from './training.ts';
import { nextflowProcess, snakemakeJob, toilJob } from './workflows.ts';

/** Every framework there is, the more specific first: the first that fits a pod is its profile. */
export const FRAMEWORKS: readonly FrameworkProfile[] = [
  sparkPod,
  sparkConnectServer,
  sparkCluster,
  kubernetesPodOperator,
  kubernetesExecutor,
  jupyterHub,
  kubeflowNotebook,
  kubeflowWorkspace,
  daskKubernetes,
  daskGateway,
  rayNode,
  flinkPod,
  trainingReplica,
  tektonTask,
  nextflowProcess,
  prefectFlow,
  dagsterRun,
  metaflowTask,
  toilJob,
  jobSetPod,
  snakemakeJob,
  jobPod,
  airflowComponent,
];
