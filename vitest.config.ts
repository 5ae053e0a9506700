import { defineConfig } from 'vitest/config';
import { closedClouds } from './dev/closed-clouds.ts';

const env = { ...closedClouds };
/** A poll ends as soon as what it waits for is there: patience costs nothing, and machines are busy. */
const expect = { poll: { timeout: 15_000 } };

export default defineConfig({
  test: {
    reporters: [
      ...(process.env['CI'] === undefined ? ['default'] : ['dot', './dev/slowest-tests.ts']),
      './dev/closing-line.ts',
    ],
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/{integration,faults,slow,cluster,cluster-killed}/**'],
          testTimeout: 30_000,
          env,
          expect,
          // One core less, as usual, would be one of two.
          maxWorkers: '100%',
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          env,
          expect,
          testTimeout: 60_000,
          hookTimeout: 1_800_000,
          // Each file waits for a control plane of its own more than it computes.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'slow',
          include: ['test/{slow,properties}/**/*.test.ts'],
          env: { ...env, PROPERTY_RUNS: process.env['PROPERTY_RUNS'] ?? '60' },
          expect,
          testTimeout: 600_000,
          hookTimeout: 1_800_000,
          // They wait more than they compute, as those of integration do.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          env,
          expect,
          testTimeout: 600_000,
          hookTimeout: 1_800_000,
          // What they measure and what they injure is a machine of their own.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          globalSetup: ['test/cluster/setup.ts'],
          env,
          expect: { poll: { timeout: 120_000, interval: 500 } },
          testTimeout: 900_000,
          hookTimeout: 1_800_000,
          // All files share one cluster of two cores.
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'cluster-killed',
          include: ['test/cluster-killed/**/*.test.ts'],
          env,
          expect,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
