import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, mapAt, type Path, readAt, textAt, type UnknownRecord } from '../../injection/path.ts';

/** An object that another one will make, as far as its template tells. */
export interface Templated {
  readonly object: KubeObject;
  /** Where in the other it stands: `spec.template`. */
  readonly from: string;
}

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

interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

const podsAt =
  (path: Path, controlledBy: (object: KubeObject, spec: UnknownRecord) => Controlled) =>
  (object: KubeObject): readonly Templated[] => {
    const template = readAt(object, path);
    const controlled = controlledBy(object, mapAt(object, path.slice(0, -1)));
    return [{ object: podFrom(object, template, controlled), from: path.join('.') }];
  };

/** As the controllers of Kubernetes make them (pkg/controller/controller_utils.go): there is no UID of an owner before it is stored. */
const podFrom = (object: KubeObject, template: unknown, { owner, name, ...given }: Controlled): KubeObject => {
  const { labels, annotations } = mapAt(template, ['metadata']);
  const metadata = {
    ...(name !== undefined && { name }),
    generateName: `${nameOf(object)}-`,
    labels: withMap(labels, given.labels),
    annotations: withMap(annotations, given.annotations ?? {}),
    ownerReferences: [controllerReference(owner)],
  };
  const said = Object.entries(metadata).filter(([, value]) => value !== undefined);
  return made(object, 'v1', 'Pod', { metadata: Object.fromEntries(said), spec: readAt(template, ['spec']) });
};

/** What is no map is for the API server to refuse. */
const withMap = (map: unknown, given: UnknownRecord): unknown =>
  isRecord(map ?? {}) && Object.keys(given).length > 0 ? { ...(map ?? {}), ...given } : map;

const controllerReference = (owner: Owner): UnknownRecord => ({
  ...owner,
  controller: true,
  blockOwnerDeletion: true,
});

/** What is not known before an object is stored is as long here as it will be: a generated end of a name, a hash, a number, a UID. */
const unknownOf = (length: number): string => 'x'.repeat(length);
const HASH = unknownOf(10);
const UID = [8, 4, 4, 4, 12].map(unknownOf).join('-');

/** The name of an object, as long as it will be. */
export const nameOf = ({ metadata: { name, generateName } }: KubeObject): string =>
  name ?? `${generateName ?? ''}${unknownOf(5)}`;

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

const made = (
  owner: KubeObject,
  apiVersion: string,
  kind: string,
  { metadata, spec }: { readonly metadata: UnknownRecord; readonly spec: unknown },
): KubeObject => {
  const { namespace } = owner.metadata;
  const whose = { ...metadata, ...(namespace !== undefined && { namespace }) };
  return { apiVersion, kind, metadata: whose, ...(spec !== undefined && { spec }) } as KubeObject;
};

/** `<name>-<time>`, with the labels of the schedule (scheduledsparkapplication/controller.go). */
const scheduledApplication = (object: KubeObject): readonly Templated[] => {
  const labels = { ...object.metadata.labels, 'sparkoperator.k8s.io/scheduled-app-name': object.metadata.name ?? '' };
  const spec = readAt(object, ['spec', 'template']);
  const metadata = { generateName: `${object.metadata.name ?? ''}-`, labels };
  return [{ object: made(object, object.apiVersion, 'SparkApplication', { metadata, spec }), from: 'spec.template' }];
};

/** A step of Argo: its template's container as `main` between the executor's own. What the controller fills in besides is left out. */
const workflowPods =
  (...path: Path) =>
  (object: KubeObject): readonly Templated[] => {
    const spec = mapAt(object, path);
    const templates = Array.isArray(spec['templates']) ? (spec['templates'] as readonly unknown[]) : [];
    return templates.flatMap((template, at) => {
      const container = readAt(template, ['container']) ?? readAt(template, ['script']);
      if (!isRecord(container)) return [];
      const from = [...path, 'templates', String(at)].join('.');
      return [{ object: workflowPod(object, spec, template, container), from }];
    });
  };

const workflowPod = (
  workflow: KubeObject,
  spec: UnknownRecord,
  template: unknown,
  container: UnknownRecord,
): KubeObject => {
  const name = nameOf(workflow);
  const { source: _, ...main } = container;
  const labels = {
    'workflows.argoproj.io/completed': 'false',
    'workflows.argoproj.io/workflow': name,
    ...mapAt(spec, ['podMetadata', 'labels']),
    ...mapAt(template, ['metadata', 'labels']),
  };
  const annotations = {
    ...mapAt(spec, ['podMetadata', 'annotations']),
    ...mapAt(template, ['metadata', 'annotations']),
  };
  const listOf = (node: unknown, field: string): readonly unknown[] => {
    const list = readAt(node, [field]);
    return Array.isArray(list) ? list : [];
  };
  return made(workflow, 'v1', 'Pod', {
    metadata: {
      generateName: `${name}-${textAt(template, ['name']) ?? ''}-`,
      ...{ labels, annotations },
      ownerReferences: [controllerReference({ apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', name })],
    },
    spec: {
      restartPolicy: 'Never',
      volumes: [...listOf(spec, 'volumes'), ...listOf(template, 'volumes')],
      initContainers: [{ name: 'init' }, ...listOf(template, 'initContainers').map(asArgoMarks)],
      containers: [{ name: 'wait' }, { ...main, name: 'main' }, ...listOf(template, 'sidecars').map(asArgoMarks)],
    },
  });
};

const asArgoMarks = (container: unknown): unknown => {
  if (!isRecord(container)) return container;
  const env = Array.isArray(container['env']) ? (container['env'] as readonly unknown[]) : [];
  return { ...container, env: [{ name: 'ARGO_CONTAINER_NAME', value: container['name'] }, ...env] };
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
