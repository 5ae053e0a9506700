import type { KubeObject } from '../../api/kubernetes.ts';
import type { DesiredItem } from './plan.ts';
import { digestOf, ownerOf, type ProvisionedObject, type Source } from './provision-content.ts';

/** What is observed of an object that carries our labels: its data as a digest alone. */
export interface ObservedObject extends Source {
  readonly kind: DesiredItem['kind'];
  readonly digest: string;
}

/** One thing to do. `replace` deletes first, for what cannot be changed in place; `release` takes our marks off and keeps the rest. */
export type ProvisionStep =
  | { readonly do: 'create'; readonly object: ProvisionedObject }
  | { readonly do: 'update' | 'replace'; readonly object: ProvisionedObject; readonly observed: ObservedObject }
  | { readonly do: 'remove' | 'release'; readonly observed: ObservedObject };

export interface ProvisionPlanInput {
  readonly owner: string;
  /** What is desired, contents known. */
  readonly objects: readonly ProvisionedObject[];
  /** What is desired or to stay as it is, its contents known or not. */
  readonly desired: readonly DesiredItem[];
  /** False where not everything that is desired is known: then nothing is taken away. */
  readonly isComplete: boolean;
  /** Everything that carries our marks and is this owner's, or has the name of something desired. */
  readonly observed: readonly ObservedObject[];
}

/** What is to be done so that the owner's objects are what it wants. Pure; nothing where all is well. */
export const planProvision = ({
  owner,
  objects,
  desired,
  isComplete,
  observed,
}: ProvisionPlanInput): readonly ProvisionStep[] => {
  const live = new Map(observed.map((object) => [idOf(object), object]));
  const kept = new Set(desired.map(({ kind, namespace, name }) => idOf({ kind, metadata: { namespace, name } })));
  const obsolete = observed.filter((object) => isComplete && ownerOf(object) === owner && !kept.has(idOf(object)));
  return [
    ...objects.flatMap((object) => stepFor(object, live.get(idOf(object)), owner)),
    ...obsolete.map((object): ProvisionStep => {
      return { do: object.kind === 'PersistentVolumeClaim' ? 'release' : 'remove', observed: object };
    }),
  ];
};

const idOf = ({ kind, metadata }: Pick<KubeObject, 'kind' | 'metadata'>): string =>
  `${kind} ${metadata.namespace}/${metadata.name}`;

const stepFor = (
  object: ProvisionedObject,
  observed: ObservedObject | undefined,
  owner: string,
): readonly ProvisionStep[] => {
  if (observed === undefined) return [{ do: 'create', object }];
  if (object.kind === 'PersistentVolumeClaim') return [];
  if (object.type !== observed.type) return [{ do: 'replace', object, observed }];
  const isUpToDate = ownerOf(observed) === owner && digestOf(object) === observed.digest;
  return isUpToDate ? [] : [{ do: 'update', object, observed }];
};
