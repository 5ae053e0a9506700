import type { Feature } from './bucket.ts';
import type { About } from './vendor-call.ts';

/** A feature of whatever bucket it is told. */
export interface Setting {
  readonly name: Feature['name'];
  readonly isApplied: (about: About) => Promise<boolean>;
  readonly apply: (about: About) => Promise<void>;
}

/** The settings a spec asks for, as features of one bucket; `false` stands for what it does not ask for. */
export const featuresOf = (bucket: string, settings: readonly (Setting | false)[]): readonly Feature[] =>
  settings
    .filter((setting) => setting !== false)
    .map(({ name, isApplied, apply }) => ({
      name,
      isApplied: (signal) => isApplied({ bucket, signal }),
      apply: (signal) => apply({ bucket, signal }),
    }));
