import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    reporters: [process.env['CI'] === undefined ? 'default' : 'dot', './dev/closing-line.ts'],
    projects: [
      { test: { name: 'fast', include: ['test/{unit,golden,properties}/**/*.test.ts'], testTimeout: 20_000 } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts', 'test/faults/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 1_800_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
