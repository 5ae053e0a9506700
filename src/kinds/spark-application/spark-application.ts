import type { AdmissionRequest, Mutation } from '../../api/admission.ts';
import type { Facts } from '../../api/facts.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type AdmissionRule, type Mutator, untouched } from '../../api/mutator.ts';
import { readInjected } from '../../injection/injected-annotation.ts';
import { inject, type Reinjection, reinject } from '../../injection/injector.ts';
import { isRecord, readAt } from '../../injection/path.ts';
import { namedIn } from '../../injection/snapshot.ts';
import { namespaceOf, targetOf } from '../../injection/target.ts';
import { monitoringWarnings } from './monitoring.ts';
import { SPARK_PATHS, sparkEdits } from './mutator.ts';
import { sparkRules } from './rules.ts';
import { claimWarnings } from './spark-claims.ts';
import { reconsiderSpark } from './spark-reconsider.ts';

/**
 * Resources of spark-operator. Updates are ours too: an apply of the unchanged manifest takes out of every list what we
 * put there, and any change of the spec restarts the job. The operator's own updates go to /status, which is not asked for.
 */
export const sparkRule = (name: string, version: string, resource: string): AdmissionRule => ({
  name,
  group: 'sparkoperator.k8s.io',
  versions: [version],
  resource,
  operations: ['CREATE', 'UPDATE'],
  failurePolicy: 'Fail',
  // So that what is being deleted can lose its finalizers while no webhook answers.
  matchConditions: [{ name: 'not-being-deleted', expression: '!has(object.metadata.deletionTimestamp)' }],
});

/** ScheduledSparkApplications are not asked for: each of their children comes here itself. */
export const sparkApplicationMutator: Mutator = {
  rules: [sparkRule('spark-application', 'v1beta2', 'sparkapplications')],
  mutate: (app, request, facts) => {
    if (isNotOurs(app, request)) return untouched(app);
    if (request.oldObject !== undefined)
      return warned(reinject(app, request.oldObject, reinjection), monitoringWarnings(app));
    const mutation = create(app, request, facts);
    const claims = claimWarnings(mutation.object, namespaceOf(app, request), facts);
    return warned(mutation, [...monitoringWarnings(app), ...claims]);
  },
};

const warned = (mutation: Mutation, warnings: readonly string[]): Mutation =>
  warnings.length === 0 ? mutation : { ...mutation, warnings: [...mutation.warnings, ...warnings] };

/** True for subresources, for what is being deleted and for what has no spec to speak of. */
export const isNotOurs = (object: KubeObject, { subResource }: AdmissionRequest): boolean =>
  subResource !== undefined || Boolean(object.metadata.deletionTimestamp) || !isRecord(readAt(object, ['spec']));

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
  const { edits, warnings } =
    injection === undefined
      ? { edits: [], warnings: [] }
      : sparkEdits(app, injection, { namespace: target.namespace, facts, isOurs });
  return inject(app, {
    edits,
    rulesFor: reinjection.rulesFor,
    form: 'values',
    warnings: [...(injection?.warnings ?? []), ...warnings],
    isDisabled: target.isDisabled,
  });
};
