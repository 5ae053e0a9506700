import type { StringMap } from '../../src/api/kubernetes.ts';
import { secretParameters } from '../../src/clouds/cloud.ts';
import { FS_TYPE } from '../../src/storage-classes/parameters.ts';

/** What the sidecars beside a CSI driver find a Secret for (external-provisioner, pkg/controller/controller.go). */
const OPERATIONS = [
  'provisioner',
  'controller-publish',
  'controller-expand',
  'node-stage',
  'node-publish',
  'node-expand',
] as const;

export type SecretOperation = (typeof OPERATIONS)[number];

const pairOf = (operation: SecretOperation): readonly string[] => Object.keys(secretParameters([operation], '', ''));

const readBySidecars: ReadonlySet<string> = new Set([FS_TYPE, ...OPERATIONS.flatMap(pairOf)]);

/** What reaches the driver: the file system and the Secrets are read by the sidecars. */
export const withoutSidecars = (parameters: StringMap): StringMap =>
  Object.fromEntries(Object.entries(parameters).filter(([name]) => !readBySidecars.has(name)));

/** True where a class names the Secret for an operation. */
export const namesSecret = (parameters: StringMap, operation: SecretOperation): boolean =>
  pairOf(operation).every((name) => Object.hasOwn(parameters, name));

/** Why external-provisioner refuses a class before its driver sees it. */
export const refusedBySidecars = (parameters: StringMap): readonly string[] => [
  ...Object.keys(withoutSidecars(parameters))
    .filter((name) => name.startsWith('csi.storage.k8s.io/'))
    .map((name) => `the sidecars have no parameter ${name}`),
  ...OPERATIONS.filter(
    (operation) =>
      !namesSecret(parameters, operation) && pairOf(operation).some((name) => Object.hasOwn(parameters, name)),
  ).map((operation) => `the Secret for ${operation} is named by half`),
];
