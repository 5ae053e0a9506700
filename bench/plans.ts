import { inputs } from './inputs.ts';
import type { Plan } from './reviews.ts';

/** What `npm run bench` compares in one run, by the word that asks for it. */
export const plans = {
  reviews: {
    rounds: 5,
    connections: 16,
    bytes: 40_000_000,
    subjects: ['floor', 'quartermaster-0', 'quartermaster-20', 'quartermaster-1000', 'pepr-20', 'agnhost'],
    inputs: Object.keys(inputs),
    matching: 3,
  },
  quick: {
    rounds: 2,
    connections: 16,
    bytes: 20_000_000,
    subjects: ['floor', 'quartermaster-20'],
    inputs: ['claim', 'pod', 'small', 'spark'],
    matching: 3,
  },
  defaults: {
    rounds: 6,
    connections: 16,
    bytes: 40_000_000,
    subjects: ['quartermaster-5', 'quartermaster-1000', 'quartermaster-10000'],
    inputs: ['pod', 'spark'],
    matching: 5,
  },
} as const satisfies Readonly<Record<string, Plan>>;
