import type { AppError } from '../api/errors.ts';
import type { Facts } from '../api/facts.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { PlatformDefaults, PlatformDefaultsSpec, PlatformDefaultsStatus } from '../api/platform-defaults.ts';
import type { EventRecorder } from '../controller/events.ts';
import type { ControllerOptions, Outcome } from '../controller/loop.ts';
import { variableOf } from '../injection/target.ts';
import { type Kube, resources } from '../kube/api-server.ts';
import { type ChangeType, hasChangedLabels, keyOf, parseKey, type Store } from '../kube/store.ts';
import { hasSparkPodWebhook, type MutatingWebhooks } from '../kube/stores.ts';
import type { Collection } from './admissions/mailbox.ts';
import type { DefaultsOptions, Entry } from './entry.ts';
import { createDefaultsInForce, type DefaultsInForce } from './in-force.ts';
import { type ProvisionTools, provision } from './provisioning/apply.ts';
import { ledgerOwner, observedFor, ownersIn, type ProvisionStores } from './provisioning/observed.ts';
import {
  type DesiredState,
  desiredStateOf,
  NOTHING_DESIRED,
  ownerOf,
  type Problem,
  type ProvisionWorld,
  provisionedNamespaces,
} from './provisioning/plan.ts';
import { eventsOn, type ProvisionFindings, recheckAfterMs, statusOf } from './status.ts';
import { conflictingEntries } from './ties.ts';
import { namespaceAnnotationIn } from './variables.ts';
import { createOperatorLook, sparkOperatorWarnings, sparkWebhookFields, warningsOn } from './warnings.ts';

/**
 * What `runController` needs for PlatformDefaults. Run it by the leader alone, once its stores have synced and the cloud
 * has been asked for: what is not known yet would be taken for gone.
 */
export const platformDefaultsController = (
  tools: PlatformDefaultsTools,
): Pick<ControllerOptions, 'name' | 'reconcile' | 'keys' | 'subscribe'> => ({
  name: 'platform-defaults',
  reconcile: reconcilePlatformDefaults({ ...tools, hasSparkOperator: createOperatorLook(tools.kube) }),
  keys: () => platformDefaultsKeys(tools),
  subscribe: (add) => onPlatformDefaultsTrigger(tools, add),
});

interface PlatformDefaultsTools {
  readonly kube: Pick<Kube, 'get' | 'read' | 'create' | 'apply' | 'applyStatus' | 'mergePatch' | 'remove'>;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly stores: {
    readonly platformDefaults: Store<PlatformDefaults>;
    readonly namespaces: Store<KubeObject>;
    readonly mutatingWebhooks: Store<MutatingWebhooks>;
    readonly provision: ProvisionStores;
  };
  readonly inForce: DefaultsInForce;
  /** What replicas counted at admission. */
  readonly admissions: Pick<Collection, 'of' | 'onChange'>;
  readonly facts: () => Facts;
  /** RFC 3339, without a fraction. */
  readonly now: () => string;
  /** How often Secrets are compared with their source: nothing tells us when they change. 60 s where left out. */
  readonly secretPollMs?: number;
}

interface ReconcileTools extends PlatformDefaultsTools {
  readonly hasSparkOperator: (signal: AbortSignal) => Promise<boolean>;
}

/** When to look again where the cloud is not known yet, where something is in the way, and where Secrets are copied. */
const CLOUD_RETRY_MS = 10_000;
const PROBLEM_RETRY_MS = 60_000;
const SECRET_POLL_MS = 60_000;

/**
 * Validates the PlatformDefaults called `key`, provides what its version in force provisions, and says in status and Events
 * what came of it. For one that is gone: removes what it had provided.
 */
const reconcilePlatformDefaults =
  (tools: ReconcileTools) =>
  async (key: string, signal: AbortSignal): Promise<Outcome | undefined> => {
    const defaults = tools.stores.platformDefaults.get(parseKey(key));
    if (defaults !== undefined) return reconcile(key, defaults, tools, signal);
    const { done, failure } = await provision(key, NOTHING_DESIRED, provisionTools(tools), signal);
    if (failure !== undefined) throw failure;
    return done.length > 0
      ? { decision: 'removed what a PlatformDefaults had provided', fields: { steps: done.length } }
      : undefined;
  };

const reconcile = async (
  key: string,
  defaults: PlatformDefaults,
  tools: ReconcileTools,
  signal: AbortSignal,
): Promise<Outcome | undefined> => {
  const { inForce } = tools;
  const { namespace, name } = parseKey(key);
  inForce.put(defaults);
  const validation = inForce.validation(namespace, name) ?? { defaults, violations: [], inForce: undefined };
  const entry = inForce.entry(namespace, name);
  const provided = entry && (await provide(key, entry, tools, signal));
  const hasPodWebhook = hasSparkPodWebhook(tools.stores.mutatingWebhooks);
  const operatorWarnings = entry
    ? await sparkOperatorWarnings(entry, hasPodWebhook, () => tools.hasSparkOperator(signal))
    : [];
  const { cloud, policy } = tools.facts();
  const isFact = (name: string): boolean =>
    Object.hasOwn(cloud.facts, name) || policy.namespaceAnnotations?.has(namespaceAnnotationIn(name) ?? '') === true;
  const warnings = entry ? [...warningsOn(entry, inForce, isFact), ...operatorWarnings] : [];
  const tally = tools.admissions.of(key);
  const now = tools.now();
  const status = statusOf({ ...validation, warnings, provision: provided?.findings, tally }, now);
  if (status !== defaults.status) await writeStatus(defaults, status, tools, signal);
  if (provided?.failure !== undefined) throw provided.failure;
  // Nothing tells when spark-operator itself comes or goes.
  const isWaiting = entry !== undefined && !hasPodWebhook && sparkWebhookFields(entry).length > 0;
  const moments = [
    isWaiting ? PROBLEM_RETRY_MS : undefined,
    provided?.requeueAfterMs,
    recheckAfterMs(status, tally, now),
  ];
  const requeueAfterMs = Math.min(...moments.filter((moment) => moment !== undefined));
  return {
    ...(Number.isFinite(requeueAfterMs) && { requeueAfterMs }),
    ...(status !== defaults.status && {
      decision: 'judged a PlatformDefaults',
      fields: { flaws: validation.violations.length },
    }),
  };
};

interface Provided {
  readonly findings: ProvisionFindings | 'later' | undefined;
  readonly failure?: AppError | undefined;
  readonly requeueAfterMs?: number;
}

const provide = async (
  key: string,
  entry: Entry,
  tools: PlatformDefaultsTools,
  signal: AbortSignal,
): Promise<Provided> => {
  const world = worldOf(tools);
  if (world.cloud === 'unknown' && entry.clouds.length > 0)
    return { findings: 'later', requeueAfterMs: CLOUD_RETRY_MS };
  const desiredState = entry.spec.provision ? desiredStateOf(entry, world) : NOTHING_DESIRED;
  const { problems, failure } = await provision(key, desiredState, provisionTools(tools), signal);
  if (entry.spec.provision === undefined) return { findings: undefined, failure };
  const namespaces = provisionedNamespaces(entry, world).length;
  return {
    findings: { namespaces, objects: desiredState.desired.length, problems, failure },
    failure,
    ...requeueAfter(desiredState, problems, tools),
  };
};

const requeueAfter = (
  desiredState: DesiredState,
  problems: readonly Problem[],
  { secretPollMs = SECRET_POLL_MS }: PlatformDefaultsTools,
): { readonly requeueAfterMs?: number } => {
  if (desiredState.problems.length > 0) return { requeueAfterMs: CLOUD_RETRY_MS };
  if (desiredState.desired.some(({ kind }) => kind === 'Secret')) return { requeueAfterMs: secretPollMs };
  return problems.length > 0 ? { requeueAfterMs: PROBLEM_RETRY_MS } : {};
};

const worldOf = ({ stores, inForce, facts: factsNow }: PlatformDefaultsTools): ProvisionWorld => {
  const facts = factsNow();
  return {
    namespaces: stores.namespaces.list(),
    entries: inForce.entries(),
    cloud: facts.cloud.name,
    variable: (name, namespace, isOfPlatform) => variableOf(name, namespace, facts, isOfPlatform),
    systemNamespace: facts.policy.systemNamespace,
  };
};

const provisionTools = ({ kube, events, stores, facts }: PlatformDefaultsTools): ProvisionTools => ({
  kube,
  events,
  systemNamespace: facts().policy.systemNamespace,
  observed: (owner, desired) => observedFor(stores.provision, owner, desired),
  hasLedger: (owner) => stores.provision.ledgers.list().some((ledger) => ledgerOwner(ledger) === owner),
});

const writeStatus = async (
  defaults: PlatformDefaults,
  status: PlatformDefaultsStatus,
  { kube, events }: PlatformDefaultsTools,
  signal: AbortSignal,
): Promise<void> => {
  const { apiVersion, kind, metadata } = defaults;
  const { namespace = '', name = '' } = metadata;
  const applied = { apiVersion, kind, metadata: { namespace, name }, status };
  await kube.applyStatus<StatusOnly>(resources.platformDefaults, applied, { signal });
  for (const note of eventsOn(defaults, status)) events.record(defaults, note);
};

interface StatusOnly extends KubeObject {
  readonly status: PlatformDefaultsStatus;
}

type Tools = Pick<PlatformDefaultsTools, 'stores' | 'inForce' | 'admissions' | 'facts'>;

/** Every PlatformDefaults there is, and those that are gone but left something behind. */
const platformDefaultsKeys = ({ stores }: Pick<Tools, 'stores'>): readonly string[] => [
  ...stores.platformDefaults.list().map(({ metadata }) => keyOf(metadata)),
  ...ownersIn(stores.provision),
];

/**
 * Adds the keys that a change concerns: of a PlatformDefaults itself and of those it may tie with, of a namespace,
 * of an object that was provisioned, of the source of a copy, of somebody's webhooks. Answers how to stop.
 */
const onPlatformDefaultsTrigger = (tools: Tools, add: (key: string) => void): (() => void) => {
  const { stores, inForce } = tools;
  const addEach = (keys: readonly string[]): void => {
    for (const key of keys) add(key);
  };
  const subscriptions = [
    stores.platformDefaults.onChange((type, defaults, old) => {
      const affected = isSpecChange(type, defaults, old) ? othersAffected(tools, { type, defaults, old }) : [];
      addEach([keyOf(defaults.metadata), ...affected]);
    }),
    stores.namespaces.onChange((type, namespace, old) => {
      if (type === 'ADDED' || hasChangedLabels(namespace, old)) addEach(provisioningKeys(inForce));
    }),
    tools.admissions.onChange(addEach),
    stores.mutatingWebhooks.onChange(() => addEach(sparkWebhookKeys(inForce))),
    ...stores.provision.observed.map((observed) =>
      observed.onChange((_, object) => addEach([ownerOf(object) ?? []].flat())),
    ),
    stores.provision.ledgers.onChange((_, ledger) => addEach([ledgerOwner(ledger) ?? []].flat())),
    stores.provision.sources.onChange((_, { metadata: { name = '' } }) => addEach(copyingKeys(name, inForce))),
  ];
  return () => {
    for (const unsubscribe of subscriptions) unsubscribe();
  };
};

/** Not for a change of status, which we make ourselves. */
export const isSpecChange = (
  type: ChangeType,
  { metadata }: PlatformDefaults,
  old: PlatformDefaults | undefined,
): boolean => type !== 'MODIFIED' || metadata.generation !== old?.metadata.generation;

interface SpecChange {
  readonly type: ChangeType;
  readonly defaults: PlatformDefaults;
  readonly old: PlatformDefaults | undefined;
}

/** Those it ties with, before the change or after it; those that tell of it, or miss a part it may bring; those that provide the same. */
const othersAffected = (
  { stores, inForce, facts }: Pick<Tools, 'stores' | 'inForce' | 'facts'>,
  { type, defaults, old }: SpecChange,
): readonly string[] => {
  const { namespace = '', name = '' } = defaults.metadata;
  const before = entryBefore(type === 'DELETED' ? defaults : old, facts().policy);
  if (type === 'DELETED') inForce.remove(defaults);
  else inForce.put(defaults);
  const versions = [before, inForce.entry(namespace, name)].flatMap((entry) => entry ?? []);
  const conflicting = versions.flatMap((entry) => conflictingEntries(entry, inForce.peersOf(entry)).map(entryKey));
  const parts = changedParts(old?.spec, type === 'DELETED' ? undefined : defaults.spec);
  const concerned = stores.platformDefaults.list().filter(isConcerned(keyOf(defaults.metadata), parts));
  const keys = concerned.map(({ metadata }) => keyOf(metadata));
  return [...new Set([...conflicting, ...keys, ...provisioningKeys(inForce)])];
};

/** What was in force of an earlier version. Whoever heard of the change first has put the new one in force already. */
const entryBefore = (earlier: PlatformDefaults | undefined, options: DefaultsOptions): Entry | undefined => {
  if (earlier === undefined) return undefined;
  const { namespace = '', name = '' } = earlier.metadata;
  const inForce = createDefaultsInForce(options);
  inForce.put(earlier);
  return inForce.entry(namespace, name);
};

/** What others may miss, as their conditions name it, and only one of two versions brings. */
const changedParts = (
  before: PlatformDefaultsSpec | undefined,
  after: PlatformDefaultsSpec | undefined,
): readonly string[] => {
  const [earlier, later] = [partsOf(before), partsOf(after)];
  return [...earlier, ...later].filter((part) => !(earlier.has(part) && later.has(part)));
};

const partsOf = (spec: PlatformDefaultsSpec | undefined): ReadonlySet<string> => {
  const variables = Object.keys(spec?.variables ?? {}).map((name) => `\${${name}}`);
  const templates = (spec?.templates ?? []).map(({ name }) => `template ${name}:`);
  return new Set([
    ...variables,
    ...templates,
    ...(spec?.inject?.prometheus?.jmxExporterJar === undefined ? [] : ['jmxExporterJar']),
  ]);
};

/** Every one that has a warning would be as many as a tenant likes, for every change of any. */
const isConcerned =
  (key: string, parts: readonly string[]) =>
  ({ status }: PlatformDefaults): boolean =>
    status?.conditions?.some(
      ({ reason, message }) =>
        (reason === 'Tied' && message.includes(key)) ||
        (reason === 'Incomplete' && parts.some((part) => message.includes(part) || message.endsWith(' more.'))),
    ) ?? false;

/** Those whose condition says whether spark-operator has its webhook. */
const sparkWebhookKeys = (inForce: DefaultsInForce): readonly string[] =>
  inForce
    .entries()
    .filter((entry) => sparkWebhookFields(entry).length > 0)
    .map(entryKey);

const entryKey = ({ source }: Entry): string => keyOf(source);

const provisioningKeys = (inForce: DefaultsInForce): readonly string[] =>
  inForce
    .entries()
    .filter(({ spec }) => spec.provision !== undefined)
    .map(entryKey);

const copyingKeys = (name: string, inForce: DefaultsInForce): readonly string[] =>
  inForce
    .entries()
    .filter(({ spec: { provision = {} } }) =>
      (provision.configMaps ?? []).some(({ copyFrom = '' }) => copyFrom === name || copyFrom.includes('${')),
    )
    .map(entryKey);
