import { defineConfig } from 'vitest/config';
import { closedClouds } from './dev/closed-clouds.ts';

const env = { ...closedClouds };

export default defineConfig({
  test: {
    reporters: [process.env['CI'] === undefined ? 'default' : 'dot', './dev/closing-line.ts'],
    projects: [
      {
        test: { name: 'fast', include: ['test/{unit,golden,properties,fuzz}/**/*.test.ts'], testTimeout: 20_000, env },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts', 'test/faults/**/*.test.ts'],
          env,
          testTimeout: 60_000,
          hookTimeout: 1_800_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'slow',
          include: ['test/slow/**/*.test.ts'],
          env,
          testTimeout: 600_000,
          hookTimeout: 1_800_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
