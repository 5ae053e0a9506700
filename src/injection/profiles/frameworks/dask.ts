import type { FrameworkProfile } from '../framework.ts';

/** Scheduler, workers and job runner of dask-kubernetes: the names of containers are the user's, and so are all of these. */
export const daskKubernetes: FrameworkProfile = {
  kind: 'DaskPod',
  knownBy: { labels: { 'dask.org/cluster-name': [], 'dask.org/component': ['scheduler', 'worker', 'job-runner'] } },
  main: 'all',
  helpers: [],
  untouched: [],
  reserved: { env: [/^DASK_(WORKER_NAME|SCHEDULER_ADDRESS)$/], labels: [/^dask\.org\//] },
};

/** Pods of dask-gateway, which reads the state of its containers by their names. */
export const daskGateway: FrameworkProfile = {
  kind: 'DaskPod',
  knownBy: {
    labels: {
      'gateway.dask.org/cluster': [],
      'app.kubernetes.io/component': ['dask-scheduler', 'dask-worker'],
    },
  },
  main: [/^dask-(scheduler|worker)$/],
  helpers: [],
  untouched: [],
  reserved: {
    paths: [/^\/etc\/dask-credentials(\/|$)/],
    volumes: [/^dask-credentials$/],
    env: [/^DASK_GATEWAY_/],
    labels: [/^gateway\.dask\.org\//, /^app\.kubernetes\.io\/(component|name|version)$/],
  },
};
