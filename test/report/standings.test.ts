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
    expect(out).toContain('It says itself what it would be given: metadata.labels tier.');
    const missing = await report(defaults(), pod('labels: {}'));
    expect(missing.said.join()).toMatch(/^lacks: it was created at/);
    expect(missing.code).toBe(1);
  });

  it('and another value is one: a new one would be refused', async () => {
    const { said } = await report(defaults(), pod('labels: { tier: iron }'));
    expect(said.join()).toMatch(/^refused: the object itself is refused: metadata.labels: tier is enforced by/);
  });
});
