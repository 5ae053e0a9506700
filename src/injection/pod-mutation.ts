import type { AdmissionRequest, Mutation } from '../api/admission.ts';
import type { Facts } from '../api/facts.ts';
import type { Injection } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { untouched } from '../api/mutator.ts';
import type { Edit } from './edit.ts';
import { readInjected } from './injected-annotation.ts';
import { type Gift, inject } from './injector.ts';
import { type PodRefusals, podRules } from './pods.ts';
import { targetOf } from './target.ts';

/** What one kind of pod is given. */
export interface PodProfile extends PodRefusals {
  readonly editsFor: (pod: KubeObject, injection: Injection) => readonly Edit[];
  /** What the pod needs whatever the defaults are. */
  readonly ownEdits: (pod: KubeObject) => readonly Edit[];
  readonly warningsFor: (pod: KubeObject, injection: Injection) => readonly string[];
}

/** Gives a pod what each of its kinds has for it, in one go: its annotation tells all of it. */
export const mutatePod = (
  pod: KubeObject,
  request: AdmissionRequest,
  facts: Facts,
  profiles: readonly PodProfile[],
  rulesFor: Gift['rulesFor'] = podRules(profiles),
): Mutation => {
  const shares = profiles.map((profile) => shareOf(pod, request, facts, profile));
  const edits = joined(shares.map((share) => share.edits));
  if (edits.length === 0 && readInjected(pod) === undefined)
    return untouched(
      pod,
      shares.flatMap(({ warnings }) => warnings),
    );
  return inject(pod, {
    edits,
    rulesFor,
    form: 'names',
    warnings: shares.flatMap(({ warnings }) => warnings),
    isDisabled: shares.some(({ isDisabled }) => isDisabled),
  });
};

/** All in one list: the very list where the others are empty, so that what is remembered of it stays in use. */
const joined = (lists: readonly (readonly Edit[])[]): readonly Edit[] => {
  const [first = [], ...others] = lists.filter((list) => list.length > 0);
  return others.length === 0 ? first : [first, ...others].flat();
};

interface Share {
  readonly edits: readonly Edit[];
  readonly warnings: readonly string[];
  readonly isDisabled: boolean;
}

const shareOf = (pod: KubeObject, request: AdmissionRequest, facts: Facts, profile: PodProfile): Share => {
  const target = targetOf(profile.kind, pod, request, facts);
  const injection = facts.defaults.resolve(target);
  const own = target.isDisabled ? [] : profile.ownEdits(pod);
  if (injection === undefined) return { edits: own, warnings: [], isDisabled: target.isDisabled };
  return {
    edits: joined([own, profile.editsFor(pod, injection)]),
    warnings: [...injection.warnings, ...profile.warningsFor(pod, injection)],
    isDisabled: target.isDisabled,
  };
};
