import type { Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, editOf, FIRST, OURSELVES } from '../../injection/edit.ts';
import { childOf, listAt, type Path, readAt, textAt } from '../../injection/path.ts';
import { containerEdits, podEdits } from '../../injection/pods.ts';
import { unscoped } from '../../injection/profiles/containers.ts';
import { POD_VOLUMES } from '../../injection/volumes.ts';
import { confVolume } from './conflicts.ts';
import { CONTAINER_NAMES, generatedVolume, ROLES, type Role, SPARK_CONF } from './fields.ts';

/** Where an application of Apache's operator has the pod template of a role. */
export const templateOf = (role: Role): Path => TEMPLATES[role];

const TEMPLATES: Readonly<Record<Role, Path>> = {
  driver: ['spec', 'driverSpec', 'podTemplateSpec'],
  executor: ['spec', 'executorSpec', 'podTemplateSpec'],
};

/** The role in whose template a path lies; undefined for other paths. */
export const roleAt = (at: Path): Role | undefined =>
  at[2] === 'podTemplateSpec' ? ROLES.find((role) => TEMPLATES[role][1] === at[1]) : undefined;

/** A path of a pod as one in the template of a role, and back. */
export const inTemplate = (role: Role, at: Path): Path => [...TEMPLATES[role], ...at];
export const inPod = (at: Path): Path => at.slice(3);

/** The template as a pod. What is below it is the very same. */
export const podOf = (app: KubeObject, role: Role): KubeObject => {
  const { apiVersion, kind } = app;
  const template = readAt(app, TEMPLATES[role]);
  const pod = {
    apiVersion,
    kind,
    metadata: childOf(template, 'metadata') ?? {},
    spec: childOf(template, 'spec') ?? {},
  };
  // A template is a pod but for its type.
  return pod as KubeObject;
};

/** Where in a template Spark's own container is: it takes the one that sparkConf names, else the first (KubernetesUtils.selectSparkContainer). */
export const containerIn = (app: KubeObject, role: Role): Path => {
  const name = textAt(app, [...SPARK_CONF, `spark.kubernetes.${role}.podTemplateContainerName`]);
  if (name === undefined) return FIRST_CONTAINER;
  const containers = listAt(app, inTemplate(role, CONTAINERS));
  const index = containers.findIndex((container) => textAt(container, ['name']) === name);
  return index > 0 ? [...CONTAINERS, String(index)] : FIRST_CONTAINER;
};

const CONTAINERS: Path = ['spec', 'containers'];
const FIRST_CONTAINER: Path = [...CONTAINERS, FIRST];

/** What the pods of a role are given by their template. A container that is not there is made, by the name Spark gives its own. */
export const templateEdits = (app: KubeObject, role: Role, injection: Injection): readonly Edit[] => {
  const at = containerIn(app, role);
  const container = { name: CONTAINER_NAMES[role], role: 'main', isDefault: true, at } as const;
  const own = containerEdits(podUnder(app, role, injection), [container], injection, unscoped(injection));
  const isMade = own.some((edit) => edit.at[1] === 'containers') && at === FIRST_CONTAINER;
  return [...podEdits(injection), ...own, ...(isMade ? [nameEdit(role)] : [])].map(placed(role));
};

/** The template without the volumes in whose place enforced sparkConf puts others of their names: no claim can be mounted from those. */
const podUnder = (app: KubeObject, role: Role, { sparkConf }: Injection): KubeObject => {
  const pod = podOf(app, role);
  const replaced = new Set(
    [...sparkConf].flatMap(([key, { mode }]) => (mode === 'Enforce' ? (volumeMadeBy(key, role) ?? []) : [])),
  );
  if (replaced.size === 0) return pod;
  const volumes = listAt(pod, POD_VOLUMES).filter((volume) => !replaced.has(textAt(volume, ['name']) ?? ''));
  return { ...pod, spec: { volumes } } as KubeObject;
};

/** The volume that Spark makes of a key of its conf for the pods of a role. */
const volumeMadeBy = (key: string, role: Role): string | undefined => {
  if (!key.startsWith(`spark.kubernetes.${role}.`)) return undefined;
  const secret = /^spark\.kubernetes\.\w+\.secrets\.(.+)$/.exec(key)?.[1];
  return secret === undefined ? confVolume(key) : generatedVolume('secrets', secret);
};

const nameEdit = (role: Role): Edit => ({
  at: FIRST_CONTAINER,
  key: 'name',
  value: CONTAINER_NAMES[role],
  mode: 'Default',
  by: OURSELVES,
  why: 'what is in a container needs one, and Spark calls its own so',
});

/** The same edits in the template. Those of one list or map keep one path: they are settled together. */
const placed = (role: Role): ((edit: Edit) => Edit) => {
  const paths = new Map<Path, Path>();
  return (edit) => {
    const at = paths.get(edit.at) ?? inTemplate(role, edit.at);
    paths.set(edit.at, at);
    return { ...edit, at };
  };
};

/** Edits of containers where Spark's own is by now. */
export const relocated = (app: KubeObject, edits: readonly Edit[]): readonly Edit[] =>
  edits.map((edit) => {
    const role = edit.at[4] === 'containers' ? roleAt(edit.at) : undefined;
    if (role === undefined) return edit;
    const at = inTemplate(role, [...containerIn(app, role), ...edit.at.slice(6)]);
    return { ...edit, at };
  });

/** The account that Spark runs as; executors have their driver's where nothing is said. */
export const accountEdits = ({ serviceAccountName: account }: Injection): readonly Edit[] =>
  ROLES.filter((role) => account && (role === 'driver' || account.mode === 'Enforce')).flatMap((role) =>
    account
      ? [editOf(SPARK_CONF, `spark.kubernetes.authenticate.${role}.serviceAccountName`, account, account.value)]
      : [],
  );

const POD_PATHS = [
  ...['metadata/labels', 'metadata/annotations'],
  ...['volumes', 'nodeSelector', 'tolerations', 'imagePullSecrets', 'hostAliases'].map((field) => `spec/${field}`),
  ...['spec', 'spec/affinity', 'spec/dnsConfig', 'spec/securityContext', 'spec/topologySpreadConstraints'],
];
const FIXED: ReadonlySet<string> = new Set([
  SPARK_CONF.join('/'),
  ...ROLES.flatMap((role) => POD_PATHS.map((path) => `${TEMPLATES[role].join('/')}/${path}`)),
]);
const OF_CONTAINER =
  /^spec\/(driver|executor)Spec\/podTemplateSpec\/spec\/containers\/\d{1,4}(\/(env|envFrom|volumeMounts|securityContext))?$/;

/** Every path at which anything is put, as a snapshot has it. */
export const APACHE_PATHS: Pick<ReadonlySet<string>, 'has'> = {
  has: (path) => FIXED.has(path) || OF_CONTAINER.test(path),
};
