import { type AdmissionRequest, type Mutation, type Mutator, untouched } from '../../api/admission.ts';
import type { Facts } from '../../api/facts.ts';
import type { Injection } from '../../api/injection.ts';
import type { KubeObject, PersistentVolumeClaim } from '../../api/kubernetes.ts';
import { BETA_CLASS_ANNOTATION } from '../../api/names.ts';
import { editsOf } from '../../injection/edit.ts';
import { inject } from '../../injection/injector.ts';
import type { Rules } from '../../injection/settlement.ts';
import { namespaceOf, targetOf } from '../../injection/target.ts';
import { claimOf } from '../../storage-classes/claim.ts';
import { type ClaimStorage, chooseClaimStorage } from './storage.ts';

/**
 * A claim that names a missing class gets that class, made for the cloud before the claim is stored; one that names
 * any class gets labels and annotations. Claims without a class, and those bound by hand, are left alone.
 *
 * Ignore: the controller makes later what was missed while no webhook answered.
 */
export const persistentVolumeClaimMutator: Mutator = {
  rules: [
    {
      name: 'persistent-volume-claim',
      group: '',
      versions: ['v1'],
      resource: 'persistentvolumeclaims',
      operations: ['CREATE'],
      failurePolicy: 'Ignore',
      matchConditions: [
        {
          name: 'names-a-class',
          expression: `(has(object.spec.storageClassName) && object.spec.storageClassName != "") || (has(object.metadata.annotations) && "${BETA_CLASS_ANNOTATION}" in object.metadata.annotations)`,
        },
        {
          name: 'not-bound-by-hand',
          expression: '(!has(object.spec.volumeName) || object.spec.volumeName == "") && !has(object.spec.selector)',
        },
      ],
    },
  ],
  mutate: (object, request, facts) => {
    // Whatever the claim holds of another type is none of our business; what reads it takes that for absent.
    const pvc = object as PersistentVolumeClaim;
    const claim = claimOf(pvc);
    const isAsked = request.operation === 'CREATE' && claim !== undefined && !isNfsDisk(pvc, request, facts);
    return isAsked && !facts.storage.hasVolumeOfClass(claim.className)
      ? mutateClaim(pvc, request, facts)
      : untouched(object);
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

const mutateClaim = (pvc: PersistentVolumeClaim, request: AdmissionRequest, facts: Facts): Mutation => {
  const target = targetOf('PersistentVolumeClaim', pvc, request, facts);
  const { isDisabled } = target;
  const injection = facts.defaults.resolve(target);
  const labelled = injection === undefined ? untouched(pvc) : label(pvc, injection, isDisabled);
  const choice = isDisabled ? NOTHING : chooseClaimStorage(labelled.object, facts, injection?.storageClass);
  const isMade = choice.kind === 'make';
  return {
    object: labelled.object,
    warnings: [...labelled.warnings, ...warningsOf(choice)],
    explain: [...labelled.explain, ...(isMade ? choice.explain : [])],
    companions: isMade ? [...choice.companions, choice.storageClass] : [],
    outcomes: labelled.outcomes,
  };
};

const RULES: Rules = { conflictsOf: () => [], refusalOf: () => undefined, isUnused: () => false };

const label = (pvc: KubeObject, { labels, annotations, warnings }: Injection, isDisabled: boolean): Mutation =>
  inject(pvc, {
    edits: [...editsOf(['metadata', 'labels'], labels), ...editsOf(['metadata', 'annotations'], annotations)],
    rulesFor: () => RULES,
    form: 'names',
    warnings,
    isDisabled,
  });

const warningsOf = (choice: ClaimStorage): readonly string[] => {
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
