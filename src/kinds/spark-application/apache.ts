import { type AdmissionRequest, type Mutation, type Mutator, untouched } from '../../api/admission.ts';
import type { Facts } from '../../api/facts.ts';
import type { Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { missingClaimWarnings, refusingMissingClaims } from '../../injection/claims.ts';
import { bestFirst, type Edit, editsOf } from '../../injection/edit.ts';
import { denialFor } from '../../injection/enforcement.ts';
import { inject, type Reinjection, reinject } from '../../injection/injector.ts';
import { readInjected } from '../../injection/snapshot.ts';
import { targetOf } from '../../injection/target.ts';
import { apacheRules } from './apache-rules.ts';
import { APACHE_PATHS, accountEdits, relocated, templateEdits } from './apache-template.ts';
import { ROLES, SPARK_CONF } from './fields.ts';
import { isNotOurs, sparkRule, strictly } from './mutator.ts';
import { NOTHING, objectStoreEdits, type Proposal } from './object-store/edits.ts';

const GROUP = 'spark.apache.org';

/** This operator has no hadoopConf of its own: Spark reads it from its conf. */
const asSparkConf = (edit: Edit): Edit =>
  edit.at.at(-1) === 'hadoopConf' ? { ...edit, at: SPARK_CONF, key: `spark.hadoop.${edit.key}` } : edit;

const confEdits = ({ sparkConf, hadoopConf }: Injection): readonly Edit[] => [
  ...editsOf(SPARK_CONF, sparkConf),
  ...editsOf(['spec', 'hadoopConf'], hadoopConf).map(asSparkConf),
];

const appEdits = (app: KubeObject, injection: Injection, namespace: string, facts: Facts): Proposal => {
  const stores = objectStoreEdits(app, injection, namespace, facts);
  const given = [
    ...confEdits(injection),
    ...stores.edits.map(asSparkConf),
    ...accountEdits(injection),
    ...ROLES.flatMap((role) => templateEdits(app, role, injection)),
  ];
  return {
    edits: bestFirst(given, injection),
    warnings: stores.warnings,
    refused: stores.refused,
  };
};

const reinjection: Reinjection = {
  paths: APACHE_PATHS,
  rulesFor: apacheRules,
  reconsider: (object, _, edits) => ({ object, edits: relocated(object, edits), withdrawn: [], warnings: [] }),
};

const mutateWith =
  (kind: 'ApacheSparkApplication' | 'SparkCluster', editsFor: typeof appEdits): Mutator['mutate'] =>
  (object, request, facts): Mutation => {
    if (isNotOurs(object, request)) return untouched(object);
    if (request.oldObject !== undefined)
      return reinject(object, request.oldObject, strictly(reinjection, request, facts));
    return create(kind, editsFor, object, request, facts);
  };

const create = (
  kind: 'ApacheSparkApplication' | 'SparkCluster',
  editsFor: typeof appEdits,
  object: KubeObject,
  request: AdmissionRequest,
  facts: Facts,
): Mutation => {
  const target = targetOf(kind, object, request, facts);
  const injection = facts.defaults.resolve(target);
  if (injection === undefined && readInjected(object) === undefined) return untouched(object);
  const { edits, warnings, refused } =
    injection === undefined ? NOTHING : editsFor(object, injection, target.namespace, facts);
  return inject(object, {
    edits,
    rulesFor: refusingMissingClaims(apacheRules, target.namespace, facts),
    form: 'values',
    warnings: [...(injection?.warnings ?? []), ...warnings, ...missingClaimWarnings(edits, target.namespace, facts)],
    refused,
    isDisabled: target.isDisabled,
    injections: injection ? [injection] : [],
    ...(injection && { denial: denialFor([injection], request, facts) }),
  });
};

/** SparkApplications of Apache's operator, beside Kubeflow's of the same name: through sparkConf, and the pod templates of both roles. */
export const apacheSparkApplicationMutator: Mutator = {
  rules: [
    sparkRule('ApacheSparkApplication', {
      name: 'apache-spark-application',
      version: 'v1',
      resource: 'sparkapplications',
      group: GROUP,
    }),
  ],
  mutate: mutateWith('ApacheSparkApplication', appEdits),
};

/** Conf alone: its pods, of StatefulSets that the operator makes, are SparkPods. */
export const sparkClusterMutator: Mutator = {
  rules: [sparkRule('SparkCluster', { name: 'spark-cluster', version: 'v1', resource: 'sparkclusters', group: GROUP })],
  mutate: mutateWith('SparkCluster', (_, injection) => ({
    ...NOTHING,
    edits: bestFirst(confEdits(injection), injection),
  })),
};
