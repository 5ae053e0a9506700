/** Where a command prints, so that commands touch no global. */
export interface Terminal {
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
  /** Standard output is a terminal that shows colours. */
  readonly isColoured: boolean;
  /** How wide what goes to standard error may be; left out where that is no terminal. */
  readonly columns?: number;
}

/** What the process ends with. */
export const EXIT = { fine: 0, refused: 1, unusable: 2 } as const;
