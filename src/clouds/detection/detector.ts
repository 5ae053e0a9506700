import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../api/errors.ts';
import type { CloudFacts, CloudName, CloudVerdict } from '../../api/facts.ts';
import type { StringMap } from '../../api/kubernetes.ts';
import { type Cloud, FACT_NAMES, type NodeFact, type ProbeResult } from '../cloud.ts';
import { clouds, verdictFor } from '../index.ts';
import { factsOf, judge, type NodeEvidence, readNodes, unreachableNote } from './evidence.ts';
import { createMetadataClient, METADATA_ADDRESS } from './metadata-client.ts';

/** What the cloud is detected from. */
export interface DetectionInput {
  /** The setting CLOUD. A name is believed; its metadata is then asked for facts only. */
  readonly setting: 'auto' | Cloud['name'];
  /** The setting METADATA_ENDPOINT: asked instead of every cloud's own address. */
  readonly metadataEndpoint: URL | undefined;
  /** The setting FACTS: these win over all that is found out. */
  readonly facts: StringMap;
  /** Empty where no cluster is at hand. */
  readonly nodes: readonly NodeFact[];
  /** Names of the CSIDriver objects. */
  readonly csiDrivers: readonly string[];
}

/** How long metadata services have, in milliseconds: for one answer, and for all together. */
export interface DetectionTimes {
  readonly request: number;
  readonly deadline: number;
}

/** A little under the 2.5 s that are promised, so that answers already there are still used. */
const TIMES: DetectionTimes = { request: 1_000, deadline: 2_300 };

/** Names the cloud and its facts. Ends within 2.5 s whatever answers, and never throws. */
export const detectCloud = async (input: DetectionInput, times = TIMES): Promise<CloudVerdict> => {
  const nodes = readNodes(input.nodes, clouds);
  const probes = await askAll(cloudsToAsk(input.setting, nodes), input.metadataEndpoint, times);
  const { name, notes } =
    input.setting === 'auto'
      ? judge({ clouds, probes, nodes, csiDrivers: input.csiDrivers })
      : configuredCloud(input.setting, nodes, probes);
  const configured = configuredFacts(input.facts);
  return verdictFor(name, { ...factsOf(name, { probes, nodes }), ...configured.facts }, [
    ...notes,
    ...configured.notes,
  ]);
};

const cloudsToAsk = (setting: DetectionInput['setting'], nodes: NodeEvidence): readonly Cloud[] =>
  setting === 'auto'
    ? clouds.filter(({ name, isProbedOnHintOnly }) => !isProbedOnHintOnly || nodes.clouds.has(name))
    : clouds.filter(({ name }) => name === setting);

const askAll = async (
  asked: readonly Cloud[],
  endpoint: URL | undefined,
  times: DetectionTimes,
): Promise<ReadonlyMap<CloudName, ProbeResult>> => {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), times.deadline);
  const ask = async ({ name, probe, metadataAddress }: Cloud): Promise<readonly [CloudName, ProbeResult]> => {
    const base = endpoint ?? new URL(metadataAddress ?? METADATA_ADDRESS);
    const client = createMetadataClient(base, deadline.signal, times.request);
    return [name, (await probe?.(client)) ?? { kind: 'no' }];
  };
  const results = await Promise.all(asked.map(ask)).finally(() => clearTimeout(timer));
  return new Map(results);
};

const configuredCloud = (setting: Cloud['name'], nodes: NodeEvidence, probes: ReadonlyMap<CloudName, ProbeResult>) => {
  const others = [...nodes.clouds.keys(), ...nodes.unknownProviders].filter((name) => name !== setting);
  const cloud = clouds.find(({ name }) => name === setting);
  const isUnreached = cloud?.probe !== undefined && probes.get(setting)?.kind !== 'match';
  return {
    name: setting,
    notes: [
      `CLOUD is set to ${setting}.`,
      ...(others.length > 0 ? [`Nodes’ providerIDs name ${others.join(' and ')} nevertheless.`] : []),
      ...(isUnreached ? [unreachableNote(cloud, { probes })] : []),
    ],
  };
};

const configuredFacts = (given: StringMap): { readonly facts: CloudFacts; readonly notes: readonly string[] } => {
  const known = Object.entries(given).filter(([name]) => Object.hasOwn(FACT_NAMES, name));
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(FACT_NAMES, name));
  return {
    facts: Object.fromEntries(known.map(([name, value]) => [name, { value, source: 'setting FACTS' }])),
    notes:
      unknown.length === 0
        ? []
        : [`FACTS names ${unknown.join(', ')}, which is no fact; the facts are ${Object.keys(FACT_NAMES).join(', ')}.`],
  };
};

export interface DetectionOptions {
  /** The settings, nodes and drivers of this moment, from memory. */
  readonly input: () => DetectionInput;
  /** Told of each verdict that differs from the one before: for the log and the metrics. Must not throw. */
  readonly onVerdict?: (verdict: CloudVerdict) => void;
  readonly detect?: (input: DetectionInput) => Promise<CloudVerdict>;
  /** How long an unknown cloud stays unknown before it is asked for again. */
  readonly retryMs?: number;
  /** How long changes are collected before they are looked at. */
  readonly debounceMs?: number;
}

/** The verdict on the cloud, kept up to date in the background. */
export interface Detection {
  /** Undefined until the first detection has ended. */
  readonly verdict: () => CloudVerdict | undefined;
  /** Fulfilled, never rejected, when the first detection has ended or was stopped. */
  readonly settled: Promise<void>;
  /** To be called whenever nodes or CSI drivers changed: costs little, and asks again only where the input differs. */
  readonly notifyChange: () => void;
  readonly stop: () => void;
}

/**
 * Detects at once, again when its input changes, and every minute while the cloud is unknown. A cloud once named is
 * kept until another is named as surely.
 */
export const startDetection = ({
  input,
  onVerdict,
  detect = detectCloud,
  retryMs = 60_000,
  debounceMs = 5_000,
}: DetectionOptions): Detection => {
  const debouncer = createDebouncer(debounceMs);
  const settled = Promise.withResolvers<void>();
  let verdict: CloudVerdict | undefined;
  let observed: DetectionInput | undefined;

  const detectOnChange = async (isDue: boolean): Promise<void> => {
    const now = input();
    if (!isDue && isDeepStrictEqual(now, observed)) return;
    observed = now;
    const next = nextVerdict(verdict, await detect(now));
    const isChanged = !isDeepStrictEqual(next, verdict);
    verdict = next;
    if (isChanged) onVerdict?.(next);
  };

  const run = async (): Promise<void> => {
    let cause: Trigger = 'due';
    while (cause !== 'stopped') {
      await detectOnChange(cause === 'due').catch((error: unknown) => {
        verdict = nextVerdict(verdict, failed(error));
      });
      settled.resolve();
      cause = await debouncer.wait(verdict?.name === 'unknown' ? retryMs : undefined);
    }
  };

  void run();
  return {
    verdict: () => verdict,
    settled: settled.promise,
    notifyChange: debouncer.notifyChange,
    stop: () => {
      debouncer.stop();
      settled.resolve();
    },
  };
};

const failed = (error: unknown): CloudVerdict =>
  verdictFor('unknown', {}, [`The cloud could not be asked for: ${messageOf(error)}`]);

/**
 * The verdict to go by after another detection. That nothing was found this time takes no name away, and what is
 * not told again this time stays known.
 */
export const nextVerdict = (previous: CloudVerdict | undefined, next: CloudVerdict): CloudVerdict => {
  if (previous === undefined || isWeak(previous)) return next;
  if (isWeak(next)) return { ...previous, notes: [...new Set([...previous.notes, ...next.notes])] };
  return next.name === previous.name ? { ...next, facts: { ...previous.facts, ...next.facts } } : next;
};

/** `local` is named where nothing else was: it gives way to any cloud, and to `unknown`. */
const isWeak = ({ name }: CloudVerdict): boolean => name === 'unknown' || name === 'local';

type Trigger = 'due' | 'change' | 'stopped';

/** Wakes one waiter, after a time or when something changed. */
export interface Debouncer {
  /** `due` after `ms` (never, where undefined), `change` once changes have settled, `stopped` for good. */
  readonly wait: (ms: number | undefined) => Promise<Trigger>;
  /** Something changed. Many calls within the settling time count as one; none is lost between two waits. */
  readonly notifyChange: () => void;
  readonly stop: () => void;
}

const createDebouncer = (debounceMs: number): Debouncer => {
  let wakeUp = Promise.withResolvers<Trigger>();
  let isStopped = false;
  let debounceTimer: NodeJS.Timeout | undefined;

  return {
    wait: async (ms) => {
      const timer = ms === undefined ? undefined : setTimeout(() => wakeUp.resolve('due'), ms);
      const cause = await wakeUp.promise;
      clearTimeout(timer);
      if (isStopped) return 'stopped';
      wakeUp = Promise.withResolvers<Trigger>();
      return cause;
    },
    notifyChange: () => {
      if (isStopped) return;
      debounceTimer ??= setTimeout(() => {
        debounceTimer = undefined;
        wakeUp.resolve('change');
      }, debounceMs);
    },
    stop: () => {
      isStopped = true;
      clearTimeout(debounceTimer);
      wakeUp.resolve('stopped');
    },
  };
};
