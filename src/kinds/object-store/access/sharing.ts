import type { ObjectStore } from '../../../api/object-store.ts';
import type { ObjectKey } from '../../../kube/api-server.ts';
import { retryPolicies } from '../requeue.ts';

/** Whose bucket an ObjectStore with `spec.sharedFrom` uses. */
export interface Sharing {
  /** The ObjectStore that has the bucket; undefined where there is none, or none that may be known of. */
  readonly owner: ObjectStore | undefined;
  /** Why there is no access, as one sentence: what was given is taken away. */
  readonly refusal?: string;
  /** Why there is none yet: what was given stays. */
  readonly pending?: string;
}

/** What one ObjectStore shares with another. Undefined where it asks for nothing of anybody's. */
export const sharingOf = (
  store: ObjectStore,
  find: (key: ObjectKey) => ObjectStore | undefined,
): Sharing | undefined => {
  const { sharedFrom } = store.spec;
  if (sharedFrom === undefined) return undefined;
  const owner = find(sharedFrom);
  const title = `ObjectStore ${sharedFrom.namespace}/${sharedFrom.name}`;
  const granted = owner?.spec.grants?.find(({ namespace }) => namespace === store.metadata.namespace);
  // Whether there is such an object is for those to know whom it grants something.
  if (owner === undefined || granted === undefined)
    return {
      owner,
      refusal: `${title} is not there, or its spec.grants do not name this namespace: ask whoever has it.`,
    };
  const refusal = refusalOf(store, owner, title) ?? refusedMode(store, granted.mode, title);
  if (refusal !== undefined) return { owner, refusal };
  return owner.status?.ownership === undefined ? { owner, pending: `${title} is not Ready yet.` } : { owner };
};

const refusalOf = ({ spec }: ObjectStore, owner: ObjectStore, title: string): string | undefined => {
  if (owner.metadata.deletionTimestamp) return `${title} is being deleted.`;
  if (owner.spec.sharedFrom !== undefined) return `${title} has its bucket from another itself: name that one.`;
  return owner.spec.name === spec.name ? undefined : `${title} has bucket ${owner.spec.name}: say so in spec.name.`;
};

const refusedMode = ({ spec }: ObjectStore, granted = 'ReadOnly', title: string): string | undefined =>
  granted === 'ReadOnly' && spec.access?.mode === 'ReadWrite'
    ? `${title} grants this namespace ReadOnly: leave spec.access.mode out.`
    : undefined;

/** What the workload may do: what it asks for, and no more than it is granted. */
export const modeOf = (store: ObjectStore, sharing: Sharing | undefined): 'ReadWrite' | 'ReadOnly' => {
  const asked = store.spec.access?.mode;
  if (sharing === undefined) return asked ?? 'ReadWrite';
  const granted = sharing.owner?.spec.grants?.find(({ namespace }) => namespace === store.metadata.namespace)?.mode;
  return asked ?? granted ?? 'ReadOnly';
};

/**
 * Of those that use this one's bucket: ObjectStores, as `namespace/name`, whose workloads have keys for it and are to have none, since it
 * is going or grants them nothing. Where that was tried and refused, with the reason.
 */
export const sharersOf = (owner: ObjectStore, sharing: readonly ObjectStore[]): readonly string[] =>
  sharing
    .filter((each) => each.status?.access !== undefined && sharingOf(each, () => owner)?.refusal !== undefined)
    .map(({ metadata: { namespace = '', name = '' }, status }) => {
      const reason = status?.conditions?.find(({ type }) => type === 'Synced')?.reason ?? '';
      return `${namespace}/${name}${isFailure(reason) ? ` (${reason})` : ''}`;
    });

/** Tenants may be able to write status: nothing but a reason of ours is passed on. */
const isFailure = (reason: string): boolean => reason !== 'NotGranted' && Object.hasOwn(retryPolicies, reason);
