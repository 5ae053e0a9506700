import type { KubeObject } from '../../api/kubernetes.ts';
import type { Edit, FieldPath } from '../../injection/edit.ts';
import { listAt, mapAt, type Path, readAt, textAt } from '../../injection/path.ts';
import type { Refusal } from '../../injection/settlement.ts';
import { ROLES, SPARK_CONF } from './fields.ts';
import { PLACEMENT_FIELDS, PLACEMENT_MAPS } from './placement.ts';

/** What the fields of a role are to Spark; the driver of a SparkConnect is its server. */
const OF_ROLE: Readonly<Record<string, string>> = {
  cores: 'cores',
  memory: 'memory',
  memoryOverhead: 'memoryOverhead',
  extraJavaOptions: 'javaOptions',
  instances: 'instances',
  'request.cores': 'coreRequest',
  'limit.cores': 'coreLimit',
  deleteOnTermination: 'deleteOnTermination',
};

/** What fields of the application itself are; spark-operator gives these before the keys, which would be read in their place. */
const OF_APPLICATION: Readonly<Record<string, string>> = {
  'spark.kubernetes.container.image.pullPolicy': 'imagePullPolicy',
  'spark.kubernetes.pyspark.pythonVersion': 'pythonVersion',
  'spark.kubernetes.memoryOverheadFactor': 'memoryOverheadFactor',
  'spark.driver.memoryOverheadFactor': 'memoryOverheadFactor',
  'spark.executor.memoryOverheadFactor': 'memoryOverheadFactor',
};

const OF_ALLOCATION: Readonly<Record<string, string>> = {
  'shuffleTracking.enabled': 'shuffleTrackingEnabled',
  'shuffleTracking.timeout': 'shuffleTrackingTimeout',
};

/** Options of spark-submit that stand for a key. */
const OF_DEPENDENCIES: Readonly<Record<string, string>> = {
  'spark.jars': 'jars',
  'spark.jars.packages': 'packages',
  'spark.jars.excludes': 'excludePackages',
  'spark.jars.repositories': 'repositories',
  'spark.submit.pyFiles': 'pyFiles',
  'spark.files': 'files',
  'spark.archives': 'archives',
};

/** Fields of an application that say what a key of sparkConf does: spark-operator gives most of them to spark-submit after all keys, or as an option (submission.go, sparkconnect/options.go). */
export const fieldsLikeConf = (key: string): readonly FieldPath[] => {
  const ofApplication = textAt(OF_APPLICATION, [key]);
  if (ofApplication !== undefined) return [{ at: ['spec'], key: ofApplication }];
  const dependency = textAt(OF_DEPENDENCIES, [key]);
  if (dependency !== undefined) return [{ at: ['spec', 'deps'], key: dependency }];
  const allocated = /^spark\.dynamicAllocation\.(.+)$/.exec(key)?.[1];
  if (allocated !== undefined)
    return [{ at: ['spec', 'dynamicAllocation'], key: textAt(OF_ALLOCATION, [allocated]) ?? allocated }];
  const [, what, name] = /^spark\.kubernetes\.driver\.service\.(label|annotation)\.(.+)$/.exec(key) ?? [];
  if (name !== undefined)
    return [{ at: ['spec', 'driver', what === 'label' ? 'serviceLabels' : 'serviceAnnotations'], key: name }];
  const [, role, setting = ''] = /^spark\.(?:kubernetes\.)?(driver|executor)\.(.+)$/.exec(key) ?? [];
  const field = role === undefined ? undefined : textAt(OF_ROLE, [setting]);
  if (field === undefined) return [];
  return (role === 'driver' ? ['driver', 'server'] : ['executor']).map((owner) => ({
    at: ['spec', owner],
    key: field,
  }));
};

const CONFS: readonly Path[] = [SPARK_CONF, ['spec', 'hadoopConf']];

/**
 * Why an object need not be run as it says: spark-submit would read something else of what spark-operator makes of it, and what is
 * enforced among that.
 */
const evasionOf = (object: KubeObject): string | undefined => {
  for (const at of CONFS) {
    if (Object.keys(mapAt(object, at)).some((key) => key.includes('=')))
      return `${at.join('.')} has a key with =, which spark-submit reads as another key`;
  }
  const program = textAt(object, ['spec', 'mainApplicationFile']);
  if (program !== undefined) return program.startsWith('-') ? `spec.mainApplicationFile ${OPTION}` : undefined;
  const [first] = listAt(object, ['spec', 'arguments']);
  return typeof first === 'string' && first.startsWith('-')
    ? `spec.arguments without a spec.mainApplicationFile ${OPTION}`
    : undefined;
};

const OPTION = 'begins with -, which spark-submit reads as an option';

/** What is enforced and need not hold. */
export const evadedBy = (object: KubeObject, edits: readonly Edit[]): readonly Refusal[] => {
  const enforced = edits.filter(({ mode }) => mode === 'Enforce');
  if (enforced.length === 0) return [];
  const why = evasionOf(object);
  if (why !== undefined) return enforced.map((edit) => ({ edit, why }));
  if (textAt(object, JAR) === undefined || edits.some((edit) => givesJar(edit, object))) return [];
  return enforced.filter((edit) => isWrittenOver(object, edit)).map((edit) => ({ edit, why: WRITTEN_OVER }));
};

const JAR: Path = ['spec', 'monitoring', 'prometheus', 'jmxExporterJar'];
export const WRITTEN_OVER = 'spark-operator writes over it for spec.monitoring.prometheus';

const givesJar = ({ at, key, value }: Edit, object: KubeObject): boolean =>
  key === JAR.at(-1) && at.at(-1) === JAR.at(-2) && textAt(object, JAR) === value;

/** What spark-operator sets itself where an application asks for its exporter of metrics, whatever stands there (monitoring_config.go). */
export const isWrittenOver = (object: KubeObject, { at, key }: Edit): boolean => {
  if (textAt(object, JAR) === undefined) return false;
  if (at.at(-1) === 'annotations') return key.startsWith(SCRAPING) && isExposed(object, at[1]);
  if (at.at(-1) !== 'sparkConf') return false;
  if (key === 'spark.metrics.conf' || key === 'spark.metrics.namespace') return true;
  const [, ofOptions] = /^spark\.(driver|executor)\.extraJavaOptions$/.exec(key) ?? [];
  const [, ofAnnotation, annotation = ''] = /^spark\.kubernetes\.(driver|executor)\.annotation\.(.+)$/.exec(key) ?? [];
  return isExposed(object, ofOptions) || (annotation.startsWith(SCRAPING) && isExposed(object, ofAnnotation));
};

const SCRAPING = 'prometheus.io/';

const isExposed = (object: KubeObject, role: string | undefined): boolean =>
  role !== undefined &&
  readAt(object, ['spec', 'monitoring', role === 'driver' ? 'exposeDriverMetrics' : 'exposeExecutorMetrics']) === true;

export const evasionWarnings = ([first]: readonly Refusal[]): readonly string[] =>
  first === undefined ? [] : [`What PlatformDefaults enforce need not hold here: ${first.why}.`];

/** Fields of a role that reach its pod by spark-operator's webhook alone (sparkpod_defaulter.go); all else is given to spark-submit. */
const WEBHOOK_FIELDS: ReadonlySet<string> = new Set([
  'env',
  'envFrom',
  'volumeMounts',
  'configMaps',
  'tolerations',
  'hostAliases',
  'initContainers',
  'nodeSelector',
  ...PLACEMENT_MAPS,
]);

/** What is given and reaches no pod where no webhook of spark-operator is for the namespace's pods: one sentence, or none. */
export const operatorWebhookWarnings = (edits: readonly Edit[]): readonly string[] => {
  const lost = edits.filter(isByWebhook);
  if (lost.length === 0) return [];
  const fields = new Set(lost.map(fieldOf));
  const sources = new Set(lost.map(({ by }) => by));
  return [
    `spark-operator has no webhook for the pods of this namespace: ${listed(fields)} of PlatformDefaults ${[...sources].join(', ')} do not reach the driver and the executors, nor do those of the application. Ask for webhook.enable and this namespace in its chart.`,
  ];
};

const isByWebhook = (edit: Edit): boolean => {
  if (!isOfRole(edit)) return edit.at[1] === 'volumes';
  return edit.at.length === 2
    ? PLACEMENT_FIELDS.some((field) => field === edit.key)
    : WEBHOOK_FIELDS.has(fieldOf(edit));
};

const isOfRole = ({ at }: Edit): boolean => ROLES.some((role) => role === at[1]);

const fieldOf = ({ at, key }: Edit): string => (ROLES.some((role) => role === at.at(-1)) ? key : (at.at(-1) ?? ''));

const listed = (names: ReadonlySet<string>): string => [...names].join(', ').replace(/, ([^,]*)$/, ' and $1');
