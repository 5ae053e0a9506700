import { messageOf } from '../../api/errors.ts';
import type { Facts } from '../../api/facts.ts';
import type { KubeObject, PersistentVolumeClaim, StorageClass } from '../../api/kubernetes.ts';
import type { Note } from '../../controller/event-object.ts';
import { desiredStorageClass } from './mutator.ts';

/** What to do next for a pending claim. */
export type ClaimStep =
  | { readonly do: 'nothing' }
  /** Nothing can be made (yet); the claim is to know why. */
  | { readonly do: 'tell'; readonly note: Note }
  /** Make these, in order; then tell the claim. The last is the class it names. */
  | { readonly do: 'make'; readonly classes: readonly StorageClass[]; readonly notes: readonly Note[] };

/** Pure: decides by the very rules of admission. What a class needs besides other classes is left to other controllers. */
export const nextClaimStep = (claim: PersistentVolumeClaim, facts: Facts): ClaimStep => {
  const choice = desiredStorageClass(claim, facts);
  switch (choice.kind) {
    case 'none':
      return choice.warnings.length === 0
        ? { do: 'nothing' }
        : tell('Warning', 'StorageClassUnsuitable', choice.warnings.join(' '));
    case 'account':
      return tell('Normal', 'StorageAccountAwaited', choice.why);
    case 'cannot':
      return tell('Warning', 'StorageClassNotMade', choice.why);
    case 'make':
      return {
        do: 'make',
        classes: [...choice.companions.filter(isStorageClass), choice.storageClass],
        notes: [created(choice.storageClass), ...choice.warnings.map(caution)],
      };
  }
};

const tell = (type: Note['type'], reason: string, message: string): ClaimStep => ({
  do: 'tell',
  note: { type, reason, message },
});

const isStorageClass = (object: KubeObject): object is StorageClass => object.kind === 'StorageClass';

const created = ({ metadata, provisioner }: StorageClass): Note => ({
  type: 'Normal',
  reason: 'StorageClassCreated',
  message: `StorageClass ${metadata.name ?? ''} was made, with volumes by ${provisioner}.`,
});

/** What to tell a claim when the API server would not take its class. */
export const failureNote = (classes: readonly StorageClass[], error: unknown): Note => ({
  type: 'Warning',
  reason: 'StorageClassNotMade',
  message: `StorageClass ${classes.at(-1)?.metadata.name ?? ''} could not be made and is tried again: ${messageOf(error)}`,
});

const caution = (message: string): Note => ({ type: 'Warning', reason: 'StorageClassCaution', message });
