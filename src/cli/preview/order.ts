import type { KubeObject, PersistentVolume } from '../../api/kubernetes.ts';
import { locationOf, type SourcedObject } from '../documents.ts';
import type { PreviewedDocument } from './session.ts';

/**
 * The documents of each object, with a warning on those for which a class is made that comes later in the manifests, or that a volume
 * which comes later names: sent in another order, none would be made.
 */
export const withOrderWarnings = (
  previewed: readonly (readonly PreviewedDocument[])[],
  objects: readonly SourcedObject[],
): readonly PreviewedDocument[] => {
  // The last that names a class, and where it stands.
  const later = new Map<string, number>();
  objects.forEach(({ object }, at) => {
    const className = classBrought(object);
    if (className !== undefined) later.set(className, at);
  });
  if (later.size === 0) return previewed.flat();
  return previewed.flatMap((documents, at) =>
    documents.map((document) => {
      const warnings = document.companions.flatMap(({ kind, metadata: { name = '' } }) => {
        const other =
          kind === 'StorageClass' && (later.get(name) ?? -1) > at ? objects[later.get(name) ?? -1] : undefined;
        return other === undefined ? [] : [orderWarning(name, other)];
      });
      return warnings.length === 0 ? document : { ...document, warnings: [...document.warnings, ...warnings] };
    }),
  );
};

const classBrought = (object: KubeObject): string | undefined => {
  if (object.kind === 'StorageClass' && object.apiVersion === 'storage.k8s.io/v1') return object.metadata.name;
  const isVolume = object.kind === 'PersistentVolume' && object.apiVersion === 'v1';
  return isVolume ? ((object as PersistentVolume).spec?.storageClassName ?? undefined) : undefined;
};

const orderWarning = (className: string, { object, source }: SourcedObject): string =>
  object.kind === 'StorageClass'
    ? `StorageClass ${className} is made here, and the one in ${locationOf(source)} comes too late: put it before, and it is the one that holds.`
    : `StorageClass ${className} is made here, since PersistentVolume ${object.metadata.name ?? ''}, which names it, comes later (${locationOf(source)}): put it before, and no class is made.`;
