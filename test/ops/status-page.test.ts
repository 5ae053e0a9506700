import { describe, expect, it } from 'vitest';
import { createDecisionLog, type DecisionRecord } from '../../src/ops/decisions.ts';
import { type StatusSnapshot, statusPage } from '../../src/ops/status-page.ts';

const record = (fields: Partial<DecisionRecord> = {}): DecisionRecord => ({
  at: new Date('2026-11-20T10:20:30Z'),
  operation: 'CREATE',
  kind: 'Pod',
  namespace: 'jobs',
  name: 'step',
  outcome: 'changed',
  dryRun: false,
  explain: [
    { path: '/spec/a', source: 'PlatformDefaults q/d@1', mode: 'Default', why: 'the manifest says nothing here' },
    { path: '/spec/b', source: 'PlatformDefaults q/d@1', mode: 'Default', why: 'the manifest says nothing here' },
  ],
  warnings: [],
  denied: undefined,
  audited: [],
  auditedDenial: undefined,
  ...fields,
});

const snapshot = (fields: Partial<StatusSnapshot> = {}): StatusSnapshot => ({
  version: '1.2.3',
  waitingFor: [],
  replicaState: { isLeading: undefined, certificateUntil: undefined },
  cloud: undefined,
  defaults: [],
  storageClasses: [],
  objectStores: [],
  decisions: [],
  ...fields,
});

describe('the status page', () => {
  it('says what it waits for', () => {
    expect(statusPage(snapshot({ waitingFor: ['the cache of nodes'] }))).toContain('waiting for the cache of nodes');
    expect(statusPage(snapshot())).toContain('ready');
  });

  it('tells whether this replica leads, and until when its certificate is good', () => {
    const certificateUntil = new Date('2027-02-18T10:20:30Z');
    const page = (isLeading: boolean) => statusPage(snapshot({ replicaState: { isLeading, certificateUntil } }));
    expect(page(true)).toContain('</span> · leads · certificate until 2027-02-18</p>');
    expect(page(false)).toContain('</span> · does not lead · ');
    expect(statusPage(snapshot())).toContain('1.2.3 · <span class="good">ready</span></p>');
  });

  it('tells a source and its reason once, with every path', () => {
    const page = statusPage(snapshot({ decisions: [record()] }));
    expect(page.match(/the manifest says nothing here/g)).toHaveLength(1);
    expect(page).toContain('<code>/spec/a</code>, <code>/spec/b</code>');
  });

  it('shows names and messages as text, whatever they hold', () => {
    const evil = '<script>alert("1")</script>';
    const page = statusPage(
      snapshot({
        cloud: { name: 'aws', facts: { region: { value: evil, source: evil } }, classOptions: [], notes: [evil] },
        decisions: [record({ name: evil, namespace: evil, warnings: [evil], denied: evil })],
        defaults: [{ name: evil, kinds: evil, mode: evil, state: evil }],
      }),
    );
    expect(page).not.toContain('<script');
  });
});

describe('the decisions it shows', () => {
  const request = {
    uid: 'u',
    operation: 'CREATE',
    resource: { group: '', version: 'v1', resource: 'pods' },
    dryRun: false,
    username: '',
  } as const;
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'step-' } };
  const decision = {
    object,
    warnings: [],
    explain: [],
    companions: [],
    patch: [{ op: 'remove', path: '/a' }],
  } as const;

  it('are the latest, newest first, with the name a generated one will start with', () => {
    let minute = 0;
    const log = createDecisionLog(2, () => new Date(Date.UTC(2026, 10, 20, 10, minute++)));
    for (const kind of ['A', 'B', 'C']) log.add({ ...request, object: { ...object, kind } }, decision);
    expect(log.latest().map(({ kind, name }) => [kind, name])).toEqual([
      ['C', 'step-*'],
      ['B', 'step-*'],
    ]);
  });

  it('leave out what was left alone without a word', () => {
    const log = createDecisionLog(2, () => new Date(0));
    log.add({ ...request, object }, { ...decision, patch: [] });
    expect(log.latest()).toEqual([]);
  });
});
