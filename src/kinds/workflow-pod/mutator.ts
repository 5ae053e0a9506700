import { type Mutator, untouched } from '../../api/admission.ts';
import { CREATED_INJECTED_OR_ANOTHER_IMAGE } from '../../injection/enforcement.ts';
import { memoize } from '../../injection/memo.ts';
import { mutatePod, podRules } from '../../injection/pods.ts';
import { isWorkflowPod, WORKFLOW_LABEL, workflowProfile } from '../../injection/profiles/argo.ts';
import { calrissianPodOf } from '../../injection/profiles/calrissian.ts';

const PROFILES = [workflowProfile];
const makeRules = podRules(PROFILES);
/** Objects that match alike get the same edits, under the same rules. */
const rulesFor: typeof makeRules = (edits) => memoize(edits, makeRules, '', () => makeRules(edits));

/** Pods of Argo workflows, as Hera too makes them. One that runs Calrissian is left to the mutator of those. */
export const workflowPodMutator: Mutator = {
  rules: [
    {
      name: 'workflow-pod',
      kind: 'WorkflowPod',
      group: '',
      versions: ['v1'],
      resource: 'pods',
      operations: ['CREATE', 'UPDATE'],
      // A workflow fails for good when its pod is refused: better a step without its defaults.
      failurePolicy: 'Ignore',
      matchConditions: [CREATED_INJECTED_OR_ANOTHER_IMAGE],
      objectSelector: { matchExpressions: [{ key: WORKFLOW_LABEL, operator: 'Exists' }] },
    },
  ],
  mutate: (pod, request, facts) => {
    if (request.operation !== 'CREATE' || !isWorkflowPod(pod) || calrissianPodOf(pod, request, facts)) {
      return untouched(pod);
    }
    return mutatePod(pod, request, facts, PROFILES, { rulesFor });
  },
};
