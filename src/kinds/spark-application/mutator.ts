import { isDeepStrictEqual } from 'node:util';
import {
  type AdmissionRequest,
  type AdmissionRule,
  type Mutation,
  type Mutator,
  untouched,
} from '../../api/admission.ts';
import type { Facts } from '../../api/facts.ts';
import type { FileMount, Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { missingClaimWarnings, refusingMissingClaims } from '../../injection/claims.ts';
import {
  bestFirst,
  type Edit,
  editOf,
  editsOf,
  envFromEdits,
  erase,
  type FieldPath,
  fieldId,
} from '../../injection/edit.ts';
import { denialFor } from '../../injection/enforcement.ts';
import { inject, type Reconsidered, type Reinjection, reinject } from '../../injection/injector.ts';
import { memoize } from '../../injection/memo.ts';
import { isRecord, listAt, mapAt, type Path, readAt, textAt } from '../../injection/path.ts';
import { namedIn, readInjected } from '../../injection/snapshot.ts';
import { namespaceOf, targetOf } from '../../injection/target.ts';
import { canManyAttach, claimOf } from '../../injection/volumes.ts';
import { ROLES, type Role } from './fields.ts';
import { filesOf } from './generated-volumes.ts';
import { JMX_PORT, type JmxAgent, jmxIncompatibility, MONITORING, PROMETHEUS } from './jmx-exporter.ts';
import { EXPOSE, monitoringEdits, monitoringWarnings, NOT_EXPOSED } from './monitoring.ts';
import { NOTHING, objectStoreEdits, type Proposal } from './object-store/edits.ts';
import { PLACEMENT_MAPS, placementEdits, TEMPLATE_PATHS } from './placement.ts';
import { isOfNamespace } from './platform-alone.ts';
import { rulesOfNew, sparkRules } from './rules.ts';
import { evadedBy, evasionWarnings, operatorWebhookWarnings } from './spark-operator.ts';

interface SparkContext {
  readonly namespace: string;
  readonly facts: Facts;
  /** Tells what an earlier admission put there. */
  readonly isOurs: (path: FieldPath) => boolean;
}

/**
 * All that an injection has for a SparkApplication. Comes out the same for an app that was injected before. A role that
 * the app does not have is not made up.
 */
const sparkEdits = (app: KubeObject, injection: Injection, context: SparkContext): Proposal => {
  const { namespace, facts, isOurs } = context;
  const hasPodWebhook = facts.hasSparkPodWebhook(namespace);
  const isOfPlatform = isOfNamespace(facts.policy.systemNamespace);
  const monitoring = monitoringEdits(app, injection, { isOurs, hasPodWebhook, isOfPlatform });
  const stores = objectStoreEdits(app, injection, namespace, facts);
  const roles = ROLES.filter((role) => isRecord(readAt(app, ['spec', role])));
  const owners = selectorOwners(app, roles);
  const given = (): readonly Edit[] => [
    ...confEdits(injection),
    ...stores.edits,
    ...roles.flatMap((role) => roleEdits(role, injection)),
    ...monitoring.edits.filter(({ at }) => isUsable(at, roles)),
    ...editsOf(['spec', 'volumes'], injection.volumes),
    ...editsOf(['spec', 'volumes'], filesOf(injection).volumes),
    ...owners.flatMap((owner) => editsOf([...owner, 'nodeSelector'], injection.nodeSelector)),
    ...editsOf(['spec', 'imagePullSecrets'], injection.imagePullSecrets),
  ];
  const isAlike = stores.edits.length === 0 && monitoring.edits.length === 0;
  const make = (): readonly Edit[] => (isAlike && isSaidOnce(injection) ? given() : bestFirst(given(), injection));
  const edits = isAlike ? memoize(injection, sparkEdits, `${roles.join()} ${owners.join()}`, make) : make();
  const lost = hasPodWebhook ? [] : operatorWebhookWarnings(edits);
  const evaded = evadedBy(app, edits);
  return {
    edits,
    warnings: [...stores.warnings, ...monitoring.warnings, ...lost, ...evasionWarnings(evaded)],
    refused: [...stores.refused, ...monitoring.refused, ...evaded],
  };
};

/** Where nothing can be said in two places the edits of one list or map stay together, which takes less time. */
const isSaidOnce = ({ sparkConf, hadoopConf, volumes, configMaps, secrets }: Injection): boolean =>
  sparkConf.size + hadoopConf.size === 0 && (volumes.size === 0 || configMaps.size + secrets.size === 0);

const confEdits = ({ sparkConf, hadoopConf }: Injection): readonly Edit[] => [
  ...editsOf(['spec', 'sparkConf'], sparkConf),
  ...editsOf(['spec', 'hadoopConf'], hadoopConf),
];

/** All that a SparkConnect is given. */
export const sparkConfEdits = (injection: Injection): readonly Edit[] =>
  memoize(injection, sparkConfEdits, '', () => bestFirst(confEdits(injection), injection));

const roleEdits = (role: Role, injection: Injection): readonly Edit[] => {
  const at = (field: string): Path => ['spec', role, field];
  const { serviceAccountName: account } = injection;
  const files = filesOf(injection);
  return [
    ...editsOf(at('volumeMounts'), injection.volumeMounts),
    ...editsOf(at('configMaps'), files.configMaps, asConfigMap),
    ...editsOf(at('secrets'), files.secrets, asSecret),
    ...editsOf(at('volumeMounts'), files.volumeMounts),
    ...editsOf(at('env'), injection.env),
    ...envFromEdits(at('envFrom'), injection.envFrom),
    ...editsOf(at('labels'), injection.labels),
    ...editsOf(at('annotations'), injection.annotations),
    ...editsOf(at('tolerations'), injection.tolerations),
    ...editsOf(at('hostAliases'), injection.hostAliases),
    ...editsOf(at('initContainers'), injection.addedContainers),
    ...placementEdits(role, injection),
    // Executors need no rights of their own, and Spark gives them the driver's account where they name none.
    ...(account && (role === 'driver' || account.mode === 'Enforce')
      ? [editOf(['spec', role], 'serviceAccount', account, account.value)]
      : []),
  ];
};

const asConfigMap = ({ name, mountPath }: FileMount) => ({ name, path: mountPath });
const asSecret = ({ name, mountPath }: FileMount) => ({ name, path: mountPath, secretType: 'Generic' });

/** The operator refuses an app with a node selector of its own beside one of a role: ours goes where the app has one. */
const selectorOwners = (app: KubeObject, roles: readonly Role[]): readonly Path[] => {
  const hasNodeSelector = (path: Path): boolean => isRecord(readAt(app, [...path, 'nodeSelector']));
  const isByRole = !hasNodeSelector(['spec']) && roles.some((role) => hasNodeSelector(['spec', role]));
  return isByRole ? roles.map((role) => ['spec', role]) : [['spec']];
};

const isUsable = (at: Path, roles: readonly Role[]): boolean =>
  at[1] === 'driver' || at[1] === 'executor' ? roles.includes(at[1]) : true;

const ROLE_FIELDS = [
  'volumeMounts',
  'configMaps',
  'secrets',
  'env',
  'envFrom',
  'labels',
  'annotations',
  'tolerations',
  'hostAliases',
  'initContainers',
  'nodeSelector',
  ...PLACEMENT_MAPS,
];

/** Every path at which anything is put, as a snapshot has it. */
export const SPARK_PATHS: ReadonlySet<string> = new Set(
  [
    ...['sparkConf', 'hadoopConf', 'volumes', 'nodeSelector', 'imagePullSecrets', ...ROLES].map((field) => [
      'spec',
      field,
    ]),
    MONITORING,
    PROMETHEUS,
    ...ROLES.flatMap((role) => [...ROLE_FIELDS, ...TEMPLATE_PATHS].map((field) => ['spec', role, field])),
  ].map((path) => path.join('/')),
);

/**
 * What was injected and survived in the app, but cannot stay now that its user changed something else: a node selector
 * moves to where the app has one by now, and a JMX exporter that would harm the app goes.
 */
const reconsiderSpark = (app: KubeObject, stored: KubeObject, edits: readonly Edit[]): Reconsidered => {
  const exporter = injectedExporter(app, edits);
  const incompatibility = exporter && jmxIncompatibility(app, exporter);
  const isHarmful = ({ at }: Edit): boolean => incompatibility !== undefined && isIn(at, MONITORING);
  const isMixed = hasSelector(stored, APP_SELECTOR) && hasSelector(stored, ROLE_SELECTORS);
  const isMisplaced = ({ at }: Edit): boolean => at.at(-1) === 'nodeSelector' && !isMixed && conflictsWithApp(app, at);
  const misplaced = edits.filter(isMisplaced);
  const withdrawing = [...misplaced, ...edits.filter(isHarmful)];
  // What Enforce does not keep here, or keeps for nothing, has the change refused.
  const why = incompatibility ?? (exporter?.roles.length === 0 ? NOT_EXPOSED : undefined);
  const jar = edits.filter(
    ({ at, key, mode }) => isIn(at, PROMETHEUS) && key === 'jmxExporterJar' && mode === 'Enforce',
  );
  const refused = [...(why === undefined ? [] : jar.map((edit) => ({ edit, why }))), ...evadedBy(app, edits)];
  if (withdrawing.length === 0) return { object: app, edits, withdrawn: [], warnings: [], refused };
  const isWithdrawn = new Set(withdrawing);
  const kept = edits.filter((edit) => !isWithdrawn.has(edit));
  const moved = new Map(misplaced.flatMap(relocated).map((edit) => [fieldId(edit), edit]));
  return {
    ...withdraw(app, withdrawing),
    edits: [...kept, ...moved.values()],
    warnings:
      incompatibility === undefined ? [] : [`The JMX exporter that was injected is not kept: ${incompatibility}.`],
    refused,
  };
};

/** The exporter that was injected, as it would be now: undefined where none was. */
const injectedExporter = (app: KubeObject, edits: readonly Edit[]): JmxAgent | undefined => {
  const ours = new Map(edits.filter(({ at }) => isIn(at, MONITORING)).map((edit) => [edit.key, edit]));
  if (ours.size === 0) return undefined;
  const willBe = (at: Path, key: string): unknown => {
    const edit = ours.get(key);
    return edit?.mode === 'Enforce' ? edit.value : (readAt(app, [...at, key]) ?? edit?.value);
  };
  const port = willBe(PROMETHEUS, 'port');
  const roles = ROLES.filter((role) => willBe(MONITORING, EXPOSE[role]) !== false);
  return { port: typeof port === 'number' ? port : JMX_PORT, roles };
};

const isIn = (at: Path, path: Path): boolean => path.every((step, index) => at[index] === step);

const APP_SELECTOR: readonly Path[] = [['spec', 'nodeSelector']];
const ROLE_SELECTORS: readonly Path[] = ROLES.map((role) => ['spec', role, 'nodeSelector']);

const othersOf = (at: Path): readonly Path[] => (at.length === 2 ? ROLE_SELECTORS : APP_SELECTOR);

const hasSelector = (app: KubeObject, paths: readonly Path[]): boolean =>
  paths.some((path) => isRecord(readAt(app, path)));

/** True where the app has a selector of the other kind by now. */
const conflictsWithApp = (app: KubeObject, at: Path): boolean => hasSelector(app, othersOf(at));

/** The same at each path of the other kind. */
const relocated = (edit: Edit): readonly Edit[] => othersOf(edit.at).map((at) => ({ ...edit, at }));

/** Takes out whole maps, and only those that hold nothing but what we put there. */
const withdraw = (app: KubeObject, edits: readonly Edit[]): Pick<Reconsidered, 'object' | 'withdrawn'> => {
  const paths = new Map(edits.map(({ at }) => [at.join('/'), at]));
  const deepestFirst = [...paths.values()].sort((a, b) => b.length - a.length);
  let object = app;
  const withdrawn: Edit[] = [];
  for (const at of deepestFirst) {
    const ours = edits.filter((edit) => edit.at.join('/') === at.join('/'));
    const byKey = Map.groupBy(ours, ({ key }) => key);
    const fields = Object.entries(mapAt(object, at));
    const isOurs = ([key, value]: [string, unknown]): boolean =>
      byKey.get(key)?.some((edit) => isDeepStrictEqual(edit.value, value)) === true;
    if (fields.length === 0 || !fields.every(isOurs)) continue;
    object = erase(object, { at: at.slice(0, -1), key: at.at(-1) ?? '' });
    const present = new Set(fields.map(([field]) => field));
    for (const edit of ours) if (present.has(edit.key)) withdrawn.push(edit);
  }
  return { object, withdrawn };
};

/**
 * Claims that the executors mount and one node alone can attach, as far as their modes are known: executors on other
 * nodes wait for ever, with nothing said in the application (kubeflow/spark-operator issue 877).
 */
const claimWarnings = (app: KubeObject, namespace: string, { claimModes }: Facts): readonly string[] => {
  const mounted = new Set(listAt(app, ['spec', 'executor', 'volumeMounts']).map((mount) => textAt(mount, ['name'])));
  if (mounted.size === 0) return [];
  const volumes = listAt(app, ['spec', 'volumes']).filter((volume) => mounted.has(textAt(volume, ['name'])));
  return [...new Set(volumes.flatMap((volume) => claimOf(volume) ?? []))].flatMap((claim) => {
    const modes = claimModes(namespace, claim);
    if (modes === undefined || canManyAttach(modes)) return [];
    return `Claim ${claim} is ${modes.join(', ')}: executors on another node than the first pod that attaches it will not start. Make it ReadWriteMany, or use a bucket.`;
  });
};

/** A resource as an API server serves it; of Kubeflow's operator where no group is named. */
interface Served extends Pick<AdmissionRule, 'name' | 'resource'> {
  readonly group?: string;
  readonly version: string;
}

/**
 * Resources of either spark-operator. Updates are ours too: an apply of the unchanged manifest takes out of every list what we
 * put there, and any change of the spec restarts the job. The operators' own updates go to /status, which is not asked for.
 */
export const sparkRule = (
  kind: 'SparkApplication' | 'SparkConnect' | 'ApacheSparkApplication' | 'SparkCluster',
  { name, version, resource, group = 'sparkoperator.k8s.io' }: Served,
): AdmissionRule => ({
  name,
  kind,
  group,
  versions: [version],
  resource,
  operations: ['CREATE', 'UPDATE'],
  failurePolicy: 'Fail',
  // So that what is being deleted can lose its finalizers while no webhook answers.
  matchConditions: [
    {
      name: 'not-being-deleted',
      expression: 'request.operation == "CREATE" || !has(object.metadata.deletionTimestamp)',
    },
  ],
});

/** ScheduledSparkApplications are not asked for: each of their children comes here itself. */
export const sparkApplicationMutator: Mutator = {
  rules: [
    sparkRule('SparkApplication', { name: 'spark-application', version: 'v1beta2', resource: 'sparkapplications' }),
  ],
  mutate: (app, request, facts) => {
    if (isNotOurs(app, request)) return untouched(app);
    if (request.oldObject !== undefined)
      return warned(reinject(app, request.oldObject, strictly(reinjection, request, facts)), monitoringWarnings(app));
    const mutation = create(app, request, facts);
    const claims = claimWarnings(mutation.object, namespaceOf(app, request), facts);
    return warned(mutation, [...monitoringWarnings(app), ...claims]);
  },
};

const warned = (mutation: Mutation, warnings: readonly string[]): Mutation =>
  warnings.length === 0 ? mutation : { ...mutation, warnings: [...mutation.warnings, ...warnings] };

/** True for subresources, for what is being deleted and for what has no spec to speak of. */
export const isNotOurs = (object: KubeObject, { subResource, operation }: AdmissionRequest): boolean =>
  subResource !== undefined ||
  // Of what is being created the API server drops it afterwards: whoever wrote it would get round all of this.
  (operation !== 'CREATE' && Boolean(object.metadata.deletionTimestamp)) ||
  !isRecord(readAt(object, ['spec']));

/** With the refusal of what would escape something that is enforced. */
export const strictly = (kind: Reinjection, request: AdmissionRequest, facts: Facts): Reinjection => ({
  ...kind,
  denial: denialFor([], request, facts),
});

const reinjection: Reinjection = {
  paths: SPARK_PATHS,
  rulesFor: sparkRules,
  reconsider: reconsiderSpark,
};

const create = (app: KubeObject, request: AdmissionRequest, facts: Facts): Mutation => {
  const target = targetOf('SparkApplication', app, request, facts);
  const injection = facts.defaults.resolve(target);
  const brought = readInjected(app);
  if (injection === undefined && brought === undefined) return untouched(app);
  const isOurs = namedIn(brought);
  const { edits, warnings, refused } =
    injection === undefined ? NOTHING : sparkEdits(app, injection, { namespace: target.namespace, facts, isOurs });
  return inject(app, {
    edits,
    rulesFor: refusingMissingClaims(rulesOfNew, target.namespace, facts),
    form: 'values',
    warnings: [...(injection?.warnings ?? []), ...warnings, ...missingClaimWarnings(edits, target.namespace, facts)],
    refused,
    isDisabled: target.isDisabled,
    injections: injection ? [injection] : [],
    ...(injection && { denial: denialFor([injection], request, facts) }),
  });
};
