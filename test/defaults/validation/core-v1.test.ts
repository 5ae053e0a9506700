import { describe, expect, it } from 'vitest';
import type { PlatformDefaultsSpec } from '../../../src/api/platform-defaults.ts';
import table from '../../../src/defaults/validation/core-v1.json' with { type: 'json' };
import { validateDefaults } from '../../../src/defaults/validation/spec.ts';
import { platformDefaults, resolve, system } from '../../fixtures/defaults.ts';

const { kubernetes } = table;

type Inject = NonNullable<PlatformDefaultsSpec['inject']>;

/** As read from a file: no compiler has seen it. */
const violationsOf = (inject: object): readonly string[] =>
  validateDefaults(
    platformDefaults('it', { match: { kinds: ['Pod'] }, mode: 'Enforce', inject: inject as Inject }),
    system,
  );

const spread = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' };
const container = { name: 'a', image: 'b' };
const nodes = (operator: string) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'pool', operator, values: ['a'] }] }],
    },
  },
});

describe('structures of core/v1', () => {
  const cases: readonly (readonly [object, ...string[]])[] = [
    [
      { securityContext: { runAsNonRoot: 'yes', fsGrup: 3, runAsUser: 1.5 } },
      'securityContext.runAsNonRoot: must be true or false',
      `securityContext.fsGrup: there is no such field in Kubernetes ${kubernetes} (did you mean fsGroup?)`,
      'securityContext.runAsUser: must be a whole number',
    ],
    [
      { containerSecurityContext: { allowPrivilegeEscalation: 'false', capabilites: { drop: ['ALL'] } } },
      'containerSecurityContext.allowPrivilegeEscalation: must be true or false',
      `containerSecurityContext.capabilites: there is no such field in Kubernetes ${kubernetes} (did you mean capabilities?)`,
    ],
    [
      { containerSecurityContext: { seccompProfile: { type: 'RuntimeDefalt' } } },
      'containerSecurityContext.seccompProfile.type: "RuntimeDefalt" is not one of Localhost, RuntimeDefault, Unconfined (did you mean RuntimeDefault?)',
    ],
    [
      { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: 5 } } },
      'affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution: must be an object',
    ],
    [
      { affinity: nodes('in') },
      'affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].operator: "in" is not one of',
    ],
    [
      { affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 2 ** 31 }] } } },
      'affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm: is required',
      'affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: is more than 32 bits hold',
    ],
    [
      { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 5 } } }] },
      'env[0].valueFrom.fieldRef.fieldPath: must be a string; quote it',
    ],
    [
      { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'a', key: 'a/b' } } }] },
      'env[0].valueFrom.secretKeyRef.key: "a/b" is not a key of a ConfigMap',
    ],
    [{ env: [{ name: 'A', valueFrom: {} }] }, 'env[0].valueFrom: give exactly one source'],
    [
      { volumes: [{ name: 's', emptyDir: { sizeLimit: 'ten' } }] },
      'volumes[0].emptyDir.sizeLimit: "ten" is no quantity',
    ],
    [
      { volumes: [{ name: 's', emptyDr: {} }] },
      `volumes[0].emptyDr: there is no such field in Kubernetes ${kubernetes}`,
    ],
    [{ volumes: [{ name: 's', nfs: { server: 'a' } }] }, 'volumes[0].nfs.path: is required'],
    [
      { volumes: [{ name: 's', projected: { sources: { secret: {} } } }] },
      'volumes[0].projected.sources: must be a list',
    ],
    [
      { topologySpreadConstraints: [{ ...spread, labelSelector: 'app=x' }] },
      'topologySpreadConstraints[0].labelSelector: must be an object',
    ],
    [
      { topologySpreadConstraints: [{ ...spread, labelSelector: { matchLabels: { app: 'a b', 'b c': 'd' } } }] },
      'topologySpreadConstraints[0].labelSelector.matchLabels.app: "a b" is not a label value',
      'topologySpreadConstraints[0].labelSelector.matchLabels: "b c" is not a label key',
    ],
    [{ dnsConfig: { nameservers: ['hello'] } }, 'dnsConfig.nameservers[0]: "hello" is no IP address'],
    [{ dnsConfig: { searches: ['a b'] } }, 'dnsConfig.searches[0]: "a b" is not a domain to search'],
    [{ priorityClassName: 'Not A Name' }, 'priorityClassName: "Not A Name" is not a DNS subdomain'],
    [{ runtimeClassName: 'Not A Name' }, 'runtimeClassName: "Not A Name" is not a DNS subdomain'],
    [
      { tolerations: [{ key: 'a b', operator: 'Equal', value: 'c d' }] },
      'tolerations[0].key: "a b" is not a label key',
      'tolerations[0].value: "c d" is not a label value',
    ],
    [
      { sidecars: [{ ...container, livenessProbe: { httpGet: { port: true } }, imagePullPolcy: 'Always' }] },
      'sidecars[0].livenessProbe.httpGet.port: must be a whole number or a string',
      `sidecars[0].imagePullPolcy: there is no such field in Kubernetes ${kubernetes} (did you mean imagePullPolicy?)`,
    ],
    [
      { initContainers: [{ ...container, resources: { limits: { cpu: 'much' } }, securityContext: [] }] },
      'initContainers[0].resources.limits.cpu: "much" is no quantity',
      'initContainers[0].securityContext: must be an object',
    ],
  ];
  it.each(cases.map(([inject, ...expected]) => [inject, expected] as const))('%j is refused', (inject, expected) => {
    const violations = violationsOf(inject);
    expect(violations).toHaveLength(expected.length);
    for (const [at, sentence] of expected.entries()) expect(violations[at]).toContain(`spec.inject.${sentence}`);
  });

  it('are looked into in templates too', () => {
    const template = { ...container, lifecycle: { preStop: { exec: { comand: ['a'] } } } };
    expect(validateDefaults(platformDefaults('it', { templates: [template] }), system)).toEqual([
      `spec.templates[0].lifecycle.preStop.exec.comand: there is no such field in Kubernetes ${kubernetes} (did you mean command?)`,
    ]);
  });

  const valid: readonly object[] = [
    { securityContext: { runAsNonRoot: true, fsGroup: 3, sysctls: [{ name: 'a' }], seLinuxOptions: null } },
    { containerSecurityContext: { capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } } },
    { affinity: nodes('In') },
    { volumes: [{ name: 'a', emptyDir: { sizeLimit: 1_000, medium: '' } }] },
    { volumes: [{ name: 'a', hostPath: { path: '/a', type: '' } }] },
    { dnsConfig: { nameservers: ['10.0.0.1', 'fd00::1'], searches: ['.', 'a.example.org.', '_tcp.example.org'] } },
    { sidecars: [{ ...container, readinessProbe: { httpGet: { port: 'http', httpHeaders: [{ name: 'A' }] } } }] },
    { tolerations: [{ key: '', operator: 'Exists' }] },
  ];
  it.each(valid)('%j is what they may be', (inject) => {
    expect(violationsOf(inject)).toEqual([]);
  });

  it('are not held to a format where a variable is still to be filled in', () => {
    const inject = {
      priorityClassName: '${labels.priority}',
      volumes: [{ name: 's', emptyDir: { sizeLimit: '${labels.size}' } }],
      affinity: nodes('${labels.operator}'),
      dnsConfig: { nameservers: ['${labels.server}'], searches: ['${labels.domain}'] },
      env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'a', key: '${labels.key}' } } }],
    };
    expect(violationsOf(inject)).toEqual([]);
  });

  it('are checked again once it is', () => {
    const volumes = [{ name: 's', emptyDir: { sizeLimit: '${labels.size}' } }];
    const list = [platformDefaults('it', { inject: { volumes } })];
    expect(resolve(list, { labels: { size: '5Gi' } })?.volumes.size).toBe(1);
    const injected = resolve(list, { labels: { size: 'ten' } });
    expect(injected?.volumes.size).toBe(0);
    expect(injected?.warnings).toEqual([
      'PlatformDefaults quartermaster-system/it: volumes s is not applied: spec.inject.volumes[0].emptyDir.sizeLimit: "ten" is no quantity, such as 500m or 2Gi.',
    ]);
  });
});
