import { type InjectSpec, mountKey } from '../../api/inject-spec.ts';
import type { Mode } from '../../api/injection.ts';
import type { Volume } from '../../api/kubernetes.ts';
import { isHiddenFromSpark, isReservedApacheConf, isReservedSparkConf } from '../../injection/reserved.ts';
import { dnsLabel } from './names.ts';

/** In characters. Keys are taken apart by patterns, for some of which a long one takes the square of its length. */
const MAX_KEY_LENGTH = 1_024;

/** What Apache's operator would set otherwise, in defaults for what it runs. */
export const apacheSparkViolations = ({ sparkConf }: InjectSpec): readonly string[] =>
  Object.keys(sparkConf ?? {})
    .filter(isReservedApacheConf)
    .map((key) => `spec.inject.sparkConf: ${key} is set by Apache’s operator; remove it`);

/** What Kubeflow's operator refuses in sparkConf. */
export const kubeflowSparkViolations = ({ sparkConf }: InjectSpec): readonly string[] =>
  Object.keys(sparkConf ?? {})
    .filter(isReservedSparkConf)
    .map((key) => `spec.inject.sparkConf: ${key} is refused by spark-operator; remove it`);

/** What a spark-operator refuses, or Spark dies of, in defaults for its applications. */
export const sparkViolations = (inject: InjectSpec): readonly string[] => [
  ...confViolations(inject),
  ...fileViolations(inject),
  ...prometheusViolations(inject),
];

const confViolations = ({
  sparkConf,
  hadoopConf,
  eventLog,
  prometheus,
  objectStore,
  s3aCommitter,
}: InjectSpec): readonly string[] => {
  const keys = Object.keys(sparkConf ?? {});
  const prefixed = Object.keys(hadoopConf ?? {}).find((key) => key.startsWith('spark.hadoop.'));
  const javaOptions = keys.find((key) => /^spark\.(driver|executor)\.extraJavaOptions$/.test(key));
  return [
    ...keys
      .filter((key) => key.length > MAX_KEY_LENGTH)
      .map(
        (key) => `spec.inject.sparkConf: ${key.slice(0, 60)}… has more than ${MAX_KEY_LENGTH} characters; shorten it`,
      ),
    ...(eventLog && keys.includes('spark.eventLog.dir')
      ? ['spec.inject.sparkConf: spark.eventLog.dir is what eventLog sets; give one of the two']
      : []),
    ...(s3aCommitter !== undefined && objectStore === undefined
      ? ['spec.inject.s3aCommitter is how Spark writes to objectStore; give that too']
      : []),
    ...(prometheus?.jmxExporterJar && javaOptions
      ? [`spec.inject.sparkConf: ${javaOptions} would be lost beside prometheus.jmxExporterJar; give one of the two`]
      : []),
    ...(prefixed === undefined
      ? []
      : [`spec.inject.hadoopConf: ${prefixed} is written without spark.hadoop., which is put before it`]),
  ];
};

/** The operator makes a volume `<name>-vol` of each ConfigMap, and Spark `<name>-volume` of each Secret: a name twice is a volume twice. */
const fileViolations = ({ configMaps = [], secrets = [], volumes = [] }: InjectSpec): readonly string[] => [
  ...repeated('configMaps', configMaps),
  ...repeated('secrets', secrets),
  ...generatedBy(
    'spark-operator',
    'ConfigMap',
    configMaps.map(({ name }) => `${name}-vol`),
    volumes,
  ),
  ...generatedBy(
    'Spark',
    'Secret',
    secrets.map(({ name }) => `${name}-volume`),
    volumes,
  ),
];

type Named = readonly { readonly name: string }[];

const repeated = (list: string, files: Named): readonly string[] => {
  const names = files.map(({ name }) => name);
  return names.flatMap((name, at) =>
    names.indexOf(name) < at
      ? [`spec.inject.${list}[${at}].name: "${name}" is there twice, which a SparkApplication cannot mount`]
      : [],
  );
};

const generatedBy = (maker: string, kind: string, names: readonly string[], volumes: Named): readonly string[] =>
  volumes.flatMap(({ name }, at) =>
    names.includes(name)
      ? [`spec.inject.volumes[${at}].name: "${name}" is what ${maker} calls the volume of a ${kind} here`]
      : [],
  );

/** `configFile` names a file; the directory a ConfigMap is mounted at is the mistake people make. */
const prometheusViolations = ({ prometheus, configMaps = [], secrets = [] }: InjectSpec): readonly string[] => {
  const file = prometheus?.configFile;
  if (file === undefined) return [];
  const isDirectory =
    file.endsWith('/') || [...configMaps, ...secrets].some(({ mountPath }) => mountKey(mountPath) === file);
  if (isHiddenFromSpark(file))
    return [
      `spec.inject.prometheus.configFile: Spark or its operator mounts its own files over "${file}"; choose another path`,
    ];
  const violation = `spec.inject.prometheus.configFile: "${file}" is a directory; name the file in it, such as ${mountKey(file)}/prometheus.yaml`;
  return isDirectory ? [violation] : [];
};

/**
 * What Calrissian breaks on: its runner copies each mounted claim into every step pod under the claim's own name, and
 * finds the claim of a path by plain string prefix.
 */
export const calrissianViolations = (inject: InjectSpec, mode: Mode): readonly string[] => [
  ...claimNameViolations(inject),
  ...claimMountViolations(inject),
  ...credentialViolations(inject, mode),
];

const claimOf = (volume: Volume | undefined): string | undefined => {
  const source = volume?.['persistentVolumeClaim'];
  if (typeof source !== 'object' || source === null || !('claimName' in source)) return undefined;
  return typeof source.claimName === 'string' ? source.claimName : undefined;
};

const claimNameViolations = ({ volumes = [] }: InjectSpec): readonly string[] =>
  volumes.flatMap((volume, at) => {
    const claim = claimOf(volume);
    if (claim === undefined || claim.includes('${') || dnsLabel.accepts(claim)) return [];
    return [
      `spec.inject.volumes[${at}].persistentVolumeClaim.claimName: "${claim}" names a volume in Calrissian's steps, so it must be ${dnsLabel.title}`,
    ];
  });

const claimMountViolations = ({ volumes = [], volumeMounts = [] }: InjectSpec): readonly string[] => {
  const mounts = volumeMounts.flatMap(({ name, mountPath }, at) => {
    const claim = claimOf(volumes.find((volume) => volume.name === name));
    return claim === undefined ? [] : [{ at, claim, mountPath }];
  });
  return mounts.flatMap(({ at, claim, mountPath }, index) => {
    const before = mounts.slice(0, index);
    if (before.some((other) => other.claim === claim)) {
      return [
        `spec.inject.volumeMounts[${at}]: claim "${claim}" is mounted twice, which makes every Calrissian step invalid`,
      ];
    }
    const clash = before.find(
      (other) => mountPath.startsWith(other.mountPath) || other.mountPath.startsWith(mountPath),
    );
    if (clash === undefined) return [];
    return [
      `spec.inject.volumeMounts[${at}].mountPath: "${mountPath}" and "${clash.mountPath}" begin alike, so Calrissian takes one claim for the other`,
    ];
  });
};

/** The launcher passes short-lived credentials to each step; replacing them breaks its access. */
const credentialViolations = ({ env = [] }: InjectSpec, mode: Mode): readonly string[] =>
  env.flatMap(({ name }, at) =>
    mode === 'Enforce' && name.startsWith('AWS_')
      ? [`spec.inject.env[${at}].name: ${name} cannot be enforced on a CalrissianPod; use mode Default`]
      : [],
  );
