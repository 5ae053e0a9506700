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

const podsAt =
  (...path: Path) =>
  (object: KubeObject): readonly Templated[] => [
    { object: podFrom(object, readAt(object, path)), from: path.join('.') },
  ];

/** As the controllers of Kubernetes make them: labels and annotations of the template, the owner's name with a suffix. */
const podFrom = (owner: KubeObject, template: unknown): KubeObject =>
  made(owner, 'v1', 'Pod', {
    metadata: {
      ...pick(mapAt(template, ['metadata']), 'labels', 'annotations'),
      generateName: `${owner.metadata.name ?? ''}-`,
    },
    spec: readAt(template, ['spec']),
  });

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

const pick = (map: UnknownRecord, ...keys: readonly string[]): UnknownRecord =>
  Object.fromEntries(keys.flatMap((key) => (map[key] === undefined ? [] : [[key, map[key]]])));

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
  // A generated name is longer by five characters.
  const name = workflow.metadata.name ?? `${workflow.metadata.generateName ?? ''}xxxxx`;
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
    metadata: { generateName: `${name}-${textAt(template, ['name']) ?? ''}-`, labels, annotations },
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
  Job: { group: 'batch', make: podsAt('spec', 'template') },
  CronJob: { group: 'batch', make: podsAt('spec', 'jobTemplate', 'spec', 'template') },
  Deployment: { group: 'apps', make: podsAt('spec', 'template') },
  StatefulSet: { group: 'apps', make: podsAt('spec', 'template') },
  DaemonSet: { group: 'apps', make: podsAt('spec', 'template') },
};
