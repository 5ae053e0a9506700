import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { createFiles, quartermaster, quartermasterWith } from '../fixtures/command-line.ts';

const file = createFiles();

const MADE = '2026-11-01T10:00:00Z';
const defaults = (name: string, spec: string, created = '2026-10-01T10:00:00Z', generation = 1): string =>
  `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: ${name}, namespace: quartermaster-system, generation: ${generation}, creationTimestamp: "${created}" }
spec: ${spec}
`;
const proxy = defaults(
  'proxy',
  '{ match: { kinds: [SparkApplication], selector: { matchLabels: { team: geo } } }, inject: { sparkConf: { spark.a: b } } }',
);
const pool = defaults(
  'pool',
  '{ mode: Enforce, match: { kinds: [SparkApplication] }, inject: { nodeSelector: { pool: big } } }',
);
const manifest = `apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: { name: etl, namespace: team-a, labels: { team: geo } }
spec: { driver: { cores: 1 }, executor: { cores: 1 } }
`;

/** The manifest as the cluster has it after admission under these defaults. */
const admitted = async (...given: readonly string[]): Promise<KubeObject> => {
  const { out } = await quartermaster(
    'preview',
    '-f',
    file('app.yaml', manifest),
    '--defaults',
    file('given.yaml', given.join('---\n')),
  );
  const object = parse(out) as KubeObject;
  return { ...object, metadata: { ...object.metadata, creationTimestamp: MADE } };
};

const stored = (object: object): string => stringify(object, { lineWidth: 0 });

interface Reported {
  readonly rows: readonly {
    readonly name: string;
    readonly defaults: string;
    readonly standing: string;
    readonly why: string;
  }[];
  readonly defaults: readonly { readonly name: string; readonly note?: string; readonly details: readonly string[] }[];
}

const reportOn = async (...texts: readonly string[]): Promise<Reported> => {
  const { out } = await quartermaster('report', '-o', 'json', file('dump.yaml', texts.join('---\n')));
  return JSON.parse(out) as Reported;
};

const standings = ({ rows }: Reported): readonly string[] =>
  rows.map(({ defaults: name, standing, why }) => `${name} ${standing}: ${why}`);

describe('report', () => {
  it('tells what an object has', async () => {
    const report = await reportOn(proxy, pool, stored(await admitted(proxy, pool)));
    expect(standings(report)).toEqual([
      'quartermaster-system/proxy has: spec.sparkConf spark.a',
      'quartermaster-system/pool has: spec.nodeSelector pool',
    ]);
  });

  it('finds that no webhook may have answered when an object was made', async () => {
    const { out } = await quartermaster(
      'report',
      file(
        'down.yaml',
        [
          proxy,
          stored({
            ...(parse(manifest) as KubeObject),
            metadata: { name: 'etl', namespace: 'team-a', labels: { team: 'geo' }, creationTimestamp: MADE },
          }),
        ].join('---\n'),
      ),
    );
    expect(out).toContain(
      'lacks  SparkApplication team-a/etl  quartermaster-system/proxy: it was created at 2026-10-01T10:00:00Z, and the object at 2026-11-01T10:00:00Z: no webhook answered when the object was stored (it was down, not installed or not sent the object), or something was otherwise then: the namespace of the object, the cloud, who made the object or what is in it\n',
    );
  });

  it('tells a default that came later from one that was missed', async () => {
    const later = proxy.replace('2026-10-01', '2026-11-02');
    expect(standings(await reportOn(later, stored(await admitted(pool)), pool))[0]).toBe(
      'quartermaster-system/proxy lacks: it was created at 2026-11-02T10:00:00Z, after the object (2026-11-01T10:00:00Z)',
    );
  });

  it('tells what a new one would be given otherwise', async () => {
    const object = stored(await admitted(proxy, pool));
    const changed = proxy.replace('generation: 1', 'generation: 2').replace('spark.a: b', 'spark.a: c');
    expect(standings(await reportOn(changed, pool, object))).toContain(
      'quartermaster-system/proxy outdated: it was given generation 1, which is at 2 now',
    );
    const elsewhere = proxy.replace('team: geo', 'team: ml');
    expect(standings(await reportOn(elsewhere, pool, object))).toContain(
      'quartermaster-system/proxy outdated: a new one would be given nothing: selector team=ml; the object has team=geo',
    );
    expect(standings(await reportOn(pool, object))).toContain(
      'quartermaster-system/proxy outdated: its record names a PlatformDefaults that is not there: it was deleted since, or somebody wrote the record',
    );
  });

  it('finds what was edited and what was forged', async () => {
    const object = await admitted(proxy, pool);
    const edited = stored(object).replace('pool: big', 'pool: small');
    expect(standings(await reportOn(proxy, pool, edited))).toContain(
      'quartermaster-system/pool edited: spec.nodeSelector pool was changed to "small"',
    );
    const newer = stored(object).replace('quartermaster-system/pool@1', 'quartermaster-system/pool@7');
    expect(standings(await reportOn(proxy, pool, newer))).toContain(
      'quartermaster-system/pool forged: its record names generation 7, and there was none above 1',
    );
    const foreign = stored(object).replace('quartermaster-system/pool@1', 'team-b/pool@1');
    expect(standings(await reportOn(proxy, pool, foreign))).toContain(
      'team-b/pool forged: its record names defaults of namespace team-b, which hold there alone',
    );
    const metadata = { ...object.metadata, annotations: { 'quartermaster.dev/injected': 'by hand' } };
    expect(standings(await reportOn(proxy, pool, stored({ ...object, metadata })))).toContain(
      ' forged: its annotation quartermaster.dev/injected is no record that Quartermaster writes',
    );
    const dump = file('forged.yaml', [proxy, pool, stored({ ...object, metadata })].join('---\n'));
    expect((await quartermaster('report', dump)).out).toMatch(/^forged {2}SparkApplication \S+: its annotation/m);
    expect((await quartermaster('report', dump, '-o', 'sarif')).out).not.toContain('PlatformDefaults :');
  });

  it.each([
    '{}',
    '[]',
    '7',
    '{"apiVersion":"v1","kind":7}',
    '{"apiVersion":"v1","kind":"ConfigMap"}',
    '{"apiVersion":"sparkoperator.k8s.io/v1beta2","kind":"SparkApplication","metadata":{"name":"other"},"spec":{}}',
    '{"apiVersion":"sparkoperator.k8s.io/v1beta2","kind":"SparkApplication","metadata":{"name":"etl","annotations":{"a":7}},"spec":{}}',
    '{"apiVersion":"sparkoperator.k8s.io/v1beta2","kind":"SparkApplication","metadata":{"name":"etl","namespace":"team-a"},"spec":{"driver":7,"executor":[]}}',
  ])('takes what an object lacks from the object, whatever its user has as last applied: %s', async (applied) => {
    const metadata = {
      ...(parse(manifest) as KubeObject).metadata,
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': applied },
      creationTimestamp: MADE,
    };
    const report = await reportOn(proxy, pool, stored({ ...(parse(manifest) as KubeObject), metadata }));
    expect(report.rows.map(({ defaults: name, standing }) => [name, standing])).toContainEqual([
      'quartermaster-system/pool',
      'lacks',
    ]);
  });

  it('calls nothing forged, and names no time, of PlatformDefaults as they are in Git', async () => {
    const object = (await admitted(proxy, pool)) as KubeObject & { readonly spec: object };
    const inGit = pool.replace(/, generation.*"/, '');
    const record = { ...object.metadata.annotations };
    record['quartermaster.dev/injected'] = record['quartermaster.dev/injected']?.replace('pool@1', 'pool@2') ?? '';
    const given = stored({ ...object, metadata: { ...object.metadata, annotations: record } });
    const ofPool = async (...texts: readonly string[]) =>
      standings(await reportOn(...texts)).filter((row) => row.startsWith('quartermaster-system/pool'));
    expect(await ofPool(inGit, given)).toEqual([
      'quartermaster-system/pool has: spec.nodeSelector pool; what generation it is at now is not known',
    ]);
    expect(await ofPool(inGit.replace('pool: big', 'pool: small'), given)).toEqual([
      'quartermaster-system/pool outdated: a new one would be given something else for spec.nodeSelector pool',
    ]);
    const [lacking] = await ofPool(inGit, stored(await admitted(proxy)));
    expect(lacking).toContain(
      `lacks: when it was created is not known, and the object at ${MADE}: it was not there then, or something was`,
    );
  });

  it('finds what is enforced missing from a pod whose user has none of its containers as last applied', async () => {
    const tools = defaults(
      'tools',
      '{ mode: Enforce, match: { kinds: [Pod] }, inject: { env: [{ name: A, value: b }] } }',
    );
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'team-a' } };
    const applied = JSON.stringify({ ...pod, spec: { containers: [] } });
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': applied };
    const spec = { containers: [{ name: 'main', image: 'tiles:1' }] };
    const report = await reportOn(tools, stored({ ...pod, metadata: { ...pod.metadata, annotations }, spec }));
    expect(report.rows.map(({ standing }) => standing)).toEqual(['lacks']);
  });

  it('counts no label that was given to an object among those its author wrote, where kubectl applied it', async () => {
    const ofClaims = (name: string, selector: string, labels: string) =>
      defaults(name, `{ match: { kinds: [PersistentVolumeClaim]${selector} }, inject: { labels: ${labels} } }`);
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data', namespace: 'team-a' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
        storageClassName: 'disk',
      },
    };
    const applied = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(claim) };
    const record = { 'quartermaster.dev/injected': 'quartermaster-system/tiers@1 gives:\n  metadata.labels ["tier"]' };
    const metadata = { ...claim.metadata, labels: { tier: 'gold' }, annotations: { ...applied, ...record } };
    const report = await reportOn(
      ofClaims('tiers', '', '{ tier: gold }'),
      ofClaims('of-gold', ', selector: { matchLabels: { tier: gold } }', '{ cost: high }'),
      stored({ ...claim, metadata }),
    );
    expect(standings(report)).toEqual(['quartermaster-system/tiers has: metadata.labels tier']);
  });

  it('tells which defaults match nothing, tie, never won and are invalid', async () => {
    const same = defaults(
      'proxy-2',
      '{ match: { kinds: [SparkApplication], selector: { matchLabels: { team: geo } } }, inject: { sparkConf: { spark.a: x } } }',
    );
    const nobody = defaults('nobody', '{ match: { kinds: [RayNode] }, inject: { labels: { a: b } } }');
    const invalid = defaults('invalid', '{ match: { kinds: [Pods] } }');
    const { defaults: summaries } = await reportOn(proxy, same, nobody, invalid, stored(await admitted(proxy)));
    const notes = Object.fromEntries(summaries.map(({ name, note, details }) => [name, [note, details.length]]));
    expect(notes).toEqual({
      'quartermaster-system/proxy': [undefined, 1],
      'quartermaster-system/proxy-2': ['never won', 1],
      'quartermaster-system/nobody': ['unmatched', 0],
      'quartermaster-system/invalid': ['invalid', 1],
    });
  });

  it('ends with 1 under --strict alone, and counts at the end', async () => {
    const dump = file('strict.yaml', [proxy, pool, stored(await admitted(proxy))].join('---\n'));
    const lenient = await quartermaster('report', dump);
    expect(lenient.code).toBe(0);
    expect(lenient.err).toBe(
      '1 object: 1 has, 0 complies, 1 lacks, 0 outdated, 0 edited, 0 forged, 0 refused, 0 audited, 0 unreadable; 2 PlatformDefaults: 0 unmatched, 0 never won, 0 with ties, 0 invalid.\n',
    );
    expect((await quartermaster('report', dump, '--strict')).code).toBe(1);
    expect((await quartermaster('report')).code).toBe(2);
  });

  it('leaves out what the webhooks of an install with these settings are not sent', async () => {
    const dump = file('excluded.yaml', [pool, manifest].join('---\n'));
    const { err } = await quartermasterWith({ EXCLUDED_NAMESPACES: 'team-a' }, 'report', dump);
    expect(err).toMatch(/^1 object: 0 has, 0 complies, 0 lacks,/);
    expect((await quartermaster('report', dump)).err).toMatch(/^1 object: 0 has, 0 complies, 1 lacks,/);
  });

  it('prints a table by namespace and default, JUnit, SARIF and HTML', async () => {
    const dump = file('all.yaml', [proxy, pool, stored(await admitted(proxy))].join('---\n'));
    const { out } = await quartermaster('report', dump);
    expect(out.split('\n').slice(0, 3)).toEqual([
      'NAMESPACE  PLATFORMDEFAULTS            HAS  LACKS  OUTDATED  EDITED  FORGED  REFUSED  UNREADABLE',
      'team-a     quartermaster-system/pool   0    1      0         0       0       0        0',
      'team-a     quartermaster-system/proxy  1    0      0         0       0       0        0',
    ]);
    expect((await quartermaster('report', dump, '-o', 'junit')).out).toContain('tests="2" failures="1"');
    const sarif = JSON.parse((await quartermaster('report', dump, '-o', 'sarif')).out) as object;
    expect(sarif).toMatchObject({ runs: [{ results: [{ ruleId: 'lacks', level: 'error' }] }] });
    expect((await quartermaster('report', dump, '-o', 'html')).out).toContain(
      '<td>SparkApplication team-a&#47;etl</td>'.replace('&#47;', '/'),
    );
  });

  it('prints PolicyReports of both APIs, whose summaries count their results', async () => {
    const dump = file('reports.yaml', [proxy, pool, stored(await admitted(proxy))].join('---\n'));
    const expected = {
      metadata: {
        name: 'quartermaster',
        namespace: 'team-a',
        labels: { 'app.kubernetes.io/managed-by': 'quartermaster' },
      },
      summary: { pass: 1, fail: 1, warn: 0, error: 0, skip: 0 },
      results: [
        { policy: 'quartermaster-system/proxy', rule: 'has', result: 'pass', scored: false },
        {
          policy: 'quartermaster-system/pool',
          rule: 'lacks',
          result: 'fail',
          severity: 'high',
          scored: true,
          resources: [{ kind: 'SparkApplication', name: 'etl', namespace: 'team-a' }],
        },
      ],
    };
    const wgpolicy = parse((await quartermaster('report', dump, '-o', 'policyreport')).out) as object;
    expect(wgpolicy).toMatchObject({ apiVersion: 'wgpolicyk8s.io/v1alpha2', kind: 'PolicyReport', ...expected });
    const open = parse((await quartermaster('report', dump, '-o', 'openreports')).out) as object;
    expect(open).toMatchObject({
      apiVersion: 'openreports.io/v1alpha1',
      kind: 'Report',
      source: 'quartermaster',
      ...expected,
    });
  });

  it('gives every result of PolicyReports an identity: Policy Reporter takes those for one that differ in the namespace alone', async () => {
    const app = await admitted(proxy);
    const elsewhere = { ...app, metadata: { ...app.metadata, namespace: 'team-b' } };
    const dump = file('two.yaml', [proxy, pool, stored(app), stored(elsewhere)].join('---\n'));
    const idsIn = async (): Promise<readonly unknown[]> =>
      (await quartermaster('report', dump, '-o', 'policyreport')).out.match(/(?<=resultID: ).*/g) ?? [];
    const ids = await idsIn();
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(4);
    expect(await idsIn()).toEqual(ids);
  });
});
