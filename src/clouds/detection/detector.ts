import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../api/errors.ts';
import type { CloudVerdict } from '../../api/facts.ts';
import { verdictFor } from '../index.ts';
import { type Cause, createAlarm } from './alarm.ts';
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
  readonly settleMs?: number;
}

/** The cloud question, kept answered in the background. */
export interface Detection {
  /** Undefined until the first detection has ended. */
  readonly verdict: () => CloudVerdict | undefined;
  /** Fulfilled, never rejected, when the first detection has ended or was stopped. */
  readonly settled: Promise<void>;
  /** To be called whenever nodes or CSI drivers changed: costs little, and asks again only where the input differs. */
  readonly noteChange: () => void;
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
  settleMs = 5_000,
}: DetectionOptions): Detection => {
  const alarm = createAlarm(settleMs);
  const settled = Promise.withResolvers<void>();
  let verdict: CloudVerdict | undefined;
  let seen: DetectionInput | undefined;

  const look = async (isDue: boolean): Promise<void> => {
    const now = input();
    if (!isDue && isDeepStrictEqual(now, seen)) return;
    seen = now;
    const next = succeed(verdict, await detect(now));
    const isNews = !isDeepStrictEqual(next, verdict);
    verdict = next;
    if (isNews) onVerdict?.(next);
  };

  const watch = async (): Promise<void> => {
    let cause: Cause = 'due';
    while (cause !== 'stopped') {
      await look(cause === 'due').catch((error: unknown) => {
        verdict = succeed(verdict, failed(error));
      });
      settled.resolve();
      cause = await alarm.wait(verdict?.name === 'unknown' ? retryMs : undefined);
    }
  };

  void watch();
  return {
    verdict: () => verdict,
    settled: settled.promise,
    noteChange: alarm.noteChange,
    stop: () => {
      alarm.stop();
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
export const succeed = (previous: CloudVerdict | undefined, next: CloudVerdict): CloudVerdict => {
  if (previous === undefined || isWeak(previous)) return next;
  if (isWeak(next)) return { ...previous, notes: [...new Set([...previous.notes, ...next.notes])] };
  return next.name === previous.name ? { ...next, facts: { ...previous.facts, ...next.facts } } : next;
};

/** `local` is named where nothing else was: it gives way to any cloud, and to `unknown`. */
const isWeak = ({ name }: CloudVerdict): boolean => name === 'unknown' || name === 'local';
