import type { FrameworkProfile } from '../framework.ts';

/**
 * Drivers and executors that Spark's own client makes (BasicDriverFeatureStep, BasicExecutorFeatureStep): with spark-submit, Spark Connect, EMR on EKS,
 * notebooks in client mode. Executors copy nothing of their driver's pod, so that each is given its own.
 */
export const sparkPod: FrameworkProfile = {
  kind: 'SparkPod',
  knownBy: { labels: { 'spark-role': ['driver', 'executor'], 'spark-app-selector': [] } },
  main: [/^spark-kubernetes-(driver|executor)$/],
  helpers: [],
  untouched: [],
  reserved: {
    paths: [
      /^\/opt\/spark\/(conf|pod-template)(\/|$)/,
      /^\/opt\/hadoop\/conf(\/|$)/,
      /^\/var\/data\/spark-/,
      /^\/mnt\/secrets(\/|$)/,
    ],
    volumes: [
      /^spark-(local-dir|conf-volume)-/,
      /^(pod-template-volume|hadoop-properties|krb5-file|kerberos-keytab|hadoop-secret|kubernetes-credentials)$/,
      /^(emr-container-|fluentd-|temp-data-dir$|home-dir$|mnt-dir$)/,
    ],
    env: [
      /^SPARK_(USER|APPLICATION_ID|DRIVER_.*|EXECUTOR_.*|CONF_DIR|LOCAL_DIRS|RESOURCE_PROFILE_ID|JAVA_OPT_\d+|CLASSPATH)$/,
      /^(PYSPARK_.*|HADOOP_CONF_DIR|HADOOP_TOKEN_FILE_LOCATION)$/,
    ],
    labels: [
      /^spark-(role|version|exec-id|exec-inactive|exec-resourceprofile-id|app-(selector|name))$/,
      /^spark\.operator\//,
      /^emr-containers\.amazonaws\.com\//,
    ],
  },
};

/**
 * The server of a SparkConnect of Kubeflow's operator, whose own webhook passes over it; it is compared with nothing once it is
 * made (mutateServerPod). Its executors are known as those of any client.
 */
export const sparkConnectServer: FrameworkProfile = {
  kind: 'SparkPod',
  knownBy: { labels: { 'spark-role': ['connect-server'], 'sparkoperator.k8s.io/connect-name': [] } },
  main: [/^spark-kubernetes-driver$/],
  helpers: [],
  untouched: [],
  reserved: {
    paths: [/^\/tmp\/spark(\/|$)/],
    volumes: [/^spark-conf$/],
    env: [/^(POD_IP|SPARK_NO_DAEMONIZE)$/],
    labels: [/^sparkoperator\.k8s\.io\//],
  },
};

/** Master and workers of a SparkCluster of Apache's operator, which builds StatefulSets of them. */
export const sparkCluster: FrameworkProfile = {
  kind: 'SparkPod',
  knownBy: { labels: { 'spark.operator/spark-cluster-name': [] } },
  main: [/^(master|worker)$/],
  helpers: [],
  untouched: [],
  reserved: {},
};
