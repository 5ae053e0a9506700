import type { AdmissionRequest, Mutation } from '../../api/admission.ts';
import type { Facts } from '../../api/facts.ts';
import type { TargetKind } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { valuesAt } from '../../injection/edit.ts';
import { keepEnforced } from '../../injection/enforcement.ts';
import { imageEdits } from '../../injection/fields/images.ts';
import { setAt } from '../../injection/path.ts';
import { ownersOf } from '../../injection/pods.ts';
import { isWorkflowPod } from '../../injection/profiles/argo.ts';
import { calrissianPodOf } from '../../injection/profiles/calrissian.ts';
import { frameworkOf } from '../../injection/profiles/recognition.ts';
import { targetOf } from '../../injection/target.ts';

/**
 * A pod that is changed: labels and annotations that are enforced stay, and an image comes from where it must. All else that is given
 * Kubernetes lets nobody change.
 */
export const updatePod = (pod: KubeObject, stored: KubeObject, request: AdmissionRequest, facts: Facts): Mutation => {
  const kept = keepEnforced(pod, stored, request, facts);
  if (facts.policy.exemptUsers?.has(request.username)) return kept;
  const injection = facts.defaults.resolve({
    ...targetOf(kindIn(pod, request, facts), pod, request, facts),
    pod: { owners: ownersOf(pod) },
  });
  const edits = injection === undefined ? [] : imageEdits(pod, injection);
  const moved = edits.filter((edit) => {
    const [image] = valuesAt(kept.object, edit);
    return image !== edit.value && image !== valuesAt(stored, edit)[0];
  });
  if (moved.length === 0) return kept;
  return {
    ...kept,
    object: moved.reduce((object, { at, key, value }) => setAt(object, [...at, key], value), kept.object),
    warnings: [
      ...kept.warnings,
      ...moved.map(
        ({ at, value, by }) =>
          `${at.join('.')}.image is ${String(value)}: PlatformDefaults ${by} enforces where images come from.`,
      ),
    ],
    explain: [
      ...kept.explain,
      ...moved.map(({ at, key, by }) => ({
        path: `/${[...at, key].join('/')}`,
        source: `PlatformDefaults ${by}`,
        mode: 'Enforce' as const,
        why: 'enforced, whatever the manifest says',
      })),
    ],
  };
};

const kindIn = (pod: KubeObject, request: AdmissionRequest, facts: Facts): TargetKind => {
  if (calrissianPodOf(pod, request, facts) !== undefined) return 'CalrissianPod';
  return isWorkflowPod(pod) ? 'WorkflowPod' : (frameworkOf(pod)?.kind ?? 'Pod');
};
