import { INJECT_KEYS, type InjectKey, type InjectSpec, type TargetKind } from '../../../src/api/inject-spec.ts';
import type { Mode } from '../../../src/api/injection.ts';
import type { PlatformDefaults } from '../../../src/api/platform-defaults.ts';
import { platformDefaults } from '../../fixtures/defaults.ts';
import { confOf, grown, nameOf, pathOf, type Shape } from './entries.ts';

/** What grows in PlatformDefaults: every key of `spec.inject`, each of which brings what it needs. */
export const GROWING = Object.keys(INJECT_KEYS) as readonly InjectKey[];
export type Growing = InjectKey;

export const takes = (kind: TargetKind, key: Growing): boolean =>
  (INJECT_KEYS[key] as readonly TargetKind[]).includes(kind);

/** As few as any list may have. */
const ENTRIES_PER_OBJECT = 32;

/** PlatformDefaults of a tenant that give `count` values of one key together, named as what grows in objects is. */
export const defaultsGiving = (
  kind: TargetKind,
  key: Growing,
  count: number,
  { mode, shape, containers }: { readonly mode: Mode; readonly shape: Shape; readonly containers?: readonly string[] },
): readonly PlatformDefaults[] =>
  Array.from({ length: Math.ceil(count / ENTRIES_PER_OBJECT) }, (_, at) => {
    const first = at * ENTRIES_PER_OBJECT;
    const length = Math.min(ENTRIES_PER_OBJECT, count - first);
    const inject = injectOf(
      key,
      Array.from({ length }, (_unused, index) => first + index),
      shape,
    );
    const match = { kinds: [kind], ...(containers && { containers }) };
    return platformDefaults(`d${at}`, { mode, match, inject }, { namespace: 'team-a' });
  });

/** What one of them gives, told apart by these indices: as many values, or longer ones, or another one. */
const injectOf = (key: Growing, indices: readonly number[], shape: Shape): InjectSpec => {
  const paths = shape === 'same' ? 'distinct' : shape;
  const names = indices.map((index) => `n${index}`);
  const files = indices.map((index) => ({ name: nameOf('distinct', index), mountPath: pathOf(paths, index) }));
  const [first = 0] = indices;
  switch (key) {
    case 'volumes':
    case 'volumeMounts':
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
    case 'sidecars':
      return { [key]: names.map((name) => ({ name: `added-${name}`, image: 'i' })) };
    case 'sparkConf':
      return { sparkConf: Object.fromEntries(Object.entries(confOf((indices.at(-1) ?? 0) + 1, paths)).slice(first)) };
    case 'labels':
    case 'annotations':
    case 'nodeSelector':
    case 'hadoopConf':
      return { [key]: valuesOf(names, 'y') };
    case 'env':
    case 'envFrom':
    case 'tolerations':
    case 'imagePullSecrets':
    case 'hostAliases':
      return {
        [key]: (grown(key, true, undefined, (indices.at(-1) ?? 0) + 1, 'distinct') as readonly unknown[]).slice(first),
      };
    case 'resources':
      return { resources: { requests: valuesOf(names.map(device), '1'), limits: valuesOf(names.map(device), '1') } };
    case 'containerSecurityContext':
      return {
        containerSecurityContext: {
          allowPrivilegeEscalation: false,
          runAsNonRoot: true,
          capabilities: { drop: names.map((name) => name.toUpperCase()) },
          seccompProfile: { type: 'RuntimeDefault' },
        },
      };
    case 'securityContext':
      return {
        securityContext: {
          runAsNonRoot: true,
          seccompProfile: { type: 'RuntimeDefault' },
          sysctls: names.map((name) => ({ name: `net.${name}`, value: '1' })),
        },
      };
    // Those of what grows are of Docker Hub.
    case 'imageRegistries':
      return {
        imageRegistries: indices.map((index) => ({
          from: index === 0 ? 'docker.io/' : `r${index}.example.org/`,
          to: `m${index}.example.org/`,
        })),
      };
    case 'affinity':
      return {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: names.map((name) => ({
              weight: 1,
              preference: { matchExpressions: [{ key: name, operator: 'Exists' }] },
            })),
          },
        },
      };
    case 'topologySpreadConstraints':
      return {
        topologySpreadConstraints: names.map((topologyKey) => ({
          maxSkew: 1,
          topologyKey,
          whenUnsatisfiable: 'ScheduleAnyway' as const,
        })),
      };
    case 'dnsConfig':
      return { dnsConfig: { searches: names, options: names.map((name) => ({ name })) } };
    case 'storageClass':
      return { storageClass: { provisioner: 'p.example.org', parameters: valuesOf(names, 'y') } };
    case 'prometheus':
      return { prometheus: { scrape: true, port: 8_090 + (first % 100), jmxExporterJar: `/n${first}.jar` } };
    case 'proxy':
      return { proxy: { https: `http://n${first}.example.org:3128`, noProxy: names } };
    case 'caBundle':
      return { caBundle: { configMap: `n${first}` } };
    case 'eventLog':
      return { eventLog: { objectStore: `n${first}` } };
    case 's3aCommitter':
      return { s3aCommitter: 'Magic', objectStore: `n${first}` };
    case 'forExecutors':
      return { forExecutors: true, env: names.map((name) => ({ name, value: 'x' })), configMaps: files };
    case 'imagePullPolicy':
      return { imagePullPolicy: first % 2 === 0 ? 'Always' : 'IfNotPresent' };
    case 'terminationGracePeriodSeconds':
      return { terminationGracePeriodSeconds: first + 1 };
    case 'priorityClassName':
    case 'schedulerName':
    case 'runtimeClassName':
    case 'serviceAccountName':
    case 'objectStore':
      return { [key]: `n${first}` };
  }
};

const valuesOf = (names: readonly string[], value: string): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map((name) => [name, value]));

const device = (name: string): string => `example.org/${name}`;
