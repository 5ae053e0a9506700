/** One thing that must be true before traffic is taken. */
export interface Check {
  readonly name: string;
  readonly isMet: () => boolean;
  /** Why it is not, where that is known; the end of a sentence. */
  readonly why?: () => string | undefined;
}

export interface Health {
  /** False once a check that stood for the life of the process fails (a restart helps). */
  readonly isLive: () => boolean;
  /** Names of what readiness still waits for, with why; empty: ready. */
  readonly waitingFor: () => readonly string[];
  /** From now on never ready again: the process is ending. */
  readonly drain: () => void;
}

const titleOf = ({ name, why }: Check): string => {
  const known = why?.();
  return known === undefined ? name : `${name} (${known})`;
};

export const createHealth = (checks: readonly Check[]): Health => {
  let isDraining = false;
  return {
    isLive: () => true,
    waitingFor: () => [
      ...(isDraining ? ['shutting down'] : []),
      ...checks.filter(({ isMet }) => !isMet()).map(titleOf),
    ],
    drain: () => {
      isDraining = true;
    },
  };
};
