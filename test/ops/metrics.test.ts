import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/ops/metrics.ts';

const linesOf = async (metrics: ReturnType<typeof createMetrics>): Promise<readonly string[]> =>
  (await metrics.expose()).text.split('\n');

describe('metrics', () => {
  it('count an admission by kind, operation and result, in buckets from 100 microseconds on', async () => {
    const metrics = createMetrics();
    metrics.countAdmission('PersistentVolumeClaim', 'CREATE', 'changed', 0.00008);
    const lines = await linesOf(metrics);
    expect(lines).toContain(
      'quartermaster_admission_requests_total{kind="PersistentVolumeClaim",operation="CREATE",result="changed"} 1',
    );
    expect(lines).toContain(
      'quartermaster_admission_duration_seconds_bucket{le="0.0001",kind="PersistentVolumeClaim"} 1',
    );
  });

  it('count what is audited by PlatformDefaults, of which tenants may make any number', async () => {
    const metrics = createMetrics({ platform: 'platform' });
    for (let at = 0; at < 300; at += 1) metrics.countAudited(`PlatformDefaults hostile/d${at}@7`);
    for (const source of ['hostile/d0@8', 'team/a@1', 'platform/a@1'])
      metrics.countAudited(`PlatformDefaults ${source}`);
    const counts = (await linesOf(metrics)).filter((line) => line.startsWith('quartermaster_audited_objects_total{'));
    expect(counts).toHaveLength(103);
    expect(counts).toContain('quartermaster_audited_objects_total{default="hostile/d0"} 2');
    expect(counts.slice(-3)).toEqual([
      'quartermaster_audited_objects_total{default="other"} 200',
      'quartermaster_audited_objects_total{default="team/a"} 1',
      'quartermaster_audited_objects_total{default="platform/a"} 1',
    ]);
  });

  it('count what does not match by PlatformDefaults, of which tenants may make any number', async () => {
    const metrics = createMetrics({ platform: 'platform' });
    for (let at = 0; at < 300; at += 1) metrics.countNotMatching(`hostile/d${at}`, 'kind');
    for (const name of ['team/a', 'platform/a']) metrics.countNotMatching(name, 'kind');
    const lines = await linesOf(metrics);
    const counts = lines.filter((line) => line.startsWith('quartermaster_defaults_not_matching_total{'));
    expect(counts.slice(-3)).toEqual([
      'quartermaster_defaults_not_matching_total{default="other",reason="kind"} 200',
      'quartermaster_defaults_not_matching_total{default="team/a",reason="kind"} 1',
      'quartermaster_defaults_not_matching_total{default="platform/a",reason="kind"} 1',
    ]);
  });

  it('give the place of PlatformDefaults that are gone to others, for years', async () => {
    const metrics = createMetrics({ platform: 'platform' });
    for (let at = 0; at < 300; at += 1) {
      metrics.countAudited(`PlatformDefaults team/d${at}@1`);
      metrics.countNotMatching(`team/d${at}`, 'kind');
      metrics.countNotMatching(`team/d${at}`, 'selector');
      if (at < 298) metrics.forgetDefaults(`team/d${at}`);
    }
    metrics.countNotMatching('platform/gone', 'kind');
    metrics.forgetDefaults('platform/gone');
    metrics.forgetDefaults('team/never-there');
    const counts = (await linesOf(metrics)).filter((line) => line.includes('{default='));
    expect(counts).toEqual([
      'quartermaster_audited_objects_total{default="team/d298"} 1',
      'quartermaster_audited_objects_total{default="team/d299"} 1',
      'quartermaster_defaults_not_matching_total{default="team/d298",reason="kind"} 1',
      'quartermaster_defaults_not_matching_total{default="team/d298",reason="selector"} 1',
      'quartermaster_defaults_not_matching_total{default="team/d299",reason="kind"} 1',
      'quartermaster_defaults_not_matching_total{default="team/d299",reason="selector"} 1',
    ]);
  });

  it('read what was counted of PlatformDefaults when they are asked', async () => {
    const counts = { mode: 'Enforce' as const, applied: 1, keptBack: 0, refused: 2 };
    const metrics = createMetrics({ defaultsCounts: () => [['system/proxy', counts]] });
    counts.applied = 5;
    metrics.countNotMatching('system/proxy', 'selector');
    const lines = (await linesOf(metrics)).filter((line) => line.startsWith('quartermaster_defaults_'));
    expect(lines).toEqual([
      'quartermaster_defaults_objects_total{default="system/proxy",mode="Enforce",outcome="applied"} 5',
      'quartermaster_defaults_objects_total{default="system/proxy",mode="Enforce",outcome="kept_back"} 0',
      'quartermaster_defaults_objects_total{default="system/proxy",mode="Enforce",outcome="refused"} 2',
      'quartermaster_defaults_not_matching_total{default="system/proxy",reason="selector"} 1',
    ]);
  });

  it('keep the number of kinds bounded, since anyone may name one', async () => {
    const metrics = createMetrics();
    for (let kind = 0; kind < 500; kind += 1) metrics.countAdmission(`Kind${kind}`, 'CREATE', 'unchanged', 0.001);
    metrics.countAdmission('X'.repeat(10_000), 'CREATE', 'unchanged', 0.001);
    const lines = await linesOf(metrics);
    const counts = lines.filter((line) => line.startsWith('quartermaster_admission_requests_total{'));
    expect(counts).toHaveLength(51);
    expect(counts.at(-1)).toBe(
      'quartermaster_admission_requests_total{kind="other",operation="CREATE",result="unchanged"} 451',
    );
  });

  it('keep the kinds that are ours, whoever names fifty others first', async () => {
    const metrics = createMetrics();
    for (let kind = 0; kind < 500; kind += 1) metrics.countAdmission(`Kind${kind}`, 'CREATE', 'unchanged', 0.001);
    metrics.countAdmission('SparkApplication', 'CREATE', 'changed', 0.001);
    expect(await linesOf(metrics)).toContain(
      'quartermaster_admission_requests_total{kind="SparkApplication",operation="CREATE",result="changed"} 1',
    );
  });

  it('forget what a cloud was once it is another', async () => {
    const metrics = createMetrics();
    metrics.setCloud({ name: 'unknown', facts: {} });
    metrics.setCloud({ name: 'aws', facts: { region: { value: 'eu-west-1', source: 'metadata' } } });
    const lines = await linesOf(metrics);
    expect(lines.filter((line) => line.startsWith('quartermaster_cloud_'))).toEqual([
      'quartermaster_cloud_info{cloud="aws"} 1',
      'quartermaster_cloud_fact_info{fact="region",value="eu-west-1",source="metadata"} 1',
    ]);
  });

  it('are not shared between two of them', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.setLeader(true);
    expect(await linesOf(one)).toContain('quartermaster_leader 1');
    expect(await linesOf(other)).toContain('quartermaster_leader 0');
  });
});
