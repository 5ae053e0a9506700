import type { PersistentVolumeClaim, StorageClass } from '../../api/kubernetes.ts';
import { DEFAULT_CLASS_ANNOTATION } from '../../api/names.ts';
import { removeUnchanged } from '../../controller/apply.ts';
import { keepDoing } from '../../controller/periodic.ts';
import { type Kube, resources } from '../../kube/api-server.ts';
import type { Store } from '../../kube/store.ts';
import type { FactStores } from '../../kube/stores.ts';
import type { Log } from '../../ops/log.ts';
import { classNameOf } from '../../storage-classes/claim.ts';
import { isNfsClass } from './nfs/observed.ts';

export interface UnusedClassOptions {
  readonly kube: Pick<Kube, 'remove'>;
  readonly claims: Pick<Store<PersistentVolumeClaim>, 'list'>;
  readonly stores: Pick<FactStores, 'storageClasses' | 'persistentVolumes'>;
  /** True where anything of an NFS server of that class is there, a disk that was kept among it. */
  readonly hasNfsServer: (className: string) => boolean;
  /** How long a class must not have been used, in milliseconds. */
  readonly unusedMs: number;
  /** Milliseconds that only ever grow. */
  readonly now: () => number;
  readonly log: Pick<Log, 'info'>;
}

/**
 * Removes classes that nobody used for long, until `signal`. Looks twice within that time, and every ten minutes at least. What was seen
 * is forgotten with the leadership: a class may be used while another leads.
 */
export const removeUnusedClasses = (
  { log, ...options }: UnusedClassOptions & { readonly log: Log },
  signal: AbortSignal,
): Promise<void> => {
  const sweep = createUnusedClassSweep({ ...options, log });
  const everyMs = Math.min(options.unusedMs / 2, 600_000);
  return keepDoing('unused StorageClasses cannot be removed', sweep, { everyMs, log }, signal);
};

/**
 * One look at the classes we made, to be taken again and again: removes those that no claim names and no volume is of, since so
 * long. Since when is forgotten with the sweep, which only keeps a class longer. A claim that comes meanwhile finds its class
 * made again, one that restores a snapshot too: at its admission, or by the controller that sees the class go. Of an NFS server the class goes only where there is none:
 * the server takes it along. A storage account is found by its record, so that the class is made again with the same account.
 */
export const createUnusedClassSweep = (options: UnusedClassOptions): ((signal: AbortSignal) => Promise<void>) => {
  const { kube, unusedMs, now, log } = options;
  let unusedSince: ReadonlyMap<string, number> = new Map();
  return async (signal) => {
    const unused = unusedClasses(options);
    const since = unusedSince;
    unusedSince = new Map(unused.map(({ metadata: { uid = '' } }) => [uid, since.get(uid) ?? now()]));
    const failures: unknown[] = [];
    for (const storageClass of unused) {
      const { name = '', uid = '' } = storageClass.metadata;
      if (now() - (unusedSince.get(uid) ?? now()) < unusedMs || isNamed(name, options)) continue;
      const isRemoved = await removeUnchanged(kube, resources.storageClasses, storageClass, signal).catch(
        (error: unknown) => {
          failures.push(error);
          return false;
        },
      );
      if (isRemoved) log.info({ storageClass: name, unusedSeconds: unusedMs / 1_000 }, 'unused StorageClass removed');
    }
    // Told once the others are gone: one that may not be removed would keep them all, at every look.
    if (failures.length > 0) throw failures[0];
  };
};

const unusedClasses = (options: UnusedClassOptions): readonly StorageClass[] => {
  const { claims, stores } = options;
  const named = new Set(claims.list().map(classNameOf));
  return stores.storageClasses
    .byIndex('owned', 'true')
    .filter(({ metadata: { name = '' } }) => !named.has(name) && !hasVolumes(name, stores))
    .filter((storageClass) => !isKept(storageClass, options));
};

/** Asked once more before each is removed: removing those before it took a while. */
const isNamed = (name: string, { claims, stores }: UnusedClassOptions): boolean =>
  hasVolumes(name, stores) || claims.list().some((claim) => classNameOf(claim) === name);

const hasVolumes = (name: string, { persistentVolumes }: UnusedClassOptions['stores']): boolean =>
  persistentVolumes.countByIndex('storageClassName', name) > 0;

/** One that has a server, with whose disk its volumes may come back; and the one for claims that name none. */
const isKept = (storageClass: StorageClass, { hasNfsServer }: UnusedClassOptions): boolean => {
  const { name = '', annotations, deletionTimestamp } = storageClass.metadata;
  return (
    (isNfsClass(storageClass) && hasNfsServer(name)) ||
    annotations?.[DEFAULT_CLASS_ANNOTATION] === 'true' ||
    deletionTimestamp !== undefined
  );
};
