import type { Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, listAt, mapAt, type Path, readAt, textAt } from '../../injection/path.ts';
import { isHiddenFromSpark } from '../../injection/reserved.ts';
import { confOf, type Role, SPARK_CONF } from './fields.ts';

export const MONITORING: Path = ['spec', 'monitoring'];
export const PROMETHEUS: Path = [...MONITORING, 'prometheus'];

/** The JMX exporter as the operator will run it: a java agent that listens in each of these roles. */
export interface JmxAgent {
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
  fileIncompatibility(app, injection) ??
  firstOf(agent.roles, (role) => optionsIncompatibility(app, role, injection)) ??
  firstOf(agent.roles, (role) => agentIncompatibility(app, role, agent.port, injection)) ??
  firstOf(agent.roles, (role) => portIncompatibility(app, role, agent.port, injection));

/** The exporter's own file as it will be; undefined where the operator makes one. */
export const configFileOf = (app: KubeObject, injection?: Injection): string | undefined => {
  const given = injection?.prometheus.get('configFile');
  const ours = typeof given?.value === 'string' ? given.value : undefined;
  return given?.mode === 'Enforce' ? ours : (textAt(app, [...PROMETHEUS, 'configFile']) ?? ours);
};

const fileIncompatibility = (app: KubeObject, injection: Injection | undefined): string | undefined => {
  const file = configFileOf(app, injection);
  if (file === undefined || !isHiddenFromSpark(file)) return undefined;
  // With both files named, the operator mounts nothing of its own.
  const isMounted = textAt(app, [...MONITORING, 'metricsPropertiesFile']) === undefined;
  return isMounted ? `Spark or its operator mounts its own files over ${file}` : undefined;
};

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
  const hasListener = optionTexts(app, role, injection).some((text) => listeningPorts(text).includes(port));
  return hasListener ? `java options of the ${role}'s pod listen on port ${port} already` : undefined;
};

/**
 * Whether something in a role's pod is known to listen on a port: the operator's exporter, an agent in any java option, Spark itself, a
 * port that the app declares. What an image starts by itself nobody knows.
 */
export const isListening = (app: KubeObject, role: Role, port: number, injection: Injection): boolean => {
  const exporter = readAt(app, PROMETHEUS);
  if (isRecord(exporter) && (exporter['port'] ?? JMX_PORT) === port) return true;
  if (confOf(app, injection, 'spark.plugins') !== undefined) return true;
  const options = [
    ...optionTexts(app, role, injection),
    confOf(app, injection, `spark.${role}.extraJavaOptions`) ?? '',
  ];
  return (
    options.some((text) => listeningPorts(text).includes(port) || hasAgentOfUnknownPort(text)) ||
    sparkPorts(app, role, injection).some(([, own]) => own === String(port)) ||
    declaredPorts(app, role, injection).some((entry) => isRecord(entry) && entry['containerPort'] === port)
  );
};

const hasAgentOfUnknownPort = (options: string): boolean =>
  options
    .split('-javaagent:')
    .slice(1)
    .some((text) => LISTENERS['-javaagent:']?.test(text) === false);

/** What a JVM, or the script that starts Spark's, reads its options from besides its command line. */
const JAVA_VARIABLES = ['JAVA_TOOL_OPTIONS', 'JDK_JAVA_OPTIONS', '_JAVA_OPTIONS', 'SPARK_SUBMIT_OPTS'];

/** Those of them whose value a role takes from a ConfigMap or Secret, where nobody looks. */
export const hiddenJavaVariables = (app: KubeObject, role: Role): readonly string[] =>
  JAVA_VARIABLES.filter(
    (name) =>
      listAt(app, ['spec', role, 'env']).some(
        (entry) => textAt(entry, ['name']) === name && isRecord(readAt(entry, ['valueFrom'])),
      ) ||
      isRecord(readAt(app, ['spec', role, 'envSecretKeyRefs', name])) ||
      textAt(app, [...SPARK_CONF, `spark.kubernetes.${role}.secretKeyRef.${name}`]) !== undefined,
  );

/** Every text that a JVM in a role's pod takes its options from, as far as the app and the defaults hold it. */
const optionTexts = (app: KubeObject, role: Role, injection: Injection | undefined): readonly string[] => {
  const texts = [
    // What is enforced takes its place.
    injection?.sparkConf.get(`spark.${role}.extraJavaOptions`)?.mode === 'Enforce'
      ? undefined
      : textAt(app, ['spec', role, 'javaOptions']),
    confOf(app, injection, `spark.${role}.defaultJavaOptions`),
    ...variableTexts(app, role, injection),
    ...othersOf(app, role, injection).flatMap((container) => [
      ...listAt(container, ['env']).map((entry) => textAt(entry, ['value'])),
      ...['command', 'args'].map((list) => listAt(container, [list]).join(' ')),
    ]),
  ];
  return texts.filter((text) => typeof text === 'string');
};

/** What a role's variables hold, whatever they are named: another can refer to them, and a script hand them to a JVM. */
const variableTexts = (app: KubeObject, role: Role, injection: Injection | undefined): readonly unknown[] => {
  const prefix = role === 'driver' ? 'spark.kubernetes.driverEnv.' : 'spark.executorEnv.';
  const keys = [...Object.keys(mapAt(app, SPARK_CONF)), ...(injection?.sparkConf.keys() ?? [])];
  const theirs: readonly (readonly [string | undefined, unknown])[] = [
    ...listAt(app, ['spec', role, 'env']).map((entry) => [textAt(entry, ['name']), readAt(entry, ['value'])] as const),
    ...Object.entries(mapAt(app, ['spec', role, 'envVars'])),
    ...keys
      .filter((key) => key.startsWith(prefix))
      .map((key) => [key.slice(prefix.length), confOf(app, injection, key)] as const),
  ];
  return [
    ...theirs.filter(([name = '']) => injection?.env.get(name)?.mode !== 'Enforce').map(([, value]) => value),
    ...[...(injection?.env.values() ?? [])].map(({ value }) => value.value),
  ];
};

/**
 * The containers that share a pod's network with Spark's, as the app and the defaults give them; that of a template which
 * becomes Spark's is one.
 */
const othersOf = (app: KubeObject, role: Role, injection: Injection | undefined): readonly unknown[] => [
  ...['sidecars', 'initContainers', 'template/spec/containers', 'template/spec/initContainers'].flatMap((list) =>
    listAt(app, ['spec', role, ...list.split('/')]),
  ),
  ...[...(injection?.addedContainers.values() ?? [])].map(({ value }) => value),
];

/**
 * Ports that java options make a JVM listen on: `-javaagent:<jar>=[<host>:]<port>:<file>`, JMX itself and the debugger.
 * One by one: a pattern that begins anew at each takes the square of their number.
 */
const listeningPorts = (options: string): readonly number[] =>
  Object.entries(LISTENERS).flatMap(([option, port]) =>
    options
      .split(option)
      .slice(1)
      .flatMap((text) => port.exec(text)?.[1] ?? [])
      .map(Number),
  );

const DEBUGGER = /^(?:[^\s,]*,)*address=(?:[^\s:,]*:)?(\d+)/;

const LISTENERS: Readonly<Record<string, RegExp>> = {
  '-javaagent:': /^[^\s=]+=(?:[^\s:]*:)??(\d+)(?=[:\s]|$)/,
  '-Dcom.sun.management.jmxremote.port=': /^(\d+)/,
  '-Dcom.sun.management.jmxremote.rmi.port=': /^(\d+)/,
  '-agentlib:jdwp=': DEBUGGER,
  '-Xrunjdwp:': DEBUGGER,
};

const portIncompatibility = (
  app: KubeObject,
  role: Role,
  port: number,
  injection: Injection | undefined,
): string | undefined => {
  const spec = ['spec', role];
  const network = [spec, [...spec, 'template', 'spec']].find((at) => readAt(app, [...at, 'hostNetwork']) === true);
  if (network !== undefined) return `${network.join('.')}.hostNetwork makes two agents of one node share port ${port}`;
  const own = sparkPorts(app, role, injection).find(([, value]) => value === String(port));
  if (own !== undefined) return `Spark itself listens on port ${port} of the ${role} (${own[0]})`;
  const name = textAt(app, [...PROMETHEUS, 'portName']) ?? 'jmx-exporter';
  const taken = declaredPorts(app, role, injection).some(
    (entry) => isRecord(entry) && (entry['name'] === name || entry['containerPort'] === port),
  );
  return taken ? `the ${role} has a port ${port} or a port named ${name} already` : undefined;
};

const declaredPorts = (app: KubeObject, role: Role, injection: Injection | undefined): readonly unknown[] =>
  [mapAt(app, ['spec', role]), ...othersOf(app, role, injection)].flatMap((container) => listAt(container, ['ports']));

/** What Spark listens on by itself, with its defaults on Kubernetes. */
const SPARK_PORTS: Readonly<Record<Role, Readonly<Record<string, string>>>> = {
  driver: { 'spark.ui.port': '4040', 'spark.driver.port': '7078', 'spark.driver.blockManager.port': '7079' },
  executor: { 'spark.blockManager.port': '7079' },
};

const sparkPorts = (
  app: KubeObject,
  role: Role,
  injection: Injection | undefined,
): readonly (readonly [string, string])[] =>
  Object.entries(SPARK_PORTS[role]).map(([key, usual]) => [key, confOf(app, injection, key) ?? usual]);
