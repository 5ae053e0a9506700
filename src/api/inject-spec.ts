import { posix } from 'node:path';
import type { Container, EnvFromSource, EnvVar, Toleration, Volume } from './kubernetes.ts';
import { connectionNameFor } from './names.ts';
import { bundlePathOf, type CaBundle, caBundle, networkVariables, proxy } from './network.ts';
import { podFields } from './pod-fields.ts';
import {
  choice,
  flag,
  type Infer,
  integer,
  list,
  listBy,
  map,
  object,
  open,
  type Rule,
  required,
  set,
  text,
} from './schema.ts';
import { INJECT_KEYS, namesOfKinds } from './target-kinds.ts';

export { INJECT_KEYS, type InjectKey, TARGET_KINDS, type TargetKind } from './target-kinds.ts';

/** Name of another object. */
export const named = (what: string) => text(`Name of ${what}.`, { minLength: 1, maxLength: 253 });

const needsValues = {
  rule: "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0",
  message: 'In and NotIn need values; Exists and DoesNotExist take none',
};

const requirement = object(
  'One requirement; all of them must hold.',
  {
    key: required(text('Label key.', { minLength: 1, maxLength: 317 })),
    operator: required(choice('How the label is compared with values.', 'In', 'NotIn', 'Exists', 'DoesNotExist')),
    values: list('For In and NotIn: the label values.', text('A label value.', { maxLength: 63 }), { maxItems: 64 }),
  },
  [needsValues],
);

export const labelSelector = (description: string) =>
  object(description, {
    matchLabels: map(
      'Labels that must be there with exactly these values.',
      text('A label value.', { maxLength: 63 }),
      {
        maxProperties: 64,
      },
    ),
    matchExpressions: list('Requirements beyond equality.', requirement, { maxItems: 32 }),
  });

const envVar = object('A core/v1 EnvVar: value or valueFrom.', {
  name: required(text('Name of the variable.', { minLength: 1, maxLength: 253 })),
  value: text('Its value; ${variables} are filled in.', { maxLength: 32_768 }),
  valueFrom: open<Readonly<Record<string, unknown>>>('Where the value comes from, as core/v1 EnvVarSource.'),
});

const sourceRef = (description: string) =>
  object(description, {
    name: required(text('Its name, in the namespace of the object.', { minLength: 1, maxLength: 253 })),
    optional: flag('False: the container does not start without it. True where nothing is said.'),
  });

const envFromSource = object(
  'A core/v1 EnvFromSource: exactly one of configMapRef and secretRef.',
  {
    prefix: text('Put before the name of each variable.', { maxLength: 253 }),
    configMapRef: sourceRef('The ConfigMap whose keys become variables.'),
    secretRef: sourceRef('The Secret whose keys become variables.'),
  },
  [
    {
      rule: 'has(self.configMapRef) != has(self.secretRef)',
      message: 'give exactly one of configMapRef and secretRef',
    },
  ],
);

const volumeMount = object('A core/v1 VolumeMount of one of inject.volumes.', {
  name: required(text('Name of one of inject.volumes.', { minLength: 1, maxLength: 63 })),
  mountPath: required(text('Absolute path in the container.', { pattern: '^/', maxLength: 4096 })),
  subPath: text('Path inside the volume to mount instead of its root.', { maxLength: 4096 }),
  readOnly: flag('True: the container cannot write there.'),
});

/** A core/v1 Container; with `template` what is said besides what a template says. */
export interface AddedContainer extends Container {
  readonly template?: string;
  readonly restartPolicy?: string;
  readonly [field: string]: unknown;
}

const name = required(text('Its name, a DNS label.', { minLength: 1, maxLength: 63 }));

/** Fields that are looked into; all others are kept as they are. */
const fields = {
  image: text('Its image; ${variables} are filled in.', { minLength: 1, maxLength: 1024 }),
  command: list('What it runs; the entrypoint of its image where nothing is said.', text('A word.'), { maxItems: 64 }),
  args: list('Its arguments.', text('A word.'), { maxItems: 256 }),
  env: listBy('name', 'Its variables.', envVar, { maxItems: 256 }),
  envFrom: list('Its sources of variables.', envFromSource, { maxItems: 64 }),
  volumeMounts: listBy('mountPath', 'Its mounts, of volumes that the pod has or is given.', volumeMount, {
    maxItems: 64,
  }),
};

/** `spec.templates`. */
export const containerTemplates = listBy(
  'name',
  'Containers, by name, that inject.initContainers and inject.sidecars can name: of this PlatformDefaults, and of others that match the same object. System namespace only.',
  open<AddedContainer>('A core/v1 Container.', { name, ...fields }),
  { maxItems: 32 },
);

/** A list of `inject`. */
const addedContainers = (description: string) =>
  listBy(
    'name',
    description,
    open<AddedContainer>('A core/v1 Container, or what is said besides a template.', {
      name,
      template: text('One of spec.templates: it holds where nothing is said here.', { minLength: 1, maxLength: 63 }),
      ...fields,
    }),
    { maxItems: 16 },
  );

const volume = open<Volume>('A core/v1 Volume: its name and one source.', {
  name: required(text('Name of the volume, a DNS label.', { minLength: 1, maxLength: 63 })),
});

const fileMount = (what: string) =>
  object(`A ${what} mounted as files.`, {
    name: required(text(`Name of the ${what}, in the namespace of the object.`, { minLength: 1, maxLength: 253 })),
    mountPath: required(text('Absolute path in the container.', { pattern: '^/', maxLength: 4096 })),
  });

const toleration = object('A core/v1 Toleration.', {
  key: text('Taint key; empty with operator Exists: every taint.', { maxLength: 317 }),
  operator: choice('How value is compared; Equal where nothing is said.', 'Exists', 'Equal'),
  value: text('Taint value.', { maxLength: 63 }),
  effect: choice('Taint effect; every effect where nothing is said.', 'NoSchedule', 'PreferNoSchedule', 'NoExecute'),
  tolerationSeconds: integer('For NoExecute: how long the taint is borne.', { format: 'int64' }),
});

const hostAlias = object('A core/v1 HostAlias.', {
  ip: required(text('An IPv4 or IPv6 address.', { minLength: 2, maxLength: 45 })),
  hostnames: required(
    list('Names that stand for it.', text('A host name.', { minLength: 1, maxLength: 253 }), {
      minItems: 1,
      maxItems: 64,
    }),
  ),
});

export const claimSpec = object('The part of core/v1 PersistentVolumeClaimSpec that can be provisioned.', {
  accessModes: required(
    set(
      'How the volume can be mounted.',
      choice('An access mode.', 'ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod'),
      { minItems: 1 },
    ),
  ),
  resources: required(
    object('What the volume must have.', {
      requests: required(
        object('The least it must have.', {
          storage: required(
            text('Size, such as 10Gi.', {
              pattern: '^[0-9]+(\\.[0-9]+)?(k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$',
              maxLength: 32,
            }),
          ),
        }),
      ),
    }),
  ),
  storageClassName: text('StorageClass; the cluster default where nothing is said.', { maxLength: 253 }),
  volumeMode: choice('Filesystem where nothing is said.', 'Filesystem', 'Block'),
});

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
  allowedTopologies: list(
    'Where volumes may be made, as a StorageClass has it.',
    object('One set of places.', {
      matchLabelExpressions: required(
        list(
          'Labels of such places, all of which hold.',
          object('One label.', {
            key: required(text('Label that the driver gives nodes.', { minLength: 1, maxLength: 317 })),
            values: required(
              list('One of these.', text('A value; ${variables} are filled in.', { minLength: 1, maxLength: 63 }), {
                minItems: 1,
                maxItems: 64,
              }),
            ),
          }),
          { minItems: 1, maxItems: 16 },
        ),
      ),
    }),
    { maxItems: 64 },
  ),
  mountOptions: list('Options of mount(8).', text('One option.', { maxLength: 1024 }), { maxItems: 64 }),
});

/** `spec.inject`. */
export const inject = object(
  'What the objects are given. A key applies only to kinds that have such a place, and is refused where they have not.',
  {
    labels: map('Labels.', text('Label value; ${variables} are filled in.')),
    annotations: strings('Annotations.'),
    env: listBy(
      'name',
      'Environment variables, by name. In a WorkflowPod of the user’s containers alone: envFrom reaches those of Argo too.',
      envVar,
      { maxItems: 256 },
    ),
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
    initContainers: addedContainers(
      'Init containers, by name, put after those that the pod has: each as it is, or by a template. Pods have them as their own from then on.',
    ),
    sidecars: addedContainers(
      'Containers beside the others, by name, put after the init containers: native ones (restartPolicy Always), which keep no Job from ending.',
    ),
    hostAliases: listBy('ip', 'Lines of the pods’ /etc/hosts, by address.', hostAlias, { maxItems: 64 }),
    proxy,
    caBundle,
    ...podFields,
    forExecutors: flag(
      'Give env and configMaps to those containers too that are given sources of variables alone: those of Argo that transfer artifacts. proxy and caBundle reach them anyway.',
    ),
    serviceAccountName: named('the service account of the driver; the system namespace alone can give it'),
    prometheus,
    sparkConf: strings('Spark configuration (spark.…).'),
    hadoopConf: strings('Hadoop configuration, without the prefix spark.hadoop.'),
    eventLog: object('Where Spark writes its event log.', {
      objectStore: required(named('a Ready ObjectStore in the namespace of the object, else in the system namespace')),
    }),
    objectStore: named(
      'an ObjectStore: its ConfigMap and the Secret of its access become sources of variables, and Spark gets its connector and event log',
    ),
    s3aCommitter: choice(
      'How Spark commits what it writes to inject.objectStore on S3. Magic renames nothing, and needs the module spark-hadoop-cloud in the image; as the application has it where nothing is said.',
      'Magic',
    ),
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
  message: `inject.${key} is taken by ${namesOfKinds(kinds)} only`,
}));

export type InjectSpec = Infer<typeof inject>;
export type PrometheusInjection = Infer<typeof prometheus>;
export type StorageClassInjection = Infer<typeof storageClass>;
export type FileMount = NonNullable<InjectSpec['configMaps']>[number] & {
  /** The container does not start without it. */
  readonly isAwaited?: boolean;
};

/** The merge key of an envFrom source: `configMap/<name>` or `secret/<name>`, and its prefix where it has one. */
export const envFromKey = ({ configMapRef, secretRef, prefix }: EnvFromSource): string => {
  const name = configMapRef ? `configMap/${configMapRef.name}` : `secret/${secretRef?.name}`;
  return prefix ? `${name}/${prefix}` : name;
};

/** The merge key of a toleration: key, operator, value and effect, joined by `|`; operator is Equal where nothing is said. */
export const tolerationKey = ({ key, operator, value, effect }: Toleration): string =>
  [key ?? '', operator ?? 'Equal', value ?? '', effect ?? ''].join('|');

/** A mount path as the kubelet and container runtimes read it: `/data/`, `//data`, `/x/../data` and `data` are one place. */
export const mountKey = (mountPath: string): string => {
  if (mountPath.startsWith('/') && !MAY_BE_OTHERWISE.test(mountPath)) return mountPath;
  // The kubelet puts a slash before what has none (MakeAbsolutePath); on Windows it is another path then, but of itself alone.
  const absolute = mountPath.replace(/^(?=[^/])/, '/');
  const path = absolute.includes('//') || absolute.includes('/.') ? posix.normalize(absolute) : absolute;
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
};

/** Asked of every mount of every object: hardly any ends in a slash, or has one before another or a dot. */
const MAY_BE_OTHERWISE = /\/(?:[./]|$)/;

/** Every path that something is mounted at, whichever list names it. */
export const mountPathsOf = (inject: InjectSpec): readonly string[] =>
  [...(inject.volumeMounts ?? []), ...configMapsOf(inject), ...(inject.secrets ?? [])].map(({ mountPath }) =>
    mountKey(mountPath),
  );

/** The variables an entry gives: its own, and those that its proxy and bundle come to beside them. */
export const variablesOf = (inject: InjectSpec): readonly EnvVar[] => {
  const { env = [], proxy: hasProxy, caBundle: hasBundle } = inject;
  if (hasProxy === undefined && hasBundle === undefined) return env;
  const names = new Set(env.map(({ name }) => name));
  return [...env, ...networkVariables(inject).filter(({ name }) => !names.has(name))];
};

/** The ConfigMaps an entry mounts. The one of a bundle is waited for: variables that name a missing file break every connection. */
export const configMapsOf = ({ configMaps = [], caBundle: bundle }: InjectSpec): readonly FileMount[] =>
  bundle === undefined ? configMaps : [...configMaps, bundleMount(bundle)];

/** The mount of a bundle. */
export const bundleMount = (bundle: CaBundle): FileMount => ({
  name: bundle.configMap,
  mountPath: bundlePathOf(bundle),
  isAwaited: true,
});

/** The sources of variables an entry gives: its own, and before them those of its ObjectStore, which need not be there. */
export const sourcesOf = ({ envFrom = [], objectStore }: InjectSpec): readonly EnvFromSource[] => {
  if (objectStore === undefined) return envFrom;
  const name = connectionNameFor(objectStore);
  const given = new Set(envFrom.map(envFromKey));
  const sources: readonly EnvFromSource[] = [{ configMapRef: { name } }, { secretRef: { name } }];
  return [...sources.filter((source) => !given.has(envFromKey(source))), ...envFrom];
};

/** What of an entry a framework's own containers are given besides sources of variables. */
export const forHelpers = ({ env, configMaps, ...inject }: InjectSpec): InjectSpec =>
  inject.forExecutors === true ? { ...inject, ...(env && { env }), ...(configMaps && { configMaps }) } : inject;
