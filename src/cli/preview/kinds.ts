import type { KubeObject } from '../../api/kubernetes.ts';
import { nearestOf } from '../../api/plain-text.ts';
import { groupVersionOf } from '../../explanation/request.ts';

/** Whole groups of Kubernetes 1.37, and of what runs data workloads, as far as people write them. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  v1: [
    ...['Binding', 'ConfigMap', 'Endpoints', 'Event', 'LimitRange', 'List', 'Namespace', 'Node', 'PersistentVolume'],
    ...['PersistentVolumeClaim', 'Pod', 'PodTemplate', 'ReplicationController', 'ResourceQuota', 'Secret', 'Service'],
    'ServiceAccount',
  ],
  'apps/v1': ['ControllerRevision', 'DaemonSet', 'Deployment', 'ReplicaSet', 'StatefulSet'],
  'batch/v1': ['CronJob', 'Job'],
  'storage.k8s.io/v1': [
    ...['CSIDriver', 'CSINode', 'CSIStorageCapacity', 'StorageClass', 'VolumeAttachment', 'VolumeAttributesClass'],
  ],
  'sparkoperator.k8s.io/v1beta2': ['ScheduledSparkApplication', 'SparkApplication'],
  'sparkoperator.k8s.io/v1alpha1': ['SparkConnect'],
  'spark.apache.org/v1': ['SparkApplication', 'SparkCluster'],
  'spark.apache.org/v1beta1': ['SparkApplication', 'SparkCluster'],
  'spark.apache.org/v1alpha1': ['SparkApplication', 'SparkCluster'],
  'argoproj.io/v1alpha1': [
    ...['ClusterWorkflowTemplate', 'CronWorkflow', 'Workflow', 'WorkflowArtifactGCTask', 'WorkflowEventBinding'],
    ...['WorkflowTaskResult', 'WorkflowTaskSet', 'WorkflowTemplate'],
  ],
  'quartermaster.dev/v1alpha1': ['PlatformDefaults'],
  'banzaicloud.com/v1alpha1': ['ObjectStore'],
};

/**
 * Where the kind of an object, or its version, is most likely mistyped: a sentence that says so. An API server that does not have it
 * refuses it; without one there is no telling, so a kind that is like none of these passes.
 */
export const mistypedKind = ({ apiVersion, kind }: KubeObject): readonly string[] => {
  const { group } = groupVersionOf(apiVersion);
  const versions = Object.keys(KINDS).filter((known) => KINDS[known]?.includes(kind));
  if (versions.includes(apiVersion)) return [];
  const version = versions.find((known) => groupVersionOf(known).group === group) ?? nearestOf(apiVersion, versions);
  if (version !== undefined) return [`no ${kind} is known in ${apiVersion} (did you mean ${version}?)`];
  const siblings = Object.keys(KINDS).filter((known) => groupVersionOf(known).group === group);
  const meant = nearestOf(
    kind,
    siblings.flatMap((known) => KINDS[known] ?? []),
  );
  return meant === undefined ? [] : [`no kind ${kind} is known in ${apiVersion} (did you mean ${meant}?)`];
};
