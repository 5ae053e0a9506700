import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CloudVerdict } from '../api/facts.ts';
import { createCountedNames } from '../defaults/admissions/names.ts';

export type AdmissionResult = 'changed' | 'unchanged' | 'refused' | 'error';
export type ReconcileResult = 'done' | 'requeued' | 'failed' | 'abandoned';

/** All that is measured, each under one name. Durations are in seconds, whatever their callers count in. */
export interface Metrics {
  /** The exposition text, as Prometheus reads it. */
  readonly expose: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly countAdmission: (kind: string, operation: string, result: AdmissionResult, seconds: number) => void;
  /** `source`: the PlatformDefaults which would have changed an object, were it enforced: `PlatformDefaults <namespace>/<name>@<generation>`. */
  readonly countAudited: (source: string) => void;
  /** `reason`: what told that a review comes from no API server. */
  readonly countRefusedCaller: (reason: 'address' | 'certificate' | 'name') => void;
  /** One PlatformDefaults, as `<namespace>/<name>`, that a review was not given by, and which of its conditions failed first. */
  readonly countNotMatching: (name: string, reason: string) => void;
  /** For a PlatformDefaults that is gone, as `<namespace>/<name>`: its series go, and another may have their place. */
  readonly forgetDefaults: (name: string) => void;
  readonly countReconcile: (controller: string, result: ReconcileResult, seconds: number) => void;
  /** `waiting`: keys to be worked on now; `failing`: keys whose last reconcile failed. */
  readonly setQueue: (controller: string, waiting: number, failing: number) => void;
  readonly countWatchRestart: (resource: string, why: string) => void;
  readonly setCloud: (verdict: Pick<CloudVerdict, 'name' | 'facts'>) => void;
  readonly setLeader: (isLeader: boolean) => void;
  readonly countEvent: (outcome: 'written' | 'dropped' | 'failed') => void;
  readonly countStorageClass: (madeBy: 'admission' | 'controller') => void;
  readonly setCertificateExpiry: (certificate: 'serving' | 'authority', notAfter: Date) => void;
  readonly countBucketCall: (provider: string, call: string, result: string, seconds: number) => void;
}

/** Admission answers from memory in well under a millisecond, unless it makes a class. */
const ADMISSION_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const RECONCILE_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60];
/** Whoever reaches the webhook names the kind: past so many, all others share one label. */
const MAX_KINDS = 50;
const MAX_KIND_LENGTH = 63;
/** Nobody can push these out. */
const OUR_KINDS: ReadonlySet<string> = new Set([
  'PersistentVolumeClaim',
  'Pod',
  'SparkApplication',
  'SparkConnect',
  'SparkCluster',
  'ObjectStore',
]);

/** What was counted of one PlatformDefaults at admission. */
export interface DefaultsCounts {
  readonly mode: 'Default' | 'Enforce';
  readonly applied: number;
  readonly keptBack: number;
  readonly refused: number;
}

export interface MetricsOptions {
  /** Adds Node's own process metrics. */
  readonly isDetailed?: boolean;
  /** The namespace whose PlatformDefaults are the platform's: those have labels of their own however many tenants make. */
  readonly platform?: string;
  /** By `<namespace>/<name>`; as many as are to be told. */
  readonly defaultsCounts?: () => Iterable<readonly [string, DefaultsCounts]>;
}

/** A registry of its own, so that two in one process do not share numbers. */
export const createMetrics = ({ isDetailed, platform = '', defaultsCounts }: MetricsOptions = {}): Metrics => {
  const registry = new Registry();
  if (isDetailed) collectDefaultMetrics({ register: registry });
  return {
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    ...admissionMetrics(registry),
    ...defaultsMetrics(registry, platform, defaultsCounts ?? (() => [])),
    ...controllerMetrics(registry),
    ...clusterMetrics(registry),
    ...externalMetrics(registry),
  };
};

type Definition<Label extends string> = {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly Label[];
};

const counter = <L extends string>(registry: Registry, { name, help, labelNames = [] }: Definition<L>) =>
  new Counter({ name: `quartermaster_${name}`, help, labelNames: [...labelNames], registers: [registry] });

const gauge = <L extends string>(registry: Registry, { name, help, labelNames = [] }: Definition<L>) =>
  new Gauge({ name: `quartermaster_${name}`, help, labelNames: [...labelNames], registers: [registry] });

const histogram = <L extends string>(
  registry: Registry,
  { name, help, labelNames = [], buckets }: Definition<L> & { readonly buckets: readonly number[] },
) =>
  new Histogram({
    name: `quartermaster_${name}`,
    help,
    labelNames: [...labelNames],
    buckets: [...buckets],
    registers: [registry],
  });

const admissionMetrics = (registry: Registry): Pick<Metrics, 'countAdmission' | 'countRefusedCaller'> => {
  const requests = counter(registry, {
    name: 'admission_requests_total',
    help: 'Admission requests answered.',
    labelNames: ['kind', 'operation', 'result'],
  });
  const duration = histogram(registry, {
    name: 'admission_duration_seconds',
    help: 'Time from the whole request to its answer.',
    labelNames: ['kind'],
    buckets: ADMISSION_SECONDS,
  });
  const refusedCallers = counter(registry, {
    name: 'refused_callers_total',
    help: 'Requests refused since their sender is no API server, by what told so: its address, its certificate or the name in it.',
    labelNames: ['reason'],
  });
  const known = new Set<string>();
  const bound = (kind: string): string => {
    if (OUR_KINDS.has(kind)) return kind;
    if (!known.has(kind) && (known.size === MAX_KINDS || kind.length > MAX_KIND_LENGTH)) return 'other';
    known.add(kind);
    return kind;
  };
  // A series is looked up by a text made of all its labels, which takes longer than to count.
  const counters = new Map<string, () => void>();
  const observers = new Map<string, (seconds: number) => void>();
  return {
    countAdmission: (kind, operation, result, seconds) => {
      const label = bound(kind);
      const series = `${label} ${operation} ${result}`;
      getOrMake(counters, series, () => requests.labels({ kind: label, operation, result }).inc)();
      getOrMake(observers, label, () => duration.labels({ kind: label }).observe)(seconds);
    },
    countRefusedCaller: (reason) => refusedCallers.inc({ reason }),
  };
};

const defaultsMetrics = (
  registry: Registry,
  platform: string,
  counts: NonNullable<MetricsOptions['defaultsCounts']>,
): Pick<Metrics, 'countAudited' | 'countNotMatching' | 'forgetDefaults'> => {
  // Counted elsewhere, where it costs an admission less, and read when somebody asks.
  new Counter({
    name: 'quartermaster_defaults_objects_total',
    help: 'Objects that a PlatformDefaults matched, by what came of it.',
    labelNames: ['default', 'mode', 'outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [name, { mode, applied, keptBack, refused }] of counts()) {
        this.inc({ default: name, mode, outcome: 'applied' }, applied);
        this.inc({ default: name, mode, outcome: 'kept_back' }, keptBack);
        this.inc({ default: name, mode, outcome: 'refused' }, refused);
      }
    },
  });
  const audited = counter(registry, {
    name: 'audited_objects_total',
    help: 'Objects that a PlatformDefaults with the mode Audit would have changed.',
    labelNames: ['default'],
  });
  const notMatching = counter(registry, {
    name: 'defaults_not_matching_total',
    help: 'Objects of a sample that a PlatformDefaults did not match, by the first condition that failed.',
    labelNames: ['default', 'reason'],
  });
  const auditedByName = createSeries(audited, platform);
  const notMatchingByName = createSeries(notMatching, platform);
  return {
    countAudited: (source) => auditedByName.count(source.slice('PlatformDefaults '.length, source.lastIndexOf('@'))),
    countNotMatching: (name, reason) => notMatchingByName.count(name, reason),
    forgetDefaults: (name) => {
      auditedByName.forget(name);
      notMatchingByName.forget(name);
    },
  };
};

/** The series of a counter for each PlatformDefaults. */
interface SeriesByName {
  readonly count: (name: string, reason?: string) => void;
  readonly forget: (name: string) => void;
}

const createSeries = (counter: Counter<'default' | 'reason'>, platform: string): SeriesByName => {
  const names = createCountedNames(platform);
  // A series is looked up by a text made of all its labels, which takes longer than to count.
  const counters = new Map<string, Map<string | undefined, () => void>>();
  return {
    count: (name, reason) => {
      const label = names.of(name);
      const byReason = getOrMake(counters, label, () => new Map<string | undefined, () => void>());
      getOrMake(byReason, reason, () => counter.labels(labelsFor(label, reason)).inc)();
    },
    forget: (name) => {
      for (const reason of counters.get(name)?.keys() ?? []) counter.remove(labelsFor(name, reason));
      counters.delete(name);
      names.forget(name);
    },
  };
};

const labelsFor = (name: string, reason: string | undefined) =>
  reason === undefined ? { default: name } : { default: name, reason };

const getOrMake = <Key, T>(items: Map<Key, T>, key: Key, make: () => T): T => {
  const existing = items.get(key);
  if (existing !== undefined) return existing;
  const made = make();
  items.set(key, made);
  return made;
};

const controllerMetrics = (
  registry: Registry,
): Pick<Metrics, 'countReconcile' | 'setQueue' | 'setLeader' | 'countEvent' | 'countStorageClass'> => {
  const labelNames = ['controller'] as const;
  const reconciles = counter(registry, {
    name: 'reconciles_total',
    help: 'Reconciles ended.',
    labelNames: ['controller', 'result'],
  });
  const duration = histogram(registry, {
    name: 'reconcile_duration_seconds',
    help: 'Time of one reconcile.',
    labelNames,
    buckets: RECONCILE_SECONDS,
  });
  const waiting = gauge(registry, { name: 'queue_depth', help: 'Keys waiting to be reconciled.', labelNames });
  const failing = gauge(registry, { name: 'queue_failing', help: 'Keys whose last reconcile failed.', labelNames });
  const leader = gauge(registry, { name: 'leader', help: '1 on the replica whose controllers act.' });
  const events = counter(registry, {
    name: 'events_total',
    help: 'Kubernetes Events by what became of them.',
    labelNames: ['outcome'],
  });
  const classes = counter(registry, {
    name: 'storage_classes_made_total',
    help: 'StorageClasses made.',
    labelNames: ['by'],
  });
  return {
    countReconcile: (controller, result, seconds) => {
      reconciles.inc({ controller, result });
      duration.observe({ controller }, seconds);
    },
    setQueue: (controller, depth, failed) => {
      waiting.set({ controller }, depth);
      failing.set({ controller }, failed);
    },
    setLeader: (isLeader) => leader.set(isLeader ? 1 : 0),
    countEvent: (outcome) => events.inc({ outcome }),
    countStorageClass: (by) => classes.inc({ by }),
  };
};

const clusterMetrics = (registry: Registry): Pick<Metrics, 'countWatchRestart' | 'setCloud'> => {
  const restarts = counter(registry, {
    name: 'watch_restarts_total',
    help: 'Watches that ended or failed and were begun anew.',
    labelNames: ['resource', 'why'],
  });
  // Every cluster has namespaces: a counter that nobody has counted yet has no rate, and looks like one that is not scraped.
  restarts.inc({ resource: 'namespaces', why: 'ended' }, 0);
  const cloud = gauge(registry, { name: 'cloud_info', help: '1 for the cloud found.', labelNames: ['cloud'] });
  const facts = gauge(registry, {
    name: 'cloud_fact_info',
    help: '1 for each fact known of the cloud, with where it came from.',
    labelNames: ['fact', 'value', 'source'],
  });
  return {
    countWatchRestart: (resource, why) => restarts.inc({ resource, why }),
    setCloud: (verdict) => {
      cloud.reset();
      facts.reset();
      cloud.set({ cloud: verdict.name }, 1);
      for (const [fact, { value, source }] of Object.entries(verdict.facts)) facts.set({ fact, value, source }, 1);
    },
  };
};

const externalMetrics = (registry: Registry): Pick<Metrics, 'setCertificateExpiry' | 'countBucketCall'> => {
  const expiry = gauge(registry, {
    name: 'certificate_expiry_timestamp_seconds',
    help: 'When a certificate in use ends, as Unix time.',
    labelNames: ['certificate'],
  });
  const calls = counter(registry, {
    name: 'bucket_calls_total',
    help: 'Calls to bucket providers.',
    labelNames: ['provider', 'call', 'result'],
  });
  const duration = histogram(registry, {
    name: 'bucket_call_duration_seconds',
    help: 'Time of one call to a bucket provider.',
    labelNames: ['provider', 'call'],
    buckets: RECONCILE_SECONDS,
  });
  return {
    setCertificateExpiry: (certificate, notAfter) => expiry.set({ certificate }, notAfter.getTime() / 1000),
    countBucketCall: (provider, call, result, seconds) => {
      calls.inc({ provider, call, result });
      duration.observe({ provider, call }, seconds);
    },
  };
};
