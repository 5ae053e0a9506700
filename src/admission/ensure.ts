import { AppError, messageOf } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { type Kube, resources } from '../kube/api-server.ts';

/** Makes what must exist before the object is stored. Answers the warnings to send along; never throws. */
export type Ensure = (companions: readonly KubeObject[]) => Promise<readonly string[]>;

/**
 * Makes missing StorageClasses, the one write of the admission path, and leaves every other companion to the controller.
 * Past `deadlineMs` the object is admitted with a warning and the controller catches up. Requests for one class
 * at the same time share one create call. `onMade` is told of each class made.
 */
export const ensureStorageClasses = (
  kube: Pick<Kube, 'create'>,
  deadlineMs: number,
  onCreated: () => void = () => undefined,
): Ensure => {
  const inFlight = new Map<string, Promise<string | undefined>>();

  const ensureOne = (storageClass: KubeObject): Promise<string | undefined> => {
    const name = storageClass.metadata.name ?? '';
    const creation =
      inFlight.get(name) ?? create({ kube, deadlineMs, onCreated }, storageClass).finally(() => inFlight.delete(name));
    inFlight.set(name, creation);
    return creation;
  };

  return async (companions) => {
    const storageClasses = companions.filter(({ kind }) => kind === 'StorageClass');
    const outcomes = await Promise.all(storageClasses.map(ensureOne));
    return outcomes.filter((warning) => warning !== undefined);
  };
};

/** On a dry run, and offline: nothing is written. */
export const ensureNothing: Ensure = () => Promise.resolve([]);

interface Creation {
  readonly kube: Pick<Kube, 'create'>;
  readonly deadlineMs: number;
  readonly onCreated: () => void;
}

const create = async (
  { kube, deadlineMs, onCreated }: Creation,
  storageClass: KubeObject,
): Promise<string | undefined> => {
  try {
    await kube.create(resources.storageClasses, storageClass, { signal: AbortSignal.timeout(deadlineMs) });
    onCreated();
    return undefined;
  } catch (error) {
    if (error instanceof AppError && error.reason === 'AlreadyExists') return undefined;
    return `StorageClass ${storageClass.metadata.name ?? ''} is not there yet (${messageOf(error)}); the controller will make it.`;
  }
};
