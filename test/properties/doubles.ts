import type { KubeObject } from '../../src/api/kubernetes.ts';

/** What an object says twice and Kubernetes, Spark or its operator takes once: each as `<what> <name>`. */
export const doublesIn = (object: KubeObject): readonly string[] => repeated(sayingsOf(object));

const sayingsOf = (object: KubeObject): readonly string[] => {
  if (object.kind === 'Pod') return sayingsOfPod(object);
  return object.apiVersion.startsWith('spark.apache.org/') ? sayingsOfApacheApp(object) : sayingsOfApp(object);
};

const repeated = (sayings: readonly string[]): readonly string[] =>
  sayings.filter((saying, index) => sayings.indexOf(saying) !== index);

const sayingsOfPod = (pod: KubeObject): readonly string[] => {
  const spec = at(pod, 'spec');
  const containers = [...items(at(spec, 'initContainers')), ...items(at(spec, 'containers'))];
  return [
    ...named('volume', at(spec, 'volumes')),
    ...named('container', containers),
    ...named('pull secret', at(spec, 'imagePullSecrets')),
    ...items(at(spec, 'hostAliases')).map((alias) => `alias of ${String(at(alias, 'ip'))}`),
    ...containers.flatMap((container, index) => [
      ...named(`${index} variable`, at(container, 'env')),
      ...paths(`${index}`, at(container, 'volumeMounts')),
    ]),
  ];
};

const sayingsOfApp = (app: KubeObject): readonly string[] => {
  const spec = at(app, 'spec');
  const conf = Object.entries(map(at(spec, 'sparkConf')));
  return [
    ...named('volume', at(spec, 'volumes')),
    ...Object.keys(map(at(spec, 'hadoopConf'))).map((key) => `Hadoop's ${key.replace(/^spark\.hadoop\./, '')}`),
    ...ofConf(conf, /^spark\.hadoop\.(.+)/, "Hadoop's"),
    ...items(at(spec, 'imagePullSecrets')).map((name) => `pull secret ${String(name)}`),
    ...(at(spec, 'nodeSelector') ? ['node selector'] : []),
    ...(at(at(spec, 'driver'), 'nodeSelector') || at(at(spec, 'executor'), 'nodeSelector') ? ['node selector'] : []),
    ...['driver', 'executor'].flatMap((role) => sayingsOfRole(role, at(spec, role), conf)),
  ];
};

/** Spark puts what sparkConf says into the pod that the template is. */
const sayingsOfApacheApp = (app: KubeObject): readonly string[] => {
  const spec = at(app, 'spec');
  const conf = Object.entries(map(at(spec, 'sparkConf')));
  return ['driver', 'executor'].flatMap((role) => {
    const template = at(at(spec, `${role}Spec`), 'podTemplateSpec');
    const own = sayingsOfPod({ ...app, spec: at(template, 'spec') ?? {} } as KubeObject);
    const volumes = new RegExp(`^spark\\.kubernetes\\.${role}\\.volumes\\.[^.]+\\.([^.]+)\\.mount\\.path$`);
    return [
      ...own.map((saying) => `${role} ${saying}`),
      ...conf.flatMap(([key, path]) => {
        const volume = volumes.exec(key)?.[1];
        return volume === undefined ? [] : [`${role} volume ${volume}`, `${role} 0 path ${bare(path)}`];
      }),
      ...Object.keys(map(at(at(template, 'metadata'), 'labels'))).map((key) => `${role} label ${key}`),
      ...conf
        .flatMap(([key]) => new RegExp(`^spark\\.kubernetes\\.${role}\\.label\\.(.+)$`).exec(key)?.[1] ?? [])
        .map((key) => `${role} label ${key}`),
      ...conf
        .flatMap(
          ([key]) =>
            (role === 'driver' ? /^spark\.kubernetes\.driverEnv\.(.+)$/ : /^spark\.executorEnv\.(.+)$/).exec(
              key,
            )?.[1] ?? [],
        )
        .map((key) => `${role} 0 variable ${key}`),
    ];
  });
};

const sayingsOfRole = (role: string, spec: unknown, conf: readonly [string, unknown][]): readonly string[] => {
  const variable = role === 'driver' ? /^spark\.kubernetes\.driverEnv\.(.+)/ : /^spark\.executorEnv\.(.+)/;
  const mounted = new RegExp(`^spark\\.kubernetes\\.${role}\\.volumes\\..+\\.mount\\.path$`);
  const containers = items(at(at(at(spec, 'template'), 'spec'), 'containers'));
  return [
    ...named(`${role} container`, [
      ...items(at(spec, 'initContainers')),
      ...items(at(spec, 'sidecars')),
      ...containers,
    ]),
    ...named(`${role} variable`, at(spec, 'env')),
    ...items(at(spec, 'hostAliases')).map((alias) => `${role} alias of ${String(at(alias, 'ip'))}`),
    ...Object.keys(map(at(spec, 'envVars'))).map((name) => `${role} variable ${name}`),
    ...ofConf(conf, variable, `${role} variable`),
    ...ofConf(conf, new RegExp(`^spark\\.kubernetes\\.${role}\\.secretKeyRef\\.(.+)`), `${role} variable`),
    ...['label', 'annotation'].flatMap((what) => [
      ...Object.keys(map(at(spec, `${what}s`))).map((key) => `${role} ${what} ${key}`),
      ...ofConf(conf, new RegExp(`^spark\\.kubernetes\\.${role}\\.${what}\\.(.+)`), `${role} ${what}`),
    ]),
    ...(at(spec, 'schedulerName') ? [`${role} scheduler`] : []),
    // Of all and of one role: Spark knows which of the two holds.
    ...ofConf(
      conf,
      new RegExp(`^spark\\.kubernetes\\.(?:${role}\\.)?(?=scheduler\\.name$)`),
      `${role} scheduler`,
    ).slice(0, 1),
    ...containers.flatMap((container) => named(`${role} variable`, at(container, 'env'))),
    ...paths(role, at(spec, 'volumeMounts')),
    ...paths(role, at(spec, 'configMaps')),
    ...paths(role, at(spec, 'secrets')),
    ...conf.filter(([key]) => mounted.test(key)).map(([, path]) => `${role} path ${bare(path)}`),
    ...containers.flatMap((container) => paths(role, at(container, 'volumeMounts'))),
    ...named(`${role} ConfigMap`, at(spec, 'configMaps')),
    ...named(`${role} Secret`, at(spec, 'secrets')),
  ];
};

/** What keys of sparkConf say, by what the pattern finds in them. */
const ofConf = (conf: readonly [string, unknown][], pattern: RegExp, what: string): readonly string[] =>
  conf.flatMap(([key]) => {
    const found = pattern.exec(key);
    return found === null ? [] : [`${what} ${found[1] ?? ''}`.trim()];
  });

const named = (what: string, list: unknown): readonly string[] =>
  items(list).map((item) => `${what} ${String(at(item, 'name'))}`);

const paths = (who: string, list: unknown): readonly string[] =>
  items(list).map((item) => `${who} path ${bare(at(item, 'mountPath') ?? at(item, 'path'))}`);

const bare = (path: unknown): string => String(path).replace(/(?<=.)\/+$/, '');
const items = (list: unknown): readonly unknown[] => (Array.isArray(list) ? list : []);
const map = (value: unknown): Readonly<Record<string, unknown>> => (value ?? {}) as Readonly<Record<string, unknown>>;
const at = (value: unknown, field: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[field] : undefined;
