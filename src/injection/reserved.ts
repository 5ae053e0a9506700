import { mountKey, type TargetKind } from '../api/inject-spec.ts';
import { GROUP, MANAGED_BY_LABEL } from '../api/names.ts';
import { FRAMEWORK_KINDS, type FrameworkKind } from '../api/target-kinds.ts';
import type { Reserved } from './profiles/framework.ts';
import { FRAMEWORKS } from './profiles/frameworks/index.ts';

const NOTHING_RESERVED: Reserved = { paths: [], volumes: [], env: [], labels: [] };

/** What pods of Argo and of spark-operator are known by, whatever else they are: each has rules of its own. */
const ENGINES: readonly RegExp[] = [/^workflows\.argoproj\.io\//, /^sparkoperator\.k8s\.io\//];

/** spark-operator's own mounts and volumes, and the labels Spark refuses as "reserved for Spark bookkeeping operations". */
const spark: Reserved = {
  ...NOTHING_RESERVED,
  paths: [
    /^\/etc\/(metrics|spark|hadoop)\/conf(\/|$)/,
    /^\/opt\/spark\/(conf|pod-template)(\/|$)/,
    /^\/var\/data\/spark-/,
  ],
  volumes: [
    /^(spark-configmap|hadoop-configmap|pod-template)-volume$/,
    /^spark-conf-volume-/,
    /^spark-local-dir-/,
    /-prom-conf-vol$/,
  ],
  labels: [/^spark-(role|version|exec-id|exec-resourceprofile-id|app-(selector|name))$/, /^sparkoperator\.k8s\.io\//],
};

/** Calrissian's step pods: an emptyDir of that name at /tmp, HOME and TMPDIR set by the runner. */
const calrissian: Reserved = {
  ...NOTHING_RESERVED,
  paths: [/^\/tmp(\/|$)/],
  volumes: [/^tmpdir$/],
  env: [/^(HOME|TMPDIR)$/],
  labels: ENGINES,
};

/** The executor of Argo Workflows. */
const argo: Reserved = {
  ...NOTHING_RESERVED,
  paths: [/^\/(var\/run\/argo|argo|argo-bin|mainctrfs)(\/|$)/],
  volumes: [/^(var-run-argo|tmp-dir-argo|argo-staging|input-artifacts|argo-env-config|argoexec-bin)$/],
  labels: ENGINES,
};

/** Annotations that say which class and volume a claim has. */
const claim: Reserved = { ...NOTHING_RESERVED, labels: [/^(pv|volume|volume\.beta|volume\.alpha)\.kubernetes\.io\//] };

/** The kubelet's own mount, and what controllers find their pods by. */
const pod: Reserved = {
  ...NOTHING_RESERVED,
  paths: [/^\/var\/run\/secrets\/kubernetes\.io(\/|$)/],
  volumes: [/^kube-api-access-/],
  labels: [
    /^(pod-template-hash|controller-revision-hash|pod-template-generation|controller-uid|job-name)$/,
    /^(batch|apps|statefulset|kubernetes)\.kubernetes\.io\//,
    /^kubernetes\.io\//,
    // One that made an engine's pod of it would be given by one admission and judged by the next.
    ...ENGINES,
  ],
};

const joined = (parts: readonly Partial<Reserved>[]): Reserved => ({
  paths: parts.flatMap(({ paths = [] }) => paths),
  volumes: parts.flatMap(({ volumes = [] }) => volumes),
  env: parts.flatMap(({ env = [] }) => env),
  labels: parts.flatMap(({ labels = [] }) => labels),
});

const profilesOf = (kind: FrameworkKind): readonly Partial<Reserved>[] =>
  FRAMEWORKS.filter((profile) => profile.kind === kind).map(({ reserved }) => reserved);

/** Profiles of frameworks by kind: each keeps what every pod keeps, and its own. */
const frameworks = Object.fromEntries(
  FRAMEWORK_KINDS.map((kind) => [kind, joined([pod, ...profilesOf(kind)])]),
) as Readonly<Record<FrameworkKind, Reserved>>;

const byKind: Readonly<Record<TargetKind, Reserved>> = {
  ...frameworks,
  Pod: pod,
  PersistentVolumeClaim: claim,
  SparkApplication: spark,
  SparkConnect: spark,
  // What Spark's client puts into pods is the same whoever calls it.
  ApacheSparkApplication: frameworks.SparkPod,
  SparkCluster: frameworks.SparkPod,
  CalrissianPod: calrissian,
  WorkflowPod: argo,
  ObjectStore: NOTHING_RESERVED,
};

/** Ours, and what says whose an object is: a claim we labelled as ours would be ours to delete. */
const reservedLabels: readonly RegExp[] = [
  new RegExp(`^${GROUP.replaceAll('.', '\\.')}/`),
  new RegExp(`^${MANAGED_BY_LABEL.replaceAll('.', '\\.')}$`),
  /^kubectl\.kubernetes\.io\/last-applied-configuration$/,
];

/** True for a file that no container of Spark sees: Spark or its operator mounts a ConfigMap of its own over it. */
export const isHiddenFromSpark = (file: string): boolean =>
  /^\/(etc\/metrics|opt\/spark)\/conf(\/|$)/.test(mountKey(file));

/** Refused by spark-operator's validator (sparkconf_validator.go), whoever sets them. */
const sparkConf: readonly RegExp[] = [
  /^spark\.master$/,
  /^spark\.kubernetes\.(driver\.master|namespace)$/,
  /^spark\.kubernetes\.((driver|executor)\.)?container\.image$/,
  /^spark\.kubernetes\.authenticate\.(driver|executor)\.serviceAccountName$/,
  /^spark\..*oauthToken(File)?$/,
];

/** Set by Apache's operator, or by what it takes a pod template for (SparkAppSubmissionWorker, SparkAppResourceSpecFactory). */
const apacheConf: readonly RegExp[] = [
  /^spark\.(master|app\.id)$/,
  /^spark\.kubernetes\.namespace$/,
  /^spark\.kubernetes\.(driver|executor)\.podTemplate(File|ContainerName)$/,
];

const isAny = (patterns: readonly RegExp[], text: string): boolean => patterns.some((pattern) => pattern.test(text));

/** True for mount paths, and all below them, that the machinery of a kind keeps for itself. */
export const isReservedPath = (kind: TargetKind, path: string): boolean => isAny(byKind[kind].paths, mountKey(path));

export const isReservedVolume = (kind: TargetKind, name: string): boolean => isAny(byKind[kind].volumes, name);

export const isReservedEnv = (kind: TargetKind, name: string): boolean => isAny(byKind[kind].env, name);

/** For keys of labels and of annotations. */
export const isReservedLabel = (kind: TargetKind, key: string): boolean =>
  isAny(reservedLabels, key) || isAny(byKind[kind].labels, key);

export const isReservedSparkConf = (key: string): boolean => isAny(sparkConf, key);

export const isReservedApacheConf = (key: string): boolean => isAny(apacheConf, key);
