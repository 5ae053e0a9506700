import type { Injection, Resolved, ResolvedMap } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';

/** An app that says nothing which could be in the way of anything. */
export const PLAIN_APP: KubeObject = {
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name: 'plain' },
};

/**
 * What the platform alone gives, of all that can keep something enforced from an app. What a plain app would lack even of this fails for
 * everybody, and is the platform's to put right; whatever else is lacking is the doing of the app, or of its namespace.
 */
export const platformAlone = (injection: Injection, isOfPlatform: IsOfPlatform): Injection => {
  const ofPlatform = <T>(given: ResolvedMap<T>): ResolvedMap<T> =>
    new Map([...given].filter(([, resolved]) => isOfPlatform(resolved)));
  const { prometheus, sparkConf, env, addedContainers, configMaps, volumeMounts } = injection;
  return {
    ...injection,
    prometheus: ofPlatform(prometheus),
    sparkConf: ofPlatform(sparkConf),
    env: ofPlatform(env),
    addedContainers: ofPlatform(addedContainers),
    configMaps: ofPlatform(configMaps),
    volumeMounts: ofPlatform(volumeMounts),
  };
};

/** True for what a PlatformDefaults of the system namespace gives. */
export type IsOfPlatform = (given: Pick<Resolved<unknown>, 'source'>) => boolean;

export const isOfNamespace =
  (systemNamespace: string): IsOfPlatform =>
  ({ source }) =>
    source.namespace === systemNamespace;

/** True where it is enforced for the whole cluster. */
export const isEnforcedGlobally = (given: Resolved<unknown>, isOfPlatform: IsOfPlatform): boolean =>
  given.mode === 'Enforce' && isOfPlatform(given);
