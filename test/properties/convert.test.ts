import { describe, expect, it } from 'vitest';
import { convertCommand } from '../../src/cli/convert/command.ts';
import { createFiles, createRecorder } from '../fixtures/command-line.ts';
import { fc } from '../fixtures/fast-check.ts';

const write = createFiles();

/** What `convert` prints for an object, and what it says it left out. */
const convert = (object: unknown) => {
  const { terminal, written } = createRecorder();
  convertCommand([write('in.yaml', JSON.stringify(object))], { namespace: 'platform' }, terminal);
  const { out, err } = written();
  return { out, leftOut: err.split('\n').filter((line) => line.startsWith('left out: ')) };
};

const pod = { any: [{ resources: { kinds: ['Pod'] } }] };
const rule = (mutate: object) => ({ name: 'one', match: pod, mutate });
const policy = (...rules: readonly object[]) => ({
  apiVersion: 'kyverno.io/v1',
  kind: 'ClusterPolicy',
  metadata: { name: 'policy' },
  spec: { rules },
});

/** A part of a patch by the path that names it, and a text that is nowhere else. */
const ofPods: Readonly<Record<string, (mark: string) => object>> = {
  'spec.volumes[name:v]': () => ({ volumes: [{ name: 'v', emptyDir: {} }] }),
  'spec.priorityClassName': (mark) => ({ priorityClassName: mark }),
  'spec.nodeSelector.disk': (mark) => ({ nodeSelector: { disk: mark } }),
  'spec.hostname': (mark) => ({ hostname: mark }),
  'spec.securityContext': () => ({ securityContext: {} }),
  'spec.tolerations': (mark) => ({ tolerations: [{ key: mark }] }),
  'spec.imagePullSecrets[name:': (mark) => ({ imagePullSecrets: [{ name: mark }] }),
  'spec.schedulerName': (mark) => ({ '+(schedulerName)': mark }),
  'spec.hostNetwork': () => ({ '(hostNetwork)': true }),
};
const ofContainers: Readonly<Record<string, (mark: string) => object>> = {
  'spec.containers[name:*].image ': (mark) => ({ image: mark }),
  'spec.containers[name:*].imagePullPolicy': () => ({ '+(imagePullPolicy)': 'Always' }),
  'spec.containers[name:*].env[name:A]': (mark) => ({ env: [{ name: 'A', value: mark }] }),
  'spec.containers[name:*].env[name:NOT A NAME]': (mark) => ({ env: [{ name: 'NOT A NAME', value: mark }] }),
  'spec.containers[name:*].volumeMounts[mountPath:/v]': () => ({ volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
  'spec.containers[name:*].resources.limits.memory': () => ({ resources: { limits: { '+(memory)': '7Gi' } } }),
  'spec.containers[name:*].command': (mark) => ({ command: [mark] }),
};
/** What the output has of a part, where that is no text that is nowhere else. */
const PRINTED: Readonly<Record<string, string>> = {
  'spec.volumes[name:v]': 'emptyDir: {}',
  'spec.containers[name:*].volumeMounts[mountPath:/v]': 'mountPath: /v',
  'spec.containers[name:*].resources.limits.memory': 'memory: 7Gi',
};

const someOf = (parts: Readonly<Record<string, unknown>>) => fc.subarray(Object.keys(parts));
const marked = (part: string): string => `mark-${part.replace(/[^a-z]+/gi, '-').toLowerCase()}x`;

describe('convert', () => {
  it('prints each part of a patch, or says that it left it out', () => {
    fc.assert(
      fc.property(someOf(ofPods), someOf(ofContainers), fc.boolean(), (pods, containers, hasMetadata) => {
        const fields = containers.map((part) => ofContainers[part]?.(marked(part)) ?? {});
        // Two of these give one list.
        const env = fields.flatMap((one) => ('env' in one ? (one.env as readonly object[]) : []));
        const container = Object.assign({ '(name)': '*' }, ...fields, env.length > 0 ? { env } : {}) as object;
        const spec = {
          ...(Object.assign({}, ...pods.map((part) => ofPods[part]?.(marked(part)))) as object),
          ...(containers.length > 0 && { containers: [container] }),
        };
        const patchStrategicMerge = { spec, ...(hasMetadata && { metadata: { labels: { a: 'b' } } }) };
        const { out, leftOut } = convert(policy(rule({ patchStrategicMerge })));
        const isWhole = (line: string): boolean => line.includes('which the whole patch depends on');
        const lost = [...pods, ...containers].filter(
          (part) =>
            !out.includes(PRINTED[part] ?? marked(part)) &&
            !leftOut.some((line) => isWhole(line) || line.includes(part.trim())),
        );
        expect(lost).toEqual([]);
        expect(out === '' && leftOut.length === 0).toBe(false);
      }),
    );
  });

  const whole: readonly object[] = [
    policy(rule({ patchStrategicMerge: { spec: { nodeSelector: { disk: 'ssd' }, volumes: [{ name: 'v' }] } } })),
    policy(rule({ patchesJson6902: '- {op: add, path: /spec/priorityClassName, value: a}' })),
    policy({
      ...rule({
        foreach: [
          {
            list: 'request.object.spec.containers',
            patchStrategicMerge: {
              spec: { containers: [{ '(name)': '{{ element.name }}', imagePullPolicy: 'Never' }] },
            },
          },
        ],
      }),
      exclude: { any: [{ resources: { namespaces: ['a'], selector: { matchLabels: { b: 'c' } } } }] },
    }),
    {
      apiVersion: 'mutations.gatekeeper.sh/v1',
      kind: 'Assign',
      metadata: { name: 'policy' },
      spec: {
        applyTo: [{ groups: [''], kinds: ['Pod'], versions: ['v1'] }],
        match: { excludedNamespaces: ['a'] },
        location: 'spec.priorityClassName',
        parameters: { assign: { value: 'a' }, pathTests: [{ subPath: 'spec', condition: 'MustExist' }] },
      },
    },
    {
      apiVersion: 'mutations.gatekeeper.sh/v1',
      kind: 'ModifySet',
      metadata: { name: 'policy' },
      spec: {
        applyTo: [{ groups: [''], kinds: ['Pod'], versions: ['v1'] }],
        location: 'spec.imagePullSecrets',
        parameters: { operation: 'merge', values: { fromList: [{ name: 'a' }] } },
      },
    },
    {
      apiVersion: 'policies.kyverno.io/v1',
      kind: 'MutatingPolicy',
      metadata: { name: 'policy' },
      spec: {
        matchConstraints: {
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        },
        mutations: [
          {
            patchType: 'ApplyConfiguration',
            applyConfiguration: { expression: 'Object{spec: Object.spec{priorityClassName: "a"}}' },
          },
        ],
      },
    },
  ];

  const pathsIn = (value: unknown, path: readonly string[] = []): readonly (readonly string[])[] => [
    path,
    ...(typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, item]) => pathsIn(item, [...path, key]))
      : []),
  ];
  const withAt = (value: unknown, [key, ...deeper]: readonly string[], put: unknown): unknown => {
    if (key === undefined) return put;
    const fields = value as Readonly<Record<string, unknown>>;
    const changed = withAt(fields[key], deeper, put);
    return Array.isArray(value)
      ? value.map((item: unknown, at) => (String(at) === key ? changed : item))
      : { ...fields, [key]: changed };
  };
  const broken = fc.constantFrom(...whole).chain((object) =>
    fc.record({
      object: fc.constant(object),
      path: fc.constantFrom(...pathsIn((object as { readonly spec: unknown }).spec, ['spec'])),
      put: fc.constantFrom(null, 5, 'x', true, [], {}, [5], [null], { a: 5 }, '[', '{{', undefined),
    }),
  );

  it('makes something of each policy, however it is broken, or says what it left out', () => {
    fc.assert(
      fc.property(broken, ({ object, path, put }) => {
        const { out, leftOut } = convert(withAt(object, path, put));
        expect(out === '' && leftOut.length === 0).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});
