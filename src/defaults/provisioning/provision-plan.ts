import type { KubeObject } from '../../api/kubernetes.ts';
import type { Wanted } from './plan.ts';
import { digestOf, ownerOf, type ProvisionedObject, type Source } from './provision-content.ts';

/** What is remembered of an object that carries our marks: its data as a digest alone. */
export interface Made extends Source {
  readonly kind: Wanted['kind'];
  readonly digest: string;
}

/** One thing to do. `replace` deletes first, for what cannot be changed in place; `release` takes our marks off and keeps the rest. */
export type ProvisionStep =
  | { readonly do: 'create'; readonly object: ProvisionedObject }
  | { readonly do: 'update' | 'replace'; readonly object: ProvisionedObject; readonly made: Made }
  | { readonly do: 'remove' | 'release'; readonly made: Made };

export interface ProvisionPlanInput {
  readonly owner: string;
  /** What is to be there, contents known. */
  readonly desired: readonly ProvisionedObject[];
  /** What is to be there or to stay as it is, its contents known or not. */
  readonly wanted: readonly Wanted[];
  /** False where not everything that is wanted is known: then nothing is taken away. */
  readonly isComplete: boolean;
  /** Everything that carries our marks and is this owner's, or has the name of something wanted. */
  readonly made: readonly Made[];
}

/** What is to be done so that the owner's objects are what it wants. Pure; nothing where all is well. */
export const planProvision = ({
  owner,
  desired,
  wanted,
  isComplete,
  made,
}: ProvisionPlanInput): readonly ProvisionStep[] => {
  const live = new Map(made.map((object) => [idOf(object), object]));
  const kept = new Set(wanted.map(({ kind, namespace, name }) => idOf({ kind, metadata: { namespace, name } })));
  const obsolete = made.filter((object) => isComplete && ownerOf(object) === owner && !kept.has(idOf(object)));
  return [
    ...desired.flatMap((object) => stepFor(object, live.get(idOf(object)), owner)),
    ...obsolete.map((object): ProvisionStep => {
      return { do: object.kind === 'PersistentVolumeClaim' ? 'release' : 'remove', made: object };
    }),
  ];
};

const idOf = ({ kind, metadata }: Pick<KubeObject, 'kind' | 'metadata'>): string =>
  `${kind} ${metadata.namespace}/${metadata.name}`;

const stepFor = (object: ProvisionedObject, made: Made | undefined, owner: string): readonly ProvisionStep[] => {
  if (made === undefined) return [{ do: 'create', object }];
  if (object.kind === 'PersistentVolumeClaim') return [];
  if (object.type !== made.type) return [{ do: 'replace', object, made }];
  const isRight = ownerOf(made) === owner && digestOf(object) === made.digest;
  return isRight ? [] : [{ do: 'update', object, made }];
};
