import type { Injection, PrometheusInjection, Resolved } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { type Edit, editOf, type Spot, titleOf } from './edit.ts';
import { NOTHING, type Proposal } from './spark-event-log.ts';
import { JMX_PORT, type JmxAgent, jmxDanger } from './spark-jmx.ts';
import { ROLES, type Role } from './spark-rivals.ts';
import { servletEdits } from './spark-servlet.ts';
import { isBranch, mapAt, type Path, readAt, textAt } from './tree.ts';

export const MONITORING: Path = ['spec', 'monitoring'];
export const PROMETHEUS: Path = [...MONITORING, 'prometheus'];
const EXPOSE = { driver: 'exposeDriverMetrics', executor: 'exposeExecutorMetrics' } as const;

type Field = keyof PrometheusInjection;
type Given = Injection['prometheus'];

/**
 * How an app's metrics get to Prometheus: by the JMX exporter where a jar is named and it does no harm, else by Spark's
 * own servlet where that is asked for as the fallback. Without a jar the pods are annotated and no more.
 */
export const monitoringEdits = (app: KubeObject, injection: Injection, isOurs: (spot: Spot) => boolean): Proposal => {
  const { prometheus } = injection;
  if (prometheus.size === 0) return NOTHING;
  const jar = prometheus.get('jmxExporterJar');
  if (jar === undefined) return withoutJar(app, injection);
  const agent = { port: portOf(app, prometheus), roles: exposedRoles(app, prometheus) };
  if (agent.roles.length === 0 || (jar.mode === 'Default' && hasOwnExporter(app, isOurs))) return NOTHING;
  const danger =
    jmxDanger(app, agent, injection) ?? (jar.mode === 'Default' ? disagreement(app, injection, agent) : undefined);
  if (danger === undefined) return { edits: jmxEdits(prometheus, jar), warnings: [] };
  const fallback = wantsServlet(prometheus) ? servletEdits(app, injection, agent.roles, danger) : NOTHING;
  return {
    edits: fallback.edits,
    warnings: [
      `PlatformDefaults ${titleOf(jar.source)}: the JMX exporter was not injected: ${danger}.`,
      ...fallback.warnings,
    ],
  };
};

/** What a person should know about the monitoring they wrote themselves. */
export const monitoringWarnings = (app: KubeObject): readonly string[] => {
  const configuration = textAt(app, [...PROMETHEUS, 'configuration'])?.trim() ?? '';
  const isPath = configuration.startsWith('/') && !/[\n:]/.test(configuration);
  return isPath
    ? [
        `spec.monitoring.prometheus.configuration must hold the text of prometheus.yaml, not the path ${configuration}: name a file in spec.monitoring.prometheus.configFile.`,
      ]
    : [];
};

const withoutJar = (app: KubeObject, injection: Injection): Proposal => {
  const { prometheus } = injection;
  const roles = exposedRoles(app, prometheus);
  if (wantsServlet(prometheus)) return servletEdits(app, injection, roles, 'no JMX exporter is named');
  const scrape = prometheus.get('scrape');
  return scrape?.value === true
    ? { edits: roles.flatMap((role) => scrapeEdits(prometheus, scrape, role)), warnings: [] }
    : NOTHING;
};

const wantsServlet = (given: Given): boolean => given.get('fallback')?.value === 'PrometheusServlet';

const portOf = (app: KubeObject, given: Given): number => {
  const ours = given.get('port');
  const theirs = ours?.mode === 'Enforce' ? undefined : readAt(app, [...PROMETHEUS, 'port']);
  return [theirs, ours?.value].find((port) => typeof port === 'number') ?? JMX_PORT;
};

/** The roles whose metrics are exposed: both, unless the app or the defaults say otherwise. */
const exposedRoles = (app: KubeObject, given: Given): readonly Role[] =>
  ROLES.filter((role) => {
    const ours = given.get(EXPOSE[role]);
    const theirs = readAt(app, [...MONITORING, EXPOSE[role]]) ?? undefined;
    return ((ours?.mode === 'Enforce' ? undefined : theirs) ?? ours?.value ?? true) !== false;
  });

const hasOwnExporter = (app: KubeObject, isOurs: (spot: Spot) => boolean): boolean =>
  isBranch(readAt(app, PROMETHEUS)) && !isOurs({ at: PROMETHEUS, key: 'jmxExporterJar' });

/** What the app says about its metrics and the operator would write over. */
const disagreement = (app: KubeObject, injection: Injection, { roles }: JmxAgent): string | undefined => {
  const conf = mapAt(app, ['spec', 'sparkConf']);
  const key = ['spark.metrics.conf', 'spark.metrics.namespace'].find(
    (name) => Object.hasOwn(conf, name) && conf[name] !== injection.sparkConf.get(name)?.value,
  );
  if (key !== undefined) return `the operator would write over sparkConf ${key}`;
  const role = roles.find((name) =>
    Object.entries(mapAt(app, ['spec', name, 'annotations'])).some(
      ([annotation, value]) =>
        annotation.startsWith('prometheus.io/') && injection.annotations.get(annotation)?.value !== value,
    ),
  );
  return role && `the operator would write over the prometheus.io annotations of the ${role}`;
};

const jmxEdits = (given: Given, jar: Resolved<unknown>): readonly Edit[] => {
  const edit = (at: Path, field: Field, value: unknown): Edit => editOf(at, field, given.get(field) ?? jar, value);
  const optional = (field: Field): readonly Edit[] =>
    given.has(field) ? [edit(PROMETHEUS, field, given.get(field)?.value)] : [];
  return [
    ...ROLES.map((role) => edit(MONITORING, EXPOSE[role], given.get(EXPOSE[role])?.value ?? true)),
    edit(PROMETHEUS, 'jmxExporterJar', jar.value),
    ...optional('port'),
    ...optional('configFile'),
  ];
};

const scrapeEdits = (given: Given, scrape: Resolved<unknown>, role: Role): readonly Edit[] => {
  const at = ['spec', role, 'annotations'];
  return (['scrape', 'port', 'path'] as const).flatMap((field) => {
    const resolved = given.get(field);
    return resolved === undefined ? [] : [editOf(at, `prometheus.io/${field}`, scrape, String(resolved.value))];
  });
};
