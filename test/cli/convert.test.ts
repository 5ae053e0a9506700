import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { createFiles, quartermaster } from '../fixtures/command-line.ts';

const write = createFiles();

/** What `convert` makes of objects: the specs it prints, and what it leaves out. */
const convert = async (...objects: readonly object[]) => {
  const { code, out, err } = await quartermaster(
    'convert',
    write('in.yaml', objects.map((one) => JSON.stringify(one)).join('\n---\n')),
  );
  const defaults = parseAllDocuments(out).map((document) => document.toJS() as PlatformDefaults);
  const leftOut = err.split('\n').filter((line) => line.startsWith('left out: '));
  return { code, specs: out === '' ? [] : defaults.map(({ spec }) => spec), defaults, leftOut };
};

const rule = (mutate: object, others: object = {}) => ({
  apiVersion: 'kyverno.io/v1',
  kind: 'ClusterPolicy',
  metadata: { name: 'policy' },
  spec: { rules: [{ name: 'one', match: { any: [{ resources: { kinds: ['Pod'] } }] }, mutate, ...others }] },
});
const merged = (patchStrategicMerge: object, others: object = {}) => rule({ patchStrategicMerge }, others);
const ofContainers = (fields: object) => merged({ spec: { containers: [{ '(name)': '*', ...fields }] } });
const everyContainer = { kinds: ['Pod'], containers: ['main', 'sidecars'] };

describe('quartermaster convert, of a Kyverno policy', () => {
  it.each([
    ['a label where none is', { metadata: { labels: { '+(team)': 'geo' } } }, { inject: { labels: { team: 'geo' } } }],
    [
      'an annotation',
      { metadata: { annotations: { a: 'b' } } },
      { mode: 'Enforce', inject: { annotations: { a: 'b' } } },
    ],
    [
      'a variable of the request',
      { metadata: { annotations: { a: '{{ request.object.metadata.labels."x/y" }} of {{request.namespace}} ${b}' } } },
      { mode: 'Enforce', inject: { annotations: { a: '${labels.x/y} of ${namespace} $${b}' } } },
    ],
    [
      'fields of the pod',
      {
        spec: {
          nodeSelector: { '+(disk)': 'ssd' },
          '+(priorityClassName)': 'batch',
          imagePullSecrets: [{ name: 'registry' }],
        },
      },
      [
        { inject: { nodeSelector: { disk: 'ssd' }, priorityClassName: 'batch' } },
        { mode: 'Enforce', inject: { imagePullSecrets: [{ name: 'registry' }] } },
      ],
    ],
    [
      'DNS, of which each part is a whole',
      { spec: { dnsConfig: { searches: ['example.org'] } } },
      { mode: 'Enforce', inject: { dnsConfig: { searches: ['example.org'] } } },
    ],
  ])('translates %s', async (_title, patch, expected) => {
    const { specs, leftOut } = await convert(merged(patch));
    expect(leftOut).toEqual([]);
    expect(specs).toEqual([expected].flat().map((spec) => ({ match: { kinds: ['Pod'] }, ...spec })));
  });

  it.each([
    [
      'variables',
      { env: [{ name: 'TZ', value: 'UTC' }] },
      { mode: 'Enforce', inject: { env: [{ value: 'UTC', name: 'TZ' }] } },
    ],
    ['a pull policy', { imagePullPolicy: 'Always' }, { mode: 'Enforce', inject: { imagePullPolicy: 'Always' } }],
    [
      'requests where there are none',
      { resources: { requests: { '+(memory)': '1Gi', '+(cpu)': '100m' } } },
      { inject: { resources: { requests: { memory: '1Gi', cpu: '100m' } } } },
    ],
    [
      'a security context',
      { securityContext: { '+(allowPrivilegeEscalation)': false } },
      { inject: { containerSecurityContext: { allowPrivilegeEscalation: false } } },
    ],
  ])('translates %s of every container', async (_title, fields, expected) => {
    const { specs, leftOut } = await convert(ofContainers(fields));
    expect(leftOut).toEqual([]);
    expect(specs).toEqual([{ match: everyContainer, ...expected }]);
  });

  it('keeps a volume with those that mount it, and names one container where the rule does', async () => {
    const patch = {
      spec: {
        volumes: [{ name: 'ca', configMap: { name: 'ca' } }],
        containers: [{ '(name)': 'app', volumeMounts: [{ name: 'ca', mountPath: '/ca' }] }],
      },
    };
    const { specs, leftOut } = await convert(merged(patch));
    expect(leftOut).toEqual([]);
    expect(specs).toEqual([
      {
        match: { kinds: ['Pod'], containers: ['app'] },
        mode: 'Enforce',
        inject: {
          volumes: [{ configMap: { name: 'ca' }, name: 'ca' }],
          volumeMounts: [{ name: 'ca', mountPath: '/ca' }],
        },
      },
    ]);
  });

  it('reads JSON patches and loops over all containers', async () => {
    const patchesJson6902 =
      '- {op: add, path: /spec/tolerations/-, value: {key: spot, operator: Exists}}\n- {op: add, path: /metadata/annotations/a~1b, value: c}';
    const foreach = [
      {
        list: 'request.object.spec.containers',
        patchStrategicMerge: { spec: { containers: [{ '(name)': '{{ element.name }}', imagePullPolicy: 'Always' }] } },
      },
    ];
    expect((await convert(rule({ patchesJson6902 }))).specs).toEqual([
      { match: { kinds: ['Pod'] }, inject: { tolerations: [{ key: 'spot', operator: 'Exists' }] } },
      { match: { kinds: ['Pod'] }, mode: 'Enforce', inject: { annotations: { 'a/b': 'c' } } },
    ]);
    expect((await convert(rule({ foreach }))).specs).toEqual([
      { match: everyContainer, mode: 'Enforce', inject: { imagePullPolicy: 'Always' } },
    ]);
  });

  it('translates what selects the pods, a filter each, and what is excluded', async () => {
    const any = [
      { resources: { kinds: ['v1/Pod'], namespaces: ['a', 'b'], selector: { matchLabels: { app: 'x' } } } },
      { resources: { kinds: ['Pod'], namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'Exists' }] } } },
    ];
    const exclude = {
      any: [
        { resources: { namespaces: ['kube-system'] } },
        { resources: { selector: { matchLabels: { no: 'thanks' } } } },
      ],
    };
    const { specs, leftOut } = await convert(
      merged({ metadata: { annotations: { a: 'b' } } }, { match: { any }, exclude }),
    );
    const name = 'kubernetes.io/metadata.name';
    const notExcluded = { key: name, operator: 'NotIn', values: ['kube-system'] };
    const notLabelled = { key: 'no', operator: 'NotIn', values: ['thanks'] };
    expect(leftOut).toEqual([]);
    expect(specs.map(({ match }) => match)).toEqual([
      {
        kinds: ['Pod'],
        selector: { matchLabels: { app: 'x' }, matchExpressions: [notLabelled] },
        namespaceSelector: { matchExpressions: [{ key: name, operator: 'In', values: ['a', 'b'] }, notExcluded] },
      },
      {
        kinds: ['Pod'],
        selector: { matchExpressions: [notLabelled] },
        namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'Exists' }, notExcluded] },
      },
    ]);
  });

  it('names every part of what would be refused together', async () => {
    const { specs, leftOut } = await convert(
      ofContainers({ env: [{ name: 'TZ', value: 'UTC' }], volumeMounts: [{ name: 'a', mountPath: '/a' }] }),
    );
    expect(specs).toEqual([]);
    expect(leftOut.map((line) => line.split('rule one: ')[1]?.split(' ')[0])).toEqual([
      'spec.containers[name:*].env[name:TZ]',
      'spec.containers[name:*].volumeMounts[mountPath:/a]',
    ]);
  });

  it.each<readonly [object, string]>([
    [{ spec: { rules: [] } }, 'rules is empty'],
    [{ spec: undefined }, 'rules is required'],
    [{ spec: { rules: [], sometimes: true } }, 'sometimes is no field that is known here'],
    [{ metadata: {} }, 'metadata.name is required'],
    ...Object.entries({
      admission: false,
      applyRules: 'One',
      webhookConfiguration: { matchConditions: [{ name: 'a', expression: 'true' }] },
    }).map(([field, value]) => [{ spec: { ...merged({ metadata: {} }).spec, [field]: value } }, field] as const),
  ])('leaves out a policy with %j, and says so', async (fields, reason) => {
    const { specs, leftOut } = await convert({ ...merged({ metadata: {} }), ...fields });
    expect(specs).toEqual([]);
    expect(leftOut).toHaveLength(1);
    expect(leftOut[0]).toContain(reason);
  });

  it('puts a Policy where it is', async () => {
    const policy = {
      ...merged({ metadata: { annotations: { a: 'b' } } }),
      kind: 'Policy',
      metadata: { name: 'p', namespace: 'geo' },
    };
    expect((await convert(policy)).defaults[0]?.metadata).toEqual({ name: 'p-one', namespace: 'geo' });
  });

  it.each<readonly [string, object, string]>([
    [
      'a label that may be there',
      merged({ metadata: { labels: { team: 'geo' } } }),
      'metadata.labels.team changes a label',
    ],
    [
      'what the API server filled in',
      merged({ spec: { '+(schedulerName)': 'x' } }),
      'spec.schedulerName is on every pod by then',
    ],
    [
      'a list that is replaced',
      merged({ spec: { tolerations: [{ key: 'a' }] } }),
      'spec.tolerations replaces the whole list',
    ],
    ['images', ofContainers({ image: 'a' }), 'spec.containers[name:*].image changes images'],
    [
      'a new container',
      merged({ spec: { containers: [{ name: 'proxy', image: 'a' }] } }),
      'spec.containers adds a container',
    ],
    [
      'conditions on fields',
      merged({ spec: { volumes: [{ '(emptyDir)': {} }] } }),
      'spec.volumes has the condition (emptyDir)',
    ],
    ['removals', merged({ metadata: { annotations: { a: null } } }), 'metadata.annotations.a removes something'],
    ['a part of a whole', merged({ spec: { affinity: { nodeAffinity: { x: { y: 1 } } } } }), 'spec.affinity'],
    ['fields without a key', merged({ spec: { hostNetwork: false } }), 'spec.hostNetwork no key of inject does this'],
    [
      'other variables',
      merged({ metadata: { annotations: { a: '{{ random(x) }}' } } }),
      'metadata.annotations.a needs {{ random(x) }}',
    ],
    [
      'preconditions',
      merged({ metadata: {} }, { preconditions: { all: [{ key: 'a' }] } }),
      'preconditions is a condition',
    ],
    [
      'other kinds',
      merged({ metadata: {} }, { match: { any: [{ resources: { kinds: ['Deployment'] } }] } }),
      'names Deployment, whose pods',
    ],
    [
      'who asks',
      merged({ metadata: {} }, { match: { any: [{ resources: { kinds: ['Pod'] }, roles: ['a'] }] } }),
      'match.roles selects by who asks',
    ],
    [
      'patterns',
      merged({ metadata: {} }, { match: { any: [{ resources: { kinds: ['Pod'], namespaces: ['a-*'] } }] } }),
      'selects namespaces by a pattern',
    ],
    ['rules that check', { ...rule({}), spec: { rules: [{ name: 'one', validate: {} }] } }, 'it is no mutate rule'],
    ['other operations', rule({ patchesJson6902: '- {op: remove, path: /a}' }), '/a has the operation remove'],
    ['changes of stored objects', rule({ targets: [{ kind: 'Pod' }] }), 'mutate.targets changes objects'],
    [
      'what would be refused',
      ofContainers({ volumeMounts: [{ name: 'a', mountPath: '/a' }] }),
      'spec.containers[name:*].volumeMounts[mountPath:/a] comes to what is refused',
    ],
    [
      'a volume without a mount',
      merged({ spec: { volumes: [{ name: 'v', emptyDir: {} }] } }),
      'spec.volumes[name:v] is a volume that nothing translated mounts',
    ],
    ...['imagePullSecrets', 'hostAliases', 'volumes', 'tolerations', 'topologySpreadConstraints'].map(
      (list) =>
        [
          `a list of ${list} where there is none`,
          merged({ spec: { [`+(${list})`]: [{ name: 'a', ip: '10.0.0.1', key: 'a' }] } }),
          `spec.${list} is given where there is none at all`,
        ] as const,
    ),
    ...['env', 'envFrom', 'volumeMounts'].map(
      (list) =>
        [
          `${list} for containers that have none`,
          ofContainers({ [`+(${list})`]: [{ name: 'A', value: 'a', mountPath: '/a' }] }),
          `spec.containers[name:*].${list} is given where there is none at all`,
        ] as const,
    ),
    ['an empty patch', merged({}), 'it is empty, and sets nothing'],
    ['empty fields', merged({ spec: { securityContext: {} } }), 'spec.securityContext is empty, and sets nothing'],
    [
      'a patch with a condition',
      merged({ spec: { '(hostNetwork)': true, priorityClassName: 'a' } }),
      'spec.hostNetwork has the condition (hostNetwork), which the whole patch depends on',
    ],
    ['rules without match', merged({ metadata: {} }, { match: undefined }), 'match is required'],
    ['rules for nothing', merged({ metadata: {} }, { match: { any: [] } }), 'match names no pods'],
    [
      'fields from later versions',
      merged({ metadata: {} }, { onlyAtNight: true }),
      'onlyAtNight is no field that is known here',
    ],
    [
      'what is no list',
      merged({ metadata: {} }, { match: { any: [{ resources: { kinds: ['Pod'], namespaces: 'a' } }] } }),
      'match.any[0].resources.namespaces must be a list',
    ],
    [
      'one of several patches',
      rule({ patchStrategicMerge: { a: 1 }, patchesJson6902: '[]' }),
      'mutate has patchStrategicMerge and patchesJson6902',
    ],
    ['a JSON patch without operations', rule({ patchesJson6902: '[]' }), 'patchesJson6902 is empty'],
    [
      'an operation without a value',
      rule({ patchesJson6902: '- {op: add, path: /spec/priorityClassName}' }),
      '/spec/priorityClassName has no value',
    ],
    ['a patch that is cut off', rule({ patchesJson6902: '[' }), 'patchesJson6902 is no YAML: line 1: Flow sequence'],
    ['a patch with an open brace', rule({ patchesJson6902: '- {op: add\n- a' }), 'patchesJson6902 is no YAML: line '],
    [
      'a patch with an anchor that is nowhere',
      rule({ patchesJson6902: '- *a' }),
      'patchesJson6902 is no YAML: Unresolved alias',
    ],
    [
      'a patch that is a template',
      rule({ patchesJson6902: '- {op: add, path: /metadata/annotations/a, value: {{ request.namespace }} }' }),
      'patchesJson6902 is no YAML: line 1: a key is no text',
    ],
  ])('leaves out %s, and says so', async (_title, policy, reason) => {
    const { specs, leftOut, code } = await convert(policy);
    expect({ specs, code }).toEqual({ specs: [], code: 0 });
    expect(leftOut).toHaveLength(1);
    expect(leftOut[0]).toContain('in.yaml: document 1, line 1: ClusterPolicy policy, rule one: ');
    expect(leftOut[0]).toContain(reason);
  });
});

const pods = [{ groups: [''], kinds: ['Pod'], versions: ['v1'] }];
const mutator = (kind: string, location: string, parameters: object, spec: object = {}) => ({
  apiVersion: 'mutations.gatekeeper.sh/v1',
  kind,
  metadata: { name: 'mutator' },
  spec: {
    ...(kind === 'AssignMetadata' ? { match: { kinds: [{ apiGroups: ['*'], kinds: ['Pod'] }] } } : { applyTo: pods }),
    location,
    parameters,
    ...spec,
  },
});
const assign = (location: string, value: unknown, others: object = {}) =>
  mutator('Assign', location, { assign: { value }, ...others });

describe('quartermaster convert, of a Gatekeeper mutator', () => {
  it.each([
    [
      mutator('AssignMetadata', 'metadata.labels."example.org/team"', { assign: { value: 'geo' } }),
      { inject: { labels: { 'example.org/team': 'geo' } } },
    ],
    [
      mutator('AssignMetadata', 'metadata.annotations.from', { assign: { fromMetadata: { field: 'namespace' } } }),
      { inject: { annotations: { from: '${namespace}' } } },
    ],
    [assign('spec.priorityClassName', 'batch'), { mode: 'Enforce', inject: { priorityClassName: 'batch' } }],
    [
      assign('spec.nodeSelector.disk', 'ssd', {
        pathTests: [{ subPath: 'spec.nodeSelector.disk', condition: 'MustNotExist' }],
      }),
      { inject: { nodeSelector: { disk: 'ssd' } } },
    ],
    [
      assign('spec.containers[name: *].securityContext.privileged', false),
      { match: everyContainer, mode: 'Enforce', inject: { containerSecurityContext: { privileged: false } } },
    ],
    [
      assign('spec.containers[name:app].env[name:TZ].value', 'UTC'),
      {
        match: { kinds: ['Pod'], containers: ['app'] },
        mode: 'Enforce',
        inject: { env: [{ value: 'UTC', name: 'TZ' }] },
      },
    ],
    [
      mutator('ModifySet', 'spec.tolerations', {
        operation: 'merge',
        values: { fromList: [{ key: 'spot', operator: 'Exists' }] },
      }),
      { inject: { tolerations: [{ key: 'spot', operator: 'Exists' }] } },
    ],
  ])('translates %j', async (object, expected) => {
    const { specs, leftOut } = await convert(object);
    expect(leftOut).toEqual([]);
    expect(specs).toEqual([{ match: { kinds: ['Pod'] }, ...expected }]);
  });

  it('translates what selects the pods', async () => {
    const match = {
      scope: 'Namespaced',
      excludedNamespaces: ['kube-system'],
      labelSelector: { matchLabels: { app: 'x' } },
    };
    const { specs } = await convert(
      mutator('Assign', 'spec.priorityClassName', { assign: { value: 'batch' } }, { match }),
    );
    expect(specs[0]?.match).toEqual({
      kinds: ['Pod'],
      selector: { matchLabels: { app: 'x' } },
      namespaceSelector: {
        matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system'] }],
      },
    });
  });

  it.each([
    [mutator('AssignImage', 'spec.containers[name:*].image', { assignDomain: 'mirror' }), 'changes parts of images'],
    [
      mutator('ModifySet', 'spec.containers[name:*].args', { values: { fromList: ['-v'] } }),
      'adds to a list that no key',
    ],
    [mutator('ModifySet', 'spec.tolerations', { operation: 'prune' }), 'removes something'],
    [mutator('Assign', 'spec.priorityClassName', { assign: { externalData: {} } }), 'takes its value from outside'],
    [
      assign('spec.priorityClassName', 'a', { pathTests: [{ subPath: 'spec.x', condition: 'MustNotExist' }] }),
      'depends on spec.x',
    ],
    [assign('spec.securityContext', { runAsUser: 1 }), 'is given as a whole'],
    [
      mutator('Assign', 'spec.priorityClassName', { assign: { value: 'a' } }, { match: { namespaces: ['a-*'] } }),
      'by a pattern',
    ],
    [
      mutator('Assign', 'spec.replicas', { assign: { value: 1 } }, { applyTo: [{ kinds: ['Deployment'] }] }),
      'names Deployment',
    ],
    [
      mutator('AssignMetadata', 'metadata.labels.a', { assign: { value: 'b' } }, { match: {} }),
      'objects of every kind',
    ],
    [assign('spec.volumes[name: ca]', { name: 'ca', emptyDir: {} }), 'spec.volumes[name:ca] is a volume that nothing'],
    [
      mutator('Assign', 'spec.priorityClassName', { assign: { value: 'a', externalData: {} } }),
      'has value and externalData, of which one holds',
    ],
    [mutator('Assign', 'spec.priorityClassName', { assign: { value: 'a' } }, { applyTo: [] }), 'applyTo names no kind'],
    [
      mutator(
        'Assign',
        'spec.priorityClassName',
        { assign: { value: 'a' } },
        { applyTo: [{ groups: ['batch'], kinds: ['Pod'] }] },
      ),
      'names kinds of batch',
    ],
    [
      mutator('ModifySet', 'spec.imagePullSecrets', { values: { fromList: [{ key: 'a' }] } }),
      'has an entry without name',
    ],
    [mutator('ModifySet', 'spec.tolerations', { operation: 'merge' }), 'parameters.values.fromList is empty'],
  ])('leaves out %j', async (object, reason) => {
    const { specs, leftOut } = await convert(object);
    expect(specs).toEqual([]);
    expect(leftOut.join('\n')).toContain(reason);
  });
});

const policy = (expression: string, spec: object = {}) => ({
  apiVersion: 'policies.kyverno.io/v1',
  kind: 'MutatingPolicy',
  metadata: { name: 'policy' },
  spec: {
    matchConstraints: {
      resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      namespaceSelector: { matchLabels: { team: 'geo' } },
    },
    mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
    ...spec,
  },
});

describe('quartermaster convert, of a policy in CEL', () => {
  it('reads an object that is spelt out, and a loop over all containers', async () => {
    const { specs, leftOut } = await convert(
      policy(`Object{
        metadata: Object.metadata{annotations: {"example.org/by": request.userInfo.username + " in " + namespaceObject.metadata.labels['team']}},
        spec: Object.spec{
          securityContext: Object.spec.securityContext{runAsNonRoot: true},
          containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, imagePullPolicy: "Always"})
        }
      }`),
    );
    expect(leftOut).toEqual([]);
    expect(specs).toEqual([
      {
        match: { ...everyContainer, namespaceSelector: { matchLabels: { team: 'geo' } } },
        mode: 'Enforce',
        inject: {
          annotations: { 'example.org/by': '${user} in ${namespaceLabels.team}' },
          securityContext: { runAsNonRoot: true },
          imagePullPolicy: 'Always',
        },
      },
    ]);
  });

  it.each([
    [policy('has(object.spec.x) ? Object{} : Object{}'), 'decides by a condition'],
    [policy('Object{metadata: Object.metadata{annotations: {"a": variables.x}}}'), 'needs variables.x'],
    [policy('Object{'), 'cannot be parsed'],
    [policy('Object{}', { matchConditions: [{ name: 'a', expression: 'true' }] }), 'matchConditions is a condition'],
    [
      policy('Object{}', { mutations: [{ patchType: 'JSONPatch', jsonPatch: {} }] }),
      'is a patch that an expression makes',
    ],
    [
      policy('Object{}', { matchConstraints: { resourceRules: [{ resources: ['deployments'] }] } }),
      'is not for pods alone',
    ],
    [policy('', { mutations: [] }), 'mutations is empty'],
    [policy('Object{}'), 'it is empty, and sets nothing'],
    [policy('Object{}', { evaluation: { admission: { enabled: false } } }), 'evaluation.admission is off'],
    [policy('Object{}', { evaluation: { mutateExisting: { enabled: true } } }), 'evaluation.mutateExisting changes'],
    [policy('Object{spec: Object.spec{tolerations: [Object.spec.tolerations{key: "a"}]}}'), 'replaces a list or map'],
    [policy('Object{spec: Object.spec{nodeSelector: {"disk": "ssd"}}}'), 'replaces a list or map'],
  ])('leaves out %j', async (object, reason) => {
    const { specs, leftOut } = await convert(object);
    expect(specs).toEqual([]);
    expect(leftOut.join('\n')).toContain(reason);
  });
});

const NEW_PODS = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }];
const admissionregistration = 'admissionregistration.k8s.io/v1';
const ofApiServer = (matchConstraints: object = {}) => ({
  ...policy('Object{spec: Object.spec{priorityClassName: "low"}}'),
  apiVersion: admissionregistration,
  kind: 'MutatingAdmissionPolicy',
  spec: {
    ...policy('Object{spec: Object.spec{priorityClassName: "low"}}').spec,
    matchConstraints: {
      resourceRules: NEW_PODS,
      ...matchConstraints,
    },
  },
});
const binding = (spec: object, name = 'b') => ({
  apiVersion: admissionregistration,
  kind: 'MutatingAdmissionPolicyBinding',
  metadata: { name },
  spec: { policyName: 'policy', ...spec },
});

describe('quartermaster convert, of a MutatingAdmissionPolicy', () => {
  const given = { mode: 'Enforce', inject: { priorityClassName: 'low' } };
  const geo = { matchLabels: { team: 'geo' } };
  const big = { matchLabels: { size: 'big' } };

  it('is for what its bindings select, each by itself', async () => {
    const bindings = [
      binding({ matchResources: { namespaceSelector: geo, matchPolicy: 'Equivalent' } }),
      binding({ matchResources: { objectSelector: big, resourceRules: NEW_PODS } }, 'c'),
    ];
    const { specs, leftOut } = await convert(ofApiServer(), ...bindings);
    expect(leftOut).toEqual([]);
    expect(specs).toEqual([
      { match: { kinds: ['Pod'], namespaceSelector: geo }, ...given },
      { match: { kinds: ['Pod'], selector: big }, ...given },
    ]);
  });

  it('is for what both it and its binding select', async () => {
    const [own, bound] = [{ matchLabels: { team: 'geo', a: 'b' } }, { matchLabels: { team: 'bio' } }];
    const { specs } = await convert(
      binding({ matchResources: { namespaceSelector: bound } }),
      ofApiServer({ namespaceSelector: own, objectSelector: big }),
    );
    expect(specs).toEqual([
      {
        match: {
          kinds: ['Pod'],
          selector: big,
          namespaceSelector: {
            matchLabels: { team: 'bio', a: 'b' },
            matchExpressions: [{ key: 'team', operator: 'In', values: ['geo'] }],
          },
        },
        ...given,
      },
    ]);
  });

  const other = [{ ...NEW_PODS[0], resources: ['deployments'] }];
  it.each<readonly [string, readonly object[], string]>([
    ['no binding', [], 'MutatingAdmissionPolicy policy: it has no MutatingAdmissionPolicyBinding in what was given'],
    ['a binding of another', [binding({ policyName: 'q' })], 'MutatingAdmissionPolicyBinding b: policyName is of q'],
    ['parameters', [binding({ paramRef: { name: 'p' } })], 'binding b: paramRef'],
    ['a binding of other kinds', [binding({ matchResources: { resourceRules: other } })], 'binding b: matchResources.'],
    [
      'a binding with exceptions',
      [binding({ matchResources: { excludeResourceRules: NEW_PODS } })],
      'binding b: matchResources.excludeResourceRules',
    ],
    ['a binding of later versions', [binding({ matchResources: { onlyAtNight: true } })], 'binding b: matchResources.'],
    ['a binding without a policy', [binding({ policyName: undefined })], 'binding'],
  ])('is left out with %s', async (_title, bindings, reason) => {
    const { specs, leftOut } = await convert(ofApiServer(), ...bindings);
    expect(specs).toEqual([]);
    expect(leftOut.join('\n').toLowerCase()).toContain(reason.toLowerCase());
  });
});

describe('quartermaster convert', () => {
  it('ends with 1 where something is left out and nothing may be', async () => {
    const file = write('strict.yaml', JSON.stringify(merged({ spec: { hostNetwork: false } })));
    expect((await quartermaster('convert', '--strict', file)).code).toBe(1);
  });

  it('makes of the policy in docs/migrate.md what the page says', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/migrate.md'), 'utf8');
    const [policy = '', expected] = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, yaml]) => yaml);
    const { out, err } = await quartermaster('convert', '--strict', write('page.yaml', policy));
    expect({ out, err }).toEqual({ out: expected, err: '2 PlatformDefaults; 0 left out.\n' });
  });

  it('tells what else these tools have there', async () => {
    const exception = { apiVersion: 'kyverno.io/v2', kind: 'PolicyException', metadata: { name: 'e' } };
    const { specs, leftOut } = await convert(merged({ metadata: { annotations: { a: 'b' } } }), exception);
    expect(specs).toHaveLength(1);
    expect(leftOut).toEqual([expect.stringContaining('PolicyException e: it is of a kind that is not read')]);
  });

  it.each([
    { apiVersion: 'kyverno.io/v2', spec: { exceptions: [{ policyName: 'policy', ruleNames: ['one'] }] } },
    { apiVersion: 'kyverno.io/v2', spec: { exceptions: [{ policyName: 'pol*', ruleNames: ['one'] }] } },
    { apiVersion: 'policies.kyverno.io/v1', spec: { policyRefs: [{ name: 'policy', kind: 'MutatingPolicy' }] } },
  ])('leaves out a policy that %j keeps from some pods', async (fields) => {
    const exception = { kind: 'PolicyException', metadata: { name: 'e' }, ...fields };
    const ofGroup = fields.apiVersion.startsWith('policies')
      ? policy('Object{spec: Object.spec{priorityClassName: "low"}}')
      : merged({ metadata: { annotations: { a: 'b' } } });
    const { specs, leftOut } = await convert(ofGroup, exception);
    expect(specs).toEqual([]);
    expect(leftOut.join('\n')).toContain('policy: it is kept from some pods by PolicyException e');
  });

  it('gives no two PlatformDefaults one name', async () => {
    const one = assign('spec.priorityClassName', 'a');
    const { defaults } = await convert(one, one, { ...one, metadata: { name: 'Mutator' } });
    expect(defaults.map(({ metadata }) => metadata.name)).toEqual(['mutator', 'mutator-2', 'mutator-3']);
  });

  it('says what it reads where it was given nothing of that', async () => {
    const { code, err } = await quartermaster('convert', write('other.yaml', 'apiVersion: v1\nkind: Pod\n'));
    expect(code).toBe(2);
    expect(err).toContain('kyverno.io/ClusterPolicy');
  });
});
