import type { Random } from './random.ts';

/** One way into the program. */
export interface Target {
  readonly name: string;
  /** Makes an input; the same for the same numbers. */
  readonly make: (random: Random) => Buffer;
  /** Throws, or rejects, where the program does not stand the input. */
  readonly check: (input: Buffer) => unknown;
  /** How many inputs may be checked at the same time; one where not given. */
  readonly atOnce?: number;
  /** How long one input may take; a second where not given. */
  readonly longestMs?: number;
  readonly stop?: () => Promise<void>;
  /** Memory that the program takes, where it has a process of its own. */
  readonly rssBytes?: () => number;
}

/** Starts what a target needs. `seed` is where its own choices come from. */
export type OpenTarget = (seed: number) => Promise<Target> | Target;
