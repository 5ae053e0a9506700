import { createHandlerWith, decideWith, type MutatorsOf } from '../admission/handler.ts';
import type { AdmissionRule, Asked, Mutator } from '../api/admission.ts';
import type { MatchCondition } from '../controller/webhooks/configuration.ts';
import { selectedRules } from '../controller/webhooks/selected-rules.ts';
import { CREATED_OR_INJECTED } from '../injection/enforcement.ts';
import { calrissianPodMutator } from './calrissian/mutator.ts';
import { objectStoreMutator } from './object-store/mutator.ts';
import { persistentVolumeClaimMutator } from './persistent-volume-claim/mutator.ts';
import { podMutator } from './pod/mutator.ts';
import { apacheSparkApplicationMutator, sparkClusterMutator } from './spark-application/apache.ts';
import { sparkApplicationMutator } from './spark-application/mutator.ts';
import { sparkConnectMutator } from './spark-application/spark-connect.ts';
import { workflowPodMutator } from './workflow-pod/mutator.ts';

/** Every kind there is. A new kind is one folder and one name here. */
export const mutators: readonly Mutator[] = [
  persistentVolumeClaimMutator,
  sparkApplicationMutator,
  sparkConnectMutator,
  apacheSparkApplicationMutator,
  sparkClusterMutator,
  workflowPodMutator,
  calrissianPodMutator,
  podMutator,
  objectStoreMutator,
];

/** What the API server is to send us while this is asked for. */
export const rulesInForce = (asked: readonly Asked[]): readonly AdmissionRule[] =>
  mutators.flatMap((mutator) => mutator.rulesInForce?.(asked) ?? mutator.rules);

/** What their failure policy goes by, of all webhooks for what is enforced. */
export const ENFORCED = 'enforced';

/** Webhooks by the names that failure policies have for them. */
export const webhookNames: readonly string[] = [
  ...new Set(mutators.flatMap(({ rules }) => rules).map(({ name }) => name)),
  ENFORCED,
];

/**
 * Further rules, for those objects alone that this is asked for: what is enforced for the whole cluster, and is to hold while no
 * replica answers and for objects that none can read. Not asked for what `exemptUsers` do.
 */
export const enforcedRules = (asked: readonly Asked[], exemptUsers: readonly string[]): readonly AdmissionRule[] =>
  mutators
    .flatMap((mutator) => mutator.rulesInForce?.(asked) ?? mutator.rules.flatMap((rule) => rulesOfKind(rule, asked)))
    .map((rule) => ({
      ...rule,
      name: `${rule.name}-${ENFORCED}`,
      calledName: ENFORCED,
      failurePolicy: 'Ignore',
      matchConditions: [...(rule.matchConditions ?? [CREATED_OR_INJECTED]), ...exemption(exemptUsers)],
    }));

const rulesOfKind = (rule: AdmissionRule, asked: readonly Asked[]): readonly AdmissionRule[] =>
  selectedRules(
    rule,
    asked.filter(({ kinds }) => kinds.some((kind) => kind === rule.kind)),
  );

const exemption = (users: readonly string[]): readonly MatchCondition[] =>
  users.length === 0
    ? []
    : [{ name: 'not-exempt', expression: `!(request.userInfo.username in ${JSON.stringify(users)})` }];

const byResource = Map.groupBy(
  mutators.flatMap((mutator) => mutator.rules.map((rule) => ({ key: `${rule.group}/${rule.resource}`, mutator }))),
  ({ key }) => key,
);
const none: readonly Mutator[] = [];
const index = new Map(
  [...byResource].map(([key, entries]) => [key, [...new Set(entries.map(({ mutator }) => mutator))]]),
);

const mutatorsOf: MutatorsOf = (group, resource) => index.get(`${group}/${resource}`) ?? none;

/** Admission, with every kind there is. */
export const decide = decideWith(mutatorsOf);
export const createHandler = createHandlerWith(decide);
