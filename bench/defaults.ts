import type { PlatformDefaults, PlatformDefaultsSpec } from '../src/api/platform-defaults.ts';

/** `total` PlatformDefaults, of which the first `matching` hold for what has `team: a` in namespace jobs; each gives what it can. */
export const platformDefaults = (total: number, matching: number): readonly PlatformDefaults[] =>
  Array.from({ length: total }, (_, index) => one(index, index < matching ? 'a' : `other-${index}`));

const one = (index: number, team: string): PlatformDefaults => ({
  apiVersion: 'quartermaster.dev/v1alpha1',
  kind: 'PlatformDefaults',
  metadata: { name: `defaults-${index}`, namespace: 'quartermaster-system', generation: 1 },
  spec: {
    match: { kinds: ['WorkflowPod', 'SparkApplication'], selector: { matchLabels: { team } } },
    inject: inject(index),
  },
});

const inject = (index: number): NonNullable<PlatformDefaultsSpec['inject']> => ({
  labels: { [`platform.example.org/label-${index}`]: 'true' },
  annotations: { [`platform.example.org/annotation-${index}`]: 'true' },
  volumes: [{ name: `platform-${index}`, emptyDir: {} }],
  volumeMounts: [{ name: `platform-${index}`, mountPath: `/platform/${index}` }],
});

/** The defaults of one tenant for their own namespace, which match all of their workloads. */
export const tenantDefaults = (namespace: string): PlatformDefaults => ({
  apiVersion: 'quartermaster.dev/v1alpha1',
  kind: 'PlatformDefaults',
  metadata: { name: 'team', namespace, generation: 1 },
  spec: { match: { kinds: ['WorkflowPod', 'SparkApplication'] }, inject: { labels: { tenant: namespace } } },
});
