import type { Facts } from '../api/facts.ts';
import type { PersistentVolumeClaim, StorageClass } from '../api/kubernetes.ts';
import { NFS_CLASS_LABEL } from '../api/names.ts';
import type { Claim } from './claim.ts';

/** The VolumeAttributesClass that a claim names. */
export interface Attributes {
  readonly name: string;
  /** Whose volumes it is for; undefined where no class of that name is known. */
  readonly driver: string | undefined;
}

/** Undefined where a claim names none. */
export const attributesOf = (
  { spec }: PersistentVolumeClaim,
  { storage }: Pick<Facts, 'storage'>,
): Attributes | undefined => {
  const name: unknown = spec?.volumeAttributesClassName;
  return typeof name === 'string' && name !== '' ? { name, driver: storage.attributesDriver(name) } : undefined;
};

/** Part of a sentence. */
export const NFS_TAKES_NONE =
  'volumes of NFS servers take no VolumeAttributesClass; leave spec.volumeAttributesClassName out';

/** What a claim is to know whose attributes are for another driver than makes the volumes of its class. */
export const mismatchWarnings = (
  attributes: Attributes | undefined,
  { metadata, provisioner }: StorageClass,
  { className }: Claim,
): readonly string[] => {
  if (attributes === undefined) return [];
  if (metadata.labels?.[NFS_CLASS_LABEL] !== undefined) return [`StorageClass ${className}: ${NFS_TAKES_NONE}.`];
  const { name, driver } = attributes;
  return driver === undefined || driver === provisioner
    ? []
    : [
        `VolumeAttributesClass ${name} is for volumes of ${driver}, and StorageClass ${className} makes them by ${provisioner}: the claim stays pending; name a class of ${driver}.`,
      ];
};
