import { mountKey } from '../../api/identity.ts';
import type { InjectSpec } from '../../api/inject-schema.ts';
import { isReservedSparkConf } from '../../injection/reserved.ts';

/** In characters. Keys are taken apart by patterns, for some of which a long one takes the square of its length. */
const MAX_KEY_LENGTH = 1_024;

/** What spark-operator refuses, or Spark dies of, in defaults for its applications. */
export const sparkViolations = (inject: InjectSpec): readonly string[] => [
  ...confViolations(inject),
  ...configMapViolations(inject),
  ...prometheusViolations(inject),
];

const confViolations = ({ sparkConf, hadoopConf, eventLog, prometheus }: InjectSpec): readonly string[] => {
  const keys = Object.keys(sparkConf ?? {});
  const prefixed = Object.keys(hadoopConf ?? {}).find((key) => key.startsWith('spark.hadoop.'));
  const javaOptions = keys.find((key) => /^spark\.(driver|executor)\.extraJavaOptions$/.test(key));
  return [
    ...keys
      .filter((key) => key.length > MAX_KEY_LENGTH)
      .map(
        (key) => `spec.inject.sparkConf: ${key.slice(0, 60)}… has more than ${MAX_KEY_LENGTH} characters; shorten it`,
      ),
    ...keys
      .filter(isReservedSparkConf)
      .map((key) => `spec.inject.sparkConf: ${key} is refused by spark-operator; remove it`),
    ...(eventLog && keys.includes('spark.eventLog.dir')
      ? ['spec.inject.sparkConf: spark.eventLog.dir is what eventLog sets; give one of the two']
      : []),
    ...(prometheus?.jmxExporterJar && javaOptions
      ? [`spec.inject.sparkConf: ${javaOptions} would be lost beside prometheus.jmxExporterJar; give one of the two`]
      : []),
    ...(prefixed === undefined
      ? []
      : [`spec.inject.hadoopConf: ${prefixed} is written without spark.hadoop., which is put before it`]),
  ];
};

/** The operator makes a volume `<name>-vol` for each ConfigMap: a name twice is a volume twice. */
const configMapViolations = ({ configMaps = [], volumes = [] }: InjectSpec): readonly string[] => {
  const names = configMaps.map(({ name }) => name);
  return [
    ...names.flatMap((name, at) =>
      names.indexOf(name) < at
        ? [`spec.inject.configMaps[${at}].name: "${name}" is there twice, which a SparkApplication cannot mount`]
        : [],
    ),
    ...volumes.flatMap((volume, at) =>
      names.some((name) => volume.name === `${name}-vol`)
        ? [
            `spec.inject.volumes[${at}].name: "${volume.name}" is what spark-operator calls the volume of a ConfigMap here`,
          ]
        : [],
    ),
  ];
};

/** `configFile` names a file; the directory a ConfigMap is mounted at is the mistake people make. */
const prometheusViolations = ({ prometheus, configMaps = [], secrets = [] }: InjectSpec): readonly string[] => {
  const file = prometheus?.configFile;
  if (file === undefined) return [];
  const isDirectory =
    file.endsWith('/') || [...configMaps, ...secrets].some(({ mountPath }) => mountKey(mountPath) === file);
  const violation = `spec.inject.prometheus.configFile: "${file}" is a directory; name the file in it, such as ${mountKey(file)}/prometheus.yaml`;
  return isDirectory ? [violation] : [];
};
