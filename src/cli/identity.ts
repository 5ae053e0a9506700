import type { KubeObject } from '../api/kubernetes.ts';
import { groupVersionOf } from '../explanation/request.ts';

/** The same for two versions of one object; `namespace`: where one is that names none. */
export const identityOf = ({ apiVersion, kind, metadata }: KubeObject, namespace: string): string =>
  [groupVersionOf(apiVersion).group, kind, metadata.namespace ?? namespace, metadata.name].join('/');

/** What is stored of another name or kind makes no UPDATE of what is applied: part of a sentence; undefined where any of it is the same. */
export const unmatchedBy = (
  applied: readonly KubeObject[],
  old: readonly KubeObject[],
  namespace: string,
): string | undefined => {
  const identities = new Set(applied.map((one) => identityOf(one, namespace)));
  if (old.length === 0 || old.some((one) => identities.has(identityOf(one, namespace)))) return undefined;
  const named = (all: readonly KubeObject[]): string =>
    all
      .map(
        ({ kind, metadata }) => `${kind} ${metadata.namespace ?? namespace}/${metadata.name ?? metadata.generateName}`,
      )
      .join(', ');
  return `${named(old)} is none of what is applied (${named(applied)}), so that nothing is updated`;
};
