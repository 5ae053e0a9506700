import type { Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, editOf, titleOf } from '../../injection/edit.ts';
import type { Proposal } from './event-log.ts';
import type { Role } from './fields.ts';
import { confOf } from './spark-conf.ts';

const SINK = 'spark.metrics.conf.*.sink.prometheusServlet';
const UI_PORT = '4040';

/**
 * Metrics from Spark's own web server (Spark 3 and later), which needs no jar in the image and no java option. The
 * driver's server answers for the executors too. `why` says what the JMX exporter was passed over for.
 */
export const servletEdits = (app: KubeObject, injection: Injection, roles: readonly Role[], why: string): Proposal => {
  const given = injection.prometheus.get('fallback');
  if (given === undefined) return { edits: [], warnings: [] };
  if (confOf(app, injection, 'spark.ui.enabled') === 'false') {
    return {
      edits: [],
      warnings: [
        `PlatformDefaults ${titleOf(given.source)}: PrometheusServlet was not injected: sparkConf spark.ui.enabled is false, and Spark's web server serves it.`,
      ],
    };
  }
  const edits = (at: readonly string[], values: Readonly<Record<string, string>>): readonly Edit[] =>
    Object.entries(values).map(([key, value]) => ({
      ...editOf(at, key, given, value),
      why: `PrometheusServlet: ${why}`,
    }));
  const path = roles.includes('executor') ? '/metrics/executors/prometheus/' : '/metrics/prometheus/';
  return {
    edits: [
      ...edits(['spec', 'sparkConf'], {
        'spark.ui.prometheus.enabled': 'true',
        [`${SINK}.class`]: 'org.apache.spark.metrics.sink.PrometheusServlet',
        [`${SINK}.path`]: '/metrics/prometheus/',
      }),
      ...edits(['spec', 'driver', 'annotations'], {
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': confOf(app, injection, 'spark.ui.port') ?? UI_PORT,
        'prometheus.io/path': path,
      }),
    ],
    warnings: [],
  };
};
