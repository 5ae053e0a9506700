import { expect, it } from 'vitest';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { decide } from '../../src/kinds/index.ts';
import { platformDefaults } from '../fixtures/defaults.ts';
import { fc } from '../fixtures/fast-check.ts';
import { requestFor } from '../fixtures/golden-case.ts';
import { factsOf } from '../fixtures/golden-world.ts';

const circumstances = { namespace: 'team-a' };
const match = { kinds: ['Pod'] } as const;
const defaults = [
  platformDefaults('enforced', {
    match,
    mode: 'Enforce',
    inject: { env: [{ name: 'AUDIT', value: 'on' }], containerSecurityContext: { allowPrivilegeEscalation: false } },
  }),
  platformDefaults('given', {
    match,
    inject: {
      env: [{ name: 'TIMEZONE', value: 'UTC' }],
      configMaps: [{ name: 'ca', mountPath: '/etc/ca' }],
      labels: { a: 'b' },
    },
  }),
];

const ofSome = [
  ...defaults,
  platformDefaults('proxy', { match, mode: 'Enforce', inject: { proxy: { http: 'http://proxy:3128' } } }),
  platformDefaults('variables', { match, variables: { tier: 'one' } }),
  platformDefaults('some', {
    match: { ...match, containers: ['init', 'y', 'istio-proxy'] },
    mode: 'Enforce',
    inject: { env: [{ name: 'TIER', value: '${tier}' }], secrets: [{ name: 'key', mountPath: '/etc/key' }] },
  }),
  platformDefaults('main', {
    match: { ...match, containers: ['main', 'x*'] },
    inject: { env: [{ name: 'TIMEZONE', value: 'CET' }], resources: { limits: { memory: '1Gi' } } },
  }),
];

const WORKFLOW = 'workflows.argoproj.io';
const labels = fc.constantFrom<Readonly<Record<string, string>>>(
  {},
  { [`${WORKFLOW}/workflow`]: 'w' },
  ...['agent', 'artifact-gc'].map((component) => ({
    [`${WORKFLOW}/workflow`]: 'w',
    [`${WORKFLOW}/component`]: component,
  })),
  { 'spark-role': 'driver' },
  { 'spark-role': 'executor' },
  { 'ray.io/node-type': 'worker' },
  { 'dask.org/component': 'worker' },
  { 'batch.kubernetes.io/job-name': 'j' },
);
const containers = (minLength: number) =>
  fc.uniqueArray(fc.constantFrom('main', 'wait', 'init', 'supervisor', 'base', 'x', 'y', 'istio-proxy'), {
    minLength,
    maxLength: 4,
  });
const pod = fc
  .record({ labels, main: containers(1), init: containers(0) })
  .map(({ labels, main, init }): KubeObject & { readonly spec: object } => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'it', namespace: 'team-a', labels },
    spec: {
      containers: main.map((name) => ({ name, image: 'i' })),
      initContainers: init.filter((name) => !main.includes(name)).map((name) => ({ name, image: 'i' })),
    },
  }));

it.each([
  ['what is for all', defaults],
  ['what is for some containers', ofSome],
])('of %s, one pod is given the same whatever pods were decided before it', (_, defaults) => {
  const decideIn = (facts: ReturnType<typeof factsOf>, object: KubeObject) =>
    decide(requestFor({ circumstances, oldObject: undefined }, object), facts);
  const long = factsOf({ defaults, circumstances });
  fc.assert(
    fc.property(pod, (object) => {
      const { patch, warnings, denied } = decideIn(long, object);
      const fresh = decideIn(factsOf({ defaults, circumstances }), object);
      expect({ patch, warnings, denied }).toEqual({
        patch: fresh.patch,
        warnings: fresh.warnings,
        denied: fresh.denied,
      });
    }),
    { numRuns: 1_000 },
  );
});
