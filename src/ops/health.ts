/** One thing that must be true before traffic is taken. */
export interface Check {
  readonly name: string;
  readonly isMet: () => boolean;
}

export interface Health {
  /** False once a check that stood for the life of the process fails (a restart helps). */
  readonly isLive: () => boolean;
  /** Names of what readiness still waits for; empty: ready. */
  readonly waitingFor: () => readonly string[];
  /** From now on never ready again: the process is ending. */
  readonly drain: () => void;
}

export const createHealth = (checks: readonly Check[]): Health => {
  let isDraining = false;
  return {
    isLive: () => true,
    waitingFor: () => [
      ...(isDraining ? ['shutting down'] : []),
      ...checks.filter(({ isMet }) => !isMet()).map(({ name }) => name),
    ],
    drain: () => {
      isDraining = true;
    },
  };
};
