import type { FrameworkProfile } from '../framework.ts';

/**
 * Head and workers of KubeRay, Ray being the first container by any name. The operator hashes its custom resources alone: what a
 * pod is given is no drift, while a change of the RayCluster restarts it.
 */
export const rayNode: FrameworkProfile = {
  kind: 'RayNode',
  knownBy: { labels: { 'ray.io/is-ray-node': ['yes'], 'ray.io/cluster': [] } },
  main: 'first',
  helpers: [/^(wait-gcs-ready|autoscaler|ray-history-collector|ray-job-submitter)$/],
  untouched: [],
  reserved: {
    paths: [/^\/dev\/shm(\/|$)/, /^\/tmp\/ray(\/|$)/],
    volumes: [/^(shared-mem|ray-logs|ray-tls|ray-token|gcs-storage)$/],
    env: [
      /^RAY_(CLUSTER_NAME|CLUSTER_NAMESPACE|CLOUD_INSTANCE_ID|NODE_TYPE_NAME|IP|ADDRESS|PORT|TLS_.*)$/,
      /^(FQ_RAY_IP|KUBERAY_GEN_.*|REDIS_PASSWORD)$/,
    ],
    labels: [/^ray\.io\//],
  },
};
