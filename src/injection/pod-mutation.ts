import type { AdmissionRequest, Mutation } from '../api/admission.ts';
import type { Facts } from '../api/facts.ts';
import type { Injection } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { untouched } from '../api/mutator.ts';
import type { Edit } from './edit.ts';
import { readInjected } from './injected-annotation.ts';
import { type InjectionPlan, inject } from './injector.ts';
import { type PodRefusals, podRules } from './pods.ts';
import { targetOf } from './target.ts';

/** What is injected into one kind of pod. */
export interface PodProfile extends PodRefusals {
  readonly editsFor: (pod: KubeObject, injection: Injection) => readonly Edit[];
  /** What the pod needs whatever the defaults are. */
  readonly ownEdits: (pod: KubeObject) => readonly Edit[];
  readonly warningsFor: (pod: KubeObject, injection: Injection) => readonly string[];
}

/** Injects into a pod what each of its profiles has for it, in one go: its annotation tells all of it. */
export const mutatePod = (
  pod: KubeObject,
  request: AdmissionRequest,
  facts: Facts,
  profiles: readonly PodProfile[],
  rulesFor: InjectionPlan['rulesFor'] = podRules(profiles),
): Mutation => {
  const results = profiles.map((profile) => resultOf(pod, request, facts, profile));
  const edits = concatenated(results.map((result) => result.edits));
  if (edits.length === 0 && readInjected(pod) === undefined)
    return untouched(
      pod,
      results.flatMap(({ warnings }) => warnings),
    );
  return inject(pod, {
    edits,
    rulesFor,
    form: 'names',
    warnings: results.flatMap(({ warnings }) => warnings),
    isDisabled: results.some(({ isDisabled }) => isDisabled),
  });
};

/** All in one list: the very list where the others are empty, so that what is memoized of it stays in use. */
const concatenated = (lists: readonly (readonly Edit[])[]): readonly Edit[] => {
  const [first = [], ...others] = lists.filter((list) => list.length > 0);
  return others.length === 0 ? first : [first, ...others].flat();
};

interface ProfileResult {
  readonly edits: readonly Edit[];
  readonly warnings: readonly string[];
  readonly isDisabled: boolean;
}

const resultOf = (pod: KubeObject, request: AdmissionRequest, facts: Facts, profile: PodProfile): ProfileResult => {
  const target = targetOf(profile.kind, pod, request, facts);
  const injection = facts.defaults.resolve(target);
  const own = target.isDisabled ? [] : profile.ownEdits(pod);
  if (injection === undefined) return { edits: own, warnings: [], isDisabled: target.isDisabled };
  return {
    edits: concatenated([own, profile.editsFor(pod, injection)]),
    warnings: [...injection.warnings, ...profile.warningsFor(pod, injection)],
    isDisabled: target.isDisabled,
  };
};
