import { INJECT_KEYS } from './inject-keys.ts';
import { envFromSource, envVar, fileMount, named, toleration, volume, volumeMount } from './inject-spec.ts';
import { choice, flag, type Infer, integer, list, listBy, map, object, type Rule, required, text } from './schema.ts';

/** A map of strings that can hold variables. */
export const strings = (description: string) => map(description, text('A string; ${variables} are filled in.'));

const prometheus = object('How metrics are exposed; two PlatformDefaults can each give a part.', {
  scrape: flag('Annotate the pods with prometheus.io/scrape.'),
  port: integer('Port of the metrics endpoint.', { minimum: 1024, maximum: 49_151, format: 'int32' }),
  path: text('Path of the metrics endpoint.', { pattern: '^/', maxLength: 1024 }),
  jmxExporterJar: text('Path of the JMX exporter jar inside the image: without that file the JVM does not start.', {
    pattern: '^/',
    maxLength: 4096,
  }),
  configFile: text('Path of the exporter’s configuration file inside the container (a file, not a directory).', {
    pattern: '^/',
    maxLength: 4096,
  }),
  exposeDriverMetrics: flag('Expose the metrics of the driver.'),
  exposeExecutorMetrics: flag('Expose the metrics of the executors.'),
  fallback: choice(
    'Instead of the JMX agent, where it would kill the JVM or lose the user’s java options; None where nothing is said.',
    'None',
    'PrometheusServlet',
  ),
});

const storageClass = object('What a StorageClass made for a PersistentVolumeClaim is like.', {
  provisioner: text('CSI driver or other provisioner.', { minLength: 1, maxLength: 253 }),
  parameters: strings('Parameters of the provisioner.'),
  reclaimPolicy: choice('What becomes of a volume no claim uses.', 'Delete', 'Retain'),
  volumeBindingMode: choice('When a volume is made.', 'Immediate', 'WaitForFirstConsumer'),
  allowVolumeExpansion: flag('Whether claims can grow.'),
  mountOptions: list('Options of mount(8).', text('One option.', { maxLength: 1024 }), { maxItems: 64 }),
});

/** `spec.inject`. */
export const inject = object(
  'What the objects are given. A key applies only to kinds that have such a place, and is refused where they have not.',
  {
    labels: map('Labels.', text('Label value; ${variables} are filled in.')),
    annotations: strings('Annotations.'),
    env: listBy('name', 'Environment variables, by name.', envVar, { maxItems: 256 }),
    envFrom: list('Sources of environment variables, put before the user’s own so that those win.', envFromSource, {
      maxItems: 64,
    }),
    volumes: listBy('name', 'Volumes, by name.', volume, { maxItems: 64 }),
    volumeMounts: listBy('mountPath', 'Mounts of these volumes, by path.', volumeMount, { maxItems: 128 }),
    configMaps: listBy('mountPath', 'ConfigMaps mounted as files, by path.', fileMount('ConfigMap'), { maxItems: 64 }),
    secrets: listBy('mountPath', 'Secrets mounted as files, by path.', fileMount('Secret'), { maxItems: 64 }),
    nodeSelector: map('Labels a node must have.', text('Label value.', { maxLength: 63 })),
    tolerations: list('Taints the pods bear.', toleration, { maxItems: 64 }),
    imagePullSecrets: listBy(
      'name',
      'Secrets images are pulled with.',
      object('A Secret by name.', { name: required(named('the Secret, in the namespace of the object')) }),
      { maxItems: 32 },
    ),
    serviceAccountName: named('the service account of the driver; the system namespace alone can give it'),
    prometheus,
    sparkConf: strings('Spark configuration (spark.…).'),
    hadoopConf: strings('Hadoop configuration, without the prefix spark.hadoop.'),
    eventLog: object('Where Spark writes its event log.', {
      objectStore: required(named('a Ready ObjectStore in the namespace of the object, else in the system namespace')),
    }),
    storageClass,
  },
  [
    {
      rule: '!has(self.volumeMounts) || self.volumeMounts.all(m, has(self.volumes) && self.volumes.exists(v, v.name == m.name))',
      message: 'each of volumeMounts must name one of volumes',
    },
  ],
);

const quoted = (kinds: readonly string[]): string => kinds.map((kind) => `'${kind}'`).join(', ');

/** CEL rules of `spec` that keep each key of `inject` to the kinds that take it. */
export const injectKeyRules: readonly Rule[] = Object.entries(INJECT_KEYS).map(([key, kinds]) => ({
  rule: `!has(self.inject) || !has(self.inject.${key}) || self.match.kinds.all(kind, kind in [${quoted(kinds)}])`,
  message: `inject.${key} is taken by ${kinds.join(', ')} only`,
}));

export type InjectSpec = Infer<typeof inject>;
export type PrometheusInjection = Infer<typeof prometheus>;
export type StorageClassInjection = Infer<typeof storageClass>;
export type FileMount = NonNullable<InjectSpec['configMaps']>[number];
