import { parse } from 'yaml';
import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, listAt, mapAt, type Path, readAt, textAt, type UnknownRecord } from '../../injection/path.ts';
import { controllerReference, made, nameOf, type Templated, unknownOf } from './made-object.ts';
import { mergeThree, podSpecFields, workflowTemplateFields } from './strategic-merge.ts';

/** A workflow as its controller runs it. */
interface Workflow {
  readonly object: KubeObject;
  readonly name: string;
  readonly spec: UnknownRecord;
}

/** A template that runs something. */
interface Step {
  readonly template: UnknownRecord;
  readonly at: Path;
  /** That of the steps or the DAG which call it: its scheduling holds before the workflow's. */
  readonly caller: UnknownRecord;
}

/** The name of the Workflow that an object makes or is: that of a CronWorkflow ends in the time. */
export const workflowName = (object: KubeObject): string => {
  const ends: Readonly<Record<string, number>> = { WorkflowTemplate: 5, CronWorkflow: 10 };
  const length = Object.hasOwn(ends, object.kind) ? ends[object.kind] : undefined;
  return length === undefined ? nameOf(object) : `${nameOf(object)}-${unknownOf(length)}`;
};

/** A pod for each step of Argo, and one agent for all that are calls (createWorkflowPod and createAgentPod in workflow/controller). */
export const workflowPods =
  (...path: Path) =>
  (object: KubeObject): readonly Templated[] => {
    const spec = mapAt(object, path);
    const workflow = { object, name: workflowName(object), spec };
    const steps = stepsOf(spec, path);
    const call = steps.find(({ template }) => isCall(template));
    return [
      ...steps.filter(({ template }) => !isCall(template)).map((step) => asTemplated(stepPod(workflow, step), step.at)),
      ...(call === undefined ? [] : [asTemplated(agentPod(workflow), call.at)]),
    ];
  };

const asTemplated = (object: KubeObject, at: Path): Templated => ({ object, from: at.join('.') });

/** In the order in which Argo looks what a template is. */
const TYPES = ['container', 'containerSet', 'steps', 'dag', 'script', 'resource', 'data', 'suspend', 'http', 'plugin'];
const typeOf = (template: UnknownRecord): string | undefined => TYPES.find((type) => isSaid(template[type]));
const isCall = (template: UnknownRecord): boolean => ['http', 'plugin'].includes(typeOf(template) ?? '');
const RUNNING = ['container', 'containerSet', 'script', 'resource', 'data', 'http', 'plugin'];

const stepsOf = (spec: UnknownRecord, path: Path): readonly Step[] => {
  const templates = recordsAt(spec, ['templates']);
  const callers = new Map(
    templates.toReversed().flatMap((caller) => callsOf(caller).map(({ call }) => [call['template'], caller] as const)),
  );
  return templates.flatMap((template, at) => {
    const caller = callers.get(template['name']) ?? {};
    return stepsIn(spec, { template, at: [...path, 'templates', String(at)], caller });
  });
};

const stepsIn = (spec: UnknownRecord, { template, at, caller }: Step): readonly Step[] => {
  const inline = callsOf(template).flatMap(({ call, at: place }) => {
    const within = call['inline'];
    return isRecord(within)
      ? stepsIn(spec, { template: within, at: [...at, ...place, 'inline'], caller: template })
      : [];
  });
  const runs = RUNNING.includes(typeOf(template) ?? '');
  return runs ? [{ template: withDefaults(spec, template), at, caller }] : inline;
};

interface Call {
  readonly call: UnknownRecord;
  readonly at: Path;
}

const callsOf = (template: UnknownRecord): readonly Call[] => {
  const groups = listAt(template, ['steps']).map((group, at) => ({ group, at: ['steps', String(at)] }));
  return [...groups, { group: readAt(template, ['dag', 'tasks']), at: ['dag', 'tasks'] }].flatMap(({ group, at }) =>
    listAt(group, []).flatMap((call, place) => (isRecord(call) ? [{ call, at: [...at, String(place)] }] : [])),
  );
};

/** Of what templateDefaults say how something runs, only what is of the type of the template holds. */
const withDefaults = (spec: UnknownRecord, template: UnknownRecord): UnknownRecord => {
  const type = typeOf(template);
  const defaults = Object.entries(mapAt(spec, ['templateDefaults'])).filter(
    ([key]) => key === type || !TYPES.includes(key),
  );
  return mergeThree({}, Object.fromEntries(defaults), template, workflowTemplateFields);
};

const stepPod = (workflow: Workflow, { template, caller }: Step): KubeObject => {
  const { name, spec } = workflow;
  const mains = mainContainers(template);
  const inits = recordsAt(template, ['initContainers']).map(mirroring(mains));
  const sidecars = recordsAt(template, ['sidecars']).map(mirroring(mains));
  const isWaitedFor = !['resource', 'data'].includes(typeOf(template) ?? '');
  const own = textAt(template, ['name']) ?? '';
  return podOf(workflow, template, {
    name: own !== '' && own === spec['entrypoint'] ? name : `${[name, own].filter(Boolean).join('-')}-${unknownOf(10)}`,
    labels: {},
    spec: {
      restartPolicy: 'Never',
      volumes: volumesOf(workflow, template, [...mains, ...inits, ...sidecars]),
      serviceAccountName: firstSaid(template['serviceAccountName'], spec['serviceAccountName']),
      ...schedulingOf(spec, template, caller),
      securityContext: firstSaid(template['securityContext'], spec['securityContext']),
      initContainers: [{ name: 'init' }, ...inits.map(asArgoMarks)],
      containers: [...(isWaitedFor ? [{ name: 'wait' }] : []), ...mains, ...sidecars.map(asArgoMarks)],
    },
  });
};

/** Of all that are calls; it has nothing of their templates. */
const agentPod = (workflow: Workflow): KubeObject =>
  podOf(
    workflow,
    {},
    {
      name: `${workflow.name}-${unknownOf(10)}-agent`,
      labels: { 'workflows.argoproj.io/component': 'agent' },
      spec: {
        restartPolicy: 'OnFailure',
        serviceAccountName: firstSaid(workflow.spec['serviceAccountName']),
        automountServiceAccountToken: false,
        ...schedulingOf(workflow.spec, {}, {}),
        securityContext: firstSaid(workflow.spec['securityContext'], MINIMAL),
        initContainers: [{ name: 'init' }],
        containers: [{ name: 'main' }],
      },
    },
  );

/** MinimalPodSC in workflow/common. */
const MINIMAL = { runAsNonRoot: true, runAsUser: 8737, seccompProfile: { type: 'RuntimeDefault' } };

interface Drafted {
  readonly name: string;
  readonly labels: UnknownRecord;
  readonly spec: UnknownRecord;
}

const podOf = ({ object, name, spec }: Workflow, template: UnknownRecord, drafted: Drafted): KubeObject => {
  const labels = {
    'workflows.argoproj.io/completed': 'false',
    'workflows.argoproj.io/workflow': name,
    ...drafted.labels,
    ...mapAt(spec, ['podMetadata', 'labels']),
    ...mapAt(template, ['metadata', 'labels']),
  };
  const annotations = {
    ...mapAt(spec, ['podMetadata', 'annotations']),
    ...mapAt(template, ['metadata', 'annotations']),
  };
  const { imagePullSecrets, hostNetwork, dnsPolicy, dnsConfig } = spec;
  const said = Object.entries({ ...drafted.spec, imagePullSecrets, hostNetwork, dnsPolicy, dnsConfig });
  const podSpec = Object.fromEntries(said.filter(([, value]) => isSaid(value)));
  return made(object, 'v1', 'Pod', {
    metadata: {
      ...{ name: drafted.name, annotations },
      labels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, filledIn(value, name)])),
      ownerReferences: [controllerReference({ apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', name })],
    },
    spec: [spec['podSpecPatch'], template['podSpecPatch']].reduce(patched, podSpec),
  });
};

/** What a parameter will be is not known; a label with braces would be refused, and none is made. */
const filledIn = (value: unknown, name: string): unknown =>
  typeof value === 'string'
    ? value.replaceAll('{{workflow.name}}', name).replace(/\{\{[^{}]*\}\}/g, unknownOf(5))
    : value;

/** A patch with parameters or directives is left out. */
const patched = (podSpec: unknown, patch: unknown): unknown => {
  if (typeof patch !== 'string' || /\{\{|\$(patch|retainKeys|deleteFromPrimitiveList|setElementOrder)/.test(patch))
    return podSpec;
  const said = readYaml(patch);
  return isRecord(podSpec) && isRecord(said) ? mergeThree({}, podSpec, said, podSpecFields) : podSpec;
};

/** Argo fails a step whose patch cannot be read. */
const readYaml = (text: string): unknown => {
  try {
    return parse(text) as unknown;
  } catch {
    return undefined;
  }
};

const schedulingOf = (spec: UnknownRecord, template: UnknownRecord, caller: UnknownRecord): UnknownRecord => ({
  ...Object.fromEntries(
    ['nodeSelector', 'affinity', 'tolerations'].map((key) => [key, firstSaid(template[key], caller[key], spec[key])]),
  ),
  schedulerName: firstSaid(template['schedulerName'], spec['schedulerName']),
  priorityClassName: firstSaid(template['priorityClassName'], spec['podPriorityClassName']),
  hostAliases: [...listAt(spec, ['hostAliases']), ...listAt(template, ['hostAliases'])],
});

const firstSaid = (...values: readonly unknown[]): unknown => values.find(isSaid);

const isSaid = (value: unknown): boolean => {
  if (value === undefined || value === null || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
};

const recordsAt = (node: unknown, path: Path): readonly UnknownRecord[] => listAt(node, path).filter(isRecord);

const mainContainers = (template: UnknownRecord): readonly UnknownRecord[] => {
  const { container, script, containerSet } = template;
  if (isRecord(container)) return [{ ...container, name: 'main' }];
  if (isRecord(containerSet)) return containersOfSet(containerSet);
  const { source: _, ...main } = mapAt(script, []);
  return [{ ...main, name: 'main' }];
};

const containersOfSet = (set: UnknownRecord): readonly UnknownRecord[] =>
  recordsAt(set, ['containers']).map(({ dependencies: _, ...container }) => {
    const mounts = [...listAt(container, ['volumeMounts']), ...listAt(set, ['volumeMounts'])];
    const named = { ...container, name: firstSaid(container['name'], 'main') };
    return asArgoMarks({ ...named, ...(mounts.length > 0 && { volumeMounts: mounts }) });
  });

/** A container of the user's that asks for it has the mounts of `main`. */
const mirroring =
  (mains: readonly UnknownRecord[]) =>
  ({ mirrorVolumeMounts, ...container }: UnknownRecord): UnknownRecord => {
    const main = mains.find(({ name }) => name === 'main');
    const mounts = [...listAt(container, ['volumeMounts']), ...listAt(main, ['volumeMounts'])];
    return mirrorVolumeMounts === true && mounts.length > 0 ? { ...container, volumeMounts: mounts } : container;
  };

/** Those of the template, and those of the workflow that are mounted, claims of its templates among them. */
const volumesOf = (
  { name, spec }: Workflow,
  template: UnknownRecord,
  containers: readonly UnknownRecord[],
): readonly unknown[] => {
  const own = recordsAt(template, ['volumes']);
  const mounted = new Set(
    containers.flatMap((one) => listAt(one, ['volumeMounts']).map((mount) => readAt(mount, ['name']))),
  );
  const claims = recordsAt(spec, ['volumeClaimTemplates']).flatMap((claim) => {
    const claimed = textAt(claim, ['metadata', 'name']);
    return claimed === undefined ? [] : [{ name: claimed, persistentVolumeClaim: { claimName: `${name}-${claimed}` } }];
  });
  const names = new Set(own.map((volume) => volume['name']));
  const others: readonly UnknownRecord[] = [...recordsAt(spec, ['volumes']), ...claims];
  return [...own, ...others.filter((volume) => mounted.has(volume['name']) && !names.has(volume['name']))];
};

/** By this variable Argo's own and the user's containers are told apart. */
const asArgoMarks = (container: UnknownRecord): UnknownRecord => ({
  ...container,
  env: [{ name: 'ARGO_CONTAINER_NAME', value: container['name'] }, ...listAt(container, ['env'])],
});
