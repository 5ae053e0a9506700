import { type Mutator, untouched } from '../../api/admission.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { textAt } from '../../injection/path.ts';
import { isSparkOperatorPod, mutatePod } from '../../injection/pods.ts';
import { WORKFLOW_LABEL } from '../../injection/profiles/argo.ts';
import { calrissianPodOf } from '../../injection/profiles/calrissian.ts';
import { platformProfileOf } from '../../injection/profiles/of-platform.ts';
import { frameworkOf } from '../../injection/profiles/recognition.ts';
import { labelsOf } from '../../injection/target.ts';
import { injectorFor } from './profile.ts';
import { podRule, rulesInForce } from './webhook-rules.ts';

/**
 * Any pod. Which are sent follows from what PlatformDefaults ask for: `rulesInForce`. Those of Argo and Calrissian have mutators of
 * their own, which give what is for every pod too; those that Kubeflow's spark-operator launches get what their application says.
 */
export const podMutator: Mutator = {
  rules: [podRule],
  rulesInForce,
  mutate: (pod, request, facts) => {
    if (request.operation !== 'CREATE' || facts.defaults.size === 0 || isElsewhere(pod)) return untouched(pod);
    if (calrissianPodOf(pod, request, facts) !== undefined) return untouched(pod);
    const { profiles, rulesFor } = injectorFor(frameworkOf(pod), platformProfileOf(pod, facts.policy.podProfiles));
    return mutatePod(pod, request, facts, profiles, rulesFor);
  },
};

/** The kubelet runs mirror pods whatever we say of them. */
const isElsewhere = (pod: KubeObject): boolean =>
  Object.hasOwn(labelsOf(pod), WORKFLOW_LABEL) ||
  isSparkOperatorPod(pod) ||
  textAt(pod, ['metadata', 'annotations', 'kubernetes.io/config.mirror']) !== undefined;
