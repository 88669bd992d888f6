import { defineConfig } from 'vitest/config'

/** Where `.ci/run` wants the machine-readable result; everyone else gets the readable one alone. */
const report = process.env['CATENARY_TEST_REPORT']

export default defineConfig({
  test: {
    pool: 'forks',
    // Not a promise about speed: only a bound for what hangs, generous enough for a machine that is busy with other things.
    testTimeout: 90_000,
    hookTimeout: 60_000,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: ['test/cluster/**'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Real processes with real election timeouts: alone, after everything else, one file at a time,
        // or a busy machine would look to them like a failed one.
        extends: true,
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
