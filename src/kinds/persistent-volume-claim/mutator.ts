import {
  type AdmissionRequest,
  type Application,
  type Explanation,
  type Mutation,
  type Mutator,
  untouched,
} from '../../api/admission.ts';
import type { Facts } from '../../api/facts.ts';
import type { Injection, ResolvedMap } from '../../api/injection.ts';
import type { KubeObject, PersistentVolumeClaim } from '../../api/kubernetes.ts';
import { editsOf } from '../../injection/edit.ts';
import { CREATED_OR_INJECTED, denialFor, keepEnforced } from '../../injection/enforcement.ts';
import { type InjectionPlan, inject } from '../../injection/injector.ts';
import type { Rules } from '../../injection/settlement.ts';
import { readInjected } from '../../injection/snapshot.ts';
import { namespaceOf, targetOf } from '../../injection/target.ts';
import { claimOf } from '../../storage-classes/claim.ts';
import { type ClaimStorage, chooseClaimStorage } from './storage.ts';

/**
 * A claim that names a missing class gets that class, made for the cloud before the claim is stored; one that names
 * any class gets labels and annotations. Claims without a class, and those bound by hand, get what is enforced for the whole cluster.
 * Of a change, what would take that off is undone.
 *
 * Ignore: the controller makes later what was missed while no webhook answered.
 */
export const persistentVolumeClaimMutator: Mutator = {
  rules: [
    {
      name: 'persistent-volume-claim',
      kind: 'PersistentVolumeClaim',
      group: '',
      versions: ['v1'],
      resource: 'persistentvolumeclaims',
      operations: ['CREATE', 'UPDATE'],
      failurePolicy: 'Ignore',
      matchConditions: [CREATED_OR_INJECTED],
    },
  ],
  mutate: (object, request, facts) => {
    // Whatever the claim holds of another type is none of our business; what reads it takes that for absent.
    const pvc = object as PersistentVolumeClaim;
    if (isNfsDisk(pvc, request, facts)) return untouched(object);
    if (request.oldObject !== undefined) return keepEnforced(object, request.oldObject, request, facts);
    const claim = claimOf(pvc);
    const hasClass = claim !== undefined && !facts.storage.hasVolumeOfClass(claim.className);
    return mutateClaim(pvc, request, facts, hasClass);
  },
};

/** What is to be done about the class of a claim that is stored already, by the very rules of admission. */
export const desiredStorageClass = (pvc: PersistentVolumeClaim, facts: Facts): ClaimStorage => {
  const target = targetOf('PersistentVolumeClaim', pvc, {}, facts);
  if (target.isDisabled || isNfsDisk(pvc, {}, facts)) return NOTHING;
  return chooseClaimStorage(pvc, facts, facts.defaults.resolve(target)?.storageClass);
};

/** The disk of an NFS server must not get an NFS server of its own. */
const isNfsDisk = (pvc: KubeObject, request: Pick<AdmissionRequest, 'namespace'>, { policy }: Facts): boolean =>
  namespaceOf(pvc, request) === policy.nfsNamespace;

const NOTHING: ClaimStorage = { kind: 'none', warnings: [] };

/** Without a class that we could make, a claim is given what is enforced for the whole cluster and no more. */
const mutateClaim = (
  pvc: PersistentVolumeClaim,
  request: AdmissionRequest,
  facts: Facts,
  hasClass: boolean,
): Mutation => {
  const target = targetOf('PersistentVolumeClaim', pvc, request, facts);
  const { isDisabled } = target;
  const injection = facts.defaults.resolve(hasClass ? target : { ...target, isDisabled: true });
  const labelled = label(pvc, injection, {
    isDisabled,
    denial: denialFor(injection ? [injection] : [], request, facts),
  });
  if (labelled.denied !== undefined) return labelled;
  const choice =
    isDisabled || !hasClass ? NOTHING : chooseClaimStorage(labelled.object, facts, injection?.storageClass);
  if (choice.kind === 'cannot' && choice.isRefused === true) return { ...untouched(pvc), denied: choice.why };
  const isMade = choice.kind === 'make';
  return {
    object: labelled.object,
    warnings: [...labelled.warnings, ...warningsOf(choice)],
    explain: [...labelled.explain, ...(isMade ? choice.explain : [])],
    companions: isMade ? [...choice.companions, choice.storageClass] : [],
    outcomes: labelled.outcomes,
    application: labelled.application && withClass(labelled.application, isMade ? choice.explain : []),
  };
};

/** Of what a class is made, which is no value of the claim. */
const withClass = (labelled: () => Application, explain: readonly Explanation[]) => (): Application => {
  const application = labelled();
  return { ...application, applied: [...application.applied, ...explain.map(givenBy)] };
};

const givenBy = ({ source }: Explanation): Application['applied'][number] => ({ by: source.replace(BY_DEFAULTS, '') });

const BY_DEFAULTS = 'PlatformDefaults ';

const RULES: Rules = { conflictsOf: () => [], refusalOf: () => undefined, isUnused: () => false };

const label = (
  pvc: KubeObject,
  injection: Injection | undefined,
  plan: Pick<InjectionPlan, 'isDisabled' | 'denial'>,
): Mutation => {
  // What says what was given is ours to write, also where nothing is.
  if (injection === undefined && readInjected(pvc) === undefined) return untouched(pvc);
  const { labels = NO_VALUES, annotations = NO_VALUES, warnings = [] } = injection ?? {};
  return inject(pvc, {
    edits: [...editsOf(['metadata', 'labels'], labels), ...editsOf(['metadata', 'annotations'], annotations)],
    rulesFor: () => RULES,
    form: 'names',
    warnings,
    injections: injection ? [injection] : [],
    ...plan,
  });
};

const NO_VALUES: ResolvedMap<string> = new Map();

/** What is said of a choice. */
export const warningsOf = (choice: ClaimStorage): readonly string[] => {
  switch (choice.kind) {
    case 'none':
      return choice.warnings;
    case 'make':
      return choice.unread === undefined ? choice.warnings : [...choice.warnings, choice.unread];
    case 'account':
    case 'cannot':
      return [choice.why];
  }
};
