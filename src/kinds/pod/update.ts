import { isDeepStrictEqual } from 'node:util';
import { type AdmissionRequest, type Mutation, untouched } from '../../api/admission.ts';
import type { Facts } from '../../api/facts.ts';
import type { TargetKind } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { valuesAt } from '../../injection/edit.ts';
import { keepEnforced } from '../../injection/enforcement.ts';
import { imageEdits } from '../../injection/fields/images.ts';
import { listAt, textAt } from '../../injection/path.ts';
import { ownersOf } from '../../injection/pods.ts';
import { isWorkflowPod } from '../../injection/profiles/argo.ts';
import { crowdIn } from '../../injection/profiles/bounds.ts';
import { calrissianPodOf } from '../../injection/profiles/calrissian.ts';
import { frameworkOf } from '../../injection/profiles/recognition.ts';
import { type Rules, settle } from '../../injection/settlement.ts';
import { targetOf } from '../../injection/target.ts';

/**
 * A pod that is changed: labels and annotations that are enforced stay, and an image comes from where it must. All else that is given
 * Kubernetes lets nobody change.
 */
export const updatePod = (pod: KubeObject, stored: KubeObject, request: AdmissionRequest, facts: Facts): Mutation => {
  const kept = keepEnforced(pod, stored, request, facts);
  if (facts.policy.exemptUsers?.has(request.username) || !isAnyImageAnother(pod, stored)) return kept;
  const injection = facts.defaults.resolve({
    ...targetOf(kindIn(pod, request, facts), pod, request, facts),
    pod: { owners: ownersOf(pod) },
  });
  if (injection === undefined || injection.imageRegistries.size === 0) return kept;
  const crowd = crowdIn(pod, 0);
  if (crowd !== undefined)
    return {
      ...untouched(pod),
      denied: `spec.containers: ${crowd}, and PlatformDefaults enforce where images come from.`,
    };
  const edits = imageEdits(pod, injection).filter(
    (edit) => !isDeepStrictEqual(valuesAt(kept.object, edit), valuesAt(stored, edit)),
  );
  const { object, put } = settle(kept.object, edits, RULES, () => false);
  if (put.length === 0) return kept;
  return {
    ...kept,
    object,
    warnings: [
      ...kept.warnings,
      ...put.map(
        ({ at, value, by }) =>
          `${at.join('.')}.image is ${String(value)}: PlatformDefaults ${by} enforces where images come from.`,
      ),
    ],
    outcomes: () => [
      ...(kept.outcomes?.() ?? []),
      ...put.map(({ at, key, value, by }) => ({
        ...{ by, mode: 'Enforce' as const, field: at.join('.'), key, value },
        verdict: 'applied' as const,
        over: valuesAt(pod, { at, key })[0],
        why: 'it is enforced',
      })),
    ],
    explain: [
      ...kept.explain,
      ...put.map(({ at, key, by }) => ({
        path: `/${[...at, key].join('/')}`,
        source: `PlatformDefaults ${by}`,
        mode: 'Enforce' as const,
        why: 'enforced, whatever the manifest says',
      })),
    ],
  };
};

const LISTS = ['containers', 'initContainers'];

const isAnyImageAnother = (pod: KubeObject, stored: KubeObject): boolean =>
  LISTS.some((list) => {
    const before = listAt(stored, ['spec', list]);
    return listAt(pod, ['spec', list]).some((container, at) => textAt(container, IMAGE) !== textAt(before[at], IMAGE));
  });

const IMAGE = ['image'];

/** An image stands in no other place, and no container refuses it. */
const RULES: Rules = { refusalOf: () => undefined, conflictsOf: () => [] };

const kindIn = (pod: KubeObject, request: AdmissionRequest, facts: Facts): TargetKind => {
  if (calrissianPodOf(pod, request, facts) !== undefined) return 'CalrissianPod';
  return isWorkflowPod(pod) ? 'WorkflowPod' : (frameworkOf(pod)?.kind ?? 'Pod');
};
