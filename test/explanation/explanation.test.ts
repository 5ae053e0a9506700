import { describe, expect, it } from 'vitest';
import { createFiles, quartermaster } from '../fixtures/command-line.ts';

const file = createFiles();

interface Given {
  readonly match?: string;
  readonly mode?: string;
  readonly more?: string;
}

/** The proxy that the user misses. */
const proxy = ({ match = 'kinds: [SparkApplication]', mode = 'Default', more = '' }: Given = {}): string =>
  `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: proxy, namespace: quartermaster-system }
spec:
  match: { ${match} }
  mode: ${mode}
  inject: { env: [{ name: HTTP_PROXY, value: "http://proxy:3128" }] }
---
${more}`;

const app = (labels = '{}', env = '[]'): string =>
  `apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: { name: spark-pi, labels: ${labels} }
spec: { driver: { env: ${env} } }
`;

/** What one command says of the proxy. */
const explained = async (manifest: string, defaults: string, ...args: readonly string[]): Promise<string> => {
  const files = ['-f', file('app.yaml', manifest), '--defaults', file('defaults.yaml', defaults)];
  const { err } = await quartermaster('preview', '--explain', ...files, ...args);
  return err;
};

describe('why a SparkApplication did not get the proxy', () => {
  it('a label is wrong', async () => {
    const defaults = proxy({ match: 'kinds: [SparkApplication], selector: { matchLabels: { team: geo } }' });
    expect(await explained(app('{ team: ml }'), defaults)).toContain(
      'not matching: PlatformDefaults quartermaster-system/proxy@0: selector team=geo; the object has team=ml\n',
    );
    expect(await explained(app(), defaults)).toContain('selector team=geo; the object has no label team\n');
    expect(await explained(app('{ team: geoo }'), defaults)).toContain('has team=geoo (did you mean geo?)\n');
    expect(await explained(app('{ Team: geo }'), defaults)).toContain('has no label team, but Team=geo\n');
  });

  it('it is changed, and was given what it has when it was made', async () => {
    const stored = file('stored.yaml', app('{ team: geo }'));
    const said = await explained(app('{ team: ml }'), proxy(), '--old', stored);
    expect(said).toContain('proxy@0: an update gives nothing anew: what the object was given when it was made stays\n');
  });

  it('its namespace is not selected', async () => {
    const defaults = proxy({ match: 'kinds: [SparkApplication], namespaceSelector: { matchLabels: { stage: prod } }' });
    const said = await explained(app(), defaults, '-n', 'team-a', '--namespace-labels', 'stage=dev');
    expect(said).toContain('namespaceSelector stage=prod; namespace team-a has stage=dev\n');
  });

  it('it has no such label, and none that could have been meant', async () => {
    const named = (label: string) =>
      proxy({ match: `kinds: [SparkApplication], selector: { matchLabels: { ${label} }` });
    expect(await explained(app('{ b: "1" }'), named('a: "1"}'))).toContain('the object has no label a\n');
    const own = app('{ quartermaster.dev/inject: x, example.org/team: geo }');
    expect(await explained(own, named('quartermaster.dev/calrissian: enabled}'))).toContain(
      'the object has no label quartermaster.dev/calrissian\n',
    );
    expect(await explained(own, named('example.org/taem: geo}'))).toContain(
      'the object has no label example.org/taem, but example.org/team=geo\n',
    );
  });

  it('it is in no namespace, of which nothing is noted', async () => {
    const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: team-a }\n';
    const told = await explained(namespace, proxy(), '--namespace-labels', 'quartermaster.dev/inject=false');
    expect(told).not.toMatch(/Namespace +has/);
  });

  it('it is a claim without a class to make, which nobody opted out', async () => {
    const claim = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
`;
    const labels = `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: tiers, namespace: quartermaster-system }
spec: { match: { kinds: [PersistentVolumeClaim] }, inject: { labels: { tier: gold } } }
`;
    expect(await explained(claim, labels)).toContain(
      'tiers@0: such an object is given no more than what is enforced for the whole cluster\n',
    );
  });

  it('it opted out, or its namespace did, or somebody meant to and missed', async () => {
    expect(await explained(app('{ quartermaster.dev/inject: disabled }'), proxy())).toContain(
      'proxy@0: the object opted out with the label quartermaster.dev/inject: disabled\n',
    );
    const label = 'quartermaster.dev/inject=disabled';
    expect(await explained(app(), proxy(), '-n', 'team-a', '--namespace-labels', label)).toContain(
      'proxy@0: namespace team-a opted out with the label quartermaster.dev/inject: disabled\n',
    );
    expect(await explained(app('{ quartermaster.dev/inject: "false" }'), proxy())).toContain(
      'note: The object has the label quartermaster.dev/inject: "false", which does nothing: did you mean disabled?\n',
    );
    expect(await explained(app('{ quartermaster.io/inject: disabled }'), proxy())).toContain(
      'did you mean quartermaster.dev/inject: disabled?\n',
    );
  });

  it('its author said it', async () => {
    const said = await explained(app('{}', '[{ name: HTTP_PROXY, value: "http://own" }]'), proxy());
    expect(said).toContain('kept back: PlatformDefaults quartermaster-system/proxy@0: of its values 1 kept back\n');
    expect(said).toContain(
      'kept back: spec.driver.env HTTP_PROXY = "http://proxy:3128": the object says it itself: "http://own"\n',
    );
  });

  it('its author said it elsewhere', async () => {
    const manifest = app().replace('{ driver:', '{ sparkConf: { spark.kubernetes.driverEnv.HTTP_PROXY: own }, driver:');
    expect(await explained(manifest, proxy())).toContain(
      'the object says it in spec.sparkConf spark.kubernetes.driverEnv.HTTP_PROXY: "own"\n',
    );
  });

  it('another default won', async () => {
    const more = proxy({ match: 'kinds: [SparkApplication], selector: { matchLabels: { team: geo } }' })
      .replace('name: proxy', 'name: geo')
      .replace('http://proxy:3128', 'http://geo');
    expect(await explained(app('{ team: geo }'), proxy({ more }))).toContain(
      'kept back: spec.inject.env HTTP_PROXY = "http://proxy:3128": quartermaster-system/geo gives it and asks for more labels: "http://geo"\n',
    );
  });

  it('it is for other clouds', async () => {
    const said = await explained(
      app(),
      proxy({ match: 'kinds: [SparkApplication], clouds: [aws] }'.replace(' }', '') }),
      '--cloud',
      'gcp',
    );
    expect(said).toContain('proxy@0: clouds aws; the cluster is on gcp\n');
  });

  it('it is audited, which is told with what would be replaced', async () => {
    const app1 = app('{}', '[{ name: HTTP_PROXY, value: "http://own" }]');
    const said = await explained(app1, proxy({ mode: 'Audit' }));
    expect(said).toContain(
      'audited: PlatformDefaults quartermaster-system/proxy@0 (Audit): nothing of it was done; were it enforced, of its values 1 applied\n',
    );
    expect(said).toContain(
      'would be applied: spec.driver.env HTTP_PROXY = "http://proxy:3128" instead of "http://own": it is enforced\n',
    );
    expect(said).toContain('0 changed, 1 unchanged, 0 refused; 0 warnings.');
    const other = await explained(app1, proxy({ mode: 'Audit', match: 'kinds: [WorkflowPod]' }));
    expect(other).toContain('not matching: PlatformDefaults quartermaster-system/proxy@0 (Audit): kinds WorkflowPod;');
  });

  it('it is audited, and its warning is asked for', async () => {
    const asked = proxy({ mode: 'Audit' }).replace('mode: Audit', 'mode: Audit\n  auditWarnings: true');
    expect(await explained(app(), asked)).toContain(
      'PlatformDefaults quartermaster-system/proxy@0 is audited: were it enforced, it would change spec.driver.env HTTP_PROXY.',
    );
  });

  it('its kind, its namespace or the pod is not sent', async () => {
    const scheduled = app().replace('SparkApplication', 'ScheduledSparkApplication');
    expect(await explained(scheduled, proxy())).toContain(
      'note: Quartermaster is not asked about objects of kind ScheduledSparkApplication (sparkoperator.k8s.io/v1beta2).\n',
    );
    const system = await explained(app(), proxy(), '-n', 'kube-system');
    expect(system).toMatch(
      /proxy@0: Webhook spark-application\S* is not sent the object: namespaceSelector leaves out .*=kube-system/,
    );
    const pod = 'apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { containers: [] }\n';
    const forPods = proxy({ match: 'kinds: [CalrissianPod]' });
    expect(await explained(pod, forPods, '-n', 'cwl')).toContain(
      'the label quartermaster.dev/calrissian=enabled on namespace cwl lets it in',
    );
  });

  it('the PlatformDefaults is invalid', async () => {
    const said = await explained(app(), proxy().replace('[SparkApplication]', '[SparkApplications]'));
    expect(said).toContain('spec.match.kinds[0]: "SparkApplications" is not one of');
  });
});

it('says what was enforced over', async () => {
  const said = await explained(app('{}', '[{ name: HTTP_PROXY, value: "http://own" }]'), proxy({ mode: 'Enforce' }));
  expect(said).toContain(
    'applied: spec.driver.env HTTP_PROXY = "http://proxy:3128" instead of "http://own": it is enforced\n',
  );
});

describe('what an audited default would do to a pod', () => {
  const pod = (labels: string, more = ''): string =>
    `apiVersion: v1\nkind: Pod\nmetadata: { name: p, labels: ${labels} }\nspec: { containers: [{ name: main, image: tiles }]${more} }\n`;
  const defaults = (name: string, mode: string, inject: string, namespace = 'quartermaster-system'): string =>
    `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: ${name}, namespace: ${namespace} }
spec: { mode: ${mode}, match: { kinds: [Pod] }, inject: ${inject} }
`;

  it('is to refuse it, which it does not', async () => {
    const said = await explained(pod('{ tier: iron }'), defaults('tiers', 'Audit', '{ labels: { tier: gold } }'));
    expect(said).toContain(
      'would be refused: PlatformDefaults quartermaster-system/tiers@0 (Audit): nothing of it was done; were it enforced, the object itself would be refused: metadata.labels: tier is enforced by',
    );
    expect(said).not.toContain('the object itself is refused');
  });

  it('is to replace what others give it today', async () => {
    const given = [
      defaults('audit', 'Audit', '{ env: [{ name: A, value: audit }, { name: B, value: b }], labels: { q: r } }'),
      defaults('plain', 'Default', '{ labels: { q: s }, env: [{ name: B, value: b }] }'),
      defaults('own', 'Enforce', '{ env: [{ name: A, value: own }] }', 'team-a'),
    ];
    const said = await explained(pod('{}'), given.join('---\n'), '-n', 'team-a');
    expect(said).toContain(
      'would be applied: spec.containers.0.env A = "audit" instead of "own": team-a/own@0 gives it today\n',
    );
    expect(said).toContain(
      'would be applied: metadata.labels q = "r" instead of "s": quartermaster-system/plain@0 gives it today\n',
    );
    expect(said).toContain(
      'would be applied: spec.containers.0.env B = "b": quartermaster-system/plain@0 gives the same today\n',
    );
  });
});

it('says what a default stands over that the API server fills in', async () => {
  const pod = `apiVersion: v1
kind: Pod
metadata: { name: p }
spec:
  terminationGracePeriodSeconds: 30
  schedulerName: default-scheduler
  priority: 0
  preemptionPolicy: PreemptLowerPriority
  overhead: { cpu: 100m }
  containers: [{ name: main, image: tiles }]
`;
  const defaults = (mode: string): string => `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: grace, namespace: quartermaster-system }
spec:
  mode: ${mode}
  match: { kinds: [Pod] }
  inject: { terminationGracePeriodSeconds: 120, schedulerName: volcano, priorityClassName: batch, runtimeClassName: gvisor }
`;
  const said = await explained(pod, defaults('Default'));
  expect(said).not.toContain('enforced');
  expect(said).toContain(
    'applied: spec terminationGracePeriodSeconds = 120 instead of 30: what was there counts as nothing said\n',
  );
  expect(said).toContain(
    'applied: spec priorityClassName = "batch": nothing else says it; spec priority is settled anew\n',
  );
  expect(said).toContain(
    'applied: spec runtimeClassName = "gvisor": nothing else says it; spec overhead is settled anew\n',
  );
  const enforced = await explained(pod, defaults('Enforce'));
  expect(enforced).toContain('spec schedulerName = "volcano" instead of "default-scheduler": it is enforced\n');
  expect(enforced).toContain('spec priorityClassName = "batch": it is enforced; spec priority is settled anew\n');
});

describe('an update', () => {
  const conf = (generation: number): string => `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: conf, namespace: quartermaster-system, generation: ${generation} }
spec:
  match: { kinds: [SparkApplication] }
  mode: Enforce
  inject: { sparkConf: { spark.ui.enabled: "false" }, env: [{ name: HTTP_PROXY, value: "http://p" }] }
`;
  const stored = `apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata:
  name: spark-pi
  annotations:
    quartermaster.dev/injected: |-
      quartermaster-system/conf@1 enforces:
        spec.sparkConf {"spark.ui.enabled":"false"}
      quartermaster-system/gone@4 gives:
        spec.nodeSelector {"pool":"big"}
spec: { sparkConf: { spark.ui.enabled: "false" }, nodeSelector: { pool: big }, driver: { cores: 1 } }
`;
  const changed = app().replace('{ driver:', '{ sparkConf: { spark.ui.enabled: "true" }, driver:');

  it.each([1, 3])(
    'says what is given again over what its user said, by a default that is at generation %d',
    async (generation) => {
      const said = await explained(changed, conf(generation), '--old', file('old.yaml', stored));
      expect(said).toContain(
        `given again: PlatformDefaults quartermaster-system/conf@${generation} (Enforce): ${generation === 1 ? '' : 'as generation 1 gave it when the object was made: '}of its values 1 applied\n`,
      );
      expect(said).toContain('applied: spec.sparkConf spark.ui.enabled = "false" instead of "true": it is enforced\n');
      expect(said).toContain(
        'given again: PlatformDefaults quartermaster-system/gone@4: it is not there any more, and was when the object was made: of its values 1 applied',
      );
      expect(said).not.toContain('not matching');
    },
  );

  it('says which label of a claim stays as it was', async () => {
    const claim = (tier: string, record = ''): string => `apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: d, labels: { tier: ${tier} }${record} }
spec: { storageClassName: fast, accessModes: [ReadWriteOnce], resources: { requests: { storage: 10Gi } } }
`;
    const record =
      ', annotations: { quartermaster.dev/injected: "quartermaster-system/tiers@0 enforces:\\n  metadata.labels [\\"tier\\"]" }';
    const tiers = `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: tiers, namespace: quartermaster-system }
spec: { mode: Enforce, match: { kinds: [PersistentVolumeClaim] }, inject: { labels: { tier: gold } } }
`;
    const said = await explained(claim('iron'), tiers, '--old', file('old.yaml', claim('gold', record)));
    expect(said).toContain(
      'given again: PlatformDefaults quartermaster-system/tiers@0 (Enforce): of its values 1 applied\n',
    );
    expect(said).toContain(
      'applied: metadata.labels tier = "gold" instead of "iron": it is enforced, and stays as it was\n',
    );
  });
});

it('says nothing applied of an object that the API server refuses', async () => {
  const bad = app('{ "bad key": x }');
  const said = await explained(bad, proxy({ mode: 'Enforce' }));
  expect(said).toContain(
    'refused: PlatformDefaults quartermaster-system/proxy@0 (Enforce): the object itself is refused: SparkApplication',
  );
  expect(said).not.toContain('applied');
});

it('has one row for a volume that two things of one default need', async () => {
  const logs = `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: logs, namespace: quartermaster-system }
spec:
  match: { kinds: [Pod] }
  inject:
    volumes: [{ name: logs, emptyDir: {} }]
    volumeMounts: [{ name: logs, mountPath: /var/log/job }]
    sidecars: [{ name: shipper, image: fluent, volumeMounts: [{ name: logs, mountPath: /var/log/job, readOnly: true }] }]
`;
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec: { containers: [{ name: main, image: tiles }] }\n';
  const said = await explained(pod, logs);
  expect(said.match(/spec.volumes logs/g)).toEqual(['spec.volumes logs']);
  expect(said).not.toContain('kept back');
});

describe('a pod that no webhook is sent', () => {
  const pod = (labels: string): string =>
    `apiVersion: v1\nkind: Pod\nmetadata: { name: p, labels: ${labels} }\nspec: { containers: [{ name: main, image: tiles }] }\n`;
  const forPods = (name: string, match: string): string => `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: ${name}, namespace: quartermaster-system }
spec: { match: { kinds: [Pod], ${match} }, inject: { labels: { ${name}: x } } }
`;

  it('is told all that would let it in, and of no webhook that nobody asks for', async () => {
    const geo = forPods(
      'geo',
      'selector: { matchLabels: { team: geo } }, namespaceSelector: { matchLabels: { stage: prod } }',
    );
    const said = await explained(pod('{ team: ml }'), geo, '-n', 'team-a');
    expect(said.match(/note: .*/g)).toEqual([
      'note: Webhook pod.quartermaster.dev is not sent the object: namespaceSelector stage=prod; namespace team-a has no label stage; objectSelector team=geo; the object has team=ml; the label stage=prod on namespace team-a and the label team=geo on the object let it in.',
    ]);
    expect(await explained(pod('{}'), proxy())).toContain(
      'note: No PlatformDefaults is for such pods: no webhook is sent it.\n',
    );
  });

  it('is told of its own webhook, and of no label that would not help', async () => {
    const both = ['a', 'b'].map((name) => forPods(name, `selector: { matchLabels: { ${name}: "1" } }`)).join('---\n');
    const said = await explained(pod('{ b: "1" }'), both, '-n', 'kube-system');
    expect(said).toMatch(
      /quartermaster-system\/b@0: Webhook pod-2.quartermaster.dev is not sent the object: namespaceSelector leaves out [^;]*\n/,
    );
    expect(said).not.toContain('lets it in');
  });
});

describe('values that come to nothing', () => {
  const defaults = (name: string, match: string, inject: string, mode = 'Default'): string =>
    `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: ${name}, namespace: quartermaster-system }
spec: { mode: ${mode}, match: ${match}, inject: ${inject} }
`;
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec: { containers: [{ name: main, image: tiles }] }\n';

  it('are told where no container is selected', async () => {
    const inject = '{ labels: { net: proxied }, proxy: { http: "http://p:1" } }';
    const said = await explained(
      pod,
      defaults('proxy', '{ kinds: [Pod], containers: ["worker-*"] }', inject, 'Enforce'),
    );
    expect(said).toContain('(Enforce): of its values 1 applied, 6 kept back\n');
    expect(said).toContain(
      'kept back: spec.inject.proxy HTTP_PROXY = "http://p:1": the object has no container of worker-*\n',
    );
  });

  it('are told of a class that is made, and of one that is there', async () => {
    const claim = (name: string): string => `apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${name} }
spec: { storageClassName: fast-ssd, accessModes: [ReadWriteOnce], resources: { requests: { storage: 10Gi } } }
`;
    const inject = '{ labels: { tier: gold }, storageClass: { reclaimPolicy: Retain } }';
    const classes = defaults('disks', '{ kinds: [PersistentVolumeClaim] }', inject);
    const [first, second] = (await explained([claim('a'), claim('b')].join('---\n'), classes, '--cloud', 'aws')).split(
      'PersistentVolumeClaim default/b',
    );
    expect(first).toContain(
      'applied: spec.inject.storageClass = {"reclaimPolicy":"Retain"}: gives the class its reclaimPolicy\n',
    );
    expect(second).toContain(
      'kept back: spec.inject.storageClass = {"reclaimPolicy":"Retain"}: no class is made for the claim: the one it names is there, or it names none\n',
    );
  });

  it('have the names that the PlatformDefaults has for them', async () => {
    const inject = `{ securityContext: { runAsNonRoot: true }, containerSecurityContext: { privileged: false }, affinity: { nodeAffinity: {} },
      priorityClassName: batch, imagePullPolicy: Always, resources: { limits: { memory: 1Gi } }, sidecars: [{ name: logs, image: fluent }],
      initContainers: [{ name: init, image: fluent }], caBundle: { configMap: ca }, env: [{ name: A, value: b }], forExecutors: true }`;
    const match = '{ kinds: [Pod] }';
    const said = await explained(
      pod,
      [defaults('a', match, inject, 'Enforce'), defaults('b', match, inject, 'Enforce')].join('---\n'),
    );
    const rows = new Set(said.match(/(?<=kept back: spec.inject.)[^:=]*(?= = )/g));
    expect([...rows].filter((row) => !row.startsWith('caBundle')).toSorted()).toEqual([
      'affinity nodeAffinity',
      'containerSecurityContext privileged',
      'env A',
      'imagePullPolicy',
      'initContainers init',
      'priorityClassName',
      'resources.limits memory',
      'securityContext runAsNonRoot',
      'sidecars logs',
    ]);
    expect(said).not.toContain('isAwaited');
    expect(said.match(/spec.inject.caBundle SSL_CERT_FILE/g)).toHaveLength(1);
  });
});

describe('who won a value in the containers of a pod', () => {
  const pod = `apiVersion: v1
kind: Pod
metadata: { name: step, ownerReferences: [{ apiVersion: batch/v1, kind: Job, name: x, uid: a, controller: true }] }
spec: { containers: [{ name: a, image: b }, { name: b, image: b }] }
`;
  const giving = (name: string, match: string, key = `env: [{ name: A, value: ${name} }]`): string =>
    `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: ${name}, namespace: quartermaster-system }
spec: { match: { ${match} }, inject: { ${key} } }
`;
  const lost = async (...defaults: readonly string[]): Promise<readonly string[]> =>
    (await explained(pod, defaults.join('---\n')))
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.startsWith('kept back: spec.inject'));

  it('is told of each container, and what each winner names', async () => {
    expect(
      await lost(
        giving('all', 'kinds: [Pod]'),
        giving('jobs', 'kinds: [JobPod]'),
        giving('mine', 'kinds: [JobPod], containers: [b]'),
      ),
    ).toEqual([
      'kept back: spec.inject.env A = "jobs": quartermaster-system/mine gives it and names containers: "mine"',
      'kept back: spec.inject.env A = "all": quartermaster-system/jobs gives it and names a framework: "jobs"',
      'kept back: spec.inject.env A = "all": quartermaster-system/mine gives it and names a framework and containers: "mine"',
    ]);
  });

  it('is nobody whose containers are not there', async () => {
    const absent = giving('absent', 'kinds: [Pod], containers: [c]');
    expect(await lost(giving('all', 'kinds: [Pod]'), absent)).toEqual([
      'kept back: spec.inject.env A = "absent": the object has no container of c',
    ]);
    const limits = (cpu: string): string => `resources: { limits: { cpu: "${cpu}" } }`;
    expect(
      await lost(
        giving('all', 'kinds: [Pod]', limits('1')),
        giving('owned', 'kinds: [Pod], owner: { kind: Job }, containers: [b]', limits('2')),
        giving('absent', 'kinds: [Pod], owner: { kind: Job }, containers: [c]', limits('3')),
      ),
    ).toEqual([
      expect.stringContaining(
        'limits cpu = "1": quartermaster-system/owned gives it and names an owner and containers: "2"',
      ),
      expect.stringContaining('limits cpu = "3": the object has no container of c'),
    ]);
  });
});
