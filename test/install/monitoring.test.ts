import { beforeAll, describe, expect, test } from 'vitest';
import { dashboard, inCluster, panels } from '../../src/install/dashboard.ts';
import { alerts } from '../../src/install/prometheus.ts';
import { createMetrics } from '../../src/ops/metrics.ts';

/** Labels of each metric that is really served, by its name as written in a query. */
const served = new Map<string, ReadonlySet<string>>();
/** What Prometheus adds by itself. */
const added = ['job', 'pod', 'cluster'];

beforeAll(async () => {
  const counts = { mode: 'Enforce', applied: 1, keptBack: 1, refused: 1 } as const;
  const metrics = createMetrics({ isDetailed: true, defaultsCounts: () => [['q/d', counts]] });
  metrics.countNotMatching('q/d', 'kind');
  metrics.countAdmission('PersistentVolumeClaim', 'CREATE', 'changed', 0.001);
  metrics.countAudited('PlatformDefaults q/d@1');
  metrics.countReconcile('claims', 'done', 0.001);
  metrics.setQueue('claims', 1, 1);
  metrics.countWatchRestart('nodes', 'ended');
  metrics.setCloud({ name: 'aws', facts: { region: { value: 'eu-west-1', source: 'test' } } });
  metrics.setLeader(true);
  metrics.countEvent('written');
  metrics.countStorageClass('admission');
  metrics.setCertificateExpiry('serving', new Date());
  metrics.countBucketCall('s3', 'create', 'ok', 0.1);
  for (const line of (await metrics.expose()).text.split('\n')) {
    const [, name, labels = ''] = /^([a-z_]+)(?:\{(.*)\})? /.exec(line) ?? [];
    if (name !== undefined) served.set(name, new Set([...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label)));
  }
});

const namesIn = (expr: string): readonly string[] => expr.match(/(?:quartermaster|process)_[a-z_]+/g) ?? [];
const labelsIn = (expr: string): readonly string[] => [
  ...[...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', ')),
  ...[...expr.matchAll(/[{,](\w+)="/g)].map(([, label = '']) => label),
];

const expectServed = (expr: string, shown: readonly string[]): void => {
  for (const name of namesIn(expr)) {
    const known = [...(served.get(name) ?? []), ...added];
    expect([...served.keys()], expr).toContain(name);
    for (const label of [...labelsIn(expr), ...shown]) expect(known, `${label} of ${expr}`).toContain(label);
  }
};

describe('monitoring', () => {
  test.each(alerts.map((alert) => [alert.alert, alert] as const))('%s asks for metrics that are served', (_, alert) => {
    const shown = [...`${alert.summary} ${alert.description}`.matchAll(/\$labels\.(\w+)/g)].map(
      ([, label = '']) => label,
    );
    expectServed(alert.expr, shown);
  });

  test.each(panels.map((panel) => [panel.title, panel] as const))(
    'the panel %s asks for metrics that are served',
    (_, panel) => {
      for (const { expr, legend } of panel.queries) {
        expect(namesIn(expr).length, expr).toBeGreaterThan(0);
        expectServed(
          expr,
          [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
        );
      }
    },
  );

  test('the dashboard lays its panels side by side without one over another', () => {
    const { panels: placed } = dashboard() as {
      readonly panels: readonly { readonly gridPos: Readonly<Record<'x' | 'y' | 'w', number>> }[];
    };
    const places = placed.map(({ gridPos }) => `${gridPos.x},${gridPos.y}`);
    expect(new Set(places).size).toBe(panels.length);
    expect(placed.every(({ gridPos }) => gridPos.x + gridPos.w <= 24)).toBe(true);
  });

  test('every query of the dashboard asks about the clusters that are chosen', () => {
    const { panels: placed } = dashboard() as {
      readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
    };
    const asked = placed.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    expect(asked).toEqual(panels.flatMap(({ queries }) => queries.map(({ expr }) => inCluster(expr))));
    for (const expr of asked) expect(expr.match(/cluster=~"\$cluster"/g)).toHaveLength(namesIn(expr).length);
  });
});
