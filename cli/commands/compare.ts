import { cpus } from 'node:os'
import type { CommandModule, InferredOptionTypes } from 'yargs'
import { EXPERIMENTS } from '../../lab/compare/plan.ts'
import { UsageError } from '../arguments.ts'

const options = {
  quick: {
    type: 'boolean',
    default: false,
    describe: 'Less than five minutes: one round, short spans, the headline and a few mixes',
  },
  only: {
    type: 'string',
    describe: `Experiments, comma-separated: ${EXPERIMENTS.join(', ')}. Default: all`,
  },
  systems: {
    type: 'string',
    describe:
      'Systems, comma-separated; --list names them. They take part in every experiment that fits. Default: all that are installed, some in the headline alone',
  },
  rounds: {
    type: 'number',
    describe:
      'How often each point is measured. Default: 5 for what the goals speak of, 1 to 3 for the rest; quick: 1',
  },
  seconds: { type: 'number', describe: 'How long each point is measured. Default: 1 or 2' },
  values: { type: 'number', default: 100, describe: 'Bytes of a value' },
  outstanding: { type: 'number', default: 64, describe: 'Operations in flight, besides 1' },
  long: { type: 'boolean', default: false, describe: 'Ten million keys, too' },
  paper: {
    type: 'boolean',
    default: false,
    describe: 'Repeat the figures of the CRAQ and Chain Replication papers, too (in virtual time)',
  },
  out: {
    type: 'string',
    default: 'catenary-comparison',
    describe: 'The folder for report.html and results.json; with --markdown, the documents’ folder',
  },
  data: {
    type: 'string',
    describe: 'Where the systems keep their data meanwhile: the disk that is measured. Default: in --out',
  },
  resume: {
    type: 'string',
    describe: 'Go on where a run stopped: with what it was asked for, in its results.json',
  },
  plan: { type: 'boolean', default: false, describe: 'Say what would be done and how long it takes' },
  list: { type: 'boolean', default: false, describe: 'Name the systems, and what is missing' },
  report: { type: 'string', describe: 'Write report.html again, from this results.json; measure nothing' },
  markdown: {
    type: 'string',
    describe: 'Write COMPARISON.md and its pictures from this results.json; measure nothing',
  },
} as const

export const compareCommand: CommandModule<object, InferredOptionTypes<typeof options>> = {
  command: 'compare',
  describe:
    'Measure Catenary beside etcd, ZooKeeper, JetStream and Redis on this machine, and write a report',
  builder: (yargs) =>
    yargs
      .options(options)
      .example('$0 compare --quick', 'a first impression, and catenary-comparison/report.html')
      .example('$0 compare', 'everything, round after round')
      .example('$0 compare --systems catenary-craq,etcd --only headline,failure', 'less')
      .example('$0 compare --values 1000 --outstanding 256 --seconds 5', 'your own load')
      .example('$0 compare --resume catenary-comparison/results.json', 'what an interrupted run has left')
      .example('$0 compare --plan', 'what that would be, and how long')
      .example('$0 compare --markdown catenary-comparison/results.json --out docs', 'docs/COMPARISON.md')
      .epilogue(
        'What is not installed is left out, and said. Ctrl-C stops everything that was started; what was measured is kept and reported.\nEnds with status 0: all was measured. 1: some was not, and why is in the report. 130: interrupted.',
      ) as never,
  handler: async (args) => {
    const { runCompare, resumeCompare, listSystems, writeReportAgain, writeMarkdown } = await import(
      '../compare/run-compare.ts'
    )
    if (args.list) return listSystems()
    if (args.report !== undefined) return writeReportAgain(args.report, args.out)
    if (args.markdown !== undefined) return writeMarkdown(args.markdown, args.out)
    if (args.resume !== undefined) process.exit(await resumeCompare(args.resume, args.data ?? null))
    const status = await runCompare({
      plan: {
        quick: args.quick,
        only: args.only === undefined ? null : toExperiments(args.only),
        systems: args.systems === undefined ? null : words(args.systems, '--systems'),
        rounds: args.rounds === undefined ? null : inRange(args.rounds, '--rounds', { from: 1, to: 100 }),
        seconds:
          args.seconds === undefined
            ? null
            : inRange(args.seconds, '--seconds', { from: 0.2, to: 3600, whole: false }),
        valueBytes: inRange(args.values, '--values', { from: 1, to: 1_000_000 }),
        outstanding: inRange(args.outstanding, '--outstanding', { from: 2, to: 10_000 }),
        long: args.long,
        cores: cpus().length,
      },
      paper: args.paper,
      out: args.out,
      data: args.data ?? null,
      planOnly: args.plan,
      command: `catenary ${process.argv.slice(2).join(' ')}`,
    })
    process.exit(status)
  },
}

function words(text: string, option: string): string[] {
  const found = text.split(',').map((word) => word.trim())
  if (found.some((word) => word === '')) throw new UsageError(`${option}: use names with commas between them`)
  return [...new Set(found)]
}

function toExperiments(text: string): (typeof EXPERIMENTS)[number][] {
  return words(text, '--only').map((word) => {
    const found = EXPERIMENTS.find((experiment) => experiment === word)
    if (found === undefined)
      throw new UsageError(`--only: ${JSON.stringify(word)} is none of ${EXPERIMENTS.join(', ')}`)
    return found
  })
}

function inRange(
  value: number,
  name: string,
  { from, to, whole = true }: { from: number; to: number; whole?: boolean },
): number {
  if (value >= from && value <= to && (!whole || Number.isInteger(value))) return value
  const given = Number.isNaN(value) ? 'what was given is no number' : `not ${value}`
  throw new UsageError(`${name}: use a ${whole ? 'whole ' : ''}number from ${from} to ${to}; ${given}`)
}
