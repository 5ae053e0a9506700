import type { InjectSpec } from '../../api/inject-schema.ts';
import type { Mode } from '../../api/injection.ts';
import type { Volume } from '../../api/kubernetes.ts';
import { dnsLabel } from './names.ts';

/**
 * What Calrissian breaks on: its runner copies each mounted claim into every step pod under the claim's own name, and
 * finds the claim of a path by plain string prefix.
 */
export const calrissianViolations = (inject: InjectSpec, mode: Mode): readonly string[] => [
  ...claimNameViolations(inject),
  ...claimMountViolations(inject),
  ...credentialViolations(inject, mode),
];

const claimOf = (volume: Volume | undefined): string | undefined => {
  const source = volume?.['persistentVolumeClaim'];
  if (typeof source !== 'object' || source === null || !('claimName' in source)) return undefined;
  return typeof source.claimName === 'string' ? source.claimName : undefined;
};

const claimNameViolations = ({ volumes = [] }: InjectSpec): readonly string[] =>
  volumes.flatMap((volume, at) => {
    const claim = claimOf(volume);
    if (claim === undefined || claim.includes('${') || dnsLabel.accepts(claim)) return [];
    return [
      `spec.inject.volumes[${at}].persistentVolumeClaim.claimName: "${claim}" names a volume in Calrissian's steps, so it must be ${dnsLabel.title}`,
    ];
  });

const claimMountViolations = ({ volumes = [], volumeMounts = [] }: InjectSpec): readonly string[] => {
  const mounts = volumeMounts.flatMap(({ name, mountPath }, at) => {
    const claim = claimOf(volumes.find((volume) => volume.name === name));
    return claim === undefined ? [] : [{ at, claim, mountPath }];
  });
  return mounts.flatMap(({ at, claim, mountPath }, index) => {
    const before = mounts.slice(0, index);
    if (before.some((other) => other.claim === claim)) {
      return [
        `spec.inject.volumeMounts[${at}]: claim "${claim}" is mounted twice, which makes every Calrissian step invalid`,
      ];
    }
    const clash = before.find(
      (other) => mountPath.startsWith(other.mountPath) || other.mountPath.startsWith(mountPath),
    );
    if (clash === undefined) return [];
    return [
      `spec.inject.volumeMounts[${at}].mountPath: "${mountPath}" and "${clash.mountPath}" begin alike, so Calrissian takes one claim for the other`,
    ];
  });
};

/** The launcher passes short-lived credentials to each step; replacing them breaks its access. */
const credentialViolations = ({ env = [] }: InjectSpec, mode: Mode): readonly string[] =>
  env.flatMap(({ name }, at) =>
    mode === 'Enforce' && name.startsWith('AWS_')
      ? [`spec.inject.env[${at}].name: ${name} cannot be enforced on a CalrissianPod; use mode Default`]
      : [],
  );
