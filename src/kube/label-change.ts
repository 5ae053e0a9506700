import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../api/kubernetes.ts';

/** True where an object has other labels than it had; one that was not there had none. */
export const hasChangedLabels = ({ metadata }: KubeObject, old: KubeObject | undefined): boolean =>
  !isDeepStrictEqual(metadata.labels ?? {}, old?.metadata.labels ?? {});
