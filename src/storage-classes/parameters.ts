import type { StorageClass, StringMap } from '../api/kubernetes.ts';

type Parameters = StorageClass['parameters'];

/** The parameter by which CSI’s provisioner makes a file system. */
export const FS_TYPE = 'csi.storage.k8s.io/fstype';

/** What else parameters are called, in small letters: CSI’s provisioner refuses a class with both names of one, drivers read either. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ['fstype', FS_TYPE],
  ['storageaccounttype', 'skuname'],
  ...[
    ['provisioner', 'provisioner'],
    ['controllerpublish', 'controller-publish'],
    ['nodestage', 'node-stage'],
    ['nodepublish', 'node-publish'],
  ].flatMap(([before, now]) =>
    ['name', 'namespace'].map(
      (what) => [`csi${before}secret${what}`, `csi.storage.k8s.io/${now}-secret-${what}`] as const,
    ),
  ),
]);

/** Drivers know no case, and none has two parameters that differ in it alone. */
const identityOf = (name: string): string => {
  const small = name.toLowerCase();
  return OTHER_NAMES.get(small) ?? small;
};

/** Parameters with others put over them: each takes the place of whatever says the same. */
export const withParameters = (parameters: Parameters, others: StringMap = {}): StringMap => {
  const given = new Set(Object.keys(others).map(identityOf));
  const kept = Object.entries(parameters ?? {}).filter(
    ([name]) => Object.hasOwn(others, name) || !given.has(identityOf(name)),
  );
  return { ...Object.fromEntries(kept), ...others };
};

/** What these parameters call the one of a file system. */
export const fsTypeName = (parameters: Parameters): string =>
  Object.keys(parameters ?? {}).find((name) => identityOf(name) === FS_TYPE) ?? FS_TYPE;
