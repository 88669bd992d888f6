import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Where `.ci/run` wants the machine-readable result; everyone else gets the readable one alone. */
const report = process.env['CATENARY_TEST_REPORT']

const TIMED = ['kills*', 'coordinator*', 'apache-zookeeper', 'power-cut'].map(
  (name) => `test/cluster/${name}.test.ts`,
)
const PATIENCE = { testTimeout: 180_000, hookTimeout: 120_000 }

/** For `npm run test:long` alone: together three minutes of two cores. */
const LONGER = [
  'test/mutants/**',
  ...['torture', 'graceful-stop', 'rolling-restart', 'quorum'].map((name) => `test/cluster/${name}.test.ts`),
]
const skipped = process.env['CATENARY_TEST_LONG'] === undefined ? LONGER : []

/** Files that take long, and look short. */
const LONG = /test\/(mutants|simulator\/seeds-)/

/** One that began last would leave the other core idle. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isLong = ({ moduleId }: TestSpecification) => LONG.test(moduleId)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

export default defineConfig({
  test: {
    pool: 'forks',
    // Not a promise about speed: only a bound for what hangs, generous enough for a machine that is busy with other things.
    testTimeout: 90_000,
    hookTimeout: 60_000,
    sequence: { sequencer: LongestFirst },
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: ['test/cluster/**', ...skipped],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Real processes, which mostly wait for each other: after everything else, two files at a time.
        extends: true,
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          exclude: [...TIMED, ...skipped],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          ...PATIENCE,
        },
      },
      {
        // Those that say how long something stood still: alone, or a busy machine would look to them like a failed one.
        extends: true,
        test: {
          name: 'timed',
          include: TIMED,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          ...PATIENCE,
        },
      },
    ],
  },
})
