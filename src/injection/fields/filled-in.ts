import { isDeepStrictEqual } from 'node:util';
import { quantityOf } from '../../api/kubernetes.ts';
import type { Edit } from '../edit.ts';
import { isRecord, listAt, textAt } from '../path.ts';

/** True for what an earlier admission gave, as it was given or as the API server and we ourselves have completed it since. */
export const isStillGiven = ({ at, value }: Pick<Edit, 'at' | 'value'>, present: unknown): boolean => {
  if (at.at(-1) === 'initContainers') return isSameProgram(present, value);
  return isAsGiven(present, value) || (at.at(-2) === 'resources' && isSameQuantity(present, value));
};

/** True for a volume as it was given, whatever the API server has filled in since. */
export const isAsGiven = (present: unknown, given: unknown): boolean => {
  if (present === given) return true;
  if (Array.isArray(given))
    return (
      Array.isArray(present) &&
      present.length === given.length &&
      given.every((item, index) => isAsGiven(present[index], item))
    );
  if (!isRecord(given) || !isRecord(present)) return isDeepStrictEqual(present, given);
  return [...new Set([...Object.keys(present), ...Object.keys(given)])].every((key) => {
    if (!Object.hasOwn(given, key)) return FILLED_IN.get(key)?.includes(present[key]) === true;
    return isAsGiven(present[key], given[key]) || (QUANTITIES.has(key) && isSameQuantity(present[key], given[key]));
  });
};

/** It writes 2048Mi as 2Gi. */
const QUANTITIES: ReadonlySet<string> = new Set(['sizeLimit', 'storage', 'divisor']);

const isSameQuantity = (one: unknown, other: unknown): boolean => {
  const quantity = quantityOf(one);
  return quantity !== undefined && quantity === quantityOf(other);
};

/** Fields of volumes by the values that they are given where nothing is said (pkg/apis/core/v1/defaults.go). */
const FILLED_IN: ReadonlyMap<string, readonly unknown[]> = new Map<string, readonly unknown[]>([
  ['defaultMode', [420]],
  ['expirationSeconds', [3600]],
  ['apiVersion', ['v1']],
  ['divisor', ['0']],
  ['type', ['']],
  ['volumeMode', ['Filesystem']],
  ['creationTimestamp', [null]],
  ['pullPolicy', ['Always', 'IfNotPresent']],
  ['cachingMode', ['ReadWrite']],
  ['kind', ['Shared']],
  ['fsType', ['ext4', 'xfs']],
  ['readOnly', [false]],
  ['storageMode', ['ThinProvisioned']],
  ['iscsiInterface', ['default']],
  ['pool', ['rbd']],
  ['user', ['admin']],
  ['keyring', ['/etc/ceph/keyring']],
]);

/** True for what an earlier admission added: the API server has filled in its fields since, and its image may come from elsewhere. */
export const isSameProgram = (one: unknown, other: unknown): boolean =>
  isDeepStrictEqual(programOf(one), programOf(other));

const programOf = (container: unknown): readonly unknown[] => [
  textAt(container, ['image'])?.split('/').at(-1),
  textAt(container, ['restartPolicy']),
  listAt(container, ['command']),
  listAt(container, ['args']),
];
