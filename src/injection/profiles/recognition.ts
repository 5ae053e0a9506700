import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, listAt, textAt } from '../path.ts';
import type { FrameworkProfile, Recognition } from './framework.ts';
import { FRAMEWORKS } from './frameworks/index.ts';

/** The framework whose pod it is: the first, and so the most specific, that fits. */
export const frameworkOf = (pod: KubeObject): FrameworkProfile | undefined => {
  const labels = isRecord(pod.metadata.labels) ? pod.metadata.labels : NO_LABELS;
  return FRAMEWORKS.find(({ knownBy }) => fits(pod, labels, knownBy));
};

const NO_LABELS: Readonly<Record<string, unknown>> = {};

const fits = (
  pod: KubeObject,
  podLabels: Readonly<Record<string, unknown>>,
  { labels = {}, owner, container }: Recognition,
): boolean => {
  for (const key in labels) {
    const value = Object.hasOwn(podLabels, key) ? podLabels[key] : undefined;
    const values = labels[key] ?? [];
    if (typeof value !== 'string' || (values.length > 0 && !values.includes(value))) return false;
  }
  if (owner !== undefined && !listAt(pod, ['metadata', 'ownerReferences']).some((one) => isOf(owner, one)))
    return false;
  return (
    container === undefined || listAt(pod, ['spec', 'containers']).some((one) => textAt(one, ['name']) === container)
  );
};

const isOf = ({ group, kind }: NonNullable<Recognition['owner']>, owner: unknown): boolean =>
  textAt(owner, ['kind']) === kind && textAt(owner, ['apiVersion'])?.startsWith(`${group}/`) === true;

/** True where all holds of a pod that it is to be known by. */
export const isKnownBy = (pod: KubeObject, knownBy: Recognition): boolean =>
  fits(pod, isRecord(pod.metadata.labels) ? pod.metadata.labels : NO_LABELS, knownBy);
