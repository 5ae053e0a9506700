import { expect, it } from 'vitest';
import { inCluster, type Panel, panels } from '../../src/install/dashboard.ts';
import { panelStories } from '../fixtures/panel-stories.ts';
import { testRules } from './prometheus.ts';

/** As Grafana fills it in for a scrape every 30 s and a graph of some hours. */
const asAsked = (expr: string): string =>
  inCluster(expr).replaceAll('$__rate_interval', '5m').replaceAll('$cluster', '.*');

/** A unit test of promtool for every query of a panel; `told` changes the values that its story tells. */
const panelTest = ({ title, queries }: Panel, told: (value: number) => number): unknown => {
  const { series, answers } = panelStories[title] ?? { series: {}, answers: [] };
  return {
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: queries.map(({ expr }, query) => ({
      expr: asAsked(expr),
      eval_time: '10m',
      exp_samples: Object.entries(answers[query] ?? {}).map(([labels, value]) => ({ labels, value: told(value) })),
    })),
  };
};

it('every query of the dashboard answers what the story of its panel tells', async () => {
  expect(Object.keys(panelStories).toSorted()).toEqual(panels.map(({ title }) => title).toSorted());
  await testRules(panels.map((panel) => panelTest(panel, (value) => value)));
});

it.each(panels.map((panel) => [panel.title, panel] as const))(
  '%s: no query passes with another value',
  async (_, panel) => {
    const failure: unknown = await testRules([panelTest(panel, (value) => value + 1)]).catch(String);
    const told = String(failure).replaceAll('\\"', '"');
    for (const { expr } of panel.queries) expect(told).toContain(asAsked(expr));
  },
);
