import type { Injection, PrometheusInjection, Resolved } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, editOf, type FieldPath, titleOf } from '../../injection/edit.ts';
import { isRecord, listAt, mapAt, type Path, readAt, textAt } from '../../injection/path.ts';
import type { Refusal } from '../../injection/settlement.ts';
import { isBelow } from '../../injection/volumes.ts';
import { confOf, ROLES, type Role, SPARK_CONF } from './fields.ts';
import {
  configFileOf,
  hiddenJavaVariables,
  isListening,
  JMX_PORT,
  type JmxAgent,
  jmxIncompatibility,
  MONITORING,
  PROMETHEUS,
} from './jmx-exporter.ts';
import { NOTHING, type Proposal } from './object-store/edits.ts';
import { type IsOfPlatform, isEnforcedGlobally, PLAIN_APP, platformAlone } from './platform-alone.ts';

/** The fields of spec.monitoring. */
export const EXPOSE = { driver: 'exposeDriverMetrics', executor: 'exposeExecutorMetrics' } as const;

type Field = keyof PrometheusInjection;
type Given = Injection['prometheus'];

export interface MonitoringContext {
  /** Tells what an earlier admission put there. */
  readonly isOurs: (path: FieldPath) => boolean;
  /** False where spark-operator is known to have no webhook for the namespace's pods. */
  readonly hasPodWebhook: boolean;
  readonly isOfPlatform: IsOfPlatform;
}

/**
 * How an app's metrics get to Prometheus: by the JMX exporter where a jar is named and it does no harm, else by Spark's
 * own servlet where that is asked for as the fallback. Without a jar the pods are annotated and no more.
 */
export const monitoringEdits = (app: KubeObject, injection: Injection, context: MonitoringContext): Proposal => {
  const { prometheus } = injection;
  if (prometheus.size === 0) return NOTHING;
  const query = { app, injection, ...context };
  const jar = prometheus.get('jmxExporterJar');
  if (jar === undefined) return withoutJar(query);
  const exporter = exporterProposal(query, jar);
  // An exporter that runs has its pods annotated by the operator; what else there is must not keep away what is enforced.
  const isAnnotated = prometheus.get('scrape')?.mode !== 'Enforce' || exporter.edits.some(isEnforced);
  return isAnnotated ? exporter : joined(exporter, annotated(query));
};

interface MonitoringQuery extends MonitoringContext {
  readonly app: KubeObject;
  readonly injection: Injection;
}

const isEnforced = ({ mode }: Pick<Edit, 'mode'>): boolean => mode === 'Enforce';

const joined = (one: Proposal, other: Proposal): Proposal => ({
  edits: [...other.edits, ...one.edits],
  warnings: [...one.warnings, ...other.warnings],
  refused: [...one.refused, ...other.refused],
});

const exporterProposal = (query: MonitoringQuery, jar: Resolved<unknown>): Proposal => {
  const { app, injection, isOurs } = query;
  const { prometheus } = injection;
  const agent = agentOf(app, prometheus);
  if (agent.roles.length === 0 && jar.mode === 'Default') return NOTHING;
  const edits = jmxEdits(prometheus, jar);
  const isTheirOwn = jar.mode === 'Default' && hasOwnExporter(app, isOurs);
  const wanted = isTheirOwn ? edits.filter(isEnforced) : edits;
  if (wanted.length === 0) return NOTHING;
  const incompatibility =
    exporterIncompatibility(query) ?? (jar.mode === 'Default' ? metricsConflict(app, injection, agent) : undefined);
  return incompatibility === undefined
    ? { ...NOTHING, edits: wanted, warnings: hiddenOptions(app, jar, agent) }
    : withoutExporter(query, jar, incompatibility);
};

/** Why an app cannot have the exporter; undefined where it can. */
const exporterIncompatibility = ({ app, injection, hasPodWebhook }: ExporterQuery): string | undefined => {
  const agent = agentOf(app, injection.prometheus);
  if (agent.roles.length === 0) return NOT_EXPOSED;
  return (hasPodWebhook ? undefined : lostConfiguration(app, injection)) ?? jmxIncompatibility(app, agent, injection);
};

type ExporterQuery = Pick<MonitoringQuery, 'app' | 'injection' | 'hasPodWebhook'>;

export const NOT_EXPOSED = 'the metrics of neither driver nor executor are exposed';

const agentOf = (app: KubeObject, given: Given): JmxAgent => ({
  port: portOf(app, given),
  roles: exposedRoles(app, given),
});

/** What is enforced has an app refused that keeps it out, unless it gets what is enforced in its stead. */
const withoutExporter = (query: MonitoringQuery, jar: Resolved<unknown>, why: string): Proposal => {
  const { injection, hasPodWebhook, isOfPlatform } = query;
  const { prometheus } = injection;
  const roles = exposedRoles(query.app, prometheus);
  const servlet = wantsServlet(prometheus) && roles.length > 0 ? servletEdits(query, roles, why) : NOTHING;
  const isReplaced = servlet.edits.length > 0 && isAsStrong(prometheus.get('fallback'), jar, isOfPlatform);
  const plain = { app: PLAIN_APP, injection: platformAlone(injection, isOfPlatform), hasPodWebhook };
  const refusal = (): Refusal => ({
    edit: editOf(PROMETHEUS, 'jmxExporterJar', jar, jar.value),
    why,
    isGeneral: exporterIncompatibility(plain) !== undefined,
  });
  return {
    edits: servlet.edits,
    warnings: [
      `PlatformDefaults ${titleOf(jar.source)}: the JMX exporter was not injected: ${why}.`,
      ...servlet.warnings,
    ],
    refused: [...(isReplaced ? [] : [refusal()]), ...servlet.refused],
  };
};

const isAsStrong = (
  given: Resolved<unknown> | undefined,
  jar: Resolved<unknown>,
  isOfPlatform: IsOfPlatform,
): boolean =>
  given !== undefined && (isEnforcedGlobally(given, isOfPlatform) || !isEnforcedGlobally(jar, isOfPlatform));

/**
 * The operator's controller names the agent, but what the agent reads is mounted by the operator's webhook, unless it is
 * in the image: without it no JVM starts.
 */
const lostConfiguration = (app: KubeObject, injection: Injection): string | undefined => {
  const file = configFileOf(app, injection);
  const lists = ['configMaps', 'volumeMounts'] as const;
  const theirs = ROLES.flatMap((role) => lists.flatMap((list) => listAt(app, ['spec', role, list])));
  const paths = [
    ...theirs.flatMap((item) => textAt(item, ['path']) ?? textAt(item, ['mountPath']) ?? []),
    ...lists.flatMap((list) => [...injection[list].keys()]),
  ];
  if (file !== undefined && !paths.some((path) => isBelow(file, path))) return undefined;
  return `spark-operator has no webhook for the pods of this namespace, which would mount ${file ?? 'the configuration that the exporter reads'}`;
};

/** What a ConfigMap or Secret holds is not read here: whoever submits the application learns what to look for. */
const hiddenOptions = (app: KubeObject, jar: Resolved<unknown>, { port, roles }: JmxAgent): readonly string[] =>
  roles.flatMap((role) =>
    hiddenJavaVariables(app, role).map(
      (name) =>
        `PlatformDefaults ${titleOf(jar.source)}: the JMX exporter listens on port ${port}, and the ${role} takes ${name} from a ConfigMap or Secret, which is not read here: where that names port ${port} too, no JVM starts; change one of the two ports.`,
    ),
  );

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

const withoutJar = (query: MonitoringQuery): Proposal => {
  const { app, injection } = query;
  const { prometheus } = injection;
  return wantsServlet(prometheus)
    ? servletEdits(query, exposedRoles(app, prometheus), 'no JMX exporter is named')
    : annotated(query);
};

const annotated = ({ app, injection, isOfPlatform }: MonitoringQuery): Proposal => {
  const { prometheus } = injection;
  const scrape = prometheus.get('scrape');
  if (scrape?.value !== true) return NOTHING;
  const roles = exposedRoles(app, prometheus);
  if (roles.length === 0 && scrape.mode === 'Enforce') {
    const edit = editOf(['spec', 'driver', 'annotations'], 'prometheus.io/scrape', scrape, 'true');
    const isGeneral = exposedRoles(PLAIN_APP, platformAlone(injection, isOfPlatform).prometheus).length === 0;
    return {
      edits: [],
      warnings: [`PlatformDefaults ${titleOf(scrape.source)}: nothing is annotated for Prometheus: ${NOT_EXPOSED}.`],
      refused: [{ edit, why: NOT_EXPOSED, isGeneral }],
    };
  }
  return {
    ...NOTHING,
    edits: roles.flatMap((role) => scrapeEdits(prometheus, scrape, role)),
    warnings: silentPort(app, injection, scrape, roles),
  };
};

/** Prometheus is told of a port: whoever submits the application learns where nothing is known to answer. */
const silentPort = (
  app: KubeObject,
  injection: Injection,
  scrape: Resolved<unknown>,
  roles: readonly Role[],
): readonly string[] => {
  const port = injection.prometheus.get('port')?.value;
  const silent = typeof port === 'number' ? roles.filter((role) => !isListening(app, role, port, injection)) : [];
  return silent.length === 0
    ? []
    : [
        `PlatformDefaults ${titleOf(scrape.source)}: prometheus.io/port is ${String(port)}, where nothing in the ${silent.join(' and the ')} is known to listen: name prometheus.jmxExporterJar, or fallback PrometheusServlet.`,
      ];
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

const hasOwnExporter = (app: KubeObject, isOurs: (path: FieldPath) => boolean): boolean =>
  isRecord(readAt(app, PROMETHEUS)) && !isOurs({ at: PROMETHEUS, key: 'jmxExporterJar' });

/** What the app says about its metrics and the operator would write over. */
const metricsConflict = (app: KubeObject, injection: Injection, { roles }: JmxAgent): string | undefined => {
  const conf = Object.entries(mapAt(app, ['spec', 'sparkConf'])).find(
    ([key, value]) => /^spark\.metrics\.(conf|namespace)$/.test(key) && isTheirs(injection.sparkConf.get(key), value),
  );
  if (conf !== undefined) return `the operator would write over sparkConf ${conf[0]}`;
  const role = roles.find((name) =>
    Object.entries(mapAt(app, ['spec', name, 'annotations'])).some(
      ([key, value]) => key.startsWith('prometheus.io/') && isTheirs(injection.annotations.get(key), value),
    ),
  );
  return role && `the operator would write over the prometheus.io annotations of the ${role}`;
};

/** True for a value that is neither what we inject nor what gives way to it. */
const isTheirs = (given: Resolved<string> | undefined, value: unknown): boolean =>
  given?.mode !== 'Enforce' && given?.value !== value;

/** Both booleans are required: one that nobody gave is filled in, and never put over what the app says. */
const jmxEdits = (given: Given, jar: Resolved<unknown>): readonly Edit[] => {
  const edit = (at: Path, field: Field, resolved: Resolved<unknown>): Edit =>
    editOf(at, field, resolved, resolved.value);
  const exposed: Resolved<unknown> = { ...jar, mode: 'Default', value: true };
  const optional = (['port', 'configFile'] as const).flatMap((field) => {
    const resolved = given.get(field);
    return resolved === undefined ? [] : [edit(PROMETHEUS, field, resolved)];
  });
  return [
    ...ROLES.map((role) => edit(MONITORING, EXPOSE[role], given.get(EXPOSE[role]) ?? exposed)),
    edit(PROMETHEUS, 'jmxExporterJar', jar),
    ...optional,
  ];
};

const scrapeEdits = (given: Given, scrape: Resolved<unknown>, role: Role): readonly Edit[] => {
  const at = ['spec', role, 'annotations'];
  return (['scrape', 'port', 'path'] as const).flatMap((field) => {
    const resolved = given.get(field);
    return resolved === undefined ? [] : [editOf(at, `prometheus.io/${field}`, scrape, String(resolved.value))];
  });
};

const SINK = 'spark.metrics.conf.*.sink.prometheusServlet';
const UI_PORT = '4040';

/**
 * Metrics from Spark's own web server (Spark 3 and later), which needs no jar in the image and no java option. The
 * driver's server answers for the executors too. `why` says what the JMX exporter was passed over for.
 */
const servletEdits = (query: MonitoringQuery, roles: readonly Role[], why: string): Proposal => {
  const { app, injection, isOfPlatform } = query;
  const given = injection.prometheus.get('fallback');
  if (given === undefined) return NOTHING;
  if (hasNoWebServer(app, injection)) {
    const reason = "sparkConf spark.ui.enabled is false, and Spark's web server serves it";
    const isGeneral = hasNoWebServer(PLAIN_APP, platformAlone(injection, isOfPlatform));
    return {
      edits: [],
      warnings: [`PlatformDefaults ${titleOf(given.source)}: PrometheusServlet was not injected: ${reason}.`],
      refused: [{ edit: editOf(SPARK_CONF, `${SINK}.class`, given, given.value), why: reason, isGeneral }],
    };
  }
  const edits = (at: readonly string[], values: Readonly<Record<string, string>>): readonly Edit[] =>
    Object.entries(values).map(([key, value]) => ({
      ...editOf(at, key, given, value),
      why: `PrometheusServlet: ${why}`,
    }));
  const path = roles.includes('executor') ? '/metrics/executors/prometheus/' : '/metrics/prometheus/';
  return {
    ...NOTHING,
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
  };
};

const hasNoWebServer = (app: KubeObject, injection: Injection): boolean =>
  confOf(app, injection, 'spark.ui.enabled') === 'false';
