import { readFileSync } from 'node:fs'
import type { CommandModule } from 'yargs'
import { ALL_KINDS, parseFaults } from '../../lab/simulator/faults/kinds.ts'
import { planFromJson } from '../../lab/simulator/faults/plan-json.ts'
import { REPLICATIONS, type Replication } from '../../protocol/cluster.ts'
import { UsageError } from '../arguments.ts'
import type { SimChoice } from '../sim/one.ts'

interface SimArguments {
  readonly seed: number | undefined
  readonly seeds: number | undefined
  readonly from: number
  readonly minutes: number | undefined
  readonly faults: string | undefined
  readonly servers: number | undefined
  readonly clients: number
  readonly chains: number
  readonly duration: number | undefined
  readonly plan: string | undefined
  readonly replication: Replication | undefined
  readonly workers: number
  readonly trace: boolean
  readonly shrink: boolean
  readonly 'go-on': boolean
  readonly out: string | undefined
  readonly json: boolean
}

/** Seeds are 32 bits wide. */
const SEED_MAX = 2 ** 32 - 1

export const simCommand: CommandModule<unknown, SimArguments> = {
  command: 'sim',
  describe: 'Run whole clusters in a simulator that breaks things, and judge what clients saw',
  builder: (yargs) =>
    yargs
      .option('seed', { type: 'number', describe: 'Run this seed alone' })
      .option('seeds', { type: 'number', describe: 'Run so many seeds' })
      .option('from', { type: 'number', default: 1, describe: 'The first of them' })
      .option('minutes', { type: 'number', describe: 'Run seeds for so long' })
      .option('faults', {
        type: 'string',
        describe: `Only these kinds, comma-separated, or none; -kind: all but it. Known: ${ALL_KINDS.join(', ')}`,
      })
      .option('servers', { type: 'number', describe: 'Data servers. Default: drawn for each seed' })
      .option('clients', { type: 'number', default: 8, describe: 'Clients of the store' })
      .option('chains', { type: 'number', default: 2, describe: 'Chains that share the keys' })
      .option('replication', {
        choices: REPLICATIONS,
        describe: 'What keeps the copies alike. Default: craq, and storms of elections now and then',
      })
      .option('duration', {
        type: 'number',
        describe: 'Virtual seconds with faults. Default: drawn for each seed',
      })
      .option('plan', { type: 'string', describe: 'A file with the faults, instead of those of the seed' })
      .option('workers', { type: 'number', default: 1, describe: 'Threads' })
      .option('trace', { type: 'boolean', default: false, describe: 'Print every event of the run' })
      .option('shrink', {
        type: 'boolean',
        default: false,
        describe: 'Of a seed that fails: find the fewest faults that it still fails with',
      })
      .option('go-on', { type: 'boolean', default: false, describe: 'Do not stop at the first failure' })
      .option('out', { type: 'string', describe: 'A folder for what explains a failure' })
      .option('json', { type: 'boolean', default: false, describe: 'One JSON object instead of words' })
      .example('$0 sim --seed 42', 'one run, and what happened in it')
      .example('$0 sim --seeds 1000 --workers 2', 'many runs')
      .example('$0 sim --minutes 10 --faults crash,partition', 'as many as ten minutes allow')
      .example('$0 sim --seed 42 --trace | less', 'every event of it')
      .example('$0 sim --seed 42 --shrink --out failure', 'the fewest faults that still break it')
      .epilog('Status: 0 all is well, 1 something failed (its seed is named), 2 the options make no sense.'),
  handler: async (argv) => {
    const choice = toChoice(argv)
    // Servers start by the same program: they should not load a simulator.
    if (argv.seed === undefined) {
      const { simulateMany } = await import('../sim/many.ts')
      return simulateMany(toAmount(argv), choice)
    }
    const { simulateOne } = await import('../sim/one.ts')
    return simulateOne(wholeWithin(argv.seed, '--seed', 0, SEED_MAX), choice)
  },
}

function wholeWithin(value: number, what: string, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  const given = Number.isNaN(value) ? 'what was given is no number' : `not ${value}`
  throw new UsageError(`${what}: use a whole number from ${min} to ${max}; ${given}`)
}

function toChoice(argv: SimArguments): SimChoice {
  if (argv.seed !== undefined && (argv.seeds !== undefined || argv.minutes !== undefined))
    throw new UsageError('--seed runs one seed; --seeds and --minutes run many: give one of them')
  for (const [name, given] of [
    ['--trace', argv.trace],
    ['--shrink', argv.shrink],
    ['--plan', argv.plan !== undefined],
  ] as const)
    if (given && argv.seed === undefined) throw new UsageError(`${name} is for one run: name its --seed`)
  return {
    options: {
      clients: wholeWithin(argv.clients, '--clients', 1, 64),
      chains: wholeWithin(argv.chains, '--chains', 1, 16),
      ...(argv.servers === undefined ? {} : { servers: wholeWithin(argv.servers, '--servers', 1, 16) }),
      ...(argv.replication === undefined ? {} : { replication: argv.replication }),
      ...(argv.duration === undefined
        ? {}
        : { faultSeconds: wholeWithin(argv.duration, '--duration', 1, 100_000) }),
      ...(argv.faults === undefined ? {} : { faults: readAs(() => parseFaults(argv.faults ?? ''), '--') }),
      ...(argv.plan === undefined
        ? {}
        : {
            plan: readAs(() => planFromJson(readFileSync(argv.plan ?? '', 'utf8')), `--plan ${argv.plan}: `),
          }),
    },
    trace: argv.trace,
    shrink: argv.shrink,
    goOn: argv['go-on'],
    workers: wholeWithin(argv.workers, '--workers', 1, 64),
    out: argv.out ?? null,
    json: argv.json,
  }
}

function toAmount(argv: SimArguments) {
  const { seeds, minutes } = argv
  const from = wholeWithin(argv.from, '--from', 0, SEED_MAX)
  if (seeds === undefined && minutes === undefined)
    throw new UsageError('how much? --seed N, --seeds COUNT or --minutes MINUTES')
  if (minutes !== undefined && !(minutes > 0))
    throw new UsageError('--minutes: use a number above 0, such as 10 or 0.5')
  return {
    from,
    seeds: seeds === undefined ? SEED_MAX - from + 1 : wholeWithin(seeds, '--seeds', 1, SEED_MAX - from + 1),
    minutes: minutes ?? Number.POSITIVE_INFINITY,
  }
}

/** What the simulator's own readers refuse is a matter of what was written. */
function readAs<Value>(read: () => Value, what: string): Value {
  try {
    return read()
  } catch (error) {
    throw new UsageError(`${what}${error instanceof Error ? error.message : error}`)
  }
}
