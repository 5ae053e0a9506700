import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, mapAt, type Path, readAt, type UnknownRecord } from '../../injection/path.ts';
import { controllerReference, made, nameOf, type Owner, type Templated, unknownOf } from './made-object.ts';
import { workflowPods } from './workflow-pods.ts';

/** What an object will make later that admission then sees: applications of a schedule, pods of a workload. Names end in `*` where they are generated. */
export const templatesOf = (object: KubeObject): readonly Templated[] => {
  const makers = MAKERS[object.kind];
  const group = object.apiVersion.split('/')[0] ?? '';
  return makers === undefined || !Object.hasOwn(MAKERS, object.kind) || makers.group !== group
    ? []
    : makers.make(object).filter(({ object: made }) => isRecord((made as { readonly spec?: unknown }).spec));
};

interface Maker {
  readonly group: string;
  readonly make: (object: KubeObject) => readonly Templated[];
}

/** The controller of a pod, and what it puts on it besides what the template says. */
interface Controlled {
  readonly owner: Owner;
  /** Where it is not generated. */
  readonly name?: string;
  readonly labels: UnknownRecord;
  readonly annotations?: UnknownRecord;
}

const podsAt =
  (path: Path, controlledBy: (object: KubeObject, spec: UnknownRecord) => Controlled) =>
  (object: KubeObject): readonly Templated[] => {
    const template = readAt(object, path);
    const controlled = controlledBy(object, mapAt(object, path.slice(0, -1)));
    return [{ object: podFrom(object, template, controlled), from: path.join('.') }];
  };

/** As the controllers of Kubernetes make them (pkg/controller/controller_utils.go). */
const podFrom = (object: KubeObject, template: unknown, { owner, name, ...given }: Controlled): KubeObject => {
  const { labels, annotations } = mapAt(template, ['metadata']);
  const metadata = {
    ...(name !== undefined && { name }),
    generateName: `${nameOf(object)}-`,
    labels: withMap(labels, given.labels),
    annotations: withMap(annotations, given.annotations ?? {}),
    ownerReferences: [controllerReference(owner)],
  };
  return made(object, 'v1', 'Pod', { metadata, spec: readAt(template, ['spec']) });
};

/** What is no map is for the API server to refuse. */
const withMap = (map: unknown, given: UnknownRecord): unknown =>
  isRecord(map ?? {}) && Object.keys(given).length > 0 ? { ...(map ?? {}), ...given } : map;

const HASH = unknownOf(10);
const UID = [8, 4, 4, 4, 12].map(unknownOf).join('-');

/** Labels of a template that has none of these yet (pkg/registry/batch/job/strategy.go), and of its first index. */
const jobPod =
  (nameFor: (object: KubeObject) => string) =>
  (object: KubeObject, spec: UnknownRecord): Controlled => {
    const name = nameFor(object);
    const own = mapAt(spec, ['template', 'metadata', 'labels']);
    const labels = {
      'batch.kubernetes.io/job-name': name,
      'job-name': name,
      'batch.kubernetes.io/controller-uid': UID,
      'controller-uid': UID,
    };
    const index = spec['completionMode'] === 'Indexed' ? { 'batch.kubernetes.io/job-completion-index': '0' } : {};
    return {
      owner: { apiVersion: 'batch/v1', kind: 'Job', name },
      labels: { ...(spec['manualSelector'] !== true && { ...labels, ...own }), ...index },
      annotations: index,
    };
  };

const deploymentPod = (object: KubeObject): Controlled => ({
  owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${nameOf(object)}-${HASH}` },
  labels: { 'pod-template-hash': HASH },
});

const daemonPod = (object: KubeObject): Controlled => ({
  owner: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: nameOf(object) },
  labels: { 'controller-revision-hash': HASH, 'pod-template-generation': '1' },
});

/** The first of them (pkg/controller/statefulset/stateful_set_utils.go). */
const statefulPod = (object: KubeObject, spec: UnknownRecord): Controlled => {
  const owner = nameOf(object);
  const { start } = mapAt(spec, ['ordinals']);
  const ordinal = typeof start === 'number' ? String(start) : '0';
  const name = `${owner}-${ordinal}`;
  return {
    owner: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: owner },
    name,
    labels: {
      'statefulset.kubernetes.io/pod-name': name,
      'apps.kubernetes.io/pod-index': ordinal,
      'controller-revision-hash': `${owner}-${HASH}`,
    },
  };
};

/** `<name>-<time>`, with the labels of the schedule (scheduledsparkapplication/controller.go). */
const scheduledApplication = (object: KubeObject): readonly Templated[] => {
  const labels = { ...object.metadata.labels, 'sparkoperator.k8s.io/scheduled-app-name': object.metadata.name ?? '' };
  const spec = readAt(object, ['spec', 'template']);
  const metadata = { generateName: `${object.metadata.name ?? ''}-`, labels };
  return [{ object: made(object, object.apiVersion, 'SparkApplication', { metadata, spec }), from: 'spec.template' }];
};

const MAKERS: Readonly<Record<string, Maker>> = {
  ScheduledSparkApplication: { group: 'sparkoperator.k8s.io', make: scheduledApplication },
  Workflow: { group: 'argoproj.io', make: workflowPods('spec') },
  WorkflowTemplate: { group: 'argoproj.io', make: workflowPods('spec') },
  CronWorkflow: { group: 'argoproj.io', make: workflowPods('spec', 'workflowSpec') },
  Job: { group: 'batch', make: podsAt(['spec', 'template'], jobPod(nameOf)) },
  CronJob: {
    group: 'batch',
    // The minutes since 1970 are its end.
    make: podsAt(
      ['spec', 'jobTemplate', 'spec', 'template'],
      jobPod((object) => `${nameOf(object)}-${unknownOf(8)}`),
    ),
  },
  Deployment: { group: 'apps', make: podsAt(['spec', 'template'], deploymentPod) },
  StatefulSet: { group: 'apps', make: podsAt(['spec', 'template'], statefulPod) },
  DaemonSet: { group: 'apps', make: podsAt(['spec', 'template'], daemonPod) },
};
