import { INJECT_KEYS, type InjectKey, type TargetKind } from '../../../src/api/inject-spec.ts';
import type { Mode } from '../../../src/api/injection.ts';
import type { PlatformDefaults } from '../../../src/api/platform-defaults.ts';
import { platformDefaults } from '../../fixtures/defaults.ts';
import { confOf, grown, nameOf, pathOf, type Shape } from './entries.ts';

/** What grows in PlatformDefaults: keys of `spec.inject`, each of which brings what it needs. */
export const GROWING = [
  'labels',
  'annotations',
  'env',
  'envFrom',
  'volumes',
  'configMaps',
  'secrets',
  'nodeSelector',
  'tolerations',
  'imagePullSecrets',
  'hostAliases',
  'initContainers',
  'sparkConf',
  'hadoopConf',
] as const satisfies readonly InjectKey[];
export type Growing = (typeof GROWING)[number];

export const takes = (kind: TargetKind, key: Growing): boolean =>
  (INJECT_KEYS[key] as readonly TargetKind[]).includes(kind);

/** As few as any list may have. */
const ENTRIES_PER_OBJECT = 32;

/** PlatformDefaults of a tenant that give `count` values of one key together, named as what grows in objects is. */
export const defaultsGiving = (
  kind: TargetKind,
  key: Growing,
  count: number,
  { mode, shape }: { readonly mode: Mode; readonly shape: Shape },
): readonly PlatformDefaults[] =>
  Array.from({ length: Math.ceil(count / ENTRIES_PER_OBJECT) }, (_, at) => {
    const first = at * ENTRIES_PER_OBJECT;
    const length = Math.min(ENTRIES_PER_OBJECT, count - first);
    const inject = injectOf(
      key,
      Array.from({ length }, (_unused, index) => first + index),
      shape,
    );
    return platformDefaults(`d${at}`, { mode, match: { kinds: [kind] }, inject }, { namespace: 'team-a' });
  });

const injectOf = (key: Growing, indices: readonly number[], shape: Shape) => {
  const paths = shape === 'same' ? 'distinct' : shape;
  const files = indices.map((index) => ({ name: nameOf('distinct', index), mountPath: pathOf(paths, index) }));
  switch (key) {
    case 'volumes':
      return {
        volumes: indices.map((index) => ({
          name: nameOf('distinct', index),
          ...(index % 2 === 0 ? { emptyDir: {} } : { persistentVolumeClaim: { claimName: `o${index}` } }),
        })),
        volumeMounts: files,
      };
    case 'configMaps':
    case 'secrets':
      return { [key]: files };
    // Of other names than what grows, else none of them is added.
    case 'initContainers':
      return { initContainers: indices.map((index) => ({ name: `added-${index}`, image: 'i' })) };
    case 'sparkConf':
      return {
        sparkConf: Object.fromEntries(Object.entries(confOf((indices.at(-1) ?? 0) + 1, paths)).slice(indices[0])),
      };
    case 'labels':
    case 'annotations':
    case 'nodeSelector':
    case 'hadoopConf':
      return { [key]: Object.fromEntries(indices.map((index) => [`n${index}`, 'y'])) };
    case 'env':
    case 'envFrom':
    case 'tolerations':
    case 'imagePullSecrets':
    case 'hostAliases':
      return {
        [key]: (grown(key, true, undefined, (indices.at(-1) ?? 0) + 1, 'distinct') as readonly unknown[]).slice(
          indices[0],
        ),
      };
  }
};
