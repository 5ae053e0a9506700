/** A Grafana panel: what it asks Prometheus, and how to read the answer. */
export interface Panel {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly queries: readonly { readonly expr: string; readonly legend: string }[];
}

const rate = (metric: string, by: string): string => `sum by (${by}) (rate(${metric}[$__rate_interval]))`;
const quantile = (q: number, metric: string, by = ''): string =>
  `histogram_quantile(${q}, ${rate(`${metric}_bucket`, by === '' ? 'le' : `le, ${by}`)})`;

/** From the question every admission asks down to the process itself. */
export const panels: readonly Panel[] = [
  {
    title: 'Admissions',
    description: 'Reviews answered a second, by kind and by what came of them.',
    unit: 'reqps',
    queries: [{ expr: rate('quartermaster_admission_requests_total', 'kind, result'), legend: '{{kind}} {{result}}' }],
  },
  {
    title: 'Admission time',
    description: 'Median and 99th percentile over all kinds.',
    unit: 's',
    queries: [
      { expr: quantile(0.5, 'quartermaster_admission_duration_seconds'), legend: 'p50' },
      { expr: quantile(0.99, 'quartermaster_admission_duration_seconds'), legend: 'p99' },
    ],
  },
  {
    title: 'PlatformDefaults',
    description: 'Objects a second that each matched, by what came of it: applied, kept back, refused.',
    unit: 'ops',
    queries: [
      { expr: rate('quartermaster_defaults_objects_total', 'default, outcome'), legend: '{{default}} {{outcome}}' },
    ],
  },
  {
    title: 'PlatformDefaults that do not match',
    description: 'Of one object a second: which did not match, by the first condition that failed.',
    unit: 'ops',
    queries: [
      { expr: rate('quartermaster_defaults_not_matching_total', 'default, reason'), legend: '{{default}} {{reason}}' },
    ],
  },
  {
    title: 'Audited',
    description: 'Objects a second that PlatformDefaults with the mode Audit would have changed.',
    unit: 'ops',
    queries: [{ expr: rate('quartermaster_audited_objects_total', 'default'), legend: '{{default}}' }],
  },
  {
    title: 'Reconciles',
    description: 'Reconciles ended a second, by controller and result.',
    unit: 'ops',
    queries: [
      { expr: rate('quartermaster_reconciles_total', 'controller, result'), legend: '{{controller}} {{result}}' },
    ],
  },
  {
    title: 'Reconcile time',
    description: '99th percentile by controller.',
    unit: 's',
    queries: [
      { expr: quantile(0.99, 'quartermaster_reconcile_duration_seconds', 'controller'), legend: '{{controller}}' },
    ],
  },
  {
    title: 'Queues',
    description: 'Keys waiting, and keys whose last reconcile failed.',
    unit: 'short',
    queries: [
      { expr: 'sum by (controller) (quartermaster_queue_depth)', legend: '{{controller}} waiting' },
      { expr: 'sum by (controller) (quartermaster_queue_failing)', legend: '{{controller}} failing' },
    ],
  },
  {
    title: 'Leaders',
    description: 'One, at every moment.',
    unit: 'short',
    queries: [{ expr: 'sum(quartermaster_leader)', legend: 'leaders' }],
  },
  {
    title: 'Certificates',
    description: 'Time left of the serving certificate and of its authority.',
    unit: 's',
    queries: [
      {
        expr: 'min by (certificate) (quartermaster_certificate_expiry_timestamp_seconds) - time()',
        legend: '{{certificate}}',
      },
    ],
  },
  {
    title: 'Watches begun anew',
    description: 'By resource and why the one before ended.',
    unit: 'ops',
    queries: [{ expr: rate('quartermaster_watch_restarts_total', 'resource, why'), legend: '{{resource}} {{why}}' }],
  },
  {
    title: 'StorageClasses made',
    description: 'At admission, or by the controller that catches up.',
    unit: 'ops',
    queries: [{ expr: rate('quartermaster_storage_classes_made_total', 'by'), legend: '{{by}}' }],
  },
  {
    title: 'Calls to bucket providers',
    description: 'By provider and result.',
    unit: 'ops',
    queries: [
      { expr: rate('quartermaster_bucket_calls_total', 'provider, result'), legend: '{{provider}} {{result}}' },
    ],
  },
  {
    title: 'Events',
    description: 'Kubernetes Events, by what became of them.',
    unit: 'ops',
    queries: [{ expr: rate('quartermaster_events_total', 'outcome'), legend: '{{outcome}}' }],
  },
  {
    title: 'Memory',
    description: 'Resident set of each replica.',
    unit: 'bytes',
    queries: [{ expr: 'process_resident_memory_bytes{job="quartermaster"}', legend: '{{pod}}' }],
  },
];

const PANELS_A_ROW = 3;
const WIDTH = 24 / PANELS_A_ROW;
const HEIGHT = 8;

/** The same of the clusters that are chosen. */
export const inCluster = (expr: string): string =>
  expr.replaceAll(/\b((?:quartermaster|process)_\w+)(?:\{([^}]*)\})?/g, (_, metric: string, labels?: string) => {
    const chosen = 'cluster=~"$cluster"';
    return `${metric}{${labels === undefined ? chosen : `${labels},${chosen}`}}`;
  });

/** The dashboard as Grafana imports it, with a data source to choose. */
export const dashboard = (): Readonly<Record<string, unknown>> => ({
  uid: 'quartermaster',
  title: 'Quartermaster',
  tags: ['kubernetes'],
  schemaVersion: 39,
  time: { from: 'now-6h', to: 'now' },
  refresh: '30s',
  templating: {
    list: [
      { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' },
      {
        name: 'cluster',
        type: 'query',
        label: 'Cluster',
        datasource: { type: 'prometheus', uid: '${datasource}' },
        query: 'label_values(up{job="quartermaster"}, cluster)',
        // Where there is one cluster its series may have no such label.
        ...{ refresh: 2, multi: true, includeAll: true, allValue: '.*', current: { text: 'All', value: '$__all' } },
      },
    ],
  },
  panels: panels.map(({ title, description, unit, queries }, index) => ({
    id: index + 1,
    type: 'timeseries',
    title,
    description,
    datasource: { type: 'prometheus', uid: '${datasource}' },
    gridPos: {
      x: (index % PANELS_A_ROW) * WIDTH,
      y: Math.floor(index / PANELS_A_ROW) * HEIGHT,
      w: WIDTH,
      h: HEIGHT,
    },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: queries.map(({ expr, legend }, query) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + query),
      expr: inCluster(expr),
      legendFormat: legend,
    })),
  })),
});
