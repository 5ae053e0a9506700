import { mountKey } from '../../api/inject-spec.ts';
import type { FileMount, ResolvedMap } from '../../api/injection.ts';
import type { EnvVar, KubeObject } from '../../api/kubernetes.ts';
import { type Edit, editsOf, type FieldPath, valuesAt } from '../edit.ts';
import { memoize } from '../memo.ts';
import { type Path, textAt } from '../path.ts';
import { type DesiredVolumes, POD_VOLUMES } from '../volumes.ts';

interface Apart {
  /** Variables that are of use whatever is mounted: the very map where all are. */
  readonly alone: ResolvedMap<EnvVar>;
  /** Variables that name files of a bundle, and are given with its mount. */
  readonly mounted: ResolvedMap<EnvVar>;
}

/** Variables apart from those that are of no use without a mount. */
export const apart = (env: ResolvedMap<EnvVar>): Apart =>
  memoize(env, apart, '', () => {
    const mounted = new Map([...env].filter(([, { needs }]) => needs !== undefined));
    if (mounted.size === 0) return { alone: env, mounted };
    return { alone: new Map([...env].filter(([name]) => !mounted.has(name))), mounted };
  });

/** The variables of a bundle, which are settled after its mount. */
export const bundleEdits = (container: Path, env: ResolvedMap<EnvVar>): readonly Edit[] =>
  editsOf([...container, 'env'], apart(env).mounted);

/** Where a container mounts something else than a default of a bundle names: its user's word on the whole of it. */
export const otherMounts = (
  pod: KubeObject,
  { at, mode, needs }: Edit,
  desired: DesiredVolumes,
): readonly FieldPath[] => {
  if (needs === undefined || mode === 'Enforce') return NONE;
  const mount = mountFieldOf(at, needs);
  return valuesAt(pod, mount).length === 0 || isMounted(pod, mount, needs, desired) ? NONE : [mount];
};

const NONE: readonly FieldPath[] = [];

/** Why a variable of a bundle must not be given: what it names is not there. */
export const unmountedRefusal = (pod: KubeObject, { at, needs }: Edit, desired: DesiredVolumes): string | undefined =>
  needs === undefined || isMounted(pod, mountFieldOf(at, needs), needs, desired) ? undefined : notMounted(needs);

export const notMounted = ({ name, mountPath }: FileMount): string =>
  `ConfigMap ${name} is not mounted at ${mountPath}`;

const mountFieldOf = (env: Path, { mountPath }: FileMount): FieldPath => ({
  at: [...env.slice(0, -1), 'volumeMounts'],
  key: mountKey(mountPath),
});

/** Volumes are settled last. */
const isMounted = (pod: KubeObject, mount: FieldPath, { name }: FileMount, desired: DesiredVolumes): boolean => {
  const [present] = valuesAt(pod, mount);
  if (present === undefined || textAt(present, ['subPath']) !== undefined) return false;
  const key = textAt(present, ['name']) ?? '';
  const given = desired.get(key);
  const [there] = given?.mode === 'Enforce' ? [] : valuesAt(pod, { at: POD_VOLUMES, key });
  return textAt(there ?? given?.value, ['configMap', 'name']) === name;
};
