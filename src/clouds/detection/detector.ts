import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../api/errors.ts';
import type { CloudVerdict } from '../../api/facts.ts';
import { verdictFor } from '../index.ts';
import { createDebouncer, type Trigger } from './alarm.ts';
import { type DetectionInput, detectCloud } from './detect.ts';

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
