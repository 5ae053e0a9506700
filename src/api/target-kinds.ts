/** Pods of frameworks that people run, known by what their makers put on them; see src/injection/profiles/frameworks. */
export const FRAMEWORK_KINDS = [
  'SparkPod',
  'AirflowTask',
  'AirflowComponent',
  'NotebookPod',
  'DaskPod',
  'RayNode',
  'FlinkPod',
  'TrainingPod',
  'TektonPod',
  'NextflowPod',
  'SnakemakePod',
  'ToilPod',
  'PrefectPod',
  'DagsterPod',
  'MetaflowPod',
  'JobPod',
] as const;

export type FrameworkKind = (typeof FRAMEWORK_KINDS)[number];

/** Kinds whose objects are pods. `Pod` holds for all of them, each other for those of one framework. */
export const POD_KINDS = ['Pod', 'CalrissianPod', 'WorkflowPod', ...FRAMEWORK_KINDS] as const;

/**
 * The kinds of objects that can be given anything. ApacheSparkApplication is the SparkApplication of Apache's own operator
 * (spark.apache.org), of which Kubeflow's (sparkoperator.k8s.io) has the name; SparkCluster is Apache's too.
 */
export const TARGET_KINDS = [
  'PersistentVolumeClaim',
  'SparkApplication',
  'SparkConnect',
  'ApacheSparkApplication',
  'SparkCluster',
  'ObjectStore',
  ...POD_KINDS,
] as const;

export type TargetKind = (typeof TARGET_KINDS)[number];

const sparkApplications = ['SparkApplication', 'ApacheSparkApplication'] as const;
const labelled = ['PersistentVolumeClaim', ...sparkApplications, 'ObjectStore', ...POD_KINDS] as const;
const running = [...sparkApplications, ...POD_KINDS] as const;
/** Apache's operator counts containers that end with an error as the end of an application: its pods are given none by their template. A runner of Calrissian mounts by rules of its own. */
const containers = ['SparkApplication', 'Pod', 'WorkflowPod', ...FRAMEWORK_KINDS] as const;
const spark = [...sparkApplications, 'SparkConnect', 'SparkCluster'] as const;

/**
 * Which kinds have a place for each key of spec.inject.
 *
 * A pod's service account is settled by the API server before any webhook is asked, so that what its author
 * left out cannot be told from what they chose: only applications take one.
 */
export const INJECT_KEYS = {
  labels: labelled,
  annotations: labelled,
  env: running,
  envFrom: running,
  volumes: running,
  volumeMounts: running,
  configMaps: running,
  secrets: running,
  nodeSelector: running,
  tolerations: running,
  imagePullSecrets: running,
  initContainers: containers,
  sidecars: containers,
  hostAliases: running,
  proxy: running,
  caBundle: running,
  forExecutors: POD_KINDS,
  priorityClassName: running,
  schedulerName: running,
  runtimeClassName: running,
  terminationGracePeriodSeconds: running,
  affinity: running,
  topologySpreadConstraints: running,
  dnsConfig: running,
  securityContext: running,
  containerSecurityContext: running,
  resources: POD_KINDS,
  imagePullPolicy: POD_KINDS,
  imageRegistries: POD_KINDS,
  serviceAccountName: sparkApplications,
  prometheus: ['SparkApplication'],
  sparkConf: spark,
  hadoopConf: spark,
  eventLog: sparkApplications,
  objectStore: running,
  s3aCommitter: sparkApplications,
  storageClass: ['PersistentVolumeClaim'],
} as const satisfies Readonly<Record<string, readonly TargetKind[]>>;

export type InjectKey = keyof typeof INJECT_KEYS;

/** True for kinds whose objects are pods. */
export const isPodKind = (kind: TargetKind): boolean => POD_KINDS.some((pods) => pods === kind);

/** Kinds as a sentence has them: those of pods, where all of them are there, as one. */
export const namesOfKinds = (kinds: readonly TargetKind[]): string => {
  const hasAllPods = POD_KINDS.every((kind) => kinds.includes(kind));
  return hasAllPods ? [...kinds.filter((kind) => !isPodKind(kind)), 'pods of any kind'].join(', ') : kinds.join(', ');
};
