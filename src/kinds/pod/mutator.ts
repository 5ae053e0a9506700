import { type Mutator, untouched } from '../../api/admission.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { textAt } from '../../injection/path.ts';
import { isSparkOperatorPod, mutatePod } from '../../injection/pods.ts';
import { isWorkflowPod, WORKFLOW_LABEL } from '../../injection/profiles/argo.ts';
import { calrissianPodOf } from '../../injection/profiles/calrissian.ts';
import { platformProfileOf } from '../../injection/profiles/of-platform.ts';
import { frameworkOf } from '../../injection/profiles/recognition.ts';
import { readInjected } from '../../injection/snapshot.ts';
import { labelsOf, namespaceOf } from '../../injection/target.ts';
import { injectorFor } from './profile.ts';
import { updatePod } from './update.ts';
import { podRule, rulesInForce } from './webhook-rules.ts';

/**
 * Any pod. Which are sent follows from what PlatformDefaults ask for: `rulesInForce`. Those of Argo and Calrissian have mutators of
 * their own, which give what is for every pod too; those that Kubeflow's spark-operator launches get what their application says,
 * and what is enforced, unless it is known to have no webhook for them. Of a change, what would take that off is undone, for every kind of pod.
 */
export const podMutator: Mutator = {
  rules: [podRule],
  rulesInForce,
  mutate: (pod, request, facts) => {
    if (request.oldObject !== undefined) return updatePod(pod, request.oldObject, request, facts);
    if (request.operation !== 'CREATE' || isMirror(pod)) return untouched(pod);
    if (facts.defaults.size === 0 && readInjected(pod) === undefined) return untouched(pod);
    if (isWorkflowPod(pod) || calrissianPodOf(pod, request, facts) !== undefined) return untouched(pod);
    const { profiles, rulesFor } = injectorFor(frameworkOf(pod), platformProfileOf(pod, facts.policy.podProfiles));
    // Labels say this, and anybody can write those: what is enforced for the whole cluster is given all the same.
    const isOfOperator = isSparkOperatorPod(pod) && facts.hasSparkPodWebhook(namespaceOf(pod, request));
    const isOfArgo = Object.hasOwn(labelsOf(pod), WORKFLOW_LABEL);
    const leftToOthers = isOfOperator ? 'defaults and mounts' : isOfArgo ? 'defaults' : undefined;
    return mutatePod(pod, request, facts, profiles, { rulesFor, leftToOthers });
  },
};

/** The kubelet runs mirror pods whatever we say of them, and nobody else can make one that runs. */
const isMirror = (pod: KubeObject): boolean =>
  textAt(pod, ['metadata', 'annotations', 'kubernetes.io/config.mirror']) !== undefined;
