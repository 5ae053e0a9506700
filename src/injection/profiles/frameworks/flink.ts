import type { FrameworkProfile } from '../framework.ts';

/**
 * JobManagers and TaskManagers, native and standalone. The operator compares the spec of a FlinkDeployment with the last one and
 * upgrades running jobs where it differs: so the pods, and never the resource.
 */
export const flinkPod: FrameworkProfile = {
  kind: 'FlinkPod',
  knownBy: {
    labels: {
      type: ['flink-native-kubernetes', 'flink-standalone-kubernetes'],
      component: ['jobmanager', 'taskmanager'],
    },
  },
  main: [/^flink-main-container$/],
  helpers: [],
  untouched: [],
  reserved: {
    paths: [/^\/opt\/flink\/conf(\/|$)/],
    volumes: [/^(flink-config-volume|hadoop-config-volume|flink-volume-.*|kerberos-.*|pod-template-volume)$/],
    env: [/^(_POD_IP_ADDRESS|_POD_NODE_ID|ENABLE_BUILT_IN_PLUGINS|FLINK_CONF_DIR)$/],
    labels: [/^(app|component|type)$/],
  },
};
