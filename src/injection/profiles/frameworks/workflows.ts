import type { FrameworkProfile } from '../framework.ts';

/** A process of Nextflow, a Job or a bare pod, whose first container is called as the pod is and is read by its place. */
export const nextflowProcess: FrameworkProfile = {
  kind: 'NextflowPod',
  knownBy: { labels: { 'nextflow.io/app': ['nextflow'], 'nextflow.io/processName': [] } },
  main: 'first',
  helpers: [],
  untouched: [],
  reserved: { labels: [/^nextflow\.io\//] },
};

/** A job of Snakemake's executor: its label is on the Job and not on the pod, which has the container's name alone. */
export const snakemakeJob: FrameworkProfile = {
  kind: 'SnakemakePod',
  knownBy: { owner: { group: 'batch', kind: 'Job' }, container: 'snakemake', selectedBy: 'job-name' },
  main: [/^snakemake$/],
  helpers: [],
  untouched: [],
  reserved: { paths: [/^\/workdir(\/|$)/], volumes: [/^workdir$/] },
};

/** A job of Toil's batch system for Kubernetes, which reads the container that it is alone with. */
export const toilJob: FrameworkProfile = {
  kind: 'ToilPod',
  knownBy: { labels: { toil_run: [] }, container: 'runner-container' },
  main: [/^runner-container$/],
  helpers: [],
  untouched: [],
  reserved: { volumes: [/^(workdir|coordination|s3-credentials)$/], env: [/^TOIL_/], labels: [/^toil_run$/] },
};
