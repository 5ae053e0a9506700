import { type Mutator, untouched } from '../../api/mutator.ts';
import { CALRISSIAN_ENABLED, CALRISSIAN_LABEL } from '../../api/names.ts';
import { mutatePod } from '../../injection/pod-mutation.ts';
import { isWorkflowPod, workflowProfile } from '../../injection/profiles/argo.ts';
import { calrissianPodOf } from '../../injection/profiles/calrissian.ts';
import { calrissianProfile } from './calrissian-profile.ts';

/**
 * Pods of Calrissian, in namespaces that ask for it: its step pods carry no label to select them by. One that Argo
 * started is a workflow pod too and gets the edits of both profiles.
 */
export const calrissianPodMutator: Mutator = {
  rules: [
    {
      name: 'calrissian-pod',
      group: '',
      versions: ['v1'],
      resource: 'pods',
      operations: ['CREATE'],
      // A CWL run fails for good when a pod of it is refused: better a step without its defaults.
      failurePolicy: 'Ignore',
      namespaceSelector: { matchLabels: { [CALRISSIAN_LABEL]: CALRISSIAN_ENABLED } },
    },
  ],
  mutate: (pod, request, facts) => {
    const recognised = request.operation === 'CREATE' ? calrissianPodOf(pod, request, facts) : undefined;
    if (recognised === undefined) return untouched(pod);
    const profiles = [calrissianProfile(recognised, pod, facts), ...(isWorkflowPod(pod) ? [workflowProfile] : [])];
    return mutatePod(pod, request, facts, profiles);
  },
};
