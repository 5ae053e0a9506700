import type { InjectSpec } from './inject-schema.ts';
import type { EnvFromSource, Toleration } from './kubernetes.ts';

/** The merge key of an envFrom source: `configMap/<name>` or `secret/<name>`, and its prefix where it has one. */
export const envFromKey = ({ configMapRef, secretRef, prefix }: EnvFromSource): string => {
  const name = configMapRef ? `configMap/${configMapRef.name}` : `secret/${secretRef?.name}`;
  return prefix ? `${name}/${prefix}` : name;
};

/** The merge key of a toleration: key, operator, value and effect, joined by `|`; operator is Equal where nothing is said. */
export const tolerationKey = ({ key, operator, value, effect }: Toleration): string =>
  [key ?? '', operator ?? 'Equal', value ?? '', effect ?? ''].join('|');

/** A mount path without the slashes at its end: `/data/` and `/data` are one place. */
export const mountKey = (mountPath: string): string => {
  let end = mountPath.length;
  while (end > 1 && mountPath[end - 1] === '/') end -= 1;
  return mountPath.slice(0, end);
};

/** Every path that something is mounted at, whichever list names it. */
export const mountPathsOf = ({ volumeMounts, configMaps, secrets }: InjectSpec): readonly string[] =>
  [...(volumeMounts ?? []), ...(configMaps ?? []), ...(secrets ?? [])].map(({ mountPath }) => mountKey(mountPath));
