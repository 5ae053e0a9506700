import type { Injection, PrometheusInjection, Resolved } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, editOf, type FieldPath, titleOf } from '../../injection/edit.ts';
import { isRecord, listAt, mapAt, type Path, readAt, textAt } from '../../injection/path.ts';
import { NOTHING, type Proposal } from './event-log.ts';
import { confOf, ROLES, type Role } from './fields.ts';

export const MONITORING: Path = ['spec', 'monitoring'];
export const PROMETHEUS: Path = [...MONITORING, 'prometheus'];
const EXPOSE = { driver: 'exposeDriverMetrics', executor: 'exposeExecutorMetrics' } as const;

type Field = keyof PrometheusInjection;
type Given = Injection['prometheus'];

/**
 * How an app's metrics get to Prometheus: by the JMX exporter where a jar is named and it does no harm, else by Spark's
 * own servlet where that is asked for as the fallback. Without a jar the pods are annotated and no more.
 */
export const monitoringEdits = (
  app: KubeObject,
  injection: Injection,
  isOurs: (path: FieldPath) => boolean,
): Proposal => {
  const { prometheus } = injection;
  if (prometheus.size === 0) return NOTHING;
  const jar = prometheus.get('jmxExporterJar');
  if (jar === undefined) return withoutJar(app, injection);
  const agent = { port: portOf(app, prometheus), roles: exposedRoles(app, prometheus) };
  if (agent.roles.length === 0) return NOTHING;
  const edits = jmxEdits(prometheus, jar);
  const isTheirOwn = jar.mode === 'Default' && hasOwnExporter(app, isOurs);
  const wanted = isTheirOwn ? edits.filter(({ mode }) => mode === 'Enforce') : edits;
  if (wanted.length === 0) return NOTHING;
  const incompatibility =
    jmxIncompatibility(app, agent, injection) ??
    (jar.mode === 'Default' ? metricsConflict(app, injection, agent) : undefined);
  if (incompatibility === undefined) return { edits: wanted, warnings: [] };
  const fallback = wantsServlet(prometheus) ? servletEdits(app, injection, agent.roles, incompatibility) : NOTHING;
  return {
    edits: fallback.edits,
    warnings: [
      `PlatformDefaults ${titleOf(jar.source)}: the JMX exporter was not injected: ${incompatibility}.`,
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

/** The JMX exporter as the operator will run it: a java agent that listens in each of these roles. */
interface JmxAgent {
  readonly port: number;
  readonly roles: readonly Role[];
}

/** What the operator takes where monitoring.prometheus.port says nothing. */
export const JMX_PORT = 8090;
/** `<app>-prom-conf-vol` becomes the name of a volume: 63 characters. */
const LONGEST_NAME = 49;
/** A ScheduledSparkApplication gives its children its own name, a dash and 19 digits. */
const LONGEST_SCHEDULED_NAME = 29;
/** The API server ends a generateName with so many characters. */
const GENERATED = 5;

/**
 * Why the JMX exporter would keep the app from running or take java options from its user; undefined where it would do
 * neither. `injection` is what is to be injected at the same time.
 */
export const jmxIncompatibility = (app: KubeObject, agent: JmxAgent, injection?: Injection): string | undefined =>
  nameIncompatibility(app) ??
  firstOf(agent.roles, (role) => optionsIncompatibility(app, role, injection)) ??
  firstOf(agent.roles, (role) => agentIncompatibility(app, role, agent.port, injection)) ??
  firstOf(agent.roles, (role) => portIncompatibility(app, role, agent.port));

const firstOf = <T>(roles: readonly Role[], find: (role: Role) => T | undefined): T | undefined => {
  for (const role of roles) {
    const found = find(role);
    if (found !== undefined) return found;
  }
  return undefined;
};

const nameIncompatibility = (app: KubeObject): string | undefined => {
  const name = textAt(app, ['metadata', 'name']);
  const length = name?.length ?? (textAt(app, ['metadata', 'generateName'])?.length ?? 0) + GENERATED;
  if (name?.includes('.')) return 'metadata.name has a dot, which the operator would put into the name of a volume';
  if (length <= LONGEST_NAME) return undefined;
  const owners = listAt(app, ['metadata', 'ownerReferences']).map((owner) => textAt(owner, ['kind']));
  return owners.includes('ScheduledSparkApplication')
    ? `the name of its ScheduledSparkApplication is longer than ${LONGEST_SCHEDULED_NAME} characters`
    : `metadata.name is longer than ${LONGEST_NAME} characters`;
};

const optionsIncompatibility = (app: KubeObject, role: Role, injection: Injection | undefined): string | undefined => {
  const key = `spark.${role}.extraJavaOptions`;
  return confOf(app, injection, key) === undefined
    ? undefined
    : `sparkConf ${key} would be lost; say it in spec.${role}.javaOptions`;
};

const agentIncompatibility = (
  app: KubeObject,
  role: Role,
  port: number,
  injection: Injection | undefined,
): string | undefined => {
  const options = [textAt(app, ['spec', role, 'javaOptions']), ...optionVariables(app, role, injection)];
  const hasAgent = options.some((text) => text !== undefined && agentPorts(text).includes(port));
  return hasAgent ? `a java agent of the ${role} listens on port ${port} already` : undefined;
};

/** What a JVM reads its options from besides its command line. */
const JAVA_VARIABLES = ['JAVA_TOOL_OPTIONS', 'JDK_JAVA_OPTIONS'];

const optionVariables = (
  app: KubeObject,
  role: Role,
  injection: Injection | undefined,
): readonly (string | undefined)[] =>
  JAVA_VARIABLES.flatMap((name) => {
    const given = injection?.env.get(name);
    const ours = given?.value.value ?? undefined;
    const item = listAt(app, ['spec', role, 'env']).find((entry) => textAt(entry, ['name']) === name);
    return given?.mode === 'Enforce'
      ? [ours]
      : [textAt(item, ['value']), textAt(app, ['spec', role, 'envVars', name]), ours];
  });

/** `-javaagent:<jar>=[<host>:]<port>:<file>`, one by one: a pattern that begins anew at each takes the square of their number. */
const agentPorts = (options: string): readonly number[] =>
  options
    .split('-javaagent:')
    .slice(1)
    .flatMap((agent) => /^[^\s=]+=(?:[^\s:]*:)??(\d+)(?=[:\s]|$)/.exec(agent)?.[1] ?? [])
    .map(Number);

const portIncompatibility = (app: KubeObject, role: Role, port: number): string | undefined => {
  const spec = ['spec', role];
  if (readAt(app, [...spec, 'hostNetwork']) === true)
    return `spec.${role}.hostNetwork makes two agents of one node share port ${port}`;
  const name = textAt(app, ['spec', 'monitoring', 'prometheus', 'portName']) ?? 'jmx-exporter';
  const containers = [
    mapAt(app, spec),
    ...['sidecars', 'template/spec/containers'].flatMap((list) => listAt(app, [...spec, ...list.split('/')])),
  ];
  const ports = containers.flatMap((container) => listAt(container, ['ports']));
  const taken = ports.some((entry) => isRecord(entry) && (entry['name'] === name || entry['containerPort'] === port));
  return taken ? `the ${role} has a port ${port} or a port named ${name} already` : undefined;
};

const SINK = 'spark.metrics.conf.*.sink.prometheusServlet';
const UI_PORT = '4040';

/**
 * Metrics from Spark's own web server (Spark 3 and later), which needs no jar in the image and no java option. The
 * driver's server answers for the executors too. `why` says what the JMX exporter was passed over for.
 */
const servletEdits = (app: KubeObject, injection: Injection, roles: readonly Role[], why: string): Proposal => {
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
