import type { Explanation } from '../../api/admission.ts';
import type { Resolved, StorageClassInjection } from '../../api/injection.ts';
import type { PersistentVolumeClaim, StorageClass } from '../../api/kubernetes.ts';
import { worldFor } from '../../storage-classes/calrissian.ts';
import { type Claim, claimOf } from '../../storage-classes/claim.ts';
import {
  type Draft,
  draftFromClass,
  draftFromOffer,
  draftFromProvisioner,
  explainDraft,
  finishDraft,
} from '../../storage-classes/class-draft.ts';
import {
  type Candidates,
  candidatesFor,
  chooseOffer,
  type Lack,
  offersBy,
  type World,
} from '../../storage-classes/draft.ts';
import { mismatchOf, refusalOf } from './refusal.ts';

/** What is to be done about the class that a claim names. */
export type StorageClassChoice =
  /** Nothing: no class is asked for, it exists, or volumes are bound by hand. */
  | { readonly kind: 'none'; readonly warnings: readonly string[] }
  | {
      readonly kind: 'make';
      readonly storageClass: StorageClass;
      readonly warnings: readonly string[];
      readonly explain: readonly Explanation[];
    }
  /** An NFS server of the class's own is to serve it; the lack says what would do instead. */
  | ({ readonly kind: 'nfs'; readonly claim: Claim } & Lack)
  /** No class: it could not give a volume, or may not be made. `why` is a whole sentence. */
  | { readonly kind: 'cannot'; readonly why: string };

/**
 * Decides about the class a claim names, from memory alone. The class is whole and the same for the same claim and
 * facts; none is made that could only leave claims pending. `injection` is what PlatformDefaults say about classes.
 */
export const chooseStorageClass = (
  pvc: PersistentVolumeClaim,
  world: World,
  injection?: Resolved<StorageClassInjection>,
): StorageClassChoice => {
  const claim = claimOf(pvc);
  if (claim === undefined || world.storage.hasVolumeOfClass(claim.className)) return { kind: 'none', warnings: [] };
  const existing = world.storage.storageClass(claim.className);
  if (existing !== undefined) return { kind: 'none', warnings: mismatchOf(existing, claim, world) };
  const refusal = refusalOf(pvc, claim, world);
  if (refusal !== undefined) return cannot(claim, refusal);
  const known = worldFor(claim, world);
  if (typeof known === 'string') return { kind: 'cannot', why: known };
  const asked = { claim, world: known, injection };
  const provisioner = injection?.value.provisioner;
  if (provisioner !== undefined) return makeWithProvisioner(asked, provisioner);
  if (claim.className.includes('nfs')) return handToNfs(claim, BY_NAME);
  return makeForCloud(asked);
};

interface Asked {
  readonly claim: Claim;
  readonly world: World;
  readonly injection: Resolved<StorageClassInjection> | undefined;
}

const makeForCloud = (asked: Asked): StorageClassChoice => {
  const { claim, world } = asked;
  const candidates = candidatesFor(claim, world);
  const original = classToCopy(claim, candidates, world);
  if (original !== undefined) return make(asked, draftFromClass(original, claim, world.cloud));
  const choice = chooseOffer(claim, candidates.offers, world, parametersGiven(asked));
  if (choice.kind === 'offer') return make(asked, draftFromOffer(choice.offer, claim, world.cloud));
  const isForNfs = isShared(claim) && !candidates.isByName;
  if (isForNfs && world.policy.rwxFallback === 'nfs') return handToNfs(claim, choice);
  const instead = isForNfs ? ', or set RWX_FALLBACK to nfs' : '';
  return cannot(claim, `${choice.why}; ${choice.remedy}${instead}`);
};

const isShared = ({ mode, volumeMode }: Claim): boolean =>
  volumeMode === 'Filesystem' && (mode === 'ReadWriteMany' || mode === 'ReadOnlyMany');

const makeWithProvisioner = (asked: Asked, provisioner: string): StorageClassChoice => {
  const { claim, world } = asked;
  const known = offersBy(provisioner, claim, world.cloud);
  if (known.length === 0) {
    return make(asked, draftFromProvisioner(provisioner, claim, world.storage.hasCsiDriver(provisioner)));
  }
  const choice = chooseOffer(claim, known, world, parametersGiven(asked));
  return choice.kind === 'offer'
    ? make(asked, draftFromOffer(choice.offer, claim, world.cloud))
    : cannot(claim, `${choice.why}; ${choice.remedy}`);
};

const parametersGiven = ({ injection }: Asked) => injection?.value.parameters ?? {};

/** Where the table knows little of a cluster, its default class knows best what a disk is there. */
const classToCopy = (
  { mode }: Claim,
  { offers, isByName }: Candidates,
  { cloud, storage }: World,
): StorageClass | undefined => {
  const isDisk = mode === 'ReadWriteOnce' || mode === 'ReadWriteOncePod';
  if (isByName || !isDisk || (cloud.name !== 'local' && cloud.name !== 'unknown')) return undefined;
  const original = storage.defaultStorageClass();
  const isOfOurs = (provisioner: string): boolean => provisioner === original?.provisioner;
  const isKnown = cloud.offers.some(({ provisioner }) => isOfOurs(provisioner));
  return isKnown && !offers.some(({ provisioner }) => isOfOurs(provisioner)) ? undefined : original;
};

const make = ({ claim, injection }: Asked, draft: Draft): StorageClassChoice => ({
  kind: 'make',
  storageClass: finishDraft(draft, claim, injection),
  warnings: draft.warnings,
  explain: explainDraft(draft, claim, injection),
});

const BY_NAME: Lack = { why: 'its name asks for NFS', remedy: 'use a name without nfs' };

const handToNfs = (claim: Claim, { why, remedy }: Lack): StorageClassChoice =>
  claim.volumeMode === 'Block'
    ? cannot(claim, `${why}, and NFS serves no Block volumes; ${remedy}`)
    : { kind: 'nfs', claim, why, remedy };

const cannot = ({ className }: Claim, why: string): StorageClassChoice => ({
  kind: 'cannot',
  why: `StorageClass ${className} is not made: ${why}.`,
});
