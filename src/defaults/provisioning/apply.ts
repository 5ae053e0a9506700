import { AppError, hasReason } from '../../api/errors.ts';
import type { KubeObject, StringMap } from '../../api/kubernetes.ts';
import { createIfAbsent, objectKeyOf } from '../../controller/apply.ts';
import type { EventRecorder } from '../../controller/events.ts';
import { type Kube, type Resource, resources } from '../../kube/api-server.ts';
import { type OpenLedger, openLedger } from './observed.ts';
import {
  contentOf,
  type DesiredItem,
  type DesiredState,
  type ObservedObject,
  ownerOf,
  type Problem,
  type ProvisionedObject,
  type ProvisionStep,
  planProvision,
  RELEASE_PATCH,
  type Source,
} from './plan.ts';

export interface ProvisionTools {
  readonly kube: Pick<Kube, 'get' | 'create' | 'apply' | 'mergePatch' | 'remove'>;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly systemNamespace: string;
  /** ConfigMaps and claims that carry our marks: this owner's, and what has the name of something wanted. */
  readonly observed: (owner: string, desired: readonly DesiredItem[]) => readonly ObservedObject[];
  /** True where the owner was ever given a Secret. */
  readonly hasLedger: (owner: string) => boolean;
}

/** What a reconciliation came to. `failure`: the API server's, to be tried again; all else was done nevertheless. */
export interface ProvisionOutcome {
  readonly problems: readonly Problem[];
  readonly done: readonly ProvisionStep[];
  readonly failure: AppError | undefined;
}

/** Makes the owner's objects what it wants: makes, copies, corrects and removes. Never changes what we did not make. */
export const provision = async (
  owner: string,
  { desired, problems }: DesiredState,
  tools: ProvisionTools,
  signal: AbortSignal,
): Promise<ProvisionOutcome> => {
  const sources = await readSources(desired, tools, signal);
  const contents = desired.map((item) => contentOf(item, owner, sources.get(sourceKey(item))));
  const ledger = await ledgerFor(owner, desired, tools, signal);
  const steps = planProvision({
    owner,
    objects: contents.filter((content) => 'apiVersion' in content),
    desired,
    isComplete: problems.length === 0,
    observed: [...tools.observed(owner, desired), ...(ledger?.copies ?? [])],
  });
  const outcome = await applySteps(steps, tools, signal);
  await ledger?.close((copy) => outcome.done.some((step) => step.do === 'remove' && step.observed === copy));
  return {
    ...outcome,
    problems: [...problems, ...contents.filter((content) => 'reason' in content), ...outcome.problems],
  };
};

const ledgerFor = async (
  owner: string,
  desired: readonly DesiredItem[],
  { kube, systemNamespace, hasLedger }: ProvisionTools,
  signal: AbortSignal,
): Promise<OpenLedger | undefined> => {
  const secrets = desired.filter(({ kind }) => kind === 'Secret').map(({ namespace, name }) => `${namespace}/${name}`);
  if (secrets.length === 0 && !hasLedger(owner)) return undefined;
  return openLedger(owner, secrets, kube, systemNamespace, signal);
};

/** One step after the other; what fails keeps no other from being done. */
const applySteps = async (
  steps: readonly ProvisionStep[],
  tools: ProvisionTools,
  signal: AbortSignal,
): Promise<ProvisionOutcome> => {
  const done: ProvisionStep[] = [];
  const problems: Problem[] = [];
  let failure: AppError | undefined;
  for (const step of steps) {
    try {
      signal.throwIfAborted();
      const problem = await applyStep(step, tools, signal);
      if (problem === undefined) done.push(step);
      else problems.push(problem);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      failure ??= error;
    }
  }
  return { problems, done, failure };
};

const resourceOf: Readonly<Record<DesiredItem['kind'], Resource>> = {
  ConfigMap: resources.configMaps,
  Secret: resources.secrets,
  PersistentVolumeClaim: resources.persistentVolumeClaims,
};

const sourceKey = (item: DesiredItem): string => ('copyFrom' in item ? `${item.kind} ${item.copyFrom}` : '');

/** Each source once, read when it is needed: the data of Secrets is not kept. */
const readSources = async (
  desired: readonly DesiredItem[],
  { kube, systemNamespace }: ProvisionTools,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Source>> => {
  const sources = new Map<string, Source>();
  for (const item of desired) {
    if (!('copyFrom' in item) || sources.has(sourceKey(item))) continue;
    const key = { namespace: systemNamespace, name: item.copyFrom };
    const source = await kube.get<Source>(resourceOf[item.kind], key, signal);
    if (source) sources.set(sourceKey(item), source);
  }
  return sources;
};

const applyStep = async (
  step: ProvisionStep,
  tools: ProvisionTools,
  signal: AbortSignal,
): Promise<Problem | undefined> => {
  switch (step.do) {
    case 'create':
      return create(step.object, tools, signal);
    case 'update':
      return update(step.object, step.observed, tools, signal);
    case 'replace':
      await remove(step.observed, tools, signal);
      return create(step.object, tools, signal);
    case 'remove':
      await remove(step.observed, tools, signal);
      return undefined;
    case 'release':
      await release(step.observed, tools, signal);
      return undefined;
  }
};

/** Never an apply: that would take over whatever has the name already. */
const create = async (
  object: ProvisionedObject,
  tools: ProvisionTools,
  signal: AbortSignal,
): Promise<Problem | undefined> => {
  const { kind, metadata } = object;
  if (await createIfAbsent(tools.kube, resourceOf[kind], object, signal)) return undefined;
  const found = await tools.kube.get<Source>(resourceOf[kind], metadata, signal);
  if (found === undefined) throw new AppError('Conflict', `${titleOf(object)} came and went while it was being made.`);
  if (ownerOf(found) !== undefined) return update(object, found, tools, signal);
  const message = `${titleOf(object)} was not made by Quartermaster and is left as it is; delete it, or rename the one in spec.provision.`;
  return { reason: 'NotOurs', message };
};

/** Sets what is wanted and takes off every other key; guarded by the UID of what was looked at. */
const update = async (
  object: ProvisionedObject,
  { metadata: { uid } }: KubeObject,
  { kube }: ProvisionTools,
  signal: AbortSignal,
): Promise<undefined> => {
  if (object.kind === 'PersistentVolumeClaim') return;
  const resource = resourceOf[object.kind];
  const guarded = { ...object, metadata: { ...object.metadata, ...(uid !== undefined && { uid }) } };
  const applied: Source = await kube.apply<Source>(resource, guarded, { signal });
  const foreign = {
    data: foreignKeys(applied.data, object.data),
    binaryData: foreignKeys(applied.binaryData, object.binaryData),
  };
  const hasForeign = Object.values(foreign).some((keys) => Object.keys(keys).length > 0);
  if (hasForeign) await kube.mergePatch(resource, object.metadata, foreign, { signal });
};

const foreignKeys = (live: StringMap = {}, desired: StringMap = {}): Readonly<Record<string, null>> =>
  Object.fromEntries(
    Object.keys(live)
      .filter((key) => !Object.hasOwn(desired, key))
      .map((key) => [key, null]),
  );

/** As it was looked at: another PlatformDefaults may have taken it over since, as the same object. */
const remove = async (observed: ObservedObject, { kube }: ProvisionTools, signal: AbortSignal): Promise<void> => {
  const { uid, resourceVersion } = observed.metadata;
  const asObserved = { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) };
  await kube.remove(resourceOf[observed.kind], objectKeyOf(observed), asObserved, { signal });
};

/** A claim holds data: it stays, and becomes somebody else's. */
const release = async (
  observed: ObservedObject,
  { kube, events }: ProvisionTools,
  signal: AbortSignal,
): Promise<void> => {
  try {
    await kube.mergePatch(resourceOf[observed.kind], objectKeyOf(observed), RELEASE_PATCH, { signal });
  } catch (error) {
    if (hasReason(error, 'NotFound')) return;
    throw error;
  }
  const message = 'The PlatformDefaults that provided this claim no longer does; it is kept, since it holds data.';
  events.record(observed, { type: 'Normal', reason: 'Released', message });
};

const titleOf = ({ kind, metadata }: ProvisionedObject): string =>
  `${kind} ${metadata.name} in namespace ${metadata.namespace}`;
