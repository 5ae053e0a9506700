import { mountKey } from '../../api/identity.ts';
import type { TargetKind } from '../../api/inject-keys.ts';
import type { InjectSpec } from '../../api/inject-schema.ts';
import { isReservedPath, isReservedVolume } from '../../injection/reserved.ts';

/** What would make a pod with these volumes and mounts invalid, or break the machinery of its kind. */
export const mountViolations = (inject: InjectSpec, kinds: readonly TargetKind[]): readonly string[] => [
  ...volumeViolations(inject, kinds),
  ...danglingViolations(inject),
  ...pathViolations(inject, kinds),
];

const volumeViolations = ({ volumes = [] }: InjectSpec, kinds: readonly TargetKind[]): readonly string[] =>
  volumes.flatMap(({ name, ...sources }, at) => [
    ...kinds
      .filter((kind) => isReservedVolume(kind, name))
      .map((kind) => `spec.inject.volumes[${at}].name: "${name}" is reserved in a ${kind}; call it something else`),
    ...(Object.keys(sources).length === 1
      ? []
      : [`spec.inject.volumes[${at}]: give exactly one source beside its name`]),
  ]);

const danglingViolations = ({ volumeMounts = [], volumes = [] }: InjectSpec): readonly string[] =>
  volumeMounts.flatMap(({ name }, at) =>
    volumes.some((volume) => volume.name === name)
      ? []
      : [`spec.inject.volumeMounts[${at}].name: "${name}" is none of spec.inject.volumes; add that volume`],
  );

interface PlacedPath {
  readonly field: string;
  readonly path: string;
}

const placedPaths = ({ volumeMounts, configMaps, secrets }: InjectSpec): readonly PlacedPath[] =>
  Object.entries({ volumeMounts, configMaps, secrets }).flatMap(([list, mounts]) =>
    (mounts ?? []).map(({ mountPath }, at) => ({ field: `spec.inject.${list}[${at}].mountPath`, path: mountPath })),
  );

const pathViolations = (inject: InjectSpec, kinds: readonly TargetKind[]): readonly string[] => {
  const placed = placedPaths(inject);
  const keys = placed.map(({ path }) => mountKey(path));
  return placed.flatMap(({ field, path }, at) => {
    if (keys.indexOf(mountKey(path)) < at)
      return [`${field}: "${path}" is mounted twice; give each mount its own path`];
    if (!/^\/[^/:]/.test(path) || /:|\/\.\.(\/|$)/.test(path)) {
      return [`${field}: "${path}" is not an absolute path below / without : and ..`];
    }
    return kinds
      .filter((kind) => isReservedPath(kind, path))
      .map((kind) => `${field}: "${path}" is reserved in a ${kind}; mount elsewhere`);
  });
};
