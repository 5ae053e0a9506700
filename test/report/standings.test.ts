import { describe, expect, it } from 'vitest';
import { createFiles, quartermaster } from '../fixtures/command-line.ts';

const file = createFiles();

const MADE = '2026-11-01T10:00:00Z';

interface Given {
  readonly name?: string;
  readonly mode?: string;
  readonly kinds?: string;
  readonly inject?: string;
  readonly generation?: number;
}

const defaults = ({
  name = 'tiers',
  mode = 'Enforce',
  kinds = 'Pod, PersistentVolumeClaim',
  inject = '{ labels: { tier: gold } }',
  generation = 1,
}: Given = {}): string => `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: ${name}, namespace: quartermaster-system, generation: ${generation}, creationTimestamp: "2026-10-01T10:00:00Z" }
spec: { mode: ${mode}, match: { kinds: [${kinds}] }, inject: ${inject} }
`;

/** A stored pod whose record, where it has one, names these fields. */
const pod = (metadata: string, record = '', spec = 'containers: [{ name: main, image: tiles }]'): string =>
  `apiVersion: v1
kind: Pod
metadata: { name: p, namespace: team-a, creationTimestamp: "${MADE}", ${metadata}${recorded(record)} }
spec: { ${spec} }
`;

const claim = (metadata: string, record = ''): string =>
  `apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data, namespace: team-a, creationTimestamp: "${MADE}", ${metadata}${recorded(record)} }
spec: { storageClassName: disk, accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
`;

const recorded = (record: string): string =>
  record === '' ? '' : `, annotations: { quartermaster.dev/injected: ${JSON.stringify(record)} }`;

const report = async (...texts: readonly string[]) => {
  const dump = file('dump.yaml', texts.join('---\n'));
  const { code, out } = await quartermaster('report', '-o', 'json', '--strict', dump);
  const { rows, defaults: summaries } = JSON.parse(out) as {
    readonly rows: readonly { readonly standing: string; readonly why: string }[];
    readonly defaults: readonly { readonly mode: string; readonly won: number; readonly note?: string }[];
  };
  return { code, said: rows.map(({ standing, why }) => `${standing}: ${why}`), summaries, dump };
};

describe('what an object says itself', () => {
  it('is no finding where it is what is enforced', async () => {
    const { code, said, dump } = await report(defaults(), pod('labels: { tier: gold }'));
    expect(said).toEqual(['complies: metadata.labels tier']);
    expect(code).toBe(0);
    const { out } = await quartermaster('report', '-o', 'policyreport', dump);
    expect(out).toContain('result: pass');
    expect(out).toContain('It was not given this, and has all of it: metadata.labels tier.');
    const missing = await report(defaults(), pod('labels: {}'));
    expect(missing.said.join()).toMatch(/^lacks: it was created at/);
    expect(missing.code).toBe(1);
  });

  it('and another value is one: a new one would be refused', async () => {
    const { said } = await report(defaults(), pod('labels: { tier: iron }'));
    expect(said.join()).toMatch(/^refused: the object itself is refused: metadata.labels: tier is enforced by/);
  });
});

describe('what was given to an object whose record has names alone', () => {
  const record = 'quartermaster-system/tiers@1 enforces:\n  metadata.labels ["tier"]';

  it('is there, or was changed since', async () => {
    const { said, code } = await report(defaults(), claim('labels: { tier: gold }', record));
    expect(said).toEqual(['has: metadata.labels tier']);
    expect(code).toBe(0);
    const edited = await report(defaults(), claim('labels: { tier: iron }', record));
    expect(edited.said).toEqual(['edited: metadata.labels tier was changed to "iron"']);
    expect(edited.code).toBe(1);
  });

  it('is something else now where it was another generation, or names what may have changed', async () => {
    const newer = await report(defaults({ generation: 2 }), claim('labels: { tier: iron }', record));
    expect(newer.said).toEqual(['outdated: it was given generation 1, which is at 2 now']);
    const inject = '{ labels: { tier: "${labels.team}" } }';
    const other = await report(defaults({ inject }), claim('labels: { team: geo, tier: ml }', record));
    expect(other.said).toEqual(['outdated: a new one would be given something else for metadata.labels tier']);
    const inGit = defaults().replace(/, generation.*"/, '');
    const { said } = await report(inGit, claim('labels: { tier: iron }', record));
    expect(said).toEqual(['outdated: a new one would be given something else for metadata.labels tier']);
  });

  it('is what the API server makes of it', async () => {
    const inject = `{ resources: { requests: { cpu: "0.5" } }, volumes: [{ name: work, emptyDir: { sizeLimit: 1024Mi } }],
      volumeMounts: [{ name: work, mountPath: /work, readOnly: false }], sidecars: [{ name: logs, image: fluent }],
      configMaps: [{ name: site, mountPath: /etc/site }], tolerations: [{ key: a, operator: Exists }] }`;
    const { out, err } = await quartermaster(
      'preview',
      '-f',
      file('pod.yaml', pod('')),
      '--defaults',
      file('d.yaml', defaults({ kinds: 'Pod', inject })),
    );
    const asStored = out
      .replace('"0.5"', '500m')
      .replace('1024Mi', '1Gi')
      .replace(/ +readOnly: false\n/, '')
      .replace('image: tiles', 'image: tiles\n      imagePullPolicy: Always');
    expect(asStored, err).toContain('cpu: 500m');
    const { said } = await report(defaults({ kinds: 'Pod', inject }), asStored);
    expect(said.join()).toMatch(/^has: /);
  });
});

describe('what is audited', () => {
  const audit = defaults({ mode: 'Audit', kinds: 'Pod' });

  it('is told by itself, and fails nothing', async () => {
    const { code, said, summaries, dump } = await report(audit, pod('labels: {}'));
    expect(said).toEqual([
      'audited: nothing of it was done; were it enforced, a new one would be given metadata.labels tier',
    ]);
    expect(summaries).toMatchObject([{ mode: 'Audit', won: 1 }]);
    expect(summaries[0]).not.toHaveProperty('note');
    expect(code).toBe(0);
    const { out } = await quartermaster('report', '-o', 'policyreport', dump);
    expect(out).toContain(
      'It is audited: nothing of it was done; were it enforced, a new one would be given metadata.labels tier.',
    );
    expect(out).toMatch(/result: warn[\s\S]*category: Audit/);
    expect((await quartermaster('report', '-o', 'html', dump)).out).toContain('<td>Audit</td>');
  });

  it('refuses nothing, and is no finding of what complies', async () => {
    const { code, said } = await report(audit, pod('labels: { tier: iron }'));
    expect(said.join()).toMatch(
      /^audited: nothing of it was done; were it enforced, the object itself would be refused: metadata.labels: tier is enforced by/,
    );
    expect(code).toBe(0);
    expect((await report(audit, pod('labels: { tier: gold }'))).said).toEqual(['complies: metadata.labels tier']);
  });
});
