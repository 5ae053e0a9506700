import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/cli/results/finding.ts';
import table from '../../../src/defaults/validation/core-v1.json' with { type: 'json' };
import { createFiles, quartermaster } from '../../fixtures/command-line.ts';

const file = createFiles();
const { kubernetes } = table;

const findingsIn = async (path: string, ...args: readonly string[]): Promise<readonly string[]> => {
  const { out } = await quartermaster('lint', '-o', 'json', ...args, path);
  const { findings } = JSON.parse(out) as { readonly findings: readonly Finding[] };
  return findings.map(({ line, column, severity, message }) => `${line}:${column} ${severity} ${message}`);
};

const defaultsWith = (spec: string, namespace = 'quartermaster-system'): string =>
  `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: geo, namespace: ${namespace} }
spec:
${spec}`;

const wrongDefaults = defaultsWith(`  mode: Enforced
  match:
    kinds: [SparkAplication]
    clouds: [aws, gpc]
    selector:
      matchLabels:
        "bad key!": x
  inject:
    nodeSelectr:
      pool: geo
    env:
      - name: REGION
        value: \${regoin}
      - name: MINE
        value: \${mine}
      - name: PROJECT
        value: \${project}
      - name: 1BAD
        value: 5
    labels:
      "no/good/key": a
    serviceAccountName: "Ä"
`);

describe('lint', () => {
  it('finds every mistake of a PlatformDefaults at once, at the very value', async () => {
    expect(await findingsIn(file('defaults.yaml', wrongDefaults))).toEqual([
      '5:9 error spec.mode: "Enforced" is not one of Default, Enforce, Audit (did you mean Enforce?)',
      expect.stringMatching(
        /^7:13 error spec\.match\.kinds\[0\]: "SparkAplication" is not one of .* \(did you mean SparkApplication\?\)$/,
      ),
      expect.stringMatching(/^8:19 error spec\.match\.clouds\[1\]: "gpc" is no cloud .* \(did you mean gcp\?\)$/),
      '11:9 error spec.match.selector: "bad key!" is not a label key ([domain/]name)',
      '13:5 error spec.inject.nodeSelectr: there is no such field (did you mean nodeSelector?)',
      '17:16 error spec.inject.env[0].value: ${regoin} is built in nowhere, and no PlatformDefaults here defines it (did you mean region?)',
      '19:16 warning spec.inject.env[1].value: ${mine} is built in nowhere, and no PlatformDefaults here defines it',
      '21:16 error spec.inject.env[2].value: ${project} is built in nowhere, and no PlatformDefaults here defines it; it is a fact, and only cloud, region, zone and account are variables',
      '22:15 error spec.inject.env[3].name: "1BAD" is not the name of an environment variable',
      '23:16 error spec.inject.env[3].value: must be a string; quote it',
      '25:7 error spec.inject.labels: "no/good/key" is not a label key ([domain/]name)',
      '26:25 error spec.inject.serviceAccountName: "Ä" is not a DNS subdomain (lower case, digits, - and ., at most 253 characters)',
    ]);
  });

  it.each([
    ['metadata: { name: 5, namespace: a }', '3:19 error metadata.name: must be a string; quote it'],
    ['metadata: { name: y, namespace: a }', '3:19 error metadata.name: must be a string; quote it'],
    ['metadata: 5', '3:11 error metadata: must be an object'],
    ['metadata: { namespace: a }', '3:11 error metadata.name: Required value: name or generateName is required'],
    [
      'metadata: { name: My Defaults, namespace: a }',
      '3:19 error metadata.name: Invalid value: "My Defaults": a lower',
    ],
    ['metadata: { name: a, namespace: A b }', '3:33 error metadata.namespace: "A b" is not a DNS label'],
    [
      'metadata: { name: a, namespace: a, labels: { a: b c } }',
      '3:44 error metadata.labels: Invalid value: "b c": a valid label must',
    ],
  ])('tells what is wrong with %s', async (metadata, expected) => {
    const text = defaultsWith('  match: { kinds: [Pod] }\n  inject: { labels: { a: b } }\n').replace(
      /^metadata: .*$/m,
      metadata,
    );
    const findings = await findingsIn(file('metadata.yaml', text));
    expect(findings.filter((finding) => finding.includes(' error '))).toEqual([expect.stringContaining(expected)]);
  });

  it.each([
    ['7', '4:7 error spec: must be an object'],
    ['[]', '4:7 error spec: must be an object'],
    ['', 'error spec: is required'],
  ])('tells that a spec of %j is none', async (spec, expected) => {
    for (const kind of [
      'quartermaster.dev/v1alpha1\nkind: PlatformDefaults',
      'banzaicloud.com/v1alpha1\nkind: ObjectStore',
    ]) {
      const text = `apiVersion: ${kind}\nmetadata: { name: a, namespace: a }\nspec: ${spec}\n`;
      const [finding] = await findingsIn(file('spec.yaml', text));
      expect(finding).toContain(expected);
    }
  });

  it('says how long the name of a bucket is at least', async () => {
    const text =
      'apiVersion: banzaicloud.com/v1alpha1\nkind: ObjectStore\nmetadata: { name: a, namespace: a }\nspec: { name: a }\n';
    expect(await findingsIn(file('short.yaml', text))).toEqual([
      '4:15 error spec.name: must be at least 3 characters long',
    ]);
  });

  it('says nothing of what follows from a mistake that it told already', async () => {
    const spec = `  match: { kinds: [Pod] }
  inject:
    volumes: [{ name: scratch, emptyDir: {}, hostPth: 5 }, { nam: other }]
    volumeMounts: [{ name: scratch, mountPath: /scratch }]
`;
    expect(await findingsIn(file('volumes.yaml', defaultsWith(spec)))).toEqual([
      '7:15 error spec.inject.volumes[0]: give exactly one source beside its name',
      `7:46 error spec.inject.volumes[0].hostPth: there is no such field in Kubernetes ${kubernetes} (did you mean hostPath?)`,
      '7:60 error spec.inject.volumes[1].name: is required',
    ]);
  });

  it('looks into what is a structure of core/v1', async () => {
    const spec = `  match: { kinds: [Pod] }
  mode: Enforce
  inject:
    priorityClassName: Not A Name
    securityContext: { runAsNonRoot: "yes", fsGrup: 3 }
    containerSecurityContext: { allowPrivilegeEscalation: "false", capabilites: { drop: [ALL] } }
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: 5 } }
    env: [{ name: A, valueFrom: { fieldRef: { fieldPath: 5 } } }]
    volumes: [{ name: s, emptyDir: { sizeLimit: ten } }]
    topologySpreadConstraints:
      - { maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: app=x }
    dnsConfig: { nameservers: [hello] }
    sidecars: [{ name: a, image: b, ports: [{ containerPort: http }] }]
`;
    expect(await findingsIn(file('structures.yaml', defaultsWith(spec)))).toEqual([
      '8:24 error spec.inject.priorityClassName: "Not A Name" is not a DNS subdomain (lower case, digits, - and ., at most 253 characters)',
      '9:38 error spec.inject.securityContext.runAsNonRoot: must be true or false',
      `9:45 error spec.inject.securityContext.fsGrup: there is no such field in Kubernetes ${kubernetes} (did you mean fsGroup?)`,
      '10:59 error spec.inject.containerSecurityContext.allowPrivilegeEscalation: must be true or false',
      `10:68 error spec.inject.containerSecurityContext.capabilites: there is no such field in Kubernetes ${kubernetes} (did you mean capabilities?)`,
      '11:81 error spec.inject.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution: must be an object',
      '12:58 error spec.inject.env[0].valueFrom.fieldRef.fieldPath: must be a string; quote it',
      '13:49 error spec.inject.volumes[0].emptyDir.sizeLimit: "ten" is no quantity, such as 500m or 2Gi',
      '15:91 error spec.inject.topologySpreadConstraints[0].labelSelector: must be an object',
      '16:32 error spec.inject.dnsConfig.nameservers[0]: "hello" is no IP address',
      '17:62 error spec.inject.sidecars[0].ports[0].containerPort: must be a whole number',
    ]);
  });

  it('takes a kind, a group, a version and a namespace for what they were meant to be', async () => {
    const text = `apiVersion: quartermaster.dev/v1
kind: PlatformDefault
metadata: { name: a, namespace: quartermaster-sytem }
specs: {}
spec: { match: { kinds: [Pod] }, inject: { env: [] }, provison: {} }
`;
    expect(await findingsIn(file('kind.yaml', text))).toEqual([
      '1:13 error apiVersion: PlatformDefaults is of quartermaster.dev/v1alpha1, not of quartermaster.dev/v1',
      '2:7 error kind: there is no PlatformDefault (did you mean PlatformDefaults?)',
      '3:33 error metadata.namespace: "quartermaster-sytem" is no namespace that stands here (did you mean quartermaster-system?)',
      '4:1 error specs: there is no such field (did you mean spec?)',
      '5:55 error spec.provison: there is no such field (did you mean provision?)',
    ]);
  });

  it('finds every mistake of an ObjectStore', async () => {
    const text = `apiVersion: banzaicloud.com/v1alpha1
kind: ObjectStore
metadata: { name: store, namespace: a }
spec:
  name: xn--bad
  provider: s3
  forceDelete: true
  azure: {}
`;
    expect(await findingsIn(file('store.yaml', text))).toEqual([
      '5:9 error spec.name "xn--bad" cannot be an S3 bucket: it must not begin with xn--, sthree- or amzn-s3-demo-, which S3 keeps for itself',
      '7:16 error spec.forceDelete needs spec.deletionPolicy: Delete, since a bucket that is retained is not deleted at all',
      '8:10 error spec.azure is empty: give one of its fields or leave it out',
    ]);
  });

  it('finds what the ConfigMap of settings has wrong', async () => {
    const text = `apiVersion: v1
kind: ConfigMap
metadata: { name: quartermaster-settings, namespace: quartermaster-system }
data:
  LOG_LEVL: info
  RWX_FALLBACK: nfss
  LEASE_SECONDS: "20"
  STORAGE_CLASS_LIMIT: 5
`;
    expect(await findingsIn(file('settings.yaml', text))).toEqual([
      '5:13 error data.LOG_LEVL: is no setting (did you mean LOG_LEVEL?)',
      '6:17 error data.RWX_FALLBACK: "nfss" is not one of nfs, none',
      '7:18 warning data.LEASE_SECONDS: is read at the start only; set it in the Deployment',
      '8:24 error data.STORAGE_CLASS_LIMIT: must be a string; quote it',
    ]);
  });

  it('tells a label of ours that does nothing, on any object', async () => {
    const text = 'apiVersion: v1\nkind: Pod\nmetadata: { name: a, labels: { quartermaster.dev/inject: "false" } }\n';
    expect(await findingsIn(file('pod.yaml', text))).toEqual([
      '3:58 error metadata.labels.quartermaster.dev/inject: the object has the label quartermaster.dev/inject: "false", which does nothing: did you mean disabled?',
    ]);
  });

  describe('of templates that containers name', () => {
    const containers = `  match: { kinds: [JobPod] }
  inject:
    sidecars:
      - { name: logs, template: log-shiper }
      - { name: mine, template: another }
    initContainers:
      - { name: fetch, template: fetcher }
`;
    const templates = defaultsWith(
      '  match: { kinds: [JobPod] }\n  templates: [{ name: log-shipper, image: a }, { name: fetcher, image: b }]\n',
    );

    it('finds those that no file has, wherever the others are', async () => {
      const path = file('templates.yaml', `${defaultsWith(containers)}---\n${templates}`);
      expect(await findingsIn(path)).toEqual([
        '8:33 error spec.inject.sidecars[0].template: no PlatformDefaults here has a template log-shiper (did you mean log-shipper?)',
        '9:33 warning spec.inject.sidecars[1].template: no PlatformDefaults here has a template another',
      ]);
    });

    it('says nothing where no file has any', async () => {
      expect(await findingsIn(file('no-templates.yaml', defaultsWith(containers)))).toEqual([]);
    });
  });

  it('knows the variables and namespaces of the other files', async () => {
    const one = file(
      'other.yaml',
      `${defaultsWith('  match: { kinds: [Pod] }\n  variables: { proxy: http://proxy:3128 }\n')}---\napiVersion: v1\nkind: Namespace\nmetadata: { name: team-geo }\n`,
    );
    const spec =
      '  match: { kinds: [Pod] }\n  inject: { env: [{ name: A, value: "${proxy}" }, { name: B, value: "${prxy}" }] }\n';
    const two = file('using.yaml', defaultsWith(spec, 'team-goe'));
    const { out } = await quartermaster('lint', one, two);
    expect(out).toBe(
      `${two}:3:35: error: metadata.namespace: "team-goe" is no namespace that stands here (did you mean team-geo?)\n` +
        `${two}:6:69: error: spec.inject.env[1].value: \${prxy} is built in nowhere, and no PlatformDefaults here defines it (did you mean proxy?)\n`,
    );
  });

  it('goes on after a file that is no YAML, looks into Lists, anchors and merged keys', async () => {
    const broken = file('broken.yaml', 'a: [\n---\nb: "\n');
    const list = file(
      'list.yaml',
      `apiVersion: v1
kind: List
items:
  - apiVersion: quartermaster.dev/v1alpha1
    kind: PlatformDefaults
    metadata: { name: a, namespace: team }
    spec:
      match: &match { kinds: [Pod], owners: {} }
      variables: { a: b }
  - apiVersion: quartermaster.dev/v1alpha1
    kind: PlatformDefaults
    metadata: { name: b, namespace: team }
    spec:
      match: { <<: *match, clouds: [] }
      variables: { a: b }
`,
    );
    const { code, out, err } = await quartermaster('lint', broken, list);
    expect(code).toBe(1);
    expect(out).toContain(`${broken}:`);
    expect(out).toContain(`${list}:8:37: error: spec.match.owners: there is no such field (did you mean owner?)\n`);
    expect(err).toMatch(/^2 files, 2 objects checked: \d+ mistakes, 0 warnings\.\n$/);
  });

  it('tells what of a List is no object, and an alias of nothing', async () => {
    expect(await findingsIn(file('numbers.yaml', 'apiVersion: v1\nkind: List\nitems:\n- 3\n'))).toEqual([
      '4:3 error this is not an object; write a Kubernetes manifest',
    ]);
    expect(await findingsIn(file('alias.yaml', 'apiVersion: v1\nkind: A\nspec: *a\n'))).toEqual([
      '1:1 error Unresolved alias (the anchor must be set before the alias): a',
    ]);
  });

  it('takes a template that was not rendered for no object', async () => {
    expect(await findingsIn(file('template.yaml', 'kind: A\nmetadata: { name: {{ .Values.name }} }\n'))).toEqual([
      expect.stringMatching(/^2:\d+ error a key is no text, as in a template that was not rendered$/),
    ]);
  });

  it('ends with 2 where there is nothing to check, as of a command before it that failed', async () => {
    const empty = file('empty.yaml', '# nothing\n---\n');
    expect(await quartermaster('lint', empty)).toEqual({
      code: 2,
      out: '',
      err: `quartermaster: ${empty} holds no object.\n`,
    });
    expect((await quartermaster('lint', empty, file('claim.yaml', 'apiVersion: v1\nkind: Pod\n'))).code).toBe(0);
  });

  it('prints SARIF and JUnit', async () => {
    const path = file('again.yaml', wrongDefaults);
    const sarif = JSON.parse((await quartermaster('lint', '-o', 'sarif', path)).out) as {
      readonly version: string;
      readonly runs: readonly { readonly results: readonly object[] }[];
    };
    expect(sarif.version).toBe('2.1.0');
    expect(sarif.runs[0]?.results[0]).toMatchObject({
      ruleId: 'schema',
      level: 'error',
      locations: [{ physicalLocation: { artifactLocation: { uri: path }, region: { startLine: 5, startColumn: 9 } } }],
    });
    const { out } = await quartermaster('lint', '-o', 'junit', path);
    expect(out).toContain('<testsuites name="quartermaster" tests="1" failures="1">');
    expect(out).toContain('&quot;Enforced&quot; is not one of Default, Enforce');
  });

  it('ends with 0 without mistakes, with 1 for a warning only under --strict, with 2 for what cannot be read', async () => {
    const warned = file(
      'warned.yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: quartermaster-settings }\ndata: { LEASE_SECONDS: "20" }\n',
    );
    expect((await quartermaster('lint', '-R', 'examples')).code).toBe(0);
    expect((await quartermaster('lint', warned)).code).toBe(0);
    expect((await quartermaster('lint', '--strict', warned)).code).toBe(1);
    expect((await quartermaster('lint', 'no-such-file.yaml')).code).toBe(2);
  });
});
