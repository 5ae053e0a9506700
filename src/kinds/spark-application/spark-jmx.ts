import type { Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, listAt, mapAt, readAt, textAt } from '../../injection/path.ts';
import type { Role } from './fields.ts';
import { confOf } from './spark-conf.ts';

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
