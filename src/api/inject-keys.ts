/** The kinds a PlatformDefaults can match. A CalrissianPod and a WorkflowPod are Pods, told apart by what runs in them. */
export const TARGET_KINDS = [
  'PersistentVolumeClaim',
  'SparkApplication',
  'SparkConnect',
  'CalrissianPod',
  'WorkflowPod',
  'ObjectStore',
] as const;

export type TargetKind = (typeof TARGET_KINDS)[number];

const labelled = ['PersistentVolumeClaim', 'SparkApplication', 'CalrissianPod', 'WorkflowPod', 'ObjectStore'] as const;
const running = ['SparkApplication', 'CalrissianPod', 'WorkflowPod'] as const;
const spark = ['SparkApplication', 'SparkConnect'] as const;
const sparkApplication = ['SparkApplication'] as const;

/**
 * Which kinds have a place for each key of spec.inject.
 *
 * A pod's service account is settled by the API server before any webhook is asked, so that what its author
 * left out cannot be told from what they chose: only SparkApplication takes one.
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
  serviceAccountName: sparkApplication,
  prometheus: sparkApplication,
  sparkConf: spark,
  hadoopConf: spark,
  eventLog: sparkApplication,
  storageClass: ['PersistentVolumeClaim'],
} as const satisfies Readonly<Record<string, readonly TargetKind[]>>;

export type InjectKey = keyof typeof INJECT_KEYS;
